"""Tokens as OpenAI's models count them: an encoding of tiktoken, with the vocabulary from layers/embedder/build_model.py."""

from __future__ import annotations

import base64
from pathlib import Path
from threading import Lock

import tiktoken

from backend.kit.errors import DependencyUnavailableError

NAME = "o200k_base"
"""The encoding of GPT-4o and the models after it."""

CURE = "The tokenizer's vocabulary is missing; build it: python layers/embedder/build_model.py --fetch"
_WORD = r"[^\r\n\p{L}\p{N}]?"
_UPPER, _LOWER = r"[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]", r"[\p{Ll}\p{Lm}\p{Lo}\p{M}]"
_ENDING = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)?"
_PATTERN = "|".join(
    (
        f"{_WORD}{_UPPER}*{_LOWER}+{_ENDING}",
        f"{_WORD}{_UPPER}+{_LOWER}*{_ENDING}",
        r"\p{N}{1,3}",
        r" ?[^\s\p{L}\p{N}]+[\r\n/]*",
        r"\s*[\r\n]+",
        r"\s+(?!\S)",
        r"\s+",
    )
)
"""Where the encoding cuts a text before it looks for tokens: part of its definition (tiktoken, `o200k_base`)."""


class TiktokenTokenizer:
    """`Tokenizer` by tiktoken. `directory` holds the vocabulary, which is read with the first text and never fetched."""

    def __init__(self, directory: Path) -> None:
        self._file = directory / f"{NAME}.tiktoken"
        self._lock = Lock()
        self._loaded: tiktoken.Encoding | None = None

    @property
    def name(self) -> str:
        """The encoding's name."""
        return NAME

    def measure(self, text: str) -> int:
        """Return how many tokens the text is."""
        return len(self._encoding().encode_ordinary(text))

    def _encoding(self) -> tiktoken.Encoding:
        with self._lock:
            if self._loaded is None:
                self._loaded = self._load()
            return self._loaded

    def _load(self) -> tiktoken.Encoding:
        try:
            lines = self._file.read_bytes().splitlines()
        except OSError as error:
            raise DependencyUnavailableError(CURE) from error
        ranks = {base64.b64decode(token): int(rank) for token, rank in (line.split() for line in lines if line)}
        # Its own lists of special tokens are for texts that a program writes; in a user's they are text.
        return tiktoken.Encoding(NAME, pat_str=_PATTERN, mergeable_ranks=ranks, special_tokens={})
