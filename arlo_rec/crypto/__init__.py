"""Every use of cryptography, and the formats built on it: sealed objects and the log's Merkle tree. No disk."""
