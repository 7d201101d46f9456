"""The namespace `sl.metrics`."""

from .changes import before_after
from .intervals import poisson_interval, wilson_interval
from .panels import pair_changes
from .reported import pair_series, partners, reported_states, timeline
from .totals import key_figures, listings_by_sender, senders, totals

__all__ = [
    "before_after",
    "key_figures",
    "listings_by_sender",
    "pair_changes",
    "pair_series",
    "partners",
    "poisson_interval",
    "reported_states",
    "senders",
    "timeline",
    "totals",
    "wilson_interval",
]
