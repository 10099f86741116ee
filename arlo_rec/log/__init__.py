"""The log's meaning: cases, copies and disclosures as its entries tell them."""
