"""What the assistant knows and remembers. Nothing here imports Rasa: the actions are one way to use it."""
