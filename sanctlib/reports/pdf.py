"""The page in print: PDF by the Chromium that a machine has, without the network."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from pathlib import Path

from sanctlib.errors import ReportError
from sanctlib.reports.index import PDF
from sanctlib.reports.run import PAGE
from sanctlib.writing import writing

BROWSERS = (
    "chromium",
    "chromium-browser",
    "google-chrome",
    "google-chrome-stable",
    "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
    "chrome",
    "msedge",
)
"""Programs that print alike, in the order in which they are looked for."""

_QUIET = (
    "--headless",
    "--disable-gpu",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    # No name is found: nothing can be asked of the network, by the page or by the browser.
    "--host-resolver-rules=MAP * ~NOTFOUND",
    "--no-pdf-header-footer",
)


def browser() -> str | None:
    """Return the program that prints, or None where there is none."""
    return next((found for name in BROWSERS if (found := shutil.which(name))), None)


def print_pdf(folder: Path, *, timeout: int = 120) -> Path:
    """
    Print the page of a run as ``report.pdf`` next to it, whole or not at all.

    The bytes differ by day and by browser, which writes the time into each file: the PDF is
    not part of the record of a run, and is removed when the run is repeated.

    Raises
    ------
    ReportError
        Without a browser, or if it prints nothing in `timeout` seconds.
    SanctlibError
        For a folder that cannot be written.
    """
    program = browser()
    if program is None:
        raise ReportError(f"No Chromium or Chrome was found. Install one to print {PDF}.")
    # A browser of root's needs its sandbox off; the page has no script and loads nothing.
    root = ["--no-sandbox"] if hasattr(os, "geteuid") and os.geteuid() == 0 else []
    page = (folder / PAGE).absolute().as_uri()
    with writing(folder) as into, tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as own:
        target = into / PDF
        command = [program, *_QUIET, *root, f"--user-data-dir={own}"]
        try:
            done = subprocess.run(  # noqa: S603 - a browser found by name, a page of ours
                [*command, f"--print-to-pdf={target.absolute()}", page],
                stdin=subprocess.DEVNULL,
                capture_output=True,
                timeout=timeout,
                check=False,
            )
        except subprocess.TimeoutExpired as error:
            msg = f"{PDF} was not printed: {Path(program).name} took over {timeout} s."
            raise ReportError(msg) from error
        if not target.is_file() or not target.read_bytes().startswith(b"%PDF"):
            msg = f"{PDF} was not printed: {Path(program).name} ended with {done.returncode}."
            raise ReportError(msg)
    return folder / PDF
