"""What IT looks at: the state of a store, whether it is still what was put there, and its log."""
