"""Listening to one recording on a local page: its sound from the encrypted object, and the parts that were heard."""
