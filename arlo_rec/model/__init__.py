"""The nouns of the subject and how they are written: errors, records, consent, times, numbers. No disk, no keys."""
