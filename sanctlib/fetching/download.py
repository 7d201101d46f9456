"""Download one file, whole or not at all. Return its path, or say why there is none."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from sanctlib.errors import FetchError, NotPublishedError, SourceError, UnreachableError
from sanctlib.fetching.fetchable import Fetchable, Wanted
from sanctlib.sources.files import open_bytes

_CONNECT = 10.0
_CHUNK = 1 << 16
_GONE = (404, 410)
_BUSY = 429


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


def download(wanted: Wanted, folder: Path, source: Fetchable) -> Path:
    """
    Fetch one file into a folder and return its path.

    pooch writes it under another name and renames it when it is complete and has the
    checksum that the producer gives. After an interrupted connection and an answer that the
    server is busy or broken, it tries again, with growing pauses; a missing file is not
    requested again.

    Raises
    ------
    NotPublishedError, UnreachableError
    FetchError
        For any other reason, also an empty file or a web page in its place; nothing is left
        in the folder.
    """
    import pooch
    import requests

    agent = {"User-Agent": f"sanctlib/{version('sanctlib')} (research on sanctions; pooch)"}
    get = pooch.HTTPDownloader(
        chunk_size=_CHUNK, timeout=(min(_CONNECT, source.timeout), source.timeout), headers=agent
    )
    attempt = 0
    while True:
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
        time.sleep(source.pause * 2**attempt)
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
        # The body is not read: without this, the connection stays open until collected.
        error.response.close()
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
