"""Deliveries of telephone systems: spools, manifests, and maps of their own exports."""
