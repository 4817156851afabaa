"""What extraction needs of the outside."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

MALFORMED = "malformed"
TIMED_OUT = "timed-out"
TOO_LARGE = "too-large"
NO_TIME = "no-time"


class LanguageModelUnavailableError(Exception):
    """The model did not answer, or not in the form that was asked for. Says why in a word; never holds text of a user.

    The tokens are those that an answer of no use took, 0 where there was none or it does not say.
    """

    def __init__(self, reason: str, input_tokens: int = 0, output_tokens: int = 0) -> None:
        super().__init__(reason)
        self.reason = reason
        self.input_tokens = input_tokens
        self.output_tokens = output_tokens


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
