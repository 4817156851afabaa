"""A strict DynamoDB on this machine, on loopback only."""
