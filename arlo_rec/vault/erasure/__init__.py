"""Erasing for good: the write order that a crash can finish, withdrawals, and the receipts that prove it."""
