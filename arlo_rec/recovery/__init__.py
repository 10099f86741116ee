"""Backups that forget, and the restore of a store from one."""
