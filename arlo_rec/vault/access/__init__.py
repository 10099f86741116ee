"""The one way to a recording: the gate, the keys that open it, its sealed metadata, searching and disclosures."""
