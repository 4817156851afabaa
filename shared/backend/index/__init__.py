"""Vector and keyword search of memories."""
