"""The namespace `sl.models`."""

from .bai_perron import breaks
from .durations import duration
from .dynamics import lead_lag, local_projection
from .events import event_study
from .interrupted import interrupted_series
from .panel import count_panel
from .specifications import specification_curve
from .synthetic import synthetic_control
from .trade_gravity import gravity

__all__ = [
    "breaks",
    "count_panel",
    "duration",
    "event_study",
    "gravity",
    "interrupted_series",
    "lead_lag",
    "local_projection",
    "specification_curve",
    "synthetic_control",
]
