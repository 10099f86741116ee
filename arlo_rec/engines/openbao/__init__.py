"""The root secret below a key of OpenBao."""
