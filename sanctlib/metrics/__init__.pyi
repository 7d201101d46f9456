"""The namespace `sl.metrics`."""

from .intensity import partners
from .intervals import poisson_interval, wilson_interval
from .reported import pair_changes, pair_series, reported_states, timeline
from .totals import key_figures, senders, totals

__all__ = [
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
