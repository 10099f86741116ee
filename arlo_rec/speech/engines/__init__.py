"""Models that hear and that label names, each in a process of its own without network."""
