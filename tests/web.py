"""A web server on this machine for the tests of fetching: it answers as it is told."""

from __future__ import annotations

import threading
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from unittest import mock

import pandas as pd

import sanctlib as sl
from sanctlib.sources.producers import Fetchable

Answer = Callable[["Handler"], None]


class Handler(BaseHTTPRequestHandler):
    """Gives the next answer of a path, and the last one from then on."""

    server: Web

    def do_GET(self) -> None:
        web = self.server
        with web.lock:
            web.agents.add(self.headers["User-Agent"])
            n = len(web.requests[self.path])
            web.requests[self.path].append(threading.get_ident())
            web.n_open += 1
            web.most_open = max(web.most_open, web.n_open)
        answers = web.answers.get(self.path, [status(404)])
        try:
            answers[min(n, len(answers) - 1)](self)
        finally:
            with web.lock:
                web.n_open -= 1

    def log_message(self, *_: object) -> None:
        """Say nothing."""


class Web(ThreadingHTTPServer):
    """The server, with what it was asked."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.answers: dict[str, list[Answer]] = {}
        self.requests: defaultdict[str, list[int]] = defaultdict(list)
        self.agents: set[str] = set()
        self.lock = threading.Lock()
        self.released = threading.Event()
        self.n_open = self.most_open = 0

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"

    @property
    def n_requests(self) -> int:
        return sum(len(asked) for asked in self.requests.values())

    def says(self, path: str, *answers: Answer | bytes) -> None:
        self.answers[path] = [data(a) if isinstance(a, bytes) else a for a in answers]

    def handle_error(self, *_: object) -> None:
        """A client that left is no error here."""


@contextmanager
def running() -> Iterator[Web]:
    with Web() as web:
        thread = threading.Thread(target=web.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield web
        finally:
            web.released.set()
            web.shutdown()
            thread.join()


def fetch_from(source: Fetchable, **how: Any) -> pd.DataFrame:
    """Call `sl.fetch` where `source` is all that is declared."""
    with mock.patch("sanctlib.download.fetchables", return_value={source.name: source}):
        return sl.fetch(source.name, **how)


def data(body: bytes, *, length: int | None = None) -> Answer:
    """Answer with a body; a `length` greater than it is a connection cut half way."""

    def answer(handler: Handler) -> None:
        handler.send_response(200)
        handler.send_header("Content-Length", str(len(body) if length is None else length))
        handler.end_headers()
        handler.wfile.write(body)

    return answer


def status(code: int) -> Answer:
    def answer(handler: Handler) -> None:
        handler.send_response(code)
        handler.send_header("Content-Length", "4")
        handler.end_headers()
        handler.wfile.write(b"no.\n")

    return answer


def redirect(address: str) -> Answer:
    def answer(handler: Handler) -> None:
        handler.send_response(302)
        handler.send_header("Location", address)
        handler.send_header("Content-Length", "0")
        handler.end_headers()

    return answer


def stall(handler: Handler) -> None:
    """Send half of what was promised, then nothing until the test is over."""
    handler.send_response(200)
    handler.send_header("Content-Length", "100")
    handler.end_headers()
    handler.wfile.write(b"half")
    handler.wfile.flush()
    handler.server.released.wait(20)
