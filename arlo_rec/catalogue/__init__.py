"""The encrypted catalogue with all of its SQL: a module for each table, or for a few that are never used apart."""
