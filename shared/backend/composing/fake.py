"""A tokenizer for tests: fast, without a vocabulary."""

from __future__ import annotations

import re

_TOKEN = re.compile(r"\w{1,4}|\s+|[^\w\s]")


class FakeTokenizer:
    """`Tokenizer` whose tokens are runs of four letters, white space, and every other character."""

    @property
    def name(self) -> str:
        """The fake's own name."""
        return "fake"

    def measure(self, text: str) -> int:
        """Return how many tokens the text is."""
        return len(_TOKEN.findall(text))
