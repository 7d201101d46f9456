"""What the tests of known faults share."""

from __future__ import annotations

from typing import Any

import pytest

from tests.known_faults import pages


@pytest.fixture(scope="session")
def page(tmp_path_factory: pytest.TempPathFactory) -> pages.Page:
    """Run a notebook with parameters; the same page is run once."""
    seen: dict[str, pages.Shown] = {}

    def shown(name: str, **parameters: Any) -> pages.Shown:
        parameters = {"until": pages.NEEDED.get(name, "")} | parameters
        key = f"{name} {sorted(parameters.items())}"
        if key not in seen:
            with pytest.MonkeyPatch.context() as patch:
                folder = tmp_path_factory.mktemp("page")
                seen[key] = pages.run(name, folder, patch, **parameters)
        return seen[key]

    return shown
