"""Making and opening a store; its identities, grants and keys."""
