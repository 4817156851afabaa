"""By what names a speaker may be called, in the one form in which names are compared."""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache

ROLES = frozenset({"user", "assistant", "human", "ai", "bot", "system", "tool", "agent", "customer", "me", "you", "i"})
"""What speakers are called that have no name: a question that uses such a word means something else by it."""

LONGEST_NAME = 5
"""Words of a name that count."""

_WORD = re.compile(r"[^\W_]+(?:[-.'\u2019][^\W_]+)*")
_POSSESSIVE = re.compile(r"['\u2019]s$")


def folded(name: str) -> str:
    """Return a name as it is compared: NFKC, case folded, its words one space apart, no possessive ending."""
    words = _WORD.findall(unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", name).casefold()))
    return " ".join(_POSSESSIVE.sub("", word) for word in words[:LONGEST_NAME])


@lru_cache(maxsize=1024)
def names_of(speaker: str | None) -> frozenset[str]:
    """Return by what a speaker may be called: the whole name, and each word of it that has at least two letters.

    None for those who are only called by their role.
    """
    whole = folded(speaker or "")
    if not whole or whole in ROLES:
        return frozenset()
    words = [word for word in whole.split() if len(word) > 1 and word not in ROLES]
    return frozenset([whole, *words])
