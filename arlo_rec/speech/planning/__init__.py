"""From words to cuts: whether a transcript fits a sound, and where the sound is to be cut."""
