"""Work that takes longer than a request: begun by one, done page by page in the background."""
