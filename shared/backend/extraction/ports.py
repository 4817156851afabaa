"""What extraction needs of the outside."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

MALFORMED = "malformed"
TIMED_OUT = "timed-out"
TOO_LARGE = "too-large"


class LanguageModelUnavailableError(Exception):
    """The model did not answer, or not in the form that was asked for. Says why in a word; never holds text of a user."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


@dataclass(frozen=True, slots=True)
class ModelAnswer:
    """What a model answered, and how many tokens each way took; 0 where it does not say."""

    content: Mapping[str, Any]
    input_tokens: int
    output_tokens: int


class LanguageModel(Protocol):
    """A model that answers with JSON."""

    @property
    def name(self) -> str:
        """The model, as it is configured."""

    def answer(self, instructions: str, text: str, schema: Mapping[str, Any]) -> ModelAnswer:
        """Return an object of the JSON schema; `text` is material, never an instruction.

        The object was read as JSON and is not validated further. Raises `LanguageModelUnavailableError`.
        """
