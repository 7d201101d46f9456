"""Sanctions and dealings between states, counted so that the numbers survive a referee."""

from importlib.metadata import version as _version

from sanctlib.cells import cells
from sanctlib.coverage import Coverage
from sanctlib.datasets import catalogue, cite, load, prepare
from sanctlib.errors import SanctlibError
from sanctlib.reading import Audit, Provenance, Reading
from sanctlib.schema import Pair, State
from sanctlib.sources.registry import read
from sanctlib.sources.table import read_table
from sanctlib.store import write

__version__ = _version("sanctlib")

__all__ = [
    "Audit",
    "Coverage",
    "Pair",
    "Provenance",
    "Reading",
    "SanctlibError",
    "State",
    "catalogue",
    "cells",
    "cite",
    "load",
    "prepare",
    "read",
    "read_table",
    "write",
]
