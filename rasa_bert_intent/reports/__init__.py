"""What a trained model is worth: metrics, a threshold, a report. Stands alone: knows neither model nor training."""
