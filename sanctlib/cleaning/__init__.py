"""Cleaning: steps that keep, merge or reject rows, each with its count."""
