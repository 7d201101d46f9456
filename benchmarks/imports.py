"""What `import sanctlib` costs beside `import pandas`."""

from __future__ import annotations

from benchmarks.compare import in_turns, table_of


def report(*, small: bool) -> list[str]:
    """Return the table of both, and of all that `import sanctlib` puts off."""
    programs = {
        "sanctlib": "import sanctlib",
        "sanctlib, every name": "from sanctlib import *",
        "pandas": "import pandas",
    }
    return table_of(in_turns(programs, rounds=5 if small else 15))
