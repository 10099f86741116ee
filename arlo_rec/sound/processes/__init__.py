"""Processes of their own: what confines them, and how work is shared among them."""
