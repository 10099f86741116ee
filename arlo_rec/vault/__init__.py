"""The keys, the catalogue and the store; access, erasure, certificates, copies outside."""
