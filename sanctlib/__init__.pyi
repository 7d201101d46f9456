"""What `import sanctlib as sl` offers, and where it lies; imported when first asked for."""

from .bulk.prepare import prepare_files
from .codes.blocs import blocs, expand_blocs
from .codes.countries import countries, resolve
from .counting import cells
from .coverage import Coverage
from .datasets import catalogue, cite, load, prepare, readers, upstream_audit
from .errors import SanctlibError
from .fetching.fetch import fetch
from .metrics.agreements import active_agreements, agreement_stages
from .metrics.composition import decompose, exposure_elasticity, intensity_shares
from .metrics.counts import sanction_counts
from .metrics.expected import observed_expected
from .metrics.gaps import ideal_point_gap
from .metrics.intensity import partnership_intensity
from .metrics.intervals import poisson_interval, wilson_interval
from .metrics.outcomes import sanction_outcomes
from .metrics.pairs import check_asked
from .metrics.panels import dyad_panel
from .metrics.pressure import recent_sanctions, sanction_pressure
from .metrics.shared import shared_sanctioners
from .metrics.similarity import portfolio_similarity
from .metrics.stocks import active_sanctions
from .metrics.units import compare_dates, compare_units
from .models.breaks import find_breaks
from .models.durations import fit_duration
from .models.dynamics import fit_local_projection, lead_lag
from .models.events import event_study
from .models.gravity import fit_gravity
from .models.interrupted import fit_interrupted_series
from .models.panel import fit_count_panel
from .models.result import Fit
from .models.specifications import specification_curve
from .models.synthetic import fit_synthetic_control
from .plots import (
    caption,
    plot_acts,
    plot_agreements,
    plot_counts,
    plot_fit,
    plot_flow_and_stock,
    plot_gap,
    plot_intensity,
    plot_partners,
    plot_ratio,
    plot_shared,
    plot_specifications,
    plot_stock,
    plot_timeline,
    plot_units,
)
from .reading import Audit, Provenance, Reading, data_appendix
from .schema import Pair, State
from .showing import show_table
from .sources.copies import compare_copies
from .sources.registry import read
from .sources.table import read_table
from .store import write
from .stored import stored_cells
from .warehouse import gdelt_events

__version__: str

__all__ = [
    "Audit",
    "Coverage",
    "Fit",
    "Pair",
    "Provenance",
    "Reading",
    "SanctlibError",
    "State",
    "active_agreements",
    "active_sanctions",
    "agreement_stages",
    "blocs",
    "caption",
    "catalogue",
    "cells",
    "check_asked",
    "cite",
    "compare_copies",
    "compare_dates",
    "compare_units",
    "countries",
    "data_appendix",
    "decompose",
    "dyad_panel",
    "event_study",
    "expand_blocs",
    "exposure_elasticity",
    "fetch",
    "find_breaks",
    "fit_count_panel",
    "fit_duration",
    "fit_gravity",
    "fit_interrupted_series",
    "fit_local_projection",
    "fit_synthetic_control",
    "gdelt_events",
    "ideal_point_gap",
    "intensity_shares",
    "lead_lag",
    "load",
    "observed_expected",
    "partnership_intensity",
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
    "poisson_interval",
    "portfolio_similarity",
    "prepare",
    "prepare_files",
    "read",
    "read_table",
    "readers",
    "recent_sanctions",
    "resolve",
    "sanction_counts",
    "sanction_outcomes",
    "sanction_pressure",
    "shared_sanctioners",
    "show_table",
    "specification_curve",
    "stored_cells",
    "upstream_audit",
    "wilson_interval",
    "write",
]
