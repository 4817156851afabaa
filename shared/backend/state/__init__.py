"""What an application keeps for an end user: JSON values under keys, in namespaces."""
