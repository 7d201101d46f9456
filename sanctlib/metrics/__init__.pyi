"""The namespace `sl.metrics`."""

from .counts import timeline
from .intervals import poisson_interval, wilson_interval
from .reported import pair_changes, pair_series, partners, reported_states
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
