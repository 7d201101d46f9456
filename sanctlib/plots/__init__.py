"""Figures of computed tables: they compute nothing, and carry source, unit and coverage."""

from sanctlib.plots.exhibits import plot_flow_and_stock, plot_shared, plot_units
from sanctlib.plots.fits import plot_fit
from sanctlib.plots.gaps import plot_gap
from sanctlib.plots.partnership import plot_agreements, plot_intensity, plot_ratio
from sanctlib.plots.series import plot_counts, plot_partners, plot_stock
from sanctlib.plots.specifications import plot_specifications
from sanctlib.plots.style import caption
from sanctlib.plots.timeline import plot_acts, plot_timeline

__all__ = [
    "caption",
    "plot_acts",
    "plot_agreements",
    "plot_counts",
    "plot_fit",
    "plot_flow_and_stock",
    "plot_gap",
    "plot_intensity",
    "plot_partners",
    "plot_ratio",
    "plot_shared",
    "plot_specifications",
    "plot_stock",
    "plot_timeline",
    "plot_units",
]
