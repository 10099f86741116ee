"""Every use of cryptography, and the formats built on it: sealed objects and the log's Merkle tree. No disk.

Two modules protect keys in memory: `hardening` of a process, `kernel_keyring` for a login session.
"""
