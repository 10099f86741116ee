"""Every use of cryptography, and what is built of it: sealed objects, the Merkle tree of the log. Bytes in and out."""
