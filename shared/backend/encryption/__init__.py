"""Sealing of texts with a key for each tenant."""
