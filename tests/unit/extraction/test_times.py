"""When something happens, read against when it was said."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from backend.extraction.model import Precision
from backend.extraction.times import READERS, Reader, event_time

SAID = datetime(2026, 11, 18, 15, 30, tzinfo=UTC)
"""A Wednesday."""


def read(words: str, tense: int = 0, said_at: datetime = SAID) -> tuple[str, str, str] | None:
    found = event_time(words, said_at, tense)
    return (found.start.isoformat()[:16], found.end.isoformat()[:16], found.precision.value) if found else None


def day(date: str, days: int = 1) -> tuple[str, str, str]:
    start = datetime.fromisoformat(date)
    return start.isoformat()[:16], (start + timedelta(days=days)).isoformat()[:16], "day"


@pytest.mark.parametrize(
    ("words", "date"),
    [
        ("i met her today", "2026-11-18"),
        ("the call is tomorrow", "2026-11-19"),
        ("we left yesterday", "2026-11-17"),
        ("it was the day before yesterday", "2026-11-16"),
        ("due the day after tomorrow", "2026-11-20"),
        ("we spoke last night", "2026-11-17"),
        ("tomorrow morning we leave", "2026-11-19"),
        ("three days ago", "2026-11-15"),
        ("a couple of days ago", "2026-11-16"),
        ("in 10 days", "2026-11-28"),
        ("meeting next tuesday", "2026-11-24"),
        ("meeting next friday", "2026-11-27"),
        ("this friday", "2026-11-20"),
        ("last friday", "2026-11-13"),
        ("last wednesday", "2026-11-11"),
        ("the coming wednesday", "2026-11-25"),
        ("on 2026-12-01", "2026-12-01"),
        ("on december 5th, 2026", "2026-12-05"),
        ("on dec 5", "2026-12-05"),
        ("on the 5th of december", "2026-12-05"),
        ("on 5 january", "2027-01-05"),
        ("on 25/12/2026", "2026-12-25"),
        ("on 12/25/2026", "2026-12-25"),
    ],
)
def test_days_are_read(words: str, date: str) -> None:
    assert read(words) == day(date)


@pytest.mark.parametrize(
    ("words", "tense", "expected"),
    [
        ("i saw him on friday", -1, day("2026-11-13")),
        ("i will see him on friday", 1, day("2026-11-20")),
        ("i moved in march", -1, ("2026-03-01T00:00", "2026-04-01T00:00", "month")),
        ("i will move in march", 1, ("2027-03-01T00:00", "2027-04-01T00:00", "month")),
        ("i married on december 5", -1, day("2025-12-05")),
    ],
)
def test_the_tense_says_which_one_is_meant(words: str, tense: int, expected: tuple[str, str, str]) -> None:
    assert read(words, tense) == expected


@pytest.mark.parametrize(
    ("words", "start", "end", "precision"),
    [
        ("two weeks ago", "2026-11-02", "2026-11-09", Precision.WEEK),
        ("next week", "2026-11-23", "2026-11-30", Precision.WEEK),
        ("a fortnight ago", "2026-11-02", "2026-11-09", Precision.WEEK),
        ("last month", "2026-10-01", "2026-11-01", Precision.MONTH),
        ("in three months", "2027-02-01", "2027-03-01", Precision.MONTH),
        ("next march", "2027-03-01", "2027-04-01", Precision.MONTH),
        ("last december", "2025-12-01", "2026-01-01", Precision.MONTH),
        ("in june 2024", "2024-06-01", "2024-07-01", Precision.MONTH),
        ("last year", "2025-01-01", "2026-01-01", Precision.YEAR),
        ("in 2019", "2019-01-01", "2020-01-01", Precision.YEAR),
        ("q3 2026 is done", "2026-07-01", "2026-10-01", Precision.QUARTER),
        ("next quarter", "2027-01-01", "2027-04-01", Precision.QUARTER),
        ("last weekend", "2026-11-14", "2026-11-16", Precision.DAY),
        ("this weekend", "2026-11-21", "2026-11-23", Precision.DAY),
    ],
)
def test_longer_spans_are_read_with_their_window(words: str, start: str, end: str, precision: Precision) -> None:
    assert read(words) == (f"{start}T00:00", f"{end}T00:00", precision.value)


@pytest.mark.parametrize(
    ("words", "start", "precision"),
    [
        ("tomorrow at 5", "2026-11-19T17:00", "hour"),
        ("tomorrow at 9:30 am", "2026-11-19T09:30", "minute"),
        ("next tuesday at 8pm", "2026-11-24T20:00", "hour"),
        ("on friday at noon", "2026-11-20T12:00", "hour"),
        ("tomorrow at 14:05", "2026-11-19T14:05", "minute"),
        ("today at 12 a.m.", "2026-11-18T00:00", "hour"),
        ("two hours ago", "2026-11-18T13:00", "hour"),
        ("in 15 minutes", "2026-11-18T15:45", "minute"),
    ],
)
def test_times_of_day_are_read(words: str, start: str, precision: str) -> None:
    found = read(words)
    assert found is not None
    assert (found[0], found[2]) == (start, precision)


@pytest.mark.parametrize(
    "words",
    [
        "i may go",
        "the sun sat low",
        "since 2019",
        "until march 2027",
        "3/4/2026",
        "on 31/31/2026",
        "february 30",
        "in 30 people",
        "at 5",
        "version 2026",
        "march on",
        "the second one",
        "in 9999 years",
        "route 66",
        "every day",
        "how many of the 12 may ana take",
        "which apps may 3 people use",
        "did they march 12 abreast",
        "all 12 march to victory",
    ],
)
def test_what_names_no_moment_is_not_read(words: str) -> None:
    assert read(words) is None


@pytest.mark.parametrize(
    "words", ["we meet on may 3", "we meet may the 3rd", "3 may is the day", "the 3rd of may", "may 3 at noon", "may 3, 9 pm"]
)
def test_a_day_in_may_is_read(words: str) -> None:
    found = read(words)

    assert found is not None
    assert found[0].startswith("2027-05-03")


def test_the_calendar_is_that_of_whoever_speaks() -> None:
    in_auckland = datetime(2026, 11, 19, 1, tzinfo=timezone(timedelta(hours=13)))

    assert read("yesterday", said_at=in_auckland) == ("2026-11-17T11:00", "2026-11-18T11:00", "day")


def test_the_last_day_of_a_month_stays_within_the_month() -> None:
    assert read("in one month", said_at=datetime(2026, 1, 31, tzinfo=UTC)) == ("2026-02-01T00:00", "2026-03-01T00:00", "month")


PARTS = (
    *("in", "on", "at", "last", "next", "this", "a", "two", "5", "30", "31", "25", "2026", "9999", "0", "12:61", ":", "/", "-"),
    *("days", "weeks", "ago", "february", "march", "friday", "tomorrow", "year", "quarter", "q1", "pm", "of"),
)
WORDS = st.lists(st.sampled_from(PARTS), max_size=8).map(" ".join)


@given(WORDS, st.datetimes(timezones=st.just(UTC)), st.integers(-1, 1))
def test_whatever_is_said_whenever_a_window_has_a_length(words: str, said_at: datetime, tense: int) -> None:
    found = event_time(words, said_at, tense)

    assert found is None or found.start < found.end


SHIFTING = ["yesterday", "tomorrow at noon", "last weekend", "next monday", "two days ago", "in ten years"]


@pytest.mark.parametrize("words", SHIFTING)
@pytest.mark.parametrize(
    "said_at",
    [
        datetime.min.replace(tzinfo=timezone(timedelta(hours=14))),
        datetime.max.replace(tzinfo=timezone(timedelta(hours=-12))),
        datetime.min.replace(tzinfo=UTC),
        datetime.max.replace(tzinfo=UTC),
    ],
)
def test_a_time_beyond_the_first_or_the_last_year_is_none(words: str, said_at: datetime) -> None:
    found = event_time(words, said_at, 0)

    assert found is None or found.start < found.end


@pytest.mark.parametrize("reader", READERS, ids=lambda reader: str(reader.pattern.pattern)[33:60])
@given(data=st.data())
@settings(max_examples=40)
def test_a_reader_searches_every_text_that_it_finds_anything_in(reader: Reader, data: st.DataObject) -> None:
    words = data.draw(st.from_regex(reader.pattern))

    assert list(reader.found_in(words))
