"""The encrypted catalogue and all SQL: a module for each table, or for tables that are only used together."""
