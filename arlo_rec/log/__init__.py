"""What the log tells: kinds of entries, their bodies, and the rows that follow from them."""
