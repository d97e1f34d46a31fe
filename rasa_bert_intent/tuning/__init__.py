"""Searches for better options than the defaults: `rasa-bert-intent tune`."""
