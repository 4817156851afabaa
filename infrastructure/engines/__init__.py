"""Real engines for tests and benchmarks, without containers: built once, kept outside the tree."""
