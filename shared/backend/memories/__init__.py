"""The memory itself."""
