"""Scores messages of any number in numbered chunks, each of which is done once, whatever happens in between."""
