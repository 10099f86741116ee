"""Consent to one call as a record, and the figures of given, declined and withdrawn consents."""
