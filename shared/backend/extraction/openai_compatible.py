"""A language model behind an endpoint that speaks OpenAI's chat completions, with structured outputs."""

from __future__ import annotations

import http.client
import json
import time
import urllib.request
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any
from urllib.parse import urlsplit

from backend.extraction.patience import READ_SECONDS, seconds_to_ask
from backend.extraction.ports import MALFORMED, TIMED_OUT, TOO_LARGE, LanguageModelUnavailableError, ModelAnswer

MOST_BYTES = 1024 * 1024
_CHUNK_BYTES = 16 * 1024


class OpenAiCompatibleModel:
    """`LanguageModel` at `base_url` (`https://host/v1`). Plain http is for a loopback address only: the key travels with it.

    No redirects and no proxies: the key and the text go where they were meant to go. Raises `ValueError` for another address.
    """

    def __init__(self, base_url: str, model: str, *, api_key: str = "", seconds: float = READ_SECONDS) -> None:
        parts = urlsplit(base_url)
        loopback = parts.scheme == "http" and parts.hostname in {"127.0.0.1", "::1", "localhost"}
        if not (parts.hostname and (parts.scheme == "https" or loopback)):
            message = "The address of a language model begins with https://."
            raise ValueError(message)
        self._url = f"{base_url.rstrip('/')}/chat/completions"
        self._model = model
        self._api_key = api_key
        self._seconds = seconds
        self._opener = urllib.request.OpenerDirector()
        self._opener.add_handler(urllib.request.HTTPSHandler())
        self._opener.add_handler(urllib.request.HTTPHandler())

    @property
    def name(self) -> str:
        """The model, as the endpoint calls it."""
        return self._model

    def answer(self, instructions: str, text: str, schema: Mapping[str, Any]) -> ModelAnswer:
        """Return the object that the model answered with. It is waited for no longer than the request's deadline leaves."""
        body = {
            "model": self._model,
            "temperature": 0,
            "messages": [{"role": "system", "content": instructions}, {"role": "user", "content": text}],
            "response_format": {
                "type": "json_schema",
                "json_schema": {"name": "statements", "strict": True, "schema": dict(schema)},
            },
        }
        headers = {"Content-Type": "application/json", "Accept": "application/json"}
        if self._api_key:
            headers["Authorization"] = f"Bearer {self._api_key}"
        data = json.dumps(body).encode()
        request = urllib.request.Request(self._url, data, headers, method="POST")  # noqa: S310 - the scheme was checked above
        # The product's clock is for what the product means by time; how long a socket may take is the machine's affair.
        seconds = seconds_to_ask(self._seconds)
        ends = time.monotonic() + seconds
        try:
            with self._opener.open(request, timeout=seconds) as reply:
                if reply.status != HTTPStatus.OK:
                    reason = f"http-{reply.status}"
                    raise LanguageModelUnavailableError(reason)
                return _read(_whole(reply, ends))
        except (OSError, http.client.HTTPException) as error:
            # Not chained: an error of the transport may hold the request.
            raise LanguageModelUnavailableError(type(error).__name__) from None


def _whole(reply: http.client.HTTPResponse, ends: float) -> bytes:
    """Return the body; one that drips is cut off at the end of the time."""
    body = b""
    while len(body) <= MOST_BYTES:
        if time.monotonic() >= ends:
            raise LanguageModelUnavailableError(TIMED_OUT)
        chunk = reply.read1(_CHUNK_BYTES)
        if not chunk:
            return body
        body += chunk
    raise LanguageModelUnavailableError(TOO_LARGE)


def _read(body: bytes) -> ModelAnswer:
    tokens = 0, 0
    try:
        reply = json.loads(body)
        tokens = _tokens(reply)
        content = json.loads(reply["choices"][0]["message"]["content"])
    except (ValueError, KeyError, IndexError, TypeError, AttributeError):
        raise LanguageModelUnavailableError(MALFORMED, *tokens) from None
    if not isinstance(content, dict):
        raise LanguageModelUnavailableError(MALFORMED, *tokens)
    return ModelAnswer(content, *tokens)


def _tokens(reply: Mapping[str, Any]) -> tuple[int, int]:
    usage = reply.get("usage") or {}
    return int(usage.get("prompt_tokens", 0)), int(usage.get("completion_tokens", 0))
