"""A language model on Amazon Bedrock, by the Converse API: the answer is the input of a tool that it must use."""

from __future__ import annotations

from collections.abc import Mapping
from threading import Lock
from typing import Any, Protocol

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from backend.extraction.patience import seconds_to_ask
from backend.extraction.ports import MALFORMED, LanguageModelUnavailableError, ModelAnswer

TOOL = "remember"
CONNECT_SECONDS = 1
PATIENCE = (12, 6, 3, 1)
"""Seconds. A client waits as long as it was made to wait: there is one for each, and the one is asked that there is time for."""

MOST_TOKENS = 4096


class ConverseClient(Protocol):
    """What is used of boto3's client for bedrock-runtime."""

    def converse(self, **request: Any) -> dict[str, Any]:  # noqa: ANN401 - the service's own form
        """Call one model once."""


class BedrockLanguageModel:
    """`LanguageModel` on Bedrock. `model_id` is a model or an inference profile that can use tools."""

    def __init__(self, model_id: str, *, client: ConverseClient | None = None, region: str | None = None) -> None:
        self._model_id = model_id
        self._given_client = client
        self._region = region
        self._lock = Lock()
        self._made: dict[int, ConverseClient] = {}

    @property
    def name(self) -> str:
        """The model's id."""
        return self._model_id

    def _client(self, seconds: float) -> ConverseClient:
        if self._given_client:
            return self._given_client
        longest = next(each for each in PATIENCE if each + CONNECT_SECONDS <= seconds or each == PATIENCE[-1])
        with self._lock:
            # Several threads ask, and making a client is not for several at once.
            if longest not in self._made:
                config = Config(connect_timeout=CONNECT_SECONDS, read_timeout=longest, retries={"total_max_attempts": 1})
                self._made[longest] = boto3.client("bedrock-runtime", region_name=self._region, config=config)
            return self._made[longest]

    def answer(self, instructions: str, text: str, schema: Mapping[str, Any]) -> ModelAnswer:
        """Return the input that the model gave the tool. It is waited for no longer than the request's deadline leaves."""
        client = self._client(seconds_to_ask(PATIENCE[0] + CONNECT_SECONDS))
        tool = {"toolSpec": {"name": TOOL, "description": "Takes the statements.", "inputSchema": {"json": dict(schema)}}}
        try:
            reply = client.converse(
                modelId=self._model_id,
                system=[{"text": instructions}],
                messages=[{"role": "user", "content": [{"text": text}]}],
                inferenceConfig={"temperature": 0, "maxTokens": MOST_TOKENS},
                toolConfig={"tools": [tool], "toolChoice": {"tool": {"name": TOOL}}},
            )
        except ClientError as error:
            # Not chained: what the service says about a request may repeat the text that was sent.
            raise LanguageModelUnavailableError(str(error.response.get("Error", {}).get("Code", "refused"))) from None
        except BotoCoreError as error:
            raise LanguageModelUnavailableError(type(error).__name__) from None
        return _read(reply)


def _read(reply: Mapping[str, Any]) -> ModelAnswer:
    tokens = 0, 0
    try:
        usage = reply.get("usage", {})
        tokens = int(usage.get("inputTokens", 0)), int(usage.get("outputTokens", 0))
        used = [part["toolUse"]["input"] for part in reply["output"]["message"]["content"] if "toolUse" in part]
    except (KeyError, TypeError, ValueError):
        raise LanguageModelUnavailableError(MALFORMED, *tokens) from None
    if len(used) != 1 or not isinstance(used[0], dict):
        raise LanguageModelUnavailableError(MALFORMED, *tokens)
    return ModelAnswer(used[0], *tokens)
