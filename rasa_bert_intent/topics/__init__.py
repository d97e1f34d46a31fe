"""Finds topics in messages that nobody labelled, to make intents of."""
