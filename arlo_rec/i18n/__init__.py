"""What people read, in Norwegian and English: sentences as data, and how days, lengths and pages are written."""
