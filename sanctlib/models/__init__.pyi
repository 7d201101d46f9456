"""The namespace `sl.models`."""

from ._inputs import confirmed_onsets
from .breaks import breaks
from .dynamics import lead_lag, local_projection
from .events import event_study
from .interrupted import interrupted_series
from .p_values import p_values
from .panel import count_panel
from .recipes import sanction_dummies, sanction_spells
from .response_curve import response_curve
from .sanctioned_pairs import sanctioned_pairs
from .specifications import specification_curve
from .synthetic import synthetic_control

__all__ = [
    "breaks",
    "confirmed_onsets",
    "count_panel",
    "event_study",
    "interrupted_series",
    "lead_lag",
    "local_projection",
    "p_values",
    "response_curve",
    "sanction_dummies",
    "sanction_spells",
    "sanctioned_pairs",
    "specification_curve",
    "synthetic_control",
]
