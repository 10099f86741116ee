"""The door: a person's orders to a store that another account owns, with the person's own terminal, files and keys."""
