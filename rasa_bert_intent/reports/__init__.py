"""What a trained model is worth: metrics and tables. Stands alone."""
