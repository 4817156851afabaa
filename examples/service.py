"""The service over HTTP: the few calls that the demo and the benchmark make, each with how long it took."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, Self
from urllib.parse import urlsplit

import httpx

LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})
TRIES = 5
LONGEST_WAIT_SECONDS = 10.0
MOST_KEYS = 50
TIMEOUT_SECONDS = 35.0
"""More than the 30 s after which the gateway itself gives up."""

_KEY_REFUSED = frozenset({HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN})


class ServiceError(Exception):
    """The service cannot be used as asked; the message says why and what to do."""


class NotUpError(ServiceError):
    """Nothing answers at the address."""


class RefusedError(ServiceError):
    """The service refused a request. `status` is HTTP's, `code` the problem's slug or empty."""

    def __init__(self, method: str, path: str, status: int, problem: Mapping[str, Any]) -> None:
        self.status = status
        self.code = str(problem.get("code", ""))
        said = problem.get("detail") or problem.get("message") or "no reason given"
        request_id = problem.get("request_id")
        super().__init__(f"{method} {path} answered {status}: {said}" + (f" (request {request_id})" if request_id else ""))


@dataclass(frozen=True, slots=True)
class Answer:
    """A 2xx: its body, and the seconds from sending the request to having the whole answer; waits and retries not counted."""

    body: dict[str, Any]
    seconds: float
    replayed: bool


@dataclass(frozen=True, slots=True)
class Added:
    """The answer to something that was added once. `anew`: what was added first was forgotten since, or said otherwise."""

    answer: Answer
    anew: bool


class Service:
    """One client with its connection kept open. Raises `NotUpError` and `RefusedError`.

    What may be sent again (every request here is a read, or an add that its key or its text makes once only) is sent up to
    `tries` times while the service fails or asks for patience.
    """

    def __init__(  # noqa: PLR0913 - each is one thing it stands on
        self,
        base_url: str,
        api_key: str = "",
        *,
        project_id: str | None = None,
        tries: int = TRIES,
        transport: httpx.BaseTransport | None = None,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        headers = {"X-API-Key": api_key, "X-Project-ID": project_id}
        self.base_url = base_url.rstrip("/")
        self._tries = tries
        self._sleep = sleep
        self._client = httpx.Client(
            base_url=self.base_url,
            headers={name: value for name, value in headers.items() if value},
            timeout=TIMEOUT_SECONDS,
            transport=transport,
            trust_env=urlsplit(base_url).hostname not in LOOPBACK,  # A proxy cannot reach this machine's own loopback.
        )

    def __enter__(self) -> Self:
        """Return the client itself."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close the connection."""
        self._client.close()

    def health(self) -> Answer:
        """Ask whether the service answers at all; needs no key."""
        return self._sent("GET", "/health")

    def knows_key(self, user_id: str) -> bool:
        """Tell whether the key opens this end user's memories."""
        try:
            self._sent("GET", "/memory?limit=1", headers={"X-End-User-ID": user_id})
        except RefusedError as error:
            if error.status in _KEY_REFUSED:
                return False
            raise
        return True

    def add(self, memory: Mapping[str, Any], idempotency_key: str | None = None) -> Answer:
        """Have something remembered; `memory` is the body of `POST /memory/add`."""
        headers = {"Idempotency-Key": idempotency_key} if idempotency_key else {}
        return self._sent("POST", "/memory/add", json=memory, headers=headers)

    def add_many(self, user_id: str, items: Sequence[Mapping[str, Any]], idempotency_key: str) -> Answer:
        """Have up to fifty things remembered once; each is a body of `POST /memory/add`. Raises too where one is refused."""
        method, path = "POST", "/memory/bulk-add"
        body = {"user_id": user_id, "items": items}
        answer = self._sent(method, path, json=body, headers={"Idempotency-Key": idempotency_key})
        for each in answer.body["items"]:
            if each.get("problem"):
                raise RefusedError(method, path, each["status"], each["problem"])
        return answer

    def add_once(self, memory: Mapping[str, Any], key: str) -> Added:
        """Have something remembered once, however often this is called.

        A key that stands for a memory that was forgotten since, or for another body, leaves it to the next: `key-2`, `key-3`.
        """
        keys = [key, *(f"{key}-{number}" for number in range(2, MOST_KEYS + 1))]
        for number, each in enumerate(keys, 1):
            try:
                return Added(self.add(memory, each), anew=number > 1)
            except RefusedError as error:
                is_spent = error.status == HTTPStatus.GONE or error.code == "idempotency-key-reused"
                if not is_spent or number == MOST_KEYS:
                    raise
        message = "There is at least one key."
        raise ValueError(message)

    def read(self, user_id: str, path: str) -> Answer:
        """Read something of an end user: `/memory/{id}` and what stands below it."""
        return self._sent("GET", path, headers={"X-End-User-ID": user_id})

    def query(self, user_id: str, question: str, k: int, weights: Mapping[str, float] | None = None) -> Answer:
        """Ask for the `k` best memories of an end user, with these weights instead of the defaults."""
        body = {"user_id": user_id, "query": question, "k": k} | ({"weights": weights} if weights else {})
        return self._sent("POST", "/memory/query", json=body)

    def _sent(self, method: str, path: str, **request: Any) -> Answer:  # noqa: ANN401 - httpx's own arguments
        for attempt in range(1, self._tries + 1):
            last = attempt == self._tries
            start = time.perf_counter()
            try:
                response = self._client.request(method, path, **request)
            except httpx.ConnectError as error:
                raise NotUpError(self._silence()) from error
            except httpx.TransportError as error:
                if last:
                    message = f"{method} {path} at {self.base_url} broke off without an answer ({type(error).__name__})."
                    raise NotUpError(message) from error
                self._sleep(1.0)
                continue
            seconds = time.perf_counter() - start
            body = _json(response)
            if response.is_success and body is not None:
                return Answer(body, seconds, replayed="Idempotent-Replay" in response.headers)
            if response.is_success:
                message = f"{method} {path} at {self.base_url} did not answer with a JSON object: is it MemorySync?"
                raise ServiceError(message)
            if last or not (response.is_server_error or "Retry-After" in response.headers):
                raise RefusedError(method, path, response.status_code, body or {})
            self._sleep(_wait(response))
        message = "A request needs at least one try."
        raise ValueError(message)

    def _silence(self) -> str:
        cure = " Start it: make up (or make demo)." if urlsplit(self.base_url).hostname in LOOPBACK else ""
        return f"Nothing answers at {self.base_url}.{cure}"


def _json(response: httpx.Response) -> dict[str, Any] | None:
    """Return the object that the body is, None for any other body."""
    try:
        body = response.json()
    except ValueError:
        return None
    return body if isinstance(body, dict) else None


def _wait(response: httpx.Response) -> float:
    """Return how long to wait before the next try: what the service asks for, within reason."""
    asked = response.headers.get("Retry-After", "")
    return min(float(asked), LONGEST_WAIT_SECONDS) if asked.isascii() and asked.isdigit() else 1.0
