"""How often memories were asked for, and when last."""
