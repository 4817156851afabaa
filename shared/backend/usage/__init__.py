"""How often memories are found, and when last."""
