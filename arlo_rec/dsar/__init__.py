"""Answering an access request (GDPR 15): what is held, the letter, and the encrypted page that carries both."""
