"""Parameter values written out: as Python, as JSON and for readers."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from pathlib import Path


def shown(value: object) -> str:
    """
    Return a parameter's value as readers write it.

    Examples
    --------
    >>> shown(("RUS", "IRN")), shown(None), shown(["week", "month"])
    ('RUS, IRN', 'none', 'week, month')
    """
    if isinstance(value, (list, tuple)):
        return ", ".join(f"({shown(v)})" if isinstance(v, tuple) else shown(v) for v in value)
    if isinstance(value, Path):
        return value.name
    return "none" if value is None else str(value)


def to_source(values: Mapping[str, object]) -> str:
    """
    Write values as the Python source of a notebook cell, without loss.

    Examples
    --------
    >>> print(to_source({"start": date(2022, 2, 24), "pair": ("RUS", "IRN")}))
    from datetime import date
    <BLANKLINE>
    start = date(2022, 2, 24)
    pair = ('RUS', 'IRN')
    """
    lines = [f"{name} = {_source(value)}" for name, value in values.items()]
    body = "\n".join(lines)
    imports = []
    if any(_holds(v, date) for v in values.values()):
        imports.append("from datetime import date")
    if any(_holds(v, Path) for v in values.values()):
        imports.append("from pathlib import Path")
    return "\n".join([*imports, "", body]) if imports else body


def _holds(value: object, kind: type) -> bool:
    if isinstance(value, (list, tuple)):
        return any(_holds(v, kind) for v in value)
    return isinstance(value, kind)


def _source(value: object) -> str:
    if isinstance(value, date):
        return f"date({value.year}, {value.month}, {value.day})"
    if isinstance(value, Path):
        return f"Path({value.as_posix()!r})"
    if isinstance(value, tuple):
        inner = ", ".join(_source(v) for v in value)
        return f"({inner},)" if len(value) == 1 else f"({inner})"
    if isinstance(value, list):
        return "[" + ", ".join(_source(v) for v in value) + "]"
    return repr(value)


def to_json(values: Mapping[str, object]) -> dict[str, object]:
    """
    Turn values into what JSON can hold, without loss.

    Days, pairs and paths become ``{"date": "2022-02-24"}``, ``{"tuple": […]}`` and
    ``{"path": "…"}``: no parameter is a mapping itself, so nothing is confused.

    Examples
    --------
    >>> to_json({"pair": ("RUS", "IRN"), "start": date(2022, 2, 24)})
    {'pair': {'tuple': ['RUS', 'IRN']}, 'start': {'date': '2022-02-24'}}
    """
    return {name: _to_json(value) for name, value in values.items()}


def _to_json(value: object) -> object:
    if isinstance(value, date):
        return {"date": value.isoformat()}
    if isinstance(value, Path):
        return {"path": value.as_posix()}
    if isinstance(value, tuple):
        return {"tuple": [_to_json(v) for v in value]}
    return [_to_json(v) for v in value] if isinstance(value, list) else value


def from_json(data: Mapping[str, object]) -> dict[str, object]:
    """
    Read back what `to_json` wrote.

    Examples
    --------
    >>> from_json({"pair": {"tuple": ["RUS", "IRN"]}, "start": {"date": "2022-02-24"}})
    {'pair': ('RUS', 'IRN'), 'start': datetime.date(2022, 2, 24)}
    """
    return {name: _from_json(value) for name, value in data.items()}


def _from_json(value: object) -> object:
    if isinstance(value, list):
        return [_from_json(v) for v in value]
    match value:
        case {"date": str(text)}:
            return date.fromisoformat(text)
        case {"path": str(text)}:
            return Path(text)
        case {"tuple": list(parts)}:
            return tuple(_from_json(v) for v in parts)
        case _:
            return value
