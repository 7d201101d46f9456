"""Download one file, whole or not at all. Return its path, or say why there is none."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path
from threading import Event
from typing import Any
from urllib.parse import urlsplit

from sanctlib.errors import FetchError, NotPublishedError, SourceError, UnreachableError
from sanctlib.fetching.fetchable import Fetchable, Wanted
from sanctlib.sources.files import open_bytes

_CONNECT = 10.0
_CHUNK = 1 << 16
_GONE = (404, 410)
_BUSY = 429


@dataclass
class _Limits:
    """What one file may take; pooch reports every chunk to it as to a progress bar."""

    source: Fetchable
    stop: Event
    n_bytes: int = 0
    begun: float = field(default_factory=time.monotonic)
    answers: list[Any] = field(default_factory=list)

    @property
    def total(self) -> int:
        """The size that the server announces."""
        return self.n_bytes

    @total.setter
    def total(self, n_bytes: int) -> None:
        self._check(n_bytes)

    def keep(self, answer: Any, **_: object) -> None:
        """Keep an answer, to close its connection if the file is not read to its end."""
        self.answers.append(answer)

    def update(self, n_bytes: int) -> None:
        """Count a chunk."""
        self.n_bytes += n_bytes
        self._check(self.n_bytes)

    def reset(self) -> None:
        """Begin again: pooch then reports the whole file."""
        self.n_bytes = 0

    def close(self) -> None:
        """Do nothing."""

    def _check(self, n_bytes: int) -> None:
        if self.stop.is_set():
            raise FetchError("it was interrupted")
        if n_bytes > self.source.most_bytes:
            limit = f"{self.source.most_bytes / 1e6:,.0f} MB"
            raise FetchError(f"it is larger than {limit}, the limit of a file")
        if time.monotonic() - self.begun > self.source.most_seconds:
            limit = f"{self.source.most_seconds:,.0f} s"
            raise FetchError(f"it took longer than {limit}, the limit of a file")


@contextlib.contextmanager
def silent_pooch() -> Iterator[None]:
    """Keep pooch from writing a line per file to the terminal."""
    import pooch

    logger = pooch.get_logger()
    before = logger.level
    logger.setLevel("ERROR")
    try:
        yield
    finally:
        logger.setLevel(before)


def download(wanted: Wanted, folder: Path, source: Fetchable, stop: Event) -> Path:
    """
    Fetch one file into a folder and return its path.

    pooch writes it under another name and renames it when it is complete and has the
    checksum that the producer gives. After an interrupted connection and an answer that the
    server is busy or broken, it tries again, with growing pauses; a missing file is not
    requested again. Once `stop` is set, it ends at the next chunk.

    Raises
    ------
    NotPublishedError, UnreachableError
    FetchError
        For any other reason, also an empty file, a web page in its place, or one that is larger
        or slower than the limits of `source`; nothing is left in the folder.
    """
    import pooch
    import requests

    agent = {"User-Agent": f"sanctlib/{version('sanctlib')} (research on sanctions; pooch)"}
    timeout = (min(_CONNECT, source.timeout), source.timeout)
    attempt = 0
    while True:
        limits = _Limits(source, stop)
        get = pooch.HTTPDownloader(
            limits,
            chunk_size=_CHUNK,
            timeout=timeout,
            headers=agent,
            hooks={"response": limits.keep},
        )
        try:
            pooch.retrieve(wanted.url, wanted.known, wanted.file, folder, downloader=get)
            return _checked(folder / wanted.file)
        except requests.RequestException as error:
            if not _may_pass(error) or attempt == source.retries:
                raise _failure(error, wanted.url, source.timeout) from error
        except ValueError as error:
            msg = f"its checksum is not the one that the producer gives, {wanted.known}"
            raise FetchError(msg) from error
        except OSError as error:
            raise FetchError(f"it cannot be written: {error.strerror or error}") from error
        finally:
            for answer in limits.answers:
                answer.close()
        if stop.wait(source.pause * 2**attempt):
            raise FetchError("it was interrupted")
        attempt += 1


def _checked(path: Path) -> Path:
    """Return the path of a file that holds data, or delete it."""
    # pooch goes through a temporary file, which nobody else may read.
    path.chmod(0o644)
    try:
        open_bytes(path).close()
    except SourceError as error:
        path.unlink()
        raise FetchError(f"no data came: {error}") from error
    return path


def _may_pass(error: Exception) -> bool:
    """Return whether the same request may succeed in a moment."""
    import requests

    if isinstance(error, requests.HTTPError) and error.response is not None:
        return error.response.status_code == _BUSY or error.response.status_code >= 500
    passing = (requests.ConnectionError, requests.Timeout, requests.exceptions.ChunkedEncodingError)
    return isinstance(error, passing) and not isinstance(error, requests.exceptions.SSLError)


def _failure(error: Exception, url: str, timeout: float) -> FetchError:
    """Return what went wrong in words."""
    import requests
    from urllib3.exceptions import ConnectTimeoutError, NewConnectionError, ReadTimeoutError

    if isinstance(error, requests.HTTPError) and error.response is not None:
        answer = error.response
        if answer.status_code in _GONE:
            return NotPublishedError(f"not published ({answer.status_code})")
        words = "".join(c for c in str(answer.reason or "") if c.isprintable())
        return FetchError(f"the server answered {answer.status_code} {words}".rstrip())
    asked: Any = getattr(error, "request", None)
    host = urlsplit(getattr(asked, "url", None) or url).netloc
    inner = error.args[0] if error.args else None
    reason = getattr(inner, "reason", inner)
    if isinstance(reason, NewConnectionError | ConnectTimeoutError) or isinstance(
        error, requests.exceptions.ProxyError
    ):
        return UnreachableError(f"{host} cannot be reached")
    if isinstance(error, requests.Timeout) or isinstance(reason, ReadTimeoutError):
        return FetchError(f"{host} did not answer for {timeout:g} s")
    if isinstance(error, requests.exceptions.InvalidSchema):
        return FetchError("it leads to an address that is neither http nor https")
    if isinstance(error, requests.exceptions.SSLError):
        return FetchError(f"{host} has no valid certificate: {reason}")
    if isinstance(error, requests.ConnectionError | requests.exceptions.ChunkedEncodingError):
        return FetchError("the connection was interrupted")
    return FetchError(str(error).splitlines()[0] if str(error) else type(error).__name__)
