"""A real OpenSearch with k-NN on this machine, on loopback only."""
