"""What `import sanctlib as sl` offers, and where it is; imported when first requested."""

from . import metrics, models
from .acts import cells
from .catalogue import cite, data_appendix, datasets, load, prepare
from .codes.actions import programmes
from .codes.blocs import blocs, expand_blocs
from .codes.countries import countries, names_of, resolve
from .coverage import Coverage
from .download import fetch
from .errors import SanctlibError
from .metrics.agreements import agreements
from .metrics.counts import sanction_counts
from .metrics.expected import observed_expected
from .metrics.intensity import partnership_intensity
from .metrics.outcomes import sanction_outcomes
from .metrics.panels import dyad_panel
from .metrics.pressure import sanction_pressure, shared_sanctioners
from .metrics.similarity import portfolio_similarity, voting_gap
from .metrics.stocks import active_sanctions
from .metrics.units import compare_units
from .reading import Reading
from .result import Result
from .showing import Sentences, if_possible
from .sources.copies import compare_copies
from .sources.registry import read
from .sources.table import read_table

__version__: str

__all__ = [
    "Coverage",
    "Reading",
    "Result",
    "SanctlibError",
    "Sentences",
    "active_sanctions",
    "agreements",
    "blocs",
    "cells",
    "cite",
    "compare_copies",
    "compare_units",
    "countries",
    "data_appendix",
    "datasets",
    "dyad_panel",
    "expand_blocs",
    "fetch",
    "if_possible",
    "load",
    "metrics",
    "models",
    "names_of",
    "observed_expected",
    "partnership_intensity",
    "portfolio_similarity",
    "prepare",
    "programmes",
    "read",
    "read_table",
    "resolve",
    "sanction_counts",
    "sanction_outcomes",
    "sanction_pressure",
    "shared_sanctioners",
    "voting_gap",
]
