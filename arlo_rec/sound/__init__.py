"""Formats and cutting of sound, and the processes that decode it."""
