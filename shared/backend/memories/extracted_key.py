"""The canonical key that tells two wordings of one fact from two facts. Deduplication goes by it, never by text."""

from __future__ import annotations

import re
import unicodedata

VERSION = "k1"
_NOT_WORD = re.compile(r"[^\w]+", re.UNICODE)


def extracted_key(text: str) -> str:
    """Return the key: NFKC, case folded, every run of punctuation and space one space, the version before it.

    `I like  Tea!` and `i like tea` give `k1:i like tea`. A text without any letter or digit is its own key.
    """
    folded = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text).casefold())
    words = _NOT_WORD.sub(" ", folded).strip()
    return f"{VERSION}:{words or folded.strip()}"
