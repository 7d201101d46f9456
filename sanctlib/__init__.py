"""Sanctions and dealings between states, counted so that the numbers survive a referee."""

from importlib.metadata import version as _version

from sanctlib.bulk.prepare import prepare_files
from sanctlib.cells import cells
from sanctlib.codes.blocs import blocs, expand_blocs
from sanctlib.codes.countries import countries, resolve
from sanctlib.coverage import Coverage
from sanctlib.datasets import catalogue, cite, load, prepare, readers, upstream_audit
from sanctlib.errors import SanctlibError
from sanctlib.fetching.fetch import fetch
from sanctlib.metrics.agreements import active_agreements, agreement_stages
from sanctlib.metrics.composition import decompose, exposure_elasticity, intensity_shares
from sanctlib.metrics.counts import sanction_counts
from sanctlib.metrics.expected import observed_expected
from sanctlib.metrics.gaps import ideal_point_gap
from sanctlib.metrics.intensity import partnership_intensity
from sanctlib.metrics.intervals import poisson_interval, wilson_interval
from sanctlib.metrics.outcomes import sanction_outcomes
from sanctlib.metrics.pairs import check_asked
from sanctlib.metrics.panels import dyad_panel
from sanctlib.metrics.pressure import recent_sanctions, sanction_pressure
from sanctlib.metrics.shared import shared_sanctioners
from sanctlib.metrics.similarity import portfolio_similarity
from sanctlib.metrics.stocks import active_sanctions
from sanctlib.metrics.units import compare_dates, compare_units
from sanctlib.models.breaks import find_breaks
from sanctlib.models.durations import fit_duration
from sanctlib.models.dynamics import fit_local_projection, lead_lag
from sanctlib.models.gravity import fit_gravity
from sanctlib.models.interrupted import fit_interrupted_series
from sanctlib.models.panel import fit_count_panel
from sanctlib.models.result import Fit
from sanctlib.plots import (
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
    plot_stock,
    plot_timeline,
    plot_units,
)
from sanctlib.reading import Audit, Provenance, Reading, data_appendix
from sanctlib.schema import Pair, State
from sanctlib.showing import show_table
from sanctlib.sources.copies import compare_copies
from sanctlib.sources.registry import read
from sanctlib.sources.table import read_table
from sanctlib.store import write
from sanctlib.warehouse import gdelt_events

__version__ = _version("sanctlib")

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
    "expand_blocs",
    "exposure_elasticity",
    "fetch",
    "find_breaks",
    "fit_count_panel",
    "fit_duration",
    "fit_gravity",
    "fit_interrupted_series",
    "fit_local_projection",
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
    "upstream_audit",
    "wilson_interval",
    "write",
]
