"""Put the numbers of a fit into words. Read numbers; return parts of sentences."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from sanctlib.result import Source


def p_in_words(p: float) -> str:
    """Return a p-value as it is written: "p = 0.03", or "p < 0.001"."""
    if p != p:
        return "no p-value"
    return "p < 0.001" if p < 0.001 else f"p = {p_number(p)}"


def p_number(p: float) -> str:
    """Return a p-value with two digits, or three where it is small: "0.03", "0.004"."""
    return f"{p:.2f}" if p >= 0.01 else f"{p:.3f}"


def n_of(n: int, word: str) -> str:
    """Return a number with its unit in the singular or plural: "1 lag", "2 lags"."""
    return f"{n:,} {word}" if n == 1 else f"{n:,} {word}s"


def with_interval(estimate: float, lower: float, upper: float, level: float) -> str:
    """Return an estimate with its interval, or alone where it has none."""
    text = f"{estimate:,.3g}"
    if lower != lower or upper != upper:
        return text
    return f"{text} ({level:.0%} interval {lower:,.3g} to {upper:,.3g})"


def ratio_with_interval(row: Mapping[Any, Any], level: float) -> str:
    """Return the ratio of a row whose bounds are logarithms, with its interval."""
    with np.errstate(over="ignore"):
        lower, upper = np.exp([row["lower"], row["upper"]])
    return with_interval(row["ratio"], lower, upper, level)


def origin(sources: Sequence[Source]) -> str:
    """Return the sources in brackets, with a space before, or nothing."""
    described = "; ".join(dict.fromkeys(source.described() for source in sources))
    return f" ({described})" if described else ""
