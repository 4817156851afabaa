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


_TIME = re.compile(
    r"\b(?:yesterday|today|tonight|tomorrow|last|next|ago|week|weekend|month|year|(?:mon|tues|wednes|thurs|fri|satur|sun)day"
    r"|recently|january|february|march|april|june|july|august|september|october|november|december|\d+)\b",
    re.IGNORECASE,
)
_NUMBER = re.compile(
    r"\d|\b(?:one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|dozen|hundred|thousand|once|twice|couple|several"
    r"|few|both|half)\b",
    re.IGNORECASE,
)
_PEOPLE = re.compile(
    r"\b(?:mom|mum|mother|dad|father|parents?|sister|brother|friends?|wife|husband|kids?|child|children|son|daughter|cousin"
    r"|uncle|aunt|grand(?:ma|mother|pa|father|parents?)|colleagues?|coworkers?|boss|manager|teacher|mentor|girlfriend"
    r"|boyfriend|partner|neighbou?rs?|team|family|niece|nephew|group)\b",
    re.IGNORECASE,
)
_PLACE_NAMED = re.compile(r"\b(?:in|at|to|from|near|around|visit|visited|visiting|trip)\s+(?:the\s+)?[A-Z]")
_PLACE_KIND = re.compile(
    r"\b(?:park|beach|restaurant|cafe|city|town|village|country|store|shop|gym|school|museum|shelter|home|church|coast"
    r"|mountains?|lake|forest|island|hospital|studio|cent(?:er|re)|club|garden|library|university|college|office|street|bar)\b",
    re.IGNORECASE,
)
_RULE = re.compile(
    r"\b(?:always|never|from now on|whenever|every time|remember to|please remember|when i ask|don['\u2019]t ever|going forward"
    r"|in (?:the )?future|make sure you)\b",
    re.IGNORECASE,
)
_CAPITALISED = re.compile(r"""(?<![.!?\]:"'\u201d\u2019]\s)(?<=[^\n]\s)[A-Z][A-Za-z&:'.-]+""")


def traits_of(text: str, speaker: str | None) -> int:
    """Return the traits of a text and of who said it, as one number of 9 bits."""
    begin = text[:LONGEST_LOOKED_AT]
    by_user = speaker == "user"
    seen = (
        (Trait.ASKS, text.rstrip().endswith("?")),
        (Trait.TIME, _TIME.search(begin)),
        (Trait.NUMBER, _NUMBER.search(begin)),
        (Trait.PLACE, _PLACE_NAMED.search(begin) or _PLACE_KIND.search(begin)),
        (Trait.PEOPLE, _PEOPLE.search(begin)),
        (Trait.RULE, len(text) < _RULE_LENGTH and speaker != "assistant" and _RULE.search(begin)),
        (Trait.BY_USER, by_user),
        (Trait.BY_ASSISTANT, speaker == "assistant"),
        (Trait.CAPITALS, _names_something(begin)),
    )
    return sum(int(trait) for trait, is_seen in seen if is_seen)


def _names_something(text: str) -> bool:
    """Tell whether a word inside a sentence begins with a capital letter: a name, mostly."""
    return any(word not in {"I", "OK"} and not word.startswith("I'") for word in _CAPITALISED.findall(text))
