"""The rules, and the nouns of them: rights, records, kinds of log entries, sentences."""
