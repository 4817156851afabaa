"""Turns of a conversation: kept in its transcript, remembered as memories, and recalled for the next one."""
