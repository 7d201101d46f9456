"""The namespace `sl.metrics`."""

from .counts import timeline
from .intervals import poisson_interval, wilson_interval
from .partners import partners

__all__ = ["partners", "poisson_interval", "timeline", "wilson_interval"]
