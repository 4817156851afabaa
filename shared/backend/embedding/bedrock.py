"""Embeddings by Amazon Bedrock: Titan Text Embeddings V2, Cohere Embed v3 and v4."""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_EXCEPTION, Future, ThreadPoolExecutor, wait
from datetime import datetime, timedelta
from functools import cached_property
from http import HTTPStatus
from typing import Any, Protocol

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from backend.embedding.bedrock_formats import FORMATS, base_model
from backend.embedding.model import EmbeddingModel, Purpose, Vector, encodable, to_unit
from backend.kit import deadline
from backend.kit.clock import Clock, SystemClock
from backend.kit.errors import EmbeddingUnavailableError

CONNECT_SECONDS = 1
LONGEST_READ_SECONDS = 10
ATTEMPTS = 3
FIRST_PAUSE_SECONDS = 0.2
CALLS_AT_ONCE = 4
STANDS_FOR_BLANK = "."
"""The models refuse a text without words; its vector is that of a full stop."""


class ModelClient(Protocol):
    """What is used of boto3's client for bedrock-runtime."""

    def invoke_model(self, **request: str) -> dict[str, Any]:
        """Call one model once."""


def bedrock_client(region: str | None = None, endpoint_url: str | None = None) -> ModelClient:
    """Return a client that gives up soon and never tries again by itself: how often to try is decided here."""
    config = Config(
        connect_timeout=CONNECT_SECONDS,
        read_timeout=LONGEST_READ_SECONDS,
        retries={"total_max_attempts": 1},
        max_pool_connections=CALLS_AT_ONCE,
    )
    client: ModelClient = boto3.client("bedrock-runtime", region_name=region, endpoint_url=endpoint_url, config=config)
    return client


class BedrockEmbedder:
    """Embeds by calling Amazon Bedrock, several calls at once where a model takes few texts in one.

    `model_id` is a model or an inference profile (`us.cohere.embed-v4:0`); `dimension` one that the model offers.
    A call that takes longer than the request's deadline leaves is given up. Throttling and failures of the service are
    tried again, at most three times in all, with a growing pause that `jitter` (0..1) draws out; nothing else is.
    Raises `ValueError` for a model or dimension that does not exist.
    """

    def __init__(
        self,
        model_id: str,
        *,
        dimension: int = 1024,
        client: ModelClient | None = None,
        clock: Clock | None = None,
        jitter: Callable[[], float] = random.random,
    ) -> None:
        name = base_model(model_id)
        self._format = FORMATS[name]
        if dimension not in self._format.dimensions:
            message = f"{name} has no vectors of {dimension} components; it has {sorted(self._format.dimensions)}."
            raise ValueError(message)
        self._model_id = model_id
        self._model = EmbeddingModel(name, dimension)
        self._given_client = client
        self._clock = clock or SystemClock()
        self._jitter = jitter

    @property
    def model(self) -> EmbeddingModel:
        """The model, by the name that all regions share."""
        return self._model

    def embed(self, texts: Sequence[str], purpose: Purpose) -> list[Vector]:
        """Return the unit vectors of the texts. Raises `EmbeddingUnavailableError` as the port says."""
        seconds = deadline.remaining(default=LONGEST_READ_SECONDS)
        give_up_at = self._clock.now() + timedelta(seconds=seconds)
        size = self._format.texts_per_call
        prepared = [encodable(text[: self._format.characters_per_text]) for text in texts]
        prepared = [text if text.strip() else STANDS_FOR_BLANK for text in prepared]
        calls = [
            self._workers.submit(self._call, prepared[start : start + size], purpose, give_up_at)
            for start in range(0, len(prepared), size)
        ]
        return [vector for answer in _all_of(calls, seconds) for vector in answer]

    def close(self) -> None:
        """Let the threads go; calls under way are waited for."""
        self._workers.shutdown(cancel_futures=True)

    @cached_property
    def _workers(self) -> ThreadPoolExecutor:
        return ThreadPoolExecutor(CALLS_AT_ONCE, thread_name_prefix="bedrock")

    @cached_property
    def _client(self) -> ModelClient:
        return self._given_client or bedrock_client()

    def _call(self, texts: Sequence[str], purpose: Purpose, give_up_at: datetime) -> list[Vector]:
        body = json.dumps(self._format.request(texts, purpose, self._model.dimension))
        attempt = 0
        while True:
            attempt += 1
            try:
                answer = self._client.invoke_model(
                    modelId=self._model_id, body=body, contentType="application/json", accept="application/json"
                )
                return self._read(answer["body"].read(), len(texts))
            except ClientError as error:
                pause = FIRST_PAUSE_SECONDS * 2 ** (attempt - 1) * (1 + self._jitter())
                in_time = self._clock.now() + timedelta(seconds=pause) < give_up_at
                if not (_is_passing(error) and in_time and attempt < ATTEMPTS):
                    # Not chained: what the service says about a request may repeat the text that was sent.
                    raise _refused(error) from None
                self._clock.sleep(pause)
            except BotoCoreError as error:
                message = f"Amazon Bedrock could not be asked: {type(error).__name__}."
                raise EmbeddingUnavailableError(message) from error

    def _read(self, body: bytes, expected: int) -> list[Vector]:
        try:
            rows = self._format.vectors(json.loads(body))
            if len(rows) != expected or any(len(row) != self._model.dimension for row in rows):
                message = f"{self._model.name} did not answer with {expected} vectors of {self._model.dimension}."
                raise EmbeddingUnavailableError(message)
            return [to_unit(row) for row in rows]
        except (ValueError, KeyError, TypeError):
            # Not chained: the answer may repeat the text that was sent.
            message = f"{self._model.name} answered with something that is not vectors."
            raise EmbeddingUnavailableError(message) from None


def _all_of(calls: Sequence[Future[list[Vector]]], seconds: float) -> list[list[Vector]]:
    """Return every call's answer, or raise what the first failure raised; what has not begun by then never does."""
    done, waiting = wait(calls, timeout=max(0.0, seconds), return_when=FIRST_EXCEPTION)
    for call in waiting:
        call.cancel()
    for call in done:
        call.result()
    if waiting:
        message = "Amazon Bedrock did not answer in time."
        raise EmbeddingUnavailableError(message)
    return [call.result() for call in calls]


def _status(error: ClientError) -> int:
    return int(error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0))


def _is_passing(error: ClientError) -> bool:
    status = _status(error)
    return status == HTTPStatus.TOO_MANY_REQUESTS or status >= HTTPStatus.INTERNAL_SERVER_ERROR


def _refused(error: ClientError) -> EmbeddingUnavailableError:
    code = error.response.get("Error", {}).get("Code", "unknown")
    return EmbeddingUnavailableError(f"Amazon Bedrock refused: {code} ({_status(error)}).")
