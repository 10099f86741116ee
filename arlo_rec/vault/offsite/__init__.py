"""Data outside the store: the escrow of old root secrets, and the feed of the log."""
