"""Findings, status and verification, the witness, backup and restore, moves; nothing here opens a recording."""
