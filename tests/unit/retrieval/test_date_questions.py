"""What is asked of dates, and how far they lie apart."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backend.extraction.calendar import window
from backend.extraction.model import EventTime, Precision
from backend.retrieval.date_questions import (
    Asked,
    DateQuestion,
    Days,
    Unit,
    date_question,
    days_of,
    distance,
    named_days,
    shifted,
    window_in,
)

NOW = datetime(2026, 11, 22, 9, tzinfo=UTC)  # a Sunday

QUESTIONS = {
    "How long ago did I move to Lisbon?": DateQuestion(Asked.AGO, "i move to lisbon"),
    "How many weeks ago was the party?": DateQuestion(Asked.AGO, "the party", unit=Unit.WEEKS),
    "How many days has it been since my last checkup?": DateQuestion(Asked.AGO, "my last checkup", unit=Unit.DAYS),
    "How long until the lease ends?": DateQuestion(Asked.AHEAD, "the lease ends"),
    "Days between 3 March 2026 and today": DateQuestion(Asked.BETWEEN, "3 march 2026", "today"),
    "How much time passed between the offer and the job?": DateQuestion(Asked.BETWEEN, "the offer", "the job"),
    "How many months after the launch did we sell it?": DateQuestion(Asked.BETWEEN, "the launch", "we sell it", Unit.MONTHS),
    "How long from the launch to the sale?": DateQuestion(Asked.BETWEEN, "the launch", "the sale"),
    "What date is two weeks before my trip?": DateQuestion(Asked.DATE, "my trip", unit=Unit.WEEKS, shift=-2),
    "When was a year after the wedding?": DateQuestion(Asked.DATE, "the wedding", unit=Unit.YEARS, shift=1),
    "What day is 90 days from today?": DateQuestion(Asked.DATE, "today", unit=Unit.DAYS, shift=90),
    "What happened two days before the accident?": DateQuestion(Asked.HAPPENED, "the accident", unit=Unit.DAYS, shift=-2),
}


@pytest.mark.parametrize("text", QUESTIONS)
def test_a_question_is_taken_apart(text: str) -> None:
    assert date_question(text) == QUESTIONS[text]


@pytest.mark.parametrize("text", ["Where is Ana?", "How long is the river?", "What date is some weeks before my trip?", ""])
def test_what_is_no_such_question_is_left_alone(text: str) -> None:
    assert date_question(text) is None


NAMED = {
    "today": (date(2026, 11, 22), date(2026, 11, 22)),
    "yesterday": (date(2026, 11, 21), date(2026, 11, 21)),
    "3 March 2026": (date(2026, 3, 3), date(2026, 3, 3)),
    "the 3rd of March": (date(2026, 3, 3), date(2026, 3, 3)),
    "march 2025": (date(2025, 3, 1), date(2025, 3, 31)),
    "last Friday": (date(2026, 11, 20), date(2026, 11, 20)),
    "2024": (date(2024, 1, 1), date(2024, 12, 31)),
}


@pytest.mark.parametrize("words", NAMED)
def test_the_calendar_alone_names_days(words: str) -> None:
    assert named_days(words, NOW, -1) == Days(*NAMED[words])


@pytest.mark.parametrize("words", ["my trip", "the wedding", "my trip in March 2026", "i moved on 3 march", "lisbon"])
def test_what_tells_of_more_than_a_date_is_no_date(words: str) -> None:
    assert named_days(words, NOW, -1) is None


zones = st.integers(-11 * 60, 11 * 60).map(lambda minutes: timezone(timedelta(minutes=minutes)))
days = st.dates(date(1950, 1, 1), date(2099, 12, 31))


@given(days, zones, zones)
def test_a_day_is_that_of_whoever_said_it_wherever_it_is_asked_for(day: date, theirs: timezone, ours: timezone) -> None:
    event = window(datetime(day.year, day.month, day.day, 12, tzinfo=theirs), Precision.DAY)

    assert event
    assert days_of(event, ours) == Days(day, day)


@given(days, zones)
def test_a_month_is_all_of_its_days(day: date, zone: timezone) -> None:
    event = window(datetime(day.year, day.month, day.day, 12, tzinfo=zone), Precision.MONTH)

    assert event
    found = days_of(event, UTC)
    assert (found.first.day, found.first.month) == (1, day.month)
    assert (found.last + timedelta(days=1)).day == 1
    assert found.first <= day <= found.last


def test_a_time_of_day_is_read_in_the_callers_zone() -> None:
    event = EventTime(datetime(2026, 1, 1, 23, tzinfo=UTC), datetime(2026, 1, 2, tzinfo=UTC), Precision.HOUR)

    assert days_of(event, timezone(timedelta(hours=2))) == Days(date(2026, 1, 2), date(2026, 1, 2))


spans = st.tuples(days, st.integers(0, 60)).map(lambda each: Days(each[0], each[0] + timedelta(days=each[1])))


@given(spans, spans)
def test_every_pair_of_days_lies_within_the_least_and_the_most(one: Days, other: Days) -> None:
    far = distance(one, other, Unit.DAYS)

    assert far.least == (other.first - one.last).days
    assert far.most == (other.last - one.first).days
    assert far.least <= (other.first - one.first).days <= far.most


@given(days, st.integers(0, 400), st.sampled_from(list(Unit)))
def test_going_so_many_units_on_is_so_far_away(day: date, number: int, unit: Unit) -> None:
    start = Days(day, day)
    later = shifted(start, number, unit)

    assert later
    far = distance(start, later, unit)
    assert far.least == far.most
    # From the 31st a month on is the last of the next: one day short of a whole month.
    assert far.most in {number, number - 1} if unit in {Unit.MONTHS, Unit.YEARS} and day.day > 28 else far.most == number


def test_a_distance_is_told_in_words() -> None:
    one = Days(date(2026, 1, 1), date(2026, 1, 1))
    january = Days(date(2026, 1, 1), date(2026, 1, 31))

    assert distance(one, Days(date(2026, 1, 2), date(2026, 1, 2)), Unit.DAYS).text == "1 day"
    assert distance(january, Days(date(2026, 2, 28), date(2026, 2, 28)), Unit.DAYS).text == "between 28 and 58 days"
    assert shifted(one, 10**6, Unit.YEARS) is None


@pytest.mark.parametrize(
    "text", ["How many of the 12 may Ana take?", "Which apps may 3 people use?", "Did all 12 march to victory?"]
)
def test_a_verb_that_is_called_like_a_month_makes_no_date_of_a_number(text: str) -> None:
    assert window_in(text, NOW, -1) is None
