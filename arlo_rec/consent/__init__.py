"""Consent to one call as a record, and in figures how many callers gave, declined and withdrew theirs."""
