"""How MemorySync does what its functions promise: one package, shipped as a layer."""
