"""Models: descriptions, tests and estimates, each saying what it identifies and what not."""
