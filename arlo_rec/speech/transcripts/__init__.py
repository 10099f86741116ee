"""Readers of the transcripts that companies already have, in 16 forms, to words with times."""
