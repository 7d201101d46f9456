"""Fetch what producers publish, with checksums."""
