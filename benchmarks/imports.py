"""What `import sanctlib` costs beside `import pandas`."""

from __future__ import annotations

from benchmarks.compare import in_turns, table_of


def report(*, small: bool) -> list[str]:
    """Return the table of both."""
    programs = {"sanctlib": "import sanctlib", "pandas": "import pandas"}
    return table_of(in_turns(programs, rounds=5 if small else 15))
