"""The door: how a person gives orders to a store that another account owns, with their own terminal, files and keys."""
