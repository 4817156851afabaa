"""Questions that reckon with dates: what is asked for, between what, and how many days that is.

A date is a span of days (a month named without a day is all of it), so a distance has a least and a most. Nothing is rounded
but to whole weeks, months and years that have passed.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta, tzinfo
from enum import StrEnum

from backend.extraction.calendar import months_later
from backend.extraction.model import EventTime, Precision
from backend.extraction.times import event_time
from backend.retrieval.kinds import normalised, telling

_NUMBER_NAMES = ["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve"]
_NUMBERS = {name: number for number, name in enumerate(_NUMBER_NAMES)} | {"a": 1, "an": 1, "couple": 2}
_DAYS_IN_WEEK = 7
_MONTHS_IN_YEAR = 12


class Unit(StrEnum):
    """What a distance is told in."""

    DAYS = "days"
    WEEKS = "weeks"
    MONTHS = "months"
    YEARS = "years"


class Asked(StrEnum):
    """What is to be reckoned."""

    AGO = "ago"
    AHEAD = "ahead"
    BETWEEN = "between"
    DATE = "date"
    """The date so long before or after something."""

    HAPPENED = "happened"
    """What happened then."""


@dataclass(frozen=True, slots=True)
class DateQuestion:
    """What is asked of `first` and, between two, of `second`, in the words of the question; `shift` in units, below 0 before."""

    asked: Asked
    first: str
    second: str | None = None
    unit: Unit = Unit.DAYS
    shift: int = 0


@dataclass(frozen=True, slots=True)
class Days:
    """From the first to the last day that is meant, both included."""

    first: date
    last: date

    @property
    def is_one(self) -> bool:
        """Whether it is one day."""
        return self.first == self.last


@dataclass(frozen=True, slots=True)
class Distance:
    """So many whole units at least and at most."""

    unit: Unit
    least: int
    most: int

    @property
    def text(self) -> str:
        """Return it in words."""
        if self.least == self.most:
            return f"{self.least} {self.unit.value if self.least != 1 else self.unit.value[:-1]}"
        return f"between {self.least} and {self.most} {self.unit.value}"


_UNIT = r"(?P<unit>days?|weeks?|months?|years?|nights?)"
_HOW = rf"^(?:so |and )?how (?:long|much time|many {_UNIT})"
_HELPS = r"(?:did|was|were|is|are|has|have|had|do|does|will)"
_FORMS: tuple[tuple[re.Pattern[str], Asked], ...] = (
    (re.compile(rf"{_HOW} ago {_HELPS} (?P<first>.+)$"), Asked.AGO),
    (re.compile(rf"{_HOW} (?:before|after) (?P<first>.+?) {_HELPS} (?P<second>.+)$"), Asked.BETWEEN),
    (re.compile(rf"{_HOW}\b.*?\bbetween (?P<first>.+) and (?P<second>.+)$"), Asked.BETWEEN),
    (re.compile(rf"^(?:the )?(?:number of )?{_UNIT} between (?P<first>.+) and (?P<second>.+)$"), Asked.BETWEEN),
    (re.compile(rf"{_HOW}(?: \w+){{0,2}} from (?P<first>.+) (?:to|until) (?P<second>.+)$"), Asked.BETWEEN),
    (re.compile(rf"{_HOW}\b.*?\bsince (?P<first>.+)$"), Asked.AGO),
    (re.compile(rf"{_HOW}\b.*?\b(?:until|till) (?P<first>.+)$"), Asked.AHEAD),
    (
        re.compile(
            rf"^what (?:happened|did|was|were|had|is happening|happens)\b.*?(?P<number>\d+|[a-z]+) {_UNIT}"
            r" (?P<side>before|after|from) (?P<first>.+)$"
        ),
        Asked.HAPPENED,
    ),
    (
        re.compile(
            rf"^(?:(?:what|which) (?:date|day)|when|what)\b.*?\b(?P<number>\d+|[a-z]+) {_UNIT}"
            r" (?P<side>before|after|from) (?P<first>.+)$"
        ),
        Asked.DATE,
    ),
)
_NOW = frozenset({"now", "today", "right now", "this moment", "this day"})
_LEADING = re.compile(r"^(?:(?:i|we|you|he|she|they|it|me|my|our|the|a|an|that|when|to|last|it was|it is) )+")


def date_question(text: str) -> DateQuestion | None:
    """Return what a question asks to reckon, None where its form is not known."""
    words = normalised(text)
    for pattern, asked in _FORMS:
        found = pattern.search(words)
        if found is None:
            continue
        said = found.groupdict()
        unit = _unit(said.get("unit"))
        shift = 0
        if said.get("number"):
            number = _number(said["number"])
            if number is None:
                continue
            shift = -number if said["side"] == "before" else number
        return DateQuestion(asked, said["first"], said.get("second"), unit, shift)
    return None


def named_days(words: str, now: datetime, tense: int) -> Days | None:
    """Return the days that words name by the calendar alone ("last friday", "3 march"); None where they tell of anything else.

    `now` has the time zone whose calendar counts.
    """
    plain = normalised(words)
    if plain in _NOW:
        return Days(now.date(), now.date())
    if undated(_LEADING.sub("", plain)):
        return None
    return window_in(plain, now, tense)


def window_in(words: str, now: datetime, tense: int) -> Days | None:
    """Return the days that some of the words name, None where none do."""
    plain = normalised(words)
    found = event_time(plain, now, tense) or event_time(f"in {plain}", now, tense)
    return days_of(found, now.tzinfo) if found else None


def days_of(event: EventTime, zone: tzinfo | None) -> Days:
    """Return the days of a time.

    A day's span is that of whoever said it, in a zone that is not kept; its noon falls on that very day in UTC wherever they
    were, but beyond the twelfth hour east. A time of day is read in the caller's zone.
    """
    if event.precision in {Precision.MINUTE, Precision.HOUR}:
        day = event.start.astimezone(zone or UTC).date()
        return Days(day, day)
    half = timedelta(hours=12)
    first = (event.start.astimezone(UTC) + half).date()
    return Days(first, max(first, (event.end.astimezone(UTC) - half).date()))


def distance(start: Days, end: Days, unit: Unit) -> Distance:
    """Return how far the end lies behind the start, in whole units; negative where it lies before."""
    return Distance(unit, _between(start.last, end.first, unit), _between(start.first, end.last, unit))


def shifted(days: Days, number: int, unit: Unit) -> Days | None:
    """Return the days so many units later; None beyond the years that a date can hold."""
    try:
        return Days(_later(days.first, number, unit), _later(days.last, number, unit))
    except (ValueError, OverflowError):
        return None


def _later(day: date, number: int, unit: Unit) -> date:
    if unit is Unit.DAYS or unit is Unit.WEEKS:
        return day + timedelta(days=number * (_DAYS_IN_WEEK if unit is Unit.WEEKS else 1))
    months = number * (_MONTHS_IN_YEAR if unit is Unit.YEARS else 1)
    return months_later(datetime(day.year, day.month, day.day, tzinfo=UTC), months).date()


def _between(start: date, end: date, unit: Unit) -> int:
    if end < start:
        return -_between(end, start, unit)
    days = (end - start).days
    months = (end.year - start.year) * _MONTHS_IN_YEAR + end.month - start.month - (end.day < start.day)
    counted: dict[Unit, Callable[[], int]] = {
        Unit.DAYS: lambda: days,
        Unit.WEEKS: lambda: days // _DAYS_IN_WEEK,
        Unit.MONTHS: lambda: months,
        Unit.YEARS: lambda: months // _MONTHS_IN_YEAR,
    }
    return counted[unit]()


def _unit(word: str | None) -> Unit:
    name = (word or "day").removesuffix("s")
    return Unit.DAYS if name == "night" else Unit(f"{name}s")


def _number(word: str) -> int | None:
    return int(word) if word.isdigit() else _NUMBERS.get(word)


_CALENDAR = re.compile(
    r"\b(?:\d+(?:st|nd|rd|th)?|(?:jan|feb|mar|apr|jun|jul|aug|sep|sept|oct|nov|dec)|january|february|march|april|may|june|july|august"
    r"|september|october|november|december|(?:mon|tues|wednes|thurs|fri|satur|sun)days?|mon|tues?|wed|thurs?|fri|sat|sun"
    r"|today|yesterday|tomorrow|tonight|weekends?|mornings?|afternoons?|evenings?|quarters?|fortnights?"
    r"|one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|couple|few|this|last|early|late|mid)\b",
    re.IGNORECASE,
)
"""Words of dates: numbers, months, weekdays, and what stands beside these. Whole words: a wedding is no Wednesday."""


def undated(text: str) -> tuple[str, ...]:
    """Return the telling stems of a text that are not of its dates."""
    return telling(_CALENDAR.sub(" ", text))
