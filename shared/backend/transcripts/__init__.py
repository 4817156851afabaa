"""What was said in a conversation, message by message, in its order."""
