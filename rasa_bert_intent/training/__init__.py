"""Examples in, `IntentModel` out."""
