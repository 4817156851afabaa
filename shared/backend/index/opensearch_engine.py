"""The way to OpenSearch: where it may be, how it is asked, what is tried again, and what its errors mean to us."""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Mapping, Sequence
from http import HTTPStatus
from typing import Any, Protocol
from urllib.parse import urlsplit

from opensearchpy import OpenSearch, Urllib3AWSV4SignerAuth, Urllib3HttpConnection
from opensearchpy.exceptions import (
    ConnectionError as EngineConnectionError,
)
from opensearchpy.exceptions import (
    ConnectionTimeout,
    ImproperlyConfigured,
    OpenSearchException,
    SerializationError,
    SSLError,
    TransportError,
)

from backend.index.endpoint import check_endpoint, host_of
from backend.kit import deadline
from backend.kit.clock import Clock
from backend.kit.errors import IndexUnavailableError, InternalError

ATTEMPTS = 4
FIRST_PAUSE_SECONDS = 0.1
LONGEST_CALL_SECONDS = 20.0
CONNECTIONS = 8
RETRYABLE = frozenset(
    {HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.BAD_GATEWAY, HTTPStatus.SERVICE_UNAVAILABLE, HTTPStatus.GATEWAY_TIMEOUT}
)
"""Refusals that pass by themselves. Everything else would be refused again."""

DONE = frozenset({HTTPStatus.OK, HTTPStatus.CREATED, HTTPStatus.CONFLICT})
"""What a versioned write comes to: a conflict says that something newer is there already."""

SERVICE = "es"
_MANAGED = (".es.amazonaws.com", ".es.amazonaws.com.cn", ".on.aws")
_JSON = {"content-type": "application/json"}
_LINES = {"content-type": "application/x-ndjson"}


class Credentials(Protocol):
    """What signs requests to AWS."""

    access_key: str
    secret_key: str
    token: str | None


Signer = Callable[[str, str, object, dict[str, str] | None], dict[str, str]]
"""From method, address, body and headers to the headers with a signature."""


def aws_signer(credentials: Credentials, region: str) -> Signer:
    """Return what signs requests to a domain of Amazon OpenSearch Service (Signature Version 4)."""
    signer: Signer = Urllib3AWSV4SignerAuth(credentials, region, SERVICE)
    return signer


def connect(endpoint: str, *, region: str, signer: Signer | None = None) -> OpenSearch:
    """Return a client for an endpoint; it tries nothing again by itself. Nothing is sent yet.

    Requests to AWS are signed with the credentials of the process, unless a signer is given.
    Raises `InternalError` for an endpoint that cannot serve or should not be spoken to.
    """
    check_endpoint(endpoint)
    parts = urlsplit(endpoint)
    host = host_of(parts)
    secure = parts.scheme == "https"
    if signer is None and secure and host.endswith(_MANAGED):
        signer = aws_signer(_own_credentials(), region)
    try:
        return OpenSearch(
            hosts=[{"host": host, "port": parts.port or (443 if secure else 80)}],
            use_ssl=secure,
            verify_certs=True,
            http_auth=signer,
            http_compress=secure,
            connection_class=Urllib3HttpConnection,
            pool_maxsize=CONNECTIONS,
            max_retries=0,
            retry_on_timeout=False,
        )
    except ImproperlyConfigured as error:
        msg = "The client for OpenSearch cannot be set up on this machine."
        raise InternalError(msg) from error


def _own_credentials() -> Credentials:
    """Return the credentials of this process. Imported late: on one machine nobody needs them."""
    from botocore.session import get_session  # noqa: PLC0415 - as the docstring says

    credentials: Credentials | None = get_session().get_credentials()
    if credentials is None:
        msg = "Requests to Amazon OpenSearch Service are signed, and this process has no AWS credentials."
        raise InternalError(msg)
    return credentials


class Engine:
    """Asks OpenSearch within the request's deadline.

    Refusals that pass, broken connections and calls that took too long are tried again, at most `ATTEMPTS` times in all, with
    a growing pause that `jitter` (0..1) draws out. That is harmless for every call made here: writes carry their version.
    """

    def __init__(self, client: OpenSearch, clock: Clock, jitter: Callable[[], float] = random.random) -> None:
        self._client = client
        self._clock = clock
        self._jitter = jitter

    def call(self, method: str, path: str, body: object = None, **parameters: str) -> dict[str, Any]:
        """Send a request and return the answer.

        Raises `IndexUnavailableError` when there is none in time, and `InternalError` for a request that is refused as wrong.
        """
        sent = None if body is None else json.dumps(body, separators=(",", ":"))
        return self._sent(method, path, sent, parameters, _JSON)

    def search(self, index: str, bodies: Sequence[Mapping[str, object]], routing: str | None) -> list[dict[str, Any]]:
        """Ask several questions at once; return an answer for each.

        An answer that lacks a shard or ran out of time is an error, never a shorter answer. Raises as `call` does.
        """
        header = {"index": index, "allow_partial_search_results": False, **({"routing": routing} if routing else {})}
        lines = [part for body in bodies for part in (header, {"timeout": f"{self._milliseconds()}ms", **body})]
        for attempt in range(ATTEMPTS):
            answers: list[dict[str, Any]] = self._sent("POST", "/_msearch", _ndjson(lines), {}, _LINES)["responses"]
            statuses = {answer.get("status", HTTPStatus.OK) for answer in answers}
            if not (statuses & RETRYABLE and self._pause(attempt)):
                break
        for answer in answers:
            _check_answer(answer)
        return answers

    def bulk(self, operations: Sequence[tuple[Mapping[str, object], Mapping[str, object]]], **parameters: str) -> list[int]:
        """Do many writes; return for each 201, 200 or, where something newer is held, 409.

        Only what was refused in passing is sent again. Raises `IndexUnavailableError` when some could not be done: the others
        are; and `InternalError` when some can never be done.
        """
        statuses = [int(HTTPStatus.TOO_MANY_REQUESTS)] * len(operations)
        waiting = list(range(len(operations)))
        refused: dict[int, str] = {}
        attempt = 0
        while waiting:
            lines = [part for number in waiting for part in ({"index": operations[number][0]}, operations[number][1])]
            answer = self._sent("POST", "/_bulk", _ndjson(lines), parameters, _LINES)
            for number, item in zip(waiting, answer["items"], strict=True):
                outcome = item["index"]
                statuses[number] = outcome["status"]
                _check_copies(outcome)
                if outcome["status"] not in {*DONE, *RETRYABLE}:
                    refused[outcome["status"]] = _kind(outcome.get("error"))
            waiting = [number for number in waiting if statuses[number] in RETRYABLE]
            if waiting and not self._pause(attempt):
                msg = f"The index did not take {len(waiting)} of {len(operations)} changes; all may be sent again."
                raise IndexUnavailableError(msg)
            attempt += 1
        for status, kind in sorted(refused.items()):
            raise _refused(status, kind)
        return statuses

    def pause(self, attempt: int) -> None:
        """Wait before the attempt after this one (0 is the first). Raises `IndexUnavailableError` when there is none left."""
        if not self._pause(attempt):
            msg = "The index did not come to rest in time."
            raise IndexUnavailableError(msg)

    def _sent(
        self, method: str, path: str, body: str | None, parameters: Mapping[str, str], headers: Mapping[str, str]
    ) -> dict[str, Any]:
        attempt = 0
        while True:
            timeout = self._milliseconds() / 1000
            try:
                answer = self._client.transport.perform_request(
                    method, path, params=dict(parameters), body=body, headers=headers, timeout=timeout
                )
            except (OpenSearchException, UnicodeDecodeError) as error:
                meant, passing = _meaning(error)
                if not (passing and self._pause(attempt)):
                    # Not chained: what the engine says about a request may repeat parts of it.
                    raise meant from None
                attempt += 1
            else:
                if not isinstance(answer, dict):
                    msg = "Something that is not OpenSearch answers at the search endpoint."
                    raise IndexUnavailableError(msg)
                return answer

    def _pause(self, attempt: int) -> bool:
        """Wait before the next attempt; `False`, at once, when there is none or no time for it."""
        seconds = FIRST_PAUSE_SECONDS * 2**attempt * (1 + self._jitter())
        if attempt + 1 >= ATTEMPTS or seconds >= deadline.remaining():
            return False
        self._clock.sleep(seconds)
        return True

    @staticmethod
    def _milliseconds() -> int:
        """Return how long a call may take. Raises `IndexUnavailableError` when the time is used up."""
        milliseconds = int(min(deadline.remaining(), LONGEST_CALL_SECONDS) * 1000)
        if milliseconds <= 0:
            msg = "The request's time was used up before the index was asked."
            raise IndexUnavailableError(msg)
        return milliseconds


def _ndjson(lines: Sequence[object]) -> str:
    return "".join(json.dumps(line, separators=(",", ":")) + "\n" for line in lines)


def _check_answer(answer: Mapping[str, Any]) -> None:
    status = answer.get("status", HTTPStatus.OK)
    if "error" in answer or status >= HTTPStatus.BAD_REQUEST:
        raise _refused(status, _kind(answer.get("error")))
    if answer.get("timed_out"):
        msg = "The index ran out of time and had only a part of the answer."
        raise IndexUnavailableError(msg)
    _check_copies(answer)


def _check_copies(answer: Mapping[str, Any]) -> None:
    failed = answer.get("_shards", {}).get("failed", 0)
    if failed:
        msg = f"{failed} of the index's shards did not answer."
        raise IndexUnavailableError(msg)


def _kind(error: object) -> str:
    """Return the name of the engine's error; never its reason, which may repeat what was sent."""
    return str(error.get("type", "unknown")) if isinstance(error, dict) else "unknown"


def _refused(status: int, kind: str) -> IndexUnavailableError | InternalError:
    if status == HTTPStatus.BAD_REQUEST:
        return InternalError(f"The index refuses a request as wrong: {kind}.")
    return IndexUnavailableError(f"The index refuses: {kind} ({status}).")


def _meaning(error: Exception) -> tuple[IndexUnavailableError | InternalError, bool]:
    """Return what an error means to us, and whether it may pass by itself. The most specific class comes first."""
    if isinstance(error, ConnectionTimeout):
        return IndexUnavailableError("The index did not answer in time."), True
    if isinstance(error, SSLError):
        return IndexUnavailableError("The index cannot prove that it is the one we mean (TLS)."), False
    if isinstance(error, EngineConnectionError):
        return IndexUnavailableError("The index cannot be reached."), True
    if isinstance(error, TransportError) and isinstance(error.status_code, int):
        return _refused(error.status_code, str(error.error)), error.status_code in RETRYABLE
    if isinstance(error, (SerializationError, UnicodeDecodeError)):
        return IndexUnavailableError("The index answers with something that is not JSON."), False
    return IndexUnavailableError(f"The index could not be asked: {type(error).__name__}."), False
