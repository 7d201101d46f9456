"""The namespace `sl.metrics`."""

from .intervals import poisson_interval, wilson_interval
from .partners import partners
from .timeline import timeline

__all__ = ["partners", "poisson_interval", "timeline", "wilson_interval"]
