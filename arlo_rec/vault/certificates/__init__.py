"""Certificates: signed receipts, access answers with their lists of accesses, and published pages."""
