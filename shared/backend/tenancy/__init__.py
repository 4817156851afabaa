"""Tenants, projects, keys, tokens, and who is calling."""
