"""Readers of the transcripts that companies already have, in 21 forms, to words with times."""
