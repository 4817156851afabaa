"""What can be seen in a text without knowing what is asked: a question, a time, a place, a number, people, a rule to keep.

Such a trait says nothing by itself; a question of when, who, where or how many is more often answered by texts that have it.
The word lists are English. A text of another language has few traits, and is ranked by meaning and words alone.
"""

from __future__ import annotations

import re
from enum import IntFlag

LONGEST_LOOKED_AT = 2000
"""Characters: what a text is about shows at its beginning."""
_RULE_LENGTH = 250


class Trait(IntFlag):
    """One bit each."""

    ASKS = 1
    TIME = 2
    NUMBER = 4
    PLACE = 8
    PEOPLE = 16
    RULE = 32
    BY_USER = 64
    BY_ASSISTANT = 128
    CAPITALS = 256


def _words(*lines: str) -> frozenset[str]:
    return frozenset(" ".join(lines).split())


_WORD = re.compile(r"\w+")
_TIMES = _words(
    "yesterday today tonight tomorrow last next ago week weekend month year recently",
    "monday tuesday wednesday thursday friday saturday sunday",
    "january february march april june july august september october november december",
)
_NUMBERS = _words(
    "one two three four five six seven eight nine ten eleven twelve dozen hundred thousand once twice couple several few both",
    "half",
)
_DIGIT = re.compile(r"\d")
_PEOPLE = _words(
    "mom mum mother dad father parent parents sister brother friend friends wife husband kid kids child children son daughter",
    "cousin uncle aunt grandma grandmother grandpa grandfather grandparent grandparents colleague colleagues coworker coworkers",
    "boss manager teacher mentor girlfriend boyfriend partner neighbor neighbors neighbour neighbours team family niece nephew",
    "group",
)
_PLACES = _words(
    "park beach restaurant cafe city town village country store shop gym school museum shelter home church coast mountain",
    "mountains lake forest island hospital studio center centre club garden library university college office street bar",
)
_PLACE_NAMED = re.compile(r"\b(?:in|at|to|from|near|around|visit|visited|visiting|trip)\s+(?:the\s+)?[A-Z]")
_RULE = re.compile(
    r"\b(?:always|never|from now on|whenever|every time|remember to|please remember|when i ask|don['\u2019]t ever|going forward"
    r"|in (?:the )?future|make sure you)\b"
)
_CAPITALISED = re.compile(r"""(?<![.!?\]:"'\u201d\u2019]\s)(?<=[^\n]\s)[A-Z][A-Za-z&:'.-]+""")


_LIKE_ASCII = {0x130: "i", 0x131: "i", 0x17F: "s"}
"""Letters that are i and s when case does not count."""


def traits_of(text: str, speaker: str | None) -> int:
    """Return the traits of a text and of who said it, as one number of 9 bits."""
    begin = text[:LONGEST_LOOKED_AT]
    lowered = begin.translate(_LIKE_ASCII).lower()
    words = set(_WORD.findall(lowered))
    seen = (
        (Trait.ASKS, text.rstrip().endswith("?")),
        (Trait.TIME, not _TIMES.isdisjoint(words) or any(map(str.isdecimal, words))),
        (Trait.NUMBER, _DIGIT.search(begin) or not _NUMBERS.isdisjoint(words)),
        (Trait.PLACE, not _PLACES.isdisjoint(words) or _PLACE_NAMED.search(begin)),
        (Trait.PEOPLE, not _PEOPLE.isdisjoint(words)),
        (Trait.RULE, len(text) < _RULE_LENGTH and speaker != "assistant" and _RULE.search(lowered)),
        (Trait.BY_USER, speaker == "user"),
        (Trait.BY_ASSISTANT, speaker == "assistant"),
        (Trait.CAPITALS, _names_something(begin)),
    )
    return sum(int(trait) for trait, is_seen in seen if is_seen)


def _names_something(text: str) -> bool:
    """Tell whether a word inside a sentence begins with a capital letter: a name, mostly."""
    return any(word not in {"I", "OK"} and not word.startswith("I'") for word in _CAPITALISED.findall(text))
