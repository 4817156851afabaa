"""What composing needs of the outside."""

from __future__ import annotations

from typing import Protocol


class Tokenizer(Protocol):
    """Measures texts as a language model reads them."""

    @property
    def name(self) -> str:
        """The encoding, as its publisher calls it. Known without loading it."""

    def measure(self, text: str) -> int:
        """Return how many tokens the text is. What looks like a special token (`<|endoftext|>`) counts as the text it is.

        Never more than the text's bytes of UTF-8. Safe to call from several threads. Raises `DependencyUnavailableError`
        when the vocabulary cannot be loaded.
        """
