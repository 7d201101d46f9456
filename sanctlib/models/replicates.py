"""Estimate every specification with sanctions shifted in time. Return and store replicates."""

from __future__ import annotations

import hashlib
import inspect
import json
import pickle
import sys
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from sanctlib.errors import SanctlibError
from sanctlib.processes import mapping
from sanctlib.showing import progress_bar
from sanctlib.store import made_by
from sanctlib.writing import writing

READ = ("estimate", "lower", "upper", "p_value")
"""The numbers taken from each estimate, in this order."""


@dataclass(frozen=True, kw_only=True)
class Work:
    """What a process needs for one replicate; each specification names its series first."""

    estimate: Callable[..., Any]
    specifications: list[dict[str, Any]]
    series: dict[str, pd.Series]

    def __call__(self, shift: int) -> list[list[float]]:
        """Return estimate, bounds and p of each specification, sanctions shifted by `shift`."""
        least = min(map(len, self.series.values()))
        moved = {
            name: pd.Series(np.roll(s, round(shift * len(s) / least)), index=s.index, name=name)
            for name, s in self.series.items()
        }
        return [self._effect(moved, shift, **choice) for choice in self.specifications]

    def _effect(
        self, moved: dict[str, pd.Series], shift: int, *, sanctions: str, **choice: object
    ) -> list[float]:
        named = {"sanctions": sanctions, **choice}
        chosen = ", ".join(f"{name}={value!r}" for name, value in named.items())
        try:
            found = self.estimate(moved[sanctions], **choice)
        except Exception as error:
            # Shifted sanctions may not vary within a short window.
            if shift and isinstance(error, SanctlibError):
                return [np.nan] * len(READ)
            error.add_note(f"In the specification {chosen}, sanctions shifted by {shift} periods.")
            raise
        if not hasattr(found, "get") or not {"estimate", "p_value"} <= {*found.keys()}:
            msg = f"estimate returned {found!r:.80} for {chosen}. It must return a row or a mapping"
            raise SanctlibError(f"{msg} with 'estimate' and 'p_value'.")
        try:
            values = [float(found.get(name, np.nan)) for name in READ]
        except (TypeError, ValueError):
            msg = f"estimate returned a value that is not a number for {chosen}."
            raise SanctlibError(f"{msg} All of {', '.join(READ)} must be numbers.") from None
        if shift == 0 and (not np.isfinite(values[0]) or not 0 <= values[3] <= 1):
            msg = f"estimate returned {values[0]:g} with p {values[3]:g} for {chosen}. It must"
            raise SanctlibError(f"{msg} return a finite estimate and a p-value from 0 to 1.")
        return values


def found_by(
    work: Work, shifts: list[int], *, workers: int, folder: str | Path | None, progress: bool
) -> NDArray[np.float64]:
    """Return replicates x specifications x numbers; with a folder, each replicate is stored."""
    if workers > 1:
        _check_sendable(work.estimate)
    kept = None if folder is None else Path(folder) / _key(work)
    done: dict[int, Any] = {}
    for shift in shifts if kept else ():
        path = kept / f"{shift}.json"  # type: ignore[operator]
        if path.is_file():
            done[shift] = json.loads(path.read_text(encoding="utf-8"))
    todo = [shift for shift in shifts if shift not in done]
    with (
        mapping(workers) as mapped,
        progress_bar(len(todo), name="replicates", unit="replicate", progress=progress) as bar,
    ):
        for shift, numbers in zip(todo, mapped(work, todo), strict=True):
            done[shift] = numbers
            if kept:
                with writing(kept) as into:
                    (into / f"{shift}.json").write_text(json.dumps(numbers), encoding="utf-8")
            bar.update()
    return np.array([done[shift] for shift in shifts], dtype="float64")


def _key(work: Work) -> str:
    """Return a name for what a replicate depends on: function, bound data, choices, series."""
    function, bound = _unbound(work.estimate)
    try:
        text, data = inspect.getsource(function), pickle.dumps(bound)
    except (OSError, TypeError, AttributeError, pickle.PicklingError) as error:
        msg = "The text of estimate or its data cannot be read, so stored replicates could not be"
        raise SanctlibError(f"{msg} found again. Write it into a file, or omit folder=.") from error
    digest = hashlib.sha256(f"{made_by()}{work.specifications!r}".encode() + data)
    digest.update(text.encode())
    for series in work.series.values():
        digest.update(pd.util.hash_pandas_object(series).to_numpy().tobytes())
    return digest.hexdigest()[:20]


def _unbound(estimate: Callable[..., Any]) -> tuple[Callable[..., Any], object]:
    """Return the function, and what `functools.partial` binds to it."""
    if isinstance(estimate, partial):
        return estimate.func, (estimate.args, estimate.keywords)
    return estimate, None


def _check_sendable(estimate: Callable[..., Any]) -> None:
    function, _ = _unbound(estimate)
    main = sys.modules["__main__"]
    local = function.__module__ == "__main__" and not hasattr(main, "__file__")
    try:
        pickle.dumps(estimate)
    except (pickle.PicklingError, AttributeError, TypeError):
        local = True
    if local:
        name = getattr(function, "__name__", repr(function))
        msg = f"estimate is {name!r}, which other processes cannot import. Write it into a file,"
        raise SanctlibError(f"{msg} bind its data by functools.partial, or use workers=1.")
