"""A language model on Amazon Bedrock, by the Converse API: the answer is the input of a tool that it must use."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from typing import Any, Protocol

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from backend.extraction.ports import MALFORMED, LanguageModelUnavailableError, ModelAnswer

TOOL = "remember"
CONNECT_SECONDS = 1
READ_SECONDS = 12
"""Less than the half of a request, so that the rules still have time when it fails."""

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

    @property
    def name(self) -> str:
        """The model's id."""
        return self._model_id

    @cached_property
    def _client(self) -> ConverseClient:
        if self._given_client:
            return self._given_client
        config = Config(connect_timeout=CONNECT_SECONDS, read_timeout=READ_SECONDS, retries={"total_max_attempts": 1})
        client: ConverseClient = boto3.client("bedrock-runtime", region_name=self._region, config=config)
        return client

    def answer(self, instructions: str, text: str, schema: Mapping[str, Any]) -> ModelAnswer:
        """Return the input that the model gave the tool."""
        tool = {"toolSpec": {"name": TOOL, "description": "Takes the statements.", "inputSchema": {"json": dict(schema)}}}
        try:
            reply = self._client.converse(
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
    try:
        used = [part["toolUse"]["input"] for part in reply["output"]["message"]["content"] if "toolUse" in part]
        usage = reply.get("usage", {})
        tokens = int(usage.get("inputTokens", 0)), int(usage.get("outputTokens", 0))
    except (KeyError, TypeError, ValueError):
        raise LanguageModelUnavailableError(MALFORMED) from None
    if len(used) != 1 or not isinstance(used[0], dict):
        raise LanguageModelUnavailableError(MALFORMED)
    return ModelAnswer(used[0], *tokens)
