"""The types of the domain and their notations: errors, records, events, consent, times, numbers. No disk, no keys."""
