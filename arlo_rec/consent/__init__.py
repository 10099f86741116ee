"""Consent, told: the record of one, and in figures how many callers gave, declined and withdrew theirs."""
