"""The form in which rules read a text: lower case, contractions written out, quoted speech hidden."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from functools import lru_cache

from backend.extraction.lexicon import DETERMINERS, FINITE, OBJECT_PRONOUNS, PREPOSITIONS, SUBJECT_PRONOUNS

QUOTED = "quotedspeech"
"""Stands for what somebody quotes: none of its words are the speaker's."""

_QUOTES = re.compile(
    "\u201c[^\u201c\u201d\\n]{1,2000}\u201d|\u00ab[^\u00ab\u00bb\\n]{1,2000}\u00bb|\u201e[^\u201e\u201c\\n]{1,2000}\u201c"
    '|"[^"\\n]{1,2000}"'
)
_DOUBLE_MARKS = frozenset("\u201c\u00ab\u201e")
_APOSTROPHE = "['\u2019]"
_SINGLE_QUOTES = re.compile(
    rf"(?<![^\W_])['\u2018](?=[^\W_])(?!\d\ds\b|(?:tis|twas|em|cause|til|till|n|bout|round)\b)"
    rf"(?:[^'\u2018\u2019\n]|(?<=[^\W_]){_APOSTROPHE}(?=[^\W_])){{1,2000}}(?<=\S){_APOSTROPHE}(?![^\W_])",
    re.IGNORECASE,
)
"""Opened behind no letter and closed before none: an apostrophe has letters on both sides, or stands behind one ("the dogs'
owner") or before what it shortens ("'90s", "'em")."""

_SINGLE_OPENED = re.compile(r"(?<![^\W_])['\u2018](?=[^\W_])")
_SHORT = re.compile(
    r"\b(?:(?P<negated>do|does|did|is|are|was|were|would|should|could|has|have|had)n'?t"
    r"|(?P<who>i|you|we|they|he|she|it|that|there|here|what|who|where|how|let)'(?P<verb>m|re|ve|ll|d|s)"
    r"|(?P<chat>won'?t|can'?t|im|ive|youre|theyre|gonna|wanna|gotta|fav|favourite))\b"
)
_VERBS = {"m": "am", "re": "are", "ve": "have", "ll": "will", "d": "would", "s": "is"}
_CHAT = {
    "won't": "will not", "wont": "will not", "can't": "cannot", "cant": "cannot", "im": "i am", "ive": "i have",
    "youre": "you are", "theyre": "they are", "gonna": "going to",
    "wanna": "want to", "gotta": "have to", "fav": "favorite", "favourite": "favorite",
}  # fmt: skip
_TOKEN = re.compile(r"[^\W_]+(?:['-][^\W_]+)*")
_KNOWN = (
    FINITE
    | DETERMINERS
    | SUBJECT_PRONOUNS
    | OBJECT_PRONOUNS
    | PREPOSITIONS
    | {"and", "but", "or", "not", "is", "are", "am", "was", "have", "has"}
)
_FEW = 3


def plain(text: str) -> str:
    """Return the words as rules read them, with their punctuation and single spaces."""
    shown = text
    for quotes in _quoting(text):
        shown = quotes.sub(f" {QUOTED} ", shown)
    if not shown.isascii():
        shown = unicodedata.normalize("NFKC", shown).replace("\u2019", "'").replace("\u02bc", "'")
    return " ".join(_SHORT.sub(_written_out, shown.lower()).split())


def quotes_in(text: str) -> list[tuple[int, int]]:
    """Return where quoted speech stands in a text, with its marks."""
    return [found.span() for quotes in _quoting(text) for found in quotes.finditer(text)]


def _quoting(text: str) -> Iterator[re.Pattern[str]]:
    """Give what finds the quotes of a text, nothing for one that has none, as most."""
    if '"' in text or not (text.isascii() or _DOUBLE_MARKS.isdisjoint(text)):
        yield _QUOTES
    if ("'" in text or "\u2018" in text) and _SINGLE_OPENED.search(text):
        yield _SINGLE_QUOTES


def _written_out(match: re.Match[str]) -> str:
    if match["negated"]:
        return f"{match['negated']} not"
    if match["chat"]:
        return _CHAT[match["chat"]]
    return "let us" if match["who"] == "let" else f"{match['who']} {_VERBS[match['verb']]}"


@lru_cache(maxsize=4)  # The rules that read one sentence, one after the other, all go by its words.
def tokens(words: str) -> tuple[str, ...]:
    """Return the words of plain text without its punctuation."""
    return tuple(_TOKEN.findall(words))


def is_english(words: str) -> bool:
    """Tell whether plain text can be English: enough of its words are those that every English text has."""
    found = tokens(words)
    if not words.isascii() and sum(each.isascii() for each in found) * 2 < len(found):
        return False
    known = sum(map(_KNOWN.__contains__, found))
    return known * 6 >= len(found) if len(found) > _FEW else bool(found)
