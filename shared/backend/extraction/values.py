"""What the value of an attribute can be: somebody's boss has a name and is no adjective, a deadline is a time, a price a number.

"My boss is angry" says no more about who the boss is than "My boss is on holiday" does. Names are known by their capital: a
text that is written without any, or in nothing else, names nobody for certain, and what is not certain claims nothing.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from backend.extraction.lexicon import (
    ADVERBS,
    AUXILIARIES,
    DEMONYMS,
    DETERMINERS,
    EMOTIONS,
    EVALUATIONS,
    OBJECT_PRONOUNS,
    PREPOSITIONS,
    STATES,
    SUBJECT_PRONOUNS,
    SUBORDINATORS,
)
from backend.extraction.words import QUOTED

_PARTICLES = frozenset({"of", "the", "de", "da", "do", "dos", "das", "del", "di", "du", "la", "le", "les", "el", "al", "bin"})
_PARTICLES |= {"van", "von", "der", "den", "ter", "y", "&"}
_BEFORE_PLACES = frozenset({"old", "new", "downtown", "central", "greater", "inner", "upper", "lower", "rural", "north", "south"})
_BEFORE_PLACES |= {"east", "west", "northern", "southern", "eastern", "western"}
_NEVER_NAMES = SUBJECT_PRONOUNS | OBJECT_PRONOUNS | AUXILIARIES | DETERMINERS - {"the"} | PREPOSITIONS | SUBORDINATORS | ADVERBS
_NEVER_NAMES |= {"not", "here", "there", "today", "tomorrow", "yesterday", "tonight", "who", "what", "which", "call", QUOTED}
_NEVER_NAMES |= {"somebody", "someone", "anybody", "anyone", "nothing", "neither", "none", "one", "people", "others", "currently"}
_ADJECTIVES = EMOTIONS | EVALUATIONS | STATES
_ADJECTIVE = re.compile(r"\w{3,}(?:ed|ful|less|ous|ive|able|ible)")
_PRAISING = re.compile(r"(?:amaz|annoy|bor|chang|disappoint|excit|exhaust|grow|inspir|interest|relax|tir)ing")
_ARTICLED = re.compile(r"(?:an?|the) (?P<noun>.+)")
_MOST_WORDS = 4
_TIME = re.compile(
    r"\d|\b(?:today|tonight|tomorrow|noon|midnight|(?:mon|tues|wednes|thurs|fri|satur|sun)day|january|february|march|april|may"
    r"|june|july|august|september|october|november|december|(?:next|this|end of)(?: the| this)? (?:week|month|quarter|year))\b"
)
_COUNT = re.compile(
    r"\d|\b(?:one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|twenty|thirty|forty|fifty|sixty|hundred|thousand"
    r"|million|billion|free)\b"
)
_BLOOD = re.compile(r"(?:a|b|ab|o|0)(?: ?[+-]| (?:rh )?(?:positive|negative|pos|neg))?")
_MARITAL = re.compile(r"(?:married|single|divorced|engaged|widowed|separated)")


def is_name(value: str, written: str) -> bool:
    """Tell whether words of a clause are a name in it: capitals where a name has them. `written`: the clause, with its case."""
    words = _words(value)
    if not words or len(words) > _MOST_WORDS + 1 or written.isupper():
        return False
    core = [each for each in words if each not in _PARTICLES | _BEFORE_PLACES]
    if not core or words[-1] in _PARTICLES or not _NEVER_NAMES.isdisjoint(each.rstrip(".") for each in core):
        return False
    shown = " ".join(written.replace("\u2019", "'").split())
    lowered = shown.lower()
    place = lowered.rfind(value)
    if place < 0 or len(lowered) != len(shown):
        return False
    return all(
        each[:1].isupper() or each[:1].isdigit() for each in _words(shown[place : place + len(value)]) if each.lower() in core
    )


def _words(value: str) -> list[str]:
    return value.replace(",", " ").split()


def is_who(value: str, written: str) -> bool:
    """Tell whether it names a person or a place: not what somebody is ("Portuguese", "CEO")."""
    return is_name(value, written) and not DEMONYMS.issuperset(value.split()) and not value.endswith(("ish", "ese"))


def _is_noun(value: str, _written: str) -> bool:
    """Tell whether lower-case words can be a noun: nothing that only describes, places or denies."""
    articled = _ARTICLED.fullmatch(value)
    words = (articled["noun"] if articled else value).split()
    return (
        0 < len(words) <= _MOST_WORDS
        and _NEVER_NAMES.isdisjoint(words)
        and {"and", "or", "but", "too", "so", "very"}.isdisjoint(words)
        and not (words[-1] in _ADJECTIVES or (_ADJECTIVE.fullmatch(words[-1]) or _PRAISING.fullmatch(words[-1])))
    )


def is_post(value: str, written: str) -> bool:
    """Tell whether it is what somebody works as: a noun with its article, so that "as hard as I can" is none."""
    return _ARTICLED.fullmatch(value) is not None and _is_noun(value, written)


def _matches(pattern: re.Pattern[str]) -> Callable[[str, str], bool]:
    return lambda value, _written: pattern.search(value) is not None


def _is_place(value: str, written: str) -> bool:
    return is_name(value, written) or "@" in value or _COUNT.search(value) is not None


def _is_zone(value: str, written: str) -> bool:
    return is_name(value, written) or _COUNT.search(value) is not None


_KINDS: tuple[tuple[str, Callable[[str, str], bool]], ...] = (
    (r"name|nickname|employer|boss|manager|husband|wife|spouse|partner|fiancee?|owner|lead|headquarters|capital", is_who),
    (r"home ?town|school|university", is_who),
    (r"native language|first language|mother tongue|star sign|nationality|citizenship", is_name),
    # "My job is a pain" is told far more often than "My job is a nurse".
    (r"job|job title|title|role|position|subscription", is_name),
    (r"major|diet", _is_noun),
    (r"time ?zone", _is_zone),
    (r"address|e-?mail(?: address)?|phone(?: number)?", _is_place),
    (r"age|budget|price|version|salary|shoe size|height|weight", _matches(_COUNT)),
    (r"birthday|deadline|due date|launch date|release date|start date|end date", _matches(_TIME)),
    (r"blood type", lambda value, _: _BLOOD.fullmatch(value) is not None),
    (r"marital status", lambda value, _: _MARITAL.fullmatch(value) is not None),
    (r"status", lambda value, _: len(value.split()) <= _MOST_WORDS),
)
NOUNS = "|".join(nouns for nouns, _ in _KINDS)
_OF_A_KIND = re.compile(
    r".*\b(?:colou?r|shade|food|dish|meal|fruit|vegetable|cuisine|dessert|snack|drink|flavou?r|tea|coffee|wine|beer|season|month"
    r"|day|weekday|number|letter|word|animal|pet|bird|flower|plant|tree|sport|game|hobby|activity|subject|language|music|genre"
    r"|instrument|weather|smell|spice|holiday|room|tool|fabric|shape|metal|planet|ice cream|cheese|bread|sauce|breakfast|lunch"
    r"|dinner)"
)
"""Favourites of a kind ("green") are common nouns; of a restaurant or a band there is a name, and a state on any day."""


def fits(attribute: str, value: str, written: str) -> bool:
    """Tell whether a value can be one of the attribute, which is one of `NOUNS` or `favorite SOMETHING`."""
    if attribute.startswith(("favorite ", "favourite ")):
        return is_name(value, written) or (_OF_A_KIND.fullmatch(attribute) is not None and _is_noun(value, written))
    return next(is_one(value, written) for nouns, is_one in _COMPILED if nouns.fullmatch(attribute))


_COMPILED = tuple((re.compile(nouns), is_one) for nouns, is_one in _KINDS)
