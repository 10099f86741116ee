"""Who holds which key, and where: root secret, key files, roster, the layout of a store, the newest state seen."""
