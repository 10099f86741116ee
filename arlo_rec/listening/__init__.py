"""Hearing one recording on a page of this machine: its sound out of the encrypted object, and how much was heard."""
