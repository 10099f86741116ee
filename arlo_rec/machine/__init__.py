"""Monitoring by IT, which can open no recording: status, verification, consistency, and queries of the log."""
