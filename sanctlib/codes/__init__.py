"""Codes of states, blocs, actions and programmes, and the tables they come from."""
