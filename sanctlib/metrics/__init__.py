"""Metrics: counts, stocks and rates, each from one count of cells."""
