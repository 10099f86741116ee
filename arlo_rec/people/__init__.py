"""Answers to people: requests for access, letters, consent as a record, published texts."""
