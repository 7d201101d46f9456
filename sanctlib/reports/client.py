"""The client that talks to a kernel: what a cell prints is kept up to a bound."""

from __future__ import annotations

from collections import Counter
from typing import Any

from papermill.clientwrap import PapermillNotebookClient
from papermill.engines import NBClientEngine, papermill_engines

LONGEST_PRINT = 500_000
"""Characters kept of what one cell prints: some hundred pages."""

_CUT = f"\n[cut here: this cell printed more than {LONGEST_PRINT:,} characters]\n"


class _Client(PapermillNotebookClient):  # type: ignore[misc]
    """Keeps one piece of text per stream, cut at the same character in every run."""

    def __init__(self, *given: Any, **options: Any) -> None:
        super().__init__(*given, **options)
        self._n_printed: Counter[tuple[int, str]] = Counter()

    def output(self, outs: list[Any], msg: Any, display_id: Any, cell_index: int) -> Any:
        if msg["msg_type"] != "stream":
            return super().output(outs, msg, display_id, cell_index)
        name, text = msg["content"]["name"], msg["content"]["text"]
        n_before = self._n_printed[cell_index, name]
        self._n_printed[cell_index, name] += len(text)
        if n_before > LONGEST_PRINT:
            return None
        if n_before + len(text) > LONGEST_PRINT:
            text = text[: LONGEST_PRINT - n_before] + _CUT
        last = outs[-1] if outs and not self.clear_before_next_output else {}
        if last.get("name") == name:
            last["text"] += text
            return last
        msg["content"]["text"] = text
        return super().output(outs, msg, display_id, cell_index)


class _Engine(NBClientEngine):  # type: ignore[misc]
    """Runs the cells through our client."""

    @classmethod
    def execute_managed_notebook(cls, nb_man: Any, kernel_name: str, **options: Any) -> None:
        wanted = ("kernel_manager_class", "config", "timeout_func", "on_cell_execute")
        options = {name: options[name] for name in (*wanted, "on_cell_executed")}
        # papermill writes the whole notebook as each cell begins and ends, and once more when
        # all is over, whatever happened: that is the one that is read.
        save, nb_man.save = nb_man.save, lambda **_: None
        try:
            _Client(nb_man, kernel_name=kernel_name, **options).execute()
        finally:
            nb_man.save = save


def engine() -> str:
    """Make our way of running cells known to papermill, and return its name there."""
    papermill_engines.register("sanctlib", _Engine)
    return "sanctlib"
