"""Building, running and describing the system."""
