"""Backups that forget, and a store restored from one."""
