"""Keys and trust: root secret, key files, roster, wrapped erasure keys, layout of a store, the newest state seen."""
