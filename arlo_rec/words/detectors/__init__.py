"""Detectors of identifiers in the words of a call: numbers, names, addresses, answers to questions."""
