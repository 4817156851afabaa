"""What a question shows of itself: whom it names, what kind of answer it wants, and which dates it means.

Everything here is a hint that moves answers up or down; none is needed for an answer to be found. English only: a question of
another language shows nothing, and is answered by meaning and words.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum

from backend.extraction.model import Category
from backend.extraction.months import is_month
from backend.index.speakers import folded
from backend.index.text import STOP_WORDS
from backend.kit.clock import epoch_ms
from backend.retrieval.intents import intent_of

LONGEST_READ = 2000
"""Characters of a question in which names, dates and kinds are looked for: a pasted document is none of these."""

MOST_NAMES = 64
_LONGEST_NAME = 3

_WORD = re.compile(r"[^\W_]+(?:[-.'\u2019][^\W_]+)*")
_DAY_MS = 86_400_000


_OPENING_WORDS = "can could should would may might does did has have how tell list name summarize give please whom whose"
_OPENINGS = frozenset(_OPENING_WORDS.split())


class Wants(StrEnum):
    """What kind of thing would answer; a question may want several, or nothing that can be told."""

    TIME = "time"
    PEOPLE = "people"
    PLACE = "place"
    NUMBER = "number"
    SUMMARY = "summary"
    ADVICE = "advice"
    """What was once advised, said or given by the one who is asked."""


_WANTS = {
    Wants.TIME: re.compile(r"^\W*(?:when|how long|since when|what date|what day|(?:in |on )?which (?:day|week|month|year))\b"),
    Wants.PEOPLE: re.compile(r"^\W*(?:with |from |to |for )?(?:who|whom|whose)\b"),
    Wants.PLACE: re.compile(
        r"\bwhere\b|\b(?:what|which) (?:\w+ )?(?:city|cities|country|countries|state|places?|towns?|areas?|villages?)\b"
    ),
    Wants.NUMBER: re.compile(r"\bhow (?:many|much|old|far|tall|often|big|heavy)\b|\bwhat number\b"),
    Wants.SUMMARY: re.compile(
        r"\b(?:summar\w*|overview|recap|comprehensive)\b|\bhow (?:has|have|did)\b.*\b(?:progress|evolv|develop|chang)"
    ),
    Wants.ADVICE: re.compile(
        r"\b(?:did|have|had|were) you\b|\byou(?:['\u2019]ve| have| had)? (?:recommended|suggested|advised|proposed|explained|said"
        r"|told|gave|given|provided|outlined|described|mentioned|helped|listed|showed|taught)\b"
        r"|\byour (?:advice|suggestions?|recommendations?|explanations?|answers?|guidance|tips|approach|response)\b"
    ),
}


@dataclass(frozen=True, slots=True)
class Dates:
    """The time that a question means: one span of epoch milliseconds for each year that it may mean.

    `is_day` tells that one day is meant: what was said some days later may tell of it too.
    """

    month: int | None
    day: int | None
    year: int | None

    @property
    def is_day(self) -> bool:
        """Whether one day is meant."""
        return self.day is not None

    def span(self, year: int) -> tuple[int, int] | None:
        """Return the first moment and the end of what is meant, in this year unless the question says another."""
        year = self.year or year
        try:
            first = datetime(year, self.month or 1, self.day or 1, tzinfo=UTC)
            if self.day:
                end = first + timedelta(days=1)
            elif self.month:
                end = first.replace(year=year + self.month // 12, month=self.month % 12 + 1)
            else:
                end = first.replace(year=year + 1)
        except (ValueError, OverflowError):  # 31 June, or the end of all years
            return None
        return epoch_ms(first), epoch_ms(end)


_YEARS_MONTHS = "january february march april may june july august september october november december"
_MONTHS = _YEARS_MONTHS.split()
_NAME = "|".join([*_MONTHS, *(f"{name[:3]}" for name in _MONTHS), "sept"])
_YEAR = r"(?P<year>(?:19|20)\d\d)"
_DATES = (
    re.compile(r"\b(?P<year>\d{4})-(?P<number>\d\d)-(?P<day>\d\d)\b"),
    re.compile(rf"\b(?P<day>\d{{1,2}})(?:st|nd|rd|th)?(?: of)? (?P<month>{_NAME})\b\.?(?:,? {_YEAR})?"),
    re.compile(rf"\b(?P<month>{_NAME})\.? (?P<day>\d{{1,2}})(?:st|nd|rd|th)?\b(?:,? {_YEAR})?"),
    re.compile(rf"\b(?P<month>{'|'.join(_MONTHS)})\b(?:,? (?:of )?{_YEAR})?"),
    re.compile(rf"\b{_YEAR}\b"),
)


@dataclass(frozen=True, slots=True)
class Reading:
    """A question as it was read: `bare` is its text without the names of speakers, `speaker` the only one it names.

    `intent` is the kind of knowledge that it is after.
    """

    text: str
    bare: str
    speaker: str | None
    wants: frozenset[Wants]
    dates: Dates | None
    intent: Category


def possible_names(text: str) -> frozenset[str]:
    """Return what might be names in a question, in the form of `speakers.names_of`: one to three words in a row.

    Of a question that writes some words with capital letters, only these; of one that writes none, all that tell something.
    """
    return frozenset(name for name, _ in list(_runs(text))[: MOST_NAMES * _LONGEST_NAME])


def read(text: str, names: Collection[str]) -> Reading:
    """Return what a question shows, given which of its possible names belong to speakers."""
    begin = text[:LONGEST_READ]
    found: dict[tuple[int, int], str] = {}
    for name, place in sorted(_runs(text), key=lambda run: (run[1][0] - run[1][1], run[1])):
        # The longest first: "Ana Lima" is one person, not also an Ana and a Lima.
        if name in names and not any(place[0] < end and start < place[1] for start, end in found):
            found[place] = name
    bare = text
    for start, end in sorted(found, reverse=True):
        bare = f"{bare[:start]} {bare[end:]}"
    bare = " ".join(bare.split())
    people = set(found.values())
    lowered = begin.lower()
    wants = frozenset(kind for kind, pattern in _WANTS.items() if pattern.search(lowered))
    dates = _dates(lowered, frozenset(word for name in found.values() for word in name.split()))
    return Reading(
        text=text,
        bare=bare if any(letter.isalnum() for letter in bare) else text,
        speaker=people.pop() if len(people) == 1 else None,
        wants=wants,
        dates=dates,
        intent=intent_of(lowered, asks_for_time=Wants.TIME in wants or dates is not None),
    )


def _runs(text: str) -> Iterator[tuple[str, tuple[int, int]]]:
    """Yield up to three words in a row that may be a name, with where they stand; a possessive ending belongs to it."""
    words = list(_WORD.finditer(text[:LONGEST_READ]))
    some = [word for number, word in enumerate(words) if word.group()[0].isupper() and not _only_begins(number, word)]
    telling = some or [word for word in words if word.group().lower() not in STOP_WORDS]
    places = {word.start() for word in telling[:MOST_NAMES]}
    for number, first in enumerate(words):
        for last in words[number : number + _LONGEST_NAME]:
            if last.start() not in places:
                break
            name = folded(text[first.start() : last.end()])
            if name:
                yield name, (first.start(), last.end())


def _only_begins(number: int, word: re.Match[str]) -> bool:
    """Tell whether a word is written large for standing first ("Will she come?"), or always is."""
    lowered = word.group().lower()
    return lowered == "i" or (number == 0 and (lowered in STOP_WORDS or lowered in _OPENINGS))


def _dates(text: str, people: Collection[str]) -> Dates | None:
    for pattern in _DATES:
        for found in pattern.finditer(text):
            said = found.groupdict()
            if said.get("month") and not is_month(found, people):
                continue
            return Dates(month=_month(said), day=_number(said, "day"), year=_number(said, "year"))
    return None


def _month(said: Mapping[str, str | None]) -> int | None:
    name = said.get("month")
    if name:
        return next(number for number, month in enumerate(_MONTHS, 1) if name[:3] == month[:3])
    return _number(said, "number")


def _number(said: Mapping[str, str | None], name: str) -> int | None:
    digits = said.get(name)
    return int(digits) if digits else None
