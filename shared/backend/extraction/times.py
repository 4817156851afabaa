"""Reads when something happens out of English words, against the moment at which they were said.

What can be read in two ways is read as follows. "next Tuesday" is the one of the next calendar week, "this Tuesday" that of
this one, "last Tuesday" the latest before today. A weekday, month or day without a year is the latest when the verb is in
the past, and else the next. Numbers with slashes are read only where one of them can be no month. "since" and "until" name
no event.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from datetime import datetime, timedelta

from backend.extraction.calendar import MONTHS_IN, months_later, window
from backend.extraction.model import EventTime, Precision
from backend.extraction.months import is_month

_WEEKDAYS = {
    name: number for number, name in enumerate(["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"])
}
_WEEKDAYS |= {"mon": 0, "tue": 1, "tues": 1, "wed": 2, "thu": 3, "thur": 3, "thurs": 3, "fri": 4, "sat": 5, "sun": 6}
_MONTH_NAMES = [
    "january",
    "february",
    "march",
    "april",
    "may",
    "june",
    "july",
    "august",
    "september",
    "october",
    "november",
    "december",
]
_MONTHS = {name: number for number, name in enumerate(_MONTH_NAMES, 1)} | {
    name[:3]: number for number, name in enumerate(_MONTH_NAMES, 1)
}
_MONTHS["sept"] = 9
_NUMBERS = {
    name: number
    for number, name in enumerate(
        ["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve"]
    )
} | {"a": 1, "an": 1, "couple": 2, "few": 3, "several": 4, "fifteen": 15, "twenty": 20, "thirty": 30}
_UNITS = {
    "minute": Precision.MINUTE,
    "min": Precision.MINUTE,
    "hour": Precision.HOUR,
    "day": Precision.DAY,
    "night": Precision.DAY,
    "week": Precision.WEEK,
    "fortnight": Precision.WEEK,
    "month": Precision.MONTH,
    "quarter": Precision.QUARTER,
    "year": Precision.YEAR,
}
_PARTS = {"morning": 8, "afternoon": 14, "evening": 19, "night": 22}
_FIRST_YEAR, _LAST_YEAR = 1900, 2100

_DAY_NAME = "|".join(sorted(_WEEKDAYS, key=len, reverse=True))
_MONTH_NAME = "|".join(sorted(_MONTHS, key=len, reverse=True))
_COUNT = rf"(?P<count>\d{{1,4}}|(?:a )?(?:{'|'.join(sorted(_NUMBERS, key=len, reverse=True))})(?: of)?)"
_UNIT = rf"(?P<unit>{'|'.join(sorted(_UNITS, key=len, reverse=True))})s?"
_YEAR = r"(?P<year>(?:19|20)\d\d)"
_DAY = r"(?P<day>\d{1,2})(?:st|nd|rd|th)?"
_HALF = r"a\.?m\.?|p\.?m\.?"
_CLOCK = re.compile(
    rf"\b(?:at|by|around|about|from|,|@) ?(?P<hour>\d{{1,2}})(?::(?P<minute>\d\d))? ?(?P<half>{_HALF})?(?![\d:%/.-])"
    rf"|\b(?P<hour2>\d{{1,2}})(?::(?P<minute2>\d\d))? ?(?P<half2>{_HALF})(?!\w)"
    r"|\b(?P<hour3>[01]?\d|2[0-3]):(?P<minute3>[0-5]\d)\b"
    r"|\bat (?P<named>noon|midnight)\b"
)

_NAMES_TIME = re.compile(
    rf"\d|\b(?:today|tonight|tomorrow|yesterday|weekend|{'|'.join(_PARTS)}|(?:{'|'.join(_UNITS)})s?|{_DAY_NAME}|{_MONTH_NAME})\b"
)
"""In every text that one of the readers below finds anything in."""

Found = EventTime | None
_Read = Callable[[re.Match[str], datetime, int], Found]


def event_time(words: str, said_at: datetime, tense: int) -> EventTime | None:
    """Return when what the words tell of happens, None where they do not say.

    `words` are lower case with single spaces; `said_at` has a time zone, whose calendar counts; `tense` is below 0 for the
    past, above for the future, 0 for neither.
    """
    if not _NAMES_TIME.search(words):
        return None
    for reader in READERS:
        for match in reader.found_in(words):
            try:
                found = reader.read(match, said_at, tense)
                if found:
                    return _at_the_clock(words, said_at, found)
            except (ValueError, OverflowError):  # beyond the first or the last year
                return None
    return None


def _at_the_clock(words: str, said_at: datetime, found: EventTime) -> EventTime:
    """Return the day's time more exactly, where a time of day stands beside it."""
    clock = _CLOCK.search(words) if found.precision is Precision.DAY else None
    if clock is None:
        return found
    if clock["named"]:
        hour, minute, half = (12 if clock["named"] == "noon" else 0), 0, ""
    else:
        hour = int(clock["hour"] or clock["hour2"] or clock["hour3"])
        minute = int(clock["minute"] or clock["minute2"] or clock["minute3"] or 0)
        half = (clock["half"] or clock["half2"] or "").replace(".", "")
    if half:
        hour = hour % 12 + (12 if half == "pm" else 0)
    elif hour in range(1, 7) and not clock["minute3"] and not clock["named"]:
        # "at 5" of a meeting or a dinner is in the afternoon.
        hour += 12
    if hour > 23 or minute > 59:  # noqa: PLR2004 - the last of each
        return found
    moment = found.start.astimezone(said_at.tzinfo).replace(hour=hour, minute=minute)
    exact = Precision.MINUTE if clock["minute"] or clock["minute2"] or clock["minute3"] else Precision.HOUR
    return window(moment, exact) or found


def _iso(match: re.Match[str], said_at: datetime, _: int) -> Found:
    return _dated(said_at, int(match["year"]), int(match["month"]), int(match["day"]))


def _slashed(match: re.Match[str], said_at: datetime, _: int) -> Found:
    one, other = int(match["one"]), int(match["other"])
    if (one > 12) == (other > 12):  # noqa: PLR2004 - months
        return None
    month, day = (other, one) if one > 12 else (one, other)  # noqa: PLR2004 - months
    return _dated(said_at, int(match["year"]), month, day)


def _shifted_day(days: int) -> _Read:
    def read(_match: re.Match[str], said_at: datetime, _tense: int) -> Found:
        return window(_days_later(said_at, days), Precision.DAY)

    return read


def _part_of_day(match: re.Match[str], said_at: datetime, _: int) -> Found:
    day = {"this": 0, "tomorrow": 1, "yesterday": -1, "last": -1}[match["which"]]
    moment = _days_later(said_at, day).replace(hour=_PARTS[match["part"]])
    return window(moment, Precision.DAY)


def _counted(sign: int) -> _Read:
    def read(match: re.Match[str], said_at: datetime, _: int) -> Found:
        words = match["count"].split()
        number = int(words[0]) if words[0].isdigit() else _NUMBERS[next((each for each in words if each not in {"a", "of"}), "a")]
        number *= sign * (2 if match["unit"] == "fortnight" else 1)
        return _units_later(said_at, number, _UNITS[match["unit"]])

    return read


def _neighbour(match: re.Match[str], said_at: datetime, _: int) -> Found:
    shift = {"next": 1, "coming": 1, "following": 1, "last": -1, "past": -1, "previous": -1, "this": 0, "current": 0}[
        match["which"]
    ]
    name = match["name"]
    if name == "weekend":
        saturday = _days_later(said_at, 5 - said_at.weekday() + 7 * shift)
        both = window(saturday, Precision.DAY), window(_days_later(saturday, 1), Precision.DAY)
        return EventTime(both[0].start, both[1].end, Precision.DAY) if both[0] and both[1] else None
    if name in _WEEKDAYS:
        return window(_days_later(said_at, _to_weekday(said_at, _WEEKDAYS[name], match["which"])), Precision.DAY)
    if name in _MONTHS:
        year = said_at.year + shift * (_MONTHS[name] * shift <= said_at.month * shift)
        return _dated(said_at, year, _MONTHS[name], None)
    return _units_later(said_at, shift, _UNITS[name])


def _to_weekday(said_at: datetime, weekday: int, which: str) -> int:
    within = weekday - said_at.weekday()
    if which in {"next", "following"}:
        return within + 7
    if which in {"last", "past", "previous"}:
        return within if within < 0 else within - 7
    if which == "coming":
        return within if within > 0 else within + 7
    return within


def _weekday(match: re.Match[str], said_at: datetime, tense: int) -> Found:
    within = _WEEKDAYS[match["name"]] - said_at.weekday()
    shift = (within if within < 0 else within - 7) if tense < 0 else (within if within > 0 else within + 7)
    return window(_days_later(said_at, shift), Precision.DAY)


def _month_and_day(match: re.Match[str], said_at: datetime, tense: int) -> Found:
    if not is_month(match):
        return None
    month, day = _MONTHS[match["month"]], int(match["day"])
    if match["year"]:
        return _dated(said_at, int(match["year"]), month, day)
    return _dated(said_at, _likely_year(said_at, (month, day), (said_at.month, said_at.day), tense), month, day)


def _month(match: re.Match[str], said_at: datetime, tense: int) -> Found:
    month = _MONTHS[match["month"]]
    if match["year"]:
        return _dated(said_at, int(match["year"]), month, None)
    return _dated(said_at, _likely_year(said_at, (month,), (said_at.month,), tense), month, None)


def _likely_year(said_at: datetime, named: tuple[int, ...], today: tuple[int, ...], tense: int) -> int:
    if tense < 0:
        return said_at.year - (named > today)
    return said_at.year + (named < today)


def _quarter(match: re.Match[str], said_at: datetime, tense: int) -> Found:
    month = int(match["number"]) * 3 - 2
    year = int(match["year"]) if match["year"] else _likely_year(said_at, (month + 2,), (said_at.month,), tense)
    return window(said_at.replace(year=year, month=month, day=1), Precision.QUARTER)


def _year(match: re.Match[str], said_at: datetime, _: int) -> Found:
    return window(said_at.replace(year=int(match["year"]), month=1, day=1), Precision.YEAR)


def _dated(said_at: datetime, year: int, month: int, day: int | None) -> Found:
    if not _FIRST_YEAR <= year <= _LAST_YEAR:
        return None
    try:
        moment = said_at.replace(year=year, month=month, day=day or 1)
    except ValueError:
        return None
    return window(moment, Precision.DAY if day else Precision.MONTH)


def _units_later(said_at: datetime, number: int, unit: Precision) -> Found:
    try:
        if unit in MONTHS_IN:
            moment = months_later(said_at, number * MONTHS_IN[unit])
        else:
            steps = {
                Precision.MINUTE: timedelta(minutes=1),
                Precision.HOUR: timedelta(hours=1),
                Precision.WEEK: timedelta(weeks=1),
            }
            moment = said_at + number * steps.get(unit, timedelta(days=1))
    except (ValueError, OverflowError):
        return None
    return window(moment, unit)


def _days_later(moment: datetime, days: int) -> datetime:
    return moment + timedelta(days=days)


class Reader:
    """What finds one way to say when, and makes a time of it."""

    def __init__(self, pattern: str, read: _Read, *hints: str) -> None:
        """One of the hints stands in every text that the pattern finds anything in: one without any is not searched for it."""
        # A span that goes on to an open end names no event.
        self.pattern = re.compile(rf"(?<!since )(?<!until )(?<!till )\b{pattern}(?!\w)")
        self.read = read
        self.hints = hints

    def found_in(self, words: str) -> Iterable[re.Match[str]]:
        """Return the matches in plain words."""
        return self.pattern.finditer(words) if any(map(words.__contains__, self.hints)) else ()


_DAYS_BEGIN = sorted({name[:3] for name in _WEEKDAYS})
_MONTHS_BEGIN = sorted({name[:3] for name in _MONTHS})
_CENTURIES = ("19", "20")

READERS = (
    Reader(rf"{_YEAR}-(?P<month>\d\d)-(?P<day>\d\d)", _iso, "-"),
    Reader(rf"(?P<one>\d{{1,2}})[/.](?P<other>\d{{1,2}})[/.]{_YEAR}", _slashed, *_CENTURIES),
    Reader(
        rf"(?P<month>{_MONTH_NAME})\.? (?:the )?{_DAY}(?:,? {_YEAR})?(?![:\d])",
        _month_and_day,
        *_MONTHS_BEGIN,
    ),
    Reader(rf"{_DAY} (?:of )?(?P<month>{_MONTH_NAME})\.?(?:,? {_YEAR})?", _month_and_day, *_MONTHS_BEGIN),
    Reader("(?:the )?day after tomorrow", _shifted_day(2), "after tomorrow"),
    Reader("(?:the )?day before yesterday", _shifted_day(-2), "before yesterday"),
    Reader(
        r"(?P<which>this|tomorrow|yesterday|last) (?P<part>morning|afternoon|evening|night)",
        _part_of_day,
        *_PARTS,
    ),
    Reader("(?:today|tonight)", _shifted_day(0), "today", "tonight"),
    Reader("tomorrow", _shifted_day(1), "tomorrow"),
    Reader("yesterday", _shifted_day(-1), "yesterday"),
    Reader(rf"{_COUNT} {_UNIT} (?:ago|back|earlier)", _counted(-1), " ago", " back", " earlier"),
    Reader(rf"(?:in|within) {_COUNT} {_UNIT}(?: from now)?(?: time)?", _counted(1), *_UNITS),
    Reader(rf"{_COUNT} {_UNIT} from (?:now|today)", _counted(1), " from now", " from today"),
    Reader(
        r"(?P<which>next|coming|following|last|past|previous|this|current) "
        rf"(?P<name>weekend|week|month|quarter|year|{_DAY_NAME}|{_MONTH_NAME})",
        _neighbour,
        *("next ", "coming ", "following ", "last ", "past ", "previous ", "this ", "current "),
    ),
    Reader(
        rf"(?:on |by |this )?(?P<name>{_DAY_NAME})(?<!\bsun)(?<!\bsat)(?<!\bwed)(?<!\bmon)",
        _weekday,
        *_DAYS_BEGIN,
    ),
    Reader(
        rf"(?:in |by |of |early |late |mid |during )(?P<month>{_MONTH_NAME})(?:,? (?:of )?{_YEAR})?",
        _month,
        *_MONTHS_BEGIN,
    ),
    Reader(rf"(?P<month>{_MONTH_NAME}) {_YEAR}", _month, *_CENTURIES),
    Reader(rf"q(?P<number>[1-4])(?: (?:of )?{_YEAR})?", _quarter, "q1", "q2", "q3", "q4"),
    Reader(rf"(?:in|by|during|around|back in|early|late|mid) {_YEAR}", _year, *_CENTURIES),
)
