"""Fetches an issuer's JWKS over the network."""

from __future__ import annotations

import http.client
import time
import urllib.request

from backend.kit.errors import DependencyUnavailableError
from backend.tenancy.model import is_fetchable

FETCH_SECONDS = 2.0
MOST_BYTES = 256 * 1024
_CHUNK_BYTES = 16 * 1024
_OK = 200


class HttpKeyFetcher:
    """One GET over https of at most 256 KiB, without redirects, proxies or cookies.

    `seconds` of silence end it, and so does the first pause after as many seconds in all.

    `loopback_http` allows plain http to this machine, for the local stage.
    """

    def __init__(self, *, loopback_http: bool = False, seconds: float = FETCH_SECONDS) -> None:
        self._loopback_http = loopback_http
        self._seconds = seconds
        # Nothing but these two: no redirects (they lead where nobody allowed), no proxies, no files, errors as plain answers.
        self._opener = urllib.request.OpenerDirector()
        self._opener.add_handler(urllib.request.HTTPSHandler())
        self._opener.add_handler(urllib.request.HTTPHandler())

    def fetch(self, url: str) -> str:
        """Return the document. Raises `DependencyUnavailableError`."""
        if not is_fetchable(url, loopback_http=self._loopback_http):
            raise _unavailable()
        # The product's clock is for what the product means by time; how long a socket may take is the machine's affair.
        ends = time.monotonic() + self._seconds
        request = urllib.request.Request(url, headers={"Accept": "application/json"})  # noqa: S310 - the scheme was checked above
        try:
            with self._opener.open(request, timeout=self._seconds) as answer:
                if answer.status != _OK:
                    raise _unavailable()
                return _read(answer, ends).decode()
        except (OSError, http.client.HTTPException, ValueError) as error:
            raise _unavailable() from error


def _read(answer: http.client.HTTPResponse, ends: float) -> bytes:
    """Return the whole body; a server that drips is cut off at the end of the time, not at the end of its patience."""
    body = b""
    while len(body) <= MOST_BYTES and time.monotonic() < ends:
        chunk = answer.read1(_CHUNK_BYTES)
        if not chunk:
            # What is left of the length that was promised; None where none was.
            if answer.length:
                break
            return body
        body += chunk
    raise _unavailable()


def _unavailable() -> DependencyUnavailableError:
    return DependencyUnavailableError("The issuer's keys cannot be fetched.", retry_after=10)
