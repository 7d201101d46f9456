"""The namespace `sl.metrics`."""

from .changes import before_after, pair_changes
from .intensity import partners
from .intervals import poisson_interval, wilson_interval
from .reported import confirmed_onsets, pair_series, reported_states, timeline
from .totals import key_figures, senders, totals

__all__ = [
    "before_after",
    "confirmed_onsets",
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
