"""The namespace `sl.metrics`."""

from .changes import before_after, pair_changes
from .intervals import poisson_interval, wilson_interval
from .reported import pair_series, partners, reported_states, timeline
from .totals import key_figures, senders, totals

__all__ = [
    "before_after",
    "key_figures",
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
