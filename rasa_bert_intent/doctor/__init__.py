"""What is wrong with training data: conflicts, near-duplicates, rare intents, wrong labels, leaks to the test data."""
