"""The namespace `sl.metrics`."""

from .counts import timeline
from .intensity import partners
from .intervals import poisson_interval, wilson_interval

__all__ = ["partners", "poisson_interval", "timeline", "wilson_interval"]
