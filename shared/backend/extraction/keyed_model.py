"""A language model whose key is a secret."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from backend.extraction.ports import LanguageModel, LanguageModelUnavailableError, ModelAnswer
from backend.kit.clock import Clock
from backend.kit.errors import MemorySyncError
from backend.tenancy.cache import RecentCache

NO_KEY = "no-key"
KEY_SECONDS = 300.0
"""How long a process goes on with a key that was replaced."""


class KeyedLanguageModel:
    """`LanguageModel` that is made of its key, which is read when it is first asked and again after five minutes.

    `key` returns the secret's text and raises `MemorySyncError`; what cannot stand in a header is no key. `make` does no
    input or output.
    """

    def __init__(self, name: str, key: Callable[[], str], make: Callable[[str], LanguageModel], clock: Clock) -> None:
        self._name = name
        self._key = key
        self._make = make
        self._recent: RecentCache[str, LanguageModel] = RecentCache(clock, KEY_SECONDS, 1)

    @property
    def name(self) -> str:
        """The model, as it is configured. Reads no secret."""
        return self._name

    def answer(self, instructions: str, text: str, schema: Mapping[str, Any]) -> ModelAnswer:
        """Return what the model answers. Without a key it is one that does not answer: nobody's add fails for that."""
        return self._recent.get(self._name, self._made).answer(instructions, text, schema)

    def _made(self) -> LanguageModel:
        try:
            # Secrets that people paste end in a line break.
            key = self._key().strip()
        except MemorySyncError as error:
            raise LanguageModelUnavailableError(NO_KEY) from error
        if not (key and key.isascii() and key.isprintable()):
            raise LanguageModelUnavailableError(NO_KEY)
        return self._make(key)
