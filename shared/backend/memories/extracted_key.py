"""The canonical key that tells two wordings of one fact from two facts. Deduplication goes by it, never by text."""

from __future__ import annotations

import hashlib
import re
import unicodedata

VERSION = "k1"
LONGEST = 512
"""Characters of a key that are kept as they are. For a longer one its SHA-256 stands, so that no row doubles in size."""

_SIGNS = re.compile(r"[%‰#]|(?<!\w)-(?=\d)")
"""Punctuation that tells facts apart: 5% from 5, C# from C, -5 from 5."""


class _Kept(dict[int, str]):
    """What becomes of each character, worked out when first met: itself, or a space.

    Letters, digits and symbols stay, and marks, which are the vowels of many scripts. Merging two facts loses one of them,
    keeping both loses nothing: only what certainly says nothing goes.
    """

    def __missing__(self, code: int) -> str:
        self[code] = chr(code) if unicodedata.category(chr(code))[0] in "LMNS" else " "
        return self[code]


class _Visible(dict[int, str | None]):
    """What becomes of each character before it is folded: joiners, soft hyphens and direction marks go."""

    def __missing__(self, code: int) -> str | None:
        self[code] = None if unicodedata.category(chr(code)) == "Cf" else chr(code)
        return self[code]


_kept = _Kept()
_visible = _Visible()


def extracted_key(text: str) -> str:
    """Return the key: NFKC, case folded, every run of punctuation and space one space, the version before it.

    `I like  Tea!` and `i like tea` give `k1:i like tea`. A text of nothing but punctuation is its own key.
    """
    folded = _folded(text)
    characters = list(folded.translate(_kept))
    for sign in _SIGNS.finditer(folded):
        characters[sign.start()] = sign.group()
    key = " ".join("".join(characters).split()) or " ".join(folded.split())
    if len(key) > LONGEST:
        key = f"sha256:{hashlib.sha256(key.encode()).hexdigest()}"
    return f"{VERSION}:{key}"


def _folded(text: str) -> str:
    """Return the text without case, joiners and look-alikes of one character (Unicode's toNFKC_Casefold)."""
    if text.isascii():
        return text.lower()
    folded = text.translate(_visible).casefold()
    return unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", folded).casefold())
