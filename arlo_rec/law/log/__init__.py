"""The log: kinds of entries, their bodies, and the rows that follow from them."""
