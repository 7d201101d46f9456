"""Benchmarks: both sides in turns, ratios printed, nothing asserted."""
