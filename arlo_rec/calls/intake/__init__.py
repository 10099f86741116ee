"""Taking calls in: from a source to a recording, or to a refusal."""
