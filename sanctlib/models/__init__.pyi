"""The namespace `sl.models`."""

from .breaks import breaks
from .dynamics import lead_lag, local_projection
from .events import event_study
from .interrupted import interrupted_series
from .panel import count_panel
from .recipes import sanction_dummies, sanction_spells
from .specifications import specification_curve
from .synthetic import synthetic_control

__all__ = [
    "breaks",
    "count_panel",
    "event_study",
    "interrupted_series",
    "lead_lag",
    "local_projection",
    "sanction_dummies",
    "sanction_spells",
    "specification_curve",
    "synthetic_control",
]
