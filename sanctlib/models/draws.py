"""Draws: an estimate under every specification, sanctions moved in time, done once and kept."""

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
"""What is read of a specification, in this order."""
_WHO = "specification_curve"


@dataclass(frozen=True, kw_only=True)
class Work:
    """What a process needs to make one draw; each specification names its series first."""

    estimate: Callable[..., Any]
    specifications: list[dict[str, Any]]
    series: dict[str, pd.Series]

    def __call__(self, shift: int) -> list[list[float]]:
        """Return estimate, bounds and p of each specification; sanctions moved by `shift`."""
        least = min(map(len, self.series.values()))
        moved = {
            name: pd.Series(np.roll(s, round(shift * len(s) / least)), index=s.index, name=name)
            for name, s in self.series.items()
        }
        return [self._effect(moved, shift, **choice) for choice in self.specifications]

    def _effect(
        self, moved: dict[str, pd.Series], shift: int, *, sanctions: str, **choice: object
    ) -> list[float]:
        said = ", ".join(f"{k}={v!r}" for k, v in {"sanctions": sanctions, **choice}.items())
        try:
            found = self.estimate(moved[sanctions], **choice)
        except Exception as error:
            # Moved sanctions may not vary within a short window.
            if shift and isinstance(error, SanctlibError):
                return [np.nan] * len(READ)
            error.add_note(f"{_WHO}: {said}, sanctions moved by {shift} periods")
            raise
        if not hasattr(found, "get") or not {"estimate", "p_value"} <= {*found.keys()}:
            msg = f"{_WHO}: the function must return a row or dict with 'estimate' and 'p_value'"
            raise SanctlibError(f"{msg}, and gave a {type(found).__name__} for {said}.")
        numbers = [float(found.get(name, np.nan)) for name in READ]
        if shift == 0 and (np.isnan(numbers[0]) or not 0 <= numbers[3] <= 1):
            msg = f"{_WHO}: no estimate, or a p-value outside 0-1, for {said}"
            raise SanctlibError(f"{msg}: {numbers[0]}, p {numbers[3]}.")
        return numbers


def found_by(
    work: Work, shifts: list[int], *, workers: int, folder: str | Path | None, progress: bool
) -> NDArray[np.float64]:
    """Return draws x specifications x what is read, each draw kept in a file as it is done."""
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
        progress_bar(len(todo), name=_WHO, unit="draw", progress=progress) as bar,
    ):
        for shift, numbers in zip(todo, mapped(work, todo), strict=True):
            done[shift] = numbers
            if kept:
                with writing(kept) as into:
                    (into / f"{shift}.json").write_text(json.dumps(numbers), encoding="utf-8")
            bar.update()
    return np.array([done[shift] for shift in shifts], dtype="float64")


def _key(work: Work) -> str:
    """Return a name for what a draw is made of: function, bound data, choices, series."""
    function, bound = _unbound(work.estimate)
    digest = hashlib.sha256(f"{made_by()}{work.specifications!r}".encode() + pickle.dumps(bound))
    digest.update(inspect.getsource(function).encode())
    for series in work.series.values():
        digest.update(pd.util.hash_pandas_object(series).to_numpy().tobytes())
    return digest.hexdigest()[:20]


def _unbound(estimate: Callable[..., Any]) -> tuple[Callable[..., Any], object]:
    """Return the function alone, and what `functools.partial` binds to it."""
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
        msg = f"{_WHO}: other processes cannot have {name!r}. Write it into a file, import it,"
        raise SanctlibError(f"{msg} and bind its data by functools.partial; or workers=1.")
