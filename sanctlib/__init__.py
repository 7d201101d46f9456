"""Sanctions and dealings between states, counted so that the numbers survive a referee."""
