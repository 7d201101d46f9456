"""Bulk: files of coded acts, each cleaned by itself, then each month merged."""
