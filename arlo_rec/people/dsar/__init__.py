"""Answering an access request (GDPR 15): the recordings, the letter, and the encrypted page that carries both."""
