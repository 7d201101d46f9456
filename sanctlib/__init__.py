"""Sanctions and dealings between states, counted transparently enough for peer review."""

from importlib.metadata import version as _version

import lazy_loader as _lazy

# The public names stand in __init__.pyi; each is imported when first asked for.
__getattr__, __dir__, __all__ = _lazy.attach_stub(__name__, __file__)
__version__ = _version("sanctlib")
