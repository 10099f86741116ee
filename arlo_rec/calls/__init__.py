"""From a delivered call to a recording, and from a recording to a training copy."""
