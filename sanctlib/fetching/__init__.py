"""Fetching: what producers publish, brought here whole, politely and with checksums."""
