"""Data in and out: the MASSIVE reader, the Rasa NLU writer, splitting. Stands alone: imports neither torch nor Rasa."""
