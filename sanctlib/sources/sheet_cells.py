"""
Write the cells of the first sheet of a workbook as JSON. Run as a program, not imported.

calamine ends its process on some damaged files, and on a sheet whose last cell is far away: in
a process of its own that is an error like any other. Standard input is the workbook.
"""

import io
import json
import sys
from datetime import date, datetime

from python_calamine import CalamineWorkbook

MOST_MEMORY = 4 << 30
# Above it a float has no exact whole number, and its digits would be invented.
EXACT = 1e15


def text(value: object) -> str:
    """Return a cell as text: whole numbers without a point, days as 2014-03-17."""
    if isinstance(value, datetime):
        return value.strftime("%Y-%m-%d") if value.time() == value.min.time() else f"{value}"
    if isinstance(value, bool) or (
        isinstance(value, float) and value.is_integer() and abs(value) < EXACT
    ):
        return str(int(value))
    return value.isoformat() if isinstance(value, date) else str(value)


def main() -> None:
    """Write a list of rows; a cell that is a number is a list with its text."""
    try:
        import resource

        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        resource.setrlimit(resource.RLIMIT_AS, (MOST_MEMORY, MOST_MEMORY))
    except (ImportError, ValueError, OSError):  # not on Windows; or a lower limit is set
        pass
    book = CalamineWorkbook.from_filelike(io.BytesIO(sys.stdin.buffer.read()))
    for cells in book.get_sheet_by_index(0).iter_rows():
        shown = [[text(v)] if type(v) in (int, float) else text(v) for v in cells]
        while shown and not (shown[-1] if isinstance(shown[-1], list) else shown[-1].strip()):
            shown.pop()
        sys.stdout.write(json.dumps(shown) + "\n")


if __name__ == "__main__":
    main()
