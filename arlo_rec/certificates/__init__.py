"""What is signed and given out: receipts, access answers with their lists of accesses, published pages."""
