"""Maps: TOML files by which an export of a telephone system is read as manifests."""
