"""The namespace `sl.metrics`."""

from .changes import before_after
from .counts import timeline
from .intensity import partners
from .intervals import poisson_interval, wilson_interval
from .reported import confirmed_onsets, pair_changes, pair_series, reported_states
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
