"""Every use of cryptography, and the formats built on it: sealed objects and the log's Merkle tree. No disk.

And what keeps keys in memory alone: `hardening` of a process, `kernel_keyring` for a login session.
"""
