"""What a question shows: whom it names, what would answer it, which dates it means."""

from __future__ import annotations

from calendar import month_name
from collections.abc import Callable
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backend.kit.clock import epoch_ms
from backend.retrieval.reading import LONGEST_READ, Dates, Wants, possible_names, read

MONTH_NAMES = list(month_name)[1:]
NAMES = frozenset({"ana", "lima", "ana lima", "ben", "will", "may"})


def ms(year: int, month: int, day: int) -> int:
    return epoch_ms(datetime(year, month, day, tzinfo=UTC))


@pytest.mark.parametrize(
    ("text", "speaker", "bare"),
    [
        ("What does Ana drink?", "ana", "What does drink?"),
        ("What is Ana's favourite tea?", "ana", "What is favourite tea?"),
        ("What is Ana\u2019s tea?", "ana", "What is tea?"),
        ("What did Ana Lima tell us?", "ana lima", "What did tell us?"),
        ("what does ana drink?", "ana", "what does drink?"),
        ("What do Ana and Ben drink?", None, "What do and drink?"),
        ("Will it rain?", None, "Will it rain?"),
        ("Did Will come?", "will", "Did come?"),
        ("Who is Zoe?", None, "Who is Zoe?"),
        ("Ana?", "ana", "Ana?"),
        ("", None, ""),
    ],
)
def test_the_names_of_speakers_are_told_from_the_rest(text: str, speaker: str | None, bare: str) -> None:
    reading = read(text, NAMES & possible_names(text))

    assert (reading.speaker, reading.bare) == (speaker, bare)


def test_only_words_that_may_be_names_are_asked_for() -> None:
    assert possible_names("Where did Ana Lima meet the others in Porto?") == {"ana", "ana lima", "lima", "porto"}
    assert "porto" in possible_names("where is porto")
    assert possible_names("Where is it?") == frozenset()
    assert len(possible_names("Aa Bb Cc " * 3000)) < 200


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("When did she leave?", {Wants.TIME}),
        ("How long have they lived there?", {Wants.TIME}),
        ("Who came along?", {Wants.PEOPLE}),
        ("With whom did he dance?", {Wants.PEOPLE}),
        ("Which city did they see?", {Wants.PLACE}),
        ("How many cats are there?", {Wants.NUMBER}),
        ("What is the name of the dog?", set()),
        ("Summarize the project", {Wants.SUMMARY}),
        ("What did you recommend for the knee?", {Wants.ADVICE}),
        ("Can you recommend something?", set()),
        ("She left whenever she liked", set()),
        ("\u00bfCu\u00e1ndo se fue?", set()),
    ],
)
def test_what_would_answer_is_seen(text: str, wanted: set[Wants]) -> None:
    assert read(text, ()).wants == wanted


@pytest.mark.parametrize(
    ("text", "first", "end"),
    [
        ("What happened on 12 May 2024?", (2024, 5, 12), (2024, 5, 13)),
        ("What happened on May 12th, 2024?", (2024, 5, 12), (2024, 5, 13)),
        ("What happened on 2024-05-12?", (2024, 5, 12), (2024, 5, 13)),
        ("What happened on the 3rd of Dec?", (2023, 12, 3), (2023, 12, 4)),
        ("What happened in December?", (2023, 12, 1), (2024, 1, 1)),
        ("What happened in may?", (2023, 5, 1), (2023, 6, 1)),
        ("What happened in 2021?", (2021, 1, 1), (2022, 1, 1)),
    ],
)
def test_a_date_means_a_span_of_time(text: str, first: tuple[int, int, int], end: tuple[int, int, int]) -> None:
    dates = read(text, ()).dates

    assert dates is not None
    assert dates.span(2023) == (ms(*first), ms(*end))


@pytest.mark.parametrize("text", ["Is it 12 o'clock?", "Where is room 20245?"])
def test_what_is_no_date_means_none(text: str) -> None:
    assert read(text, ()).dates is None


NOT_MONTHS = """
    May I come?
    What may happen?
    Which apps may 3 people use?
    Which apps may 3 or 4 people use?
    Which apps may 10,000 people use?
    Which apps may 3% of people use?
    Which rides may 3-year-olds take?
    Which apps may 3rd parties use?
    How many of the 12 may Ana take?
    How many of 12 may Ana take?
    Which 3 may I choose?
    Who of these 12 may come?
    How many people over 18 may vote?
    How many over 18 may?
    May 3 people come?
    Do you think this may work?
    Which of those may leave?
    Who came in? May I see them?
    Did May call?
    What did Ana tell May?
    Did the band march to victory?
    Who will march 3 miles?
    Did they march 12 abreast?
    Did all 12 march to victory?
    Who led the march?
    Who wants to march?
    Which soldiers march 20 miles a day?
    Who would mar 3 paintings?
    What did June say?
    Who gave June 3 apples?
    Did April move?
    Where does Jan live?
    Who gave Jan 2 apples?
    What may 99 mean?
"""
MONTHS = {
    (5, 3): """
        What happened on May 3?
        What happened on 3 May?
        What happened May 3rd?
        What happened on May 3rd in Lisbon?
        May 3: what happened?
        May 3
        What did we do on the 3 May?
        What did we do on the 3rd of May?
        What happened around 3 May?
        What did Ana do May 3 in Lisbon?
        Was May 3 a Monday?
        Is the May 3 meeting cancelled?
        Who came on May 3 or 4?
        What happened May 3 at noon?
        What happened May 3, 9 pm?
        On 3 May Ana swam. Where?
        What happened before May 3 people ask?
        3 May 2024
        May 3, 2024
        Which people came since May 3?
    """,
    (3, 12): """
        What happened on March 12?
        What happened on 12 March?
        What happened March 12th?
        What happened on the 12th of March?
        What did Ana do on mar 12?
        Was March 12 a Monday?
        Was 12 March a Monday?
        From 3 to 12 March, who came?
    """,
    (5, None): """
        What did Ana do in May?
        What did Ana do in may?
        What happened last May?
        What happens next May?
        What happened this May?
        Who came in early May?
        Where was Ana in mid-May?
        What did she plan for May?
        What was the May meeting about?
        What happened in May 2024?
        May 2024
        What may happen in May?
    """,
    (3, None): """
        What did Ana do in March?
        What happened last March?
        What happened next March in Lisbon?
        What happened this March?
        March 2024
        What was the March 2024 budget?
        What was decided by March?
        Who wants to march in March?
        What happened since the beginning of march?
    """,
    (6, None): """
        What did June do in June?
        What did June do last June?
    """,
}
SPEAKERS = frozenset({"june", "april", "jan", "may"})


@pytest.mark.parametrize("text", [each.strip() for each in NOT_MONTHS.strip().splitlines()])
@pytest.mark.parametrize("form", [str, str.lower])
def test_a_month_that_is_another_word_there_is_none(text: str, form: Callable[[str], str]) -> None:
    assert read(form(text), SPEAKERS & possible_names(form(text))).dates is None


@pytest.mark.parametrize(
    ("text", "meant"), [(each.strip(), meant) for meant, lines in MONTHS.items() for each in lines.strip().splitlines()]
)
@pytest.mark.parametrize("form", [str, str.lower])
def test_a_month_that_can_be_one_is_one(text: str, meant: tuple[int, int | None], form: Callable[[str], str]) -> None:
    dates = read(form(text), SPEAKERS & possible_names(form(text))).dates

    assert dates is not None
    assert (dates.month, dates.day) == meant


@given(
    st.sampled_from(MONTH_NAMES),
    st.integers(1, 31),
    st.sampled_from(["", "th"]),
    st.sampled_from(["", "?", " in Lisbon?", ", 2024"]),
)
def test_what_stands_on_a_day_is_a_date_whatever_the_month(month: str, day: int, suffix: str, after: str) -> None:
    """A day after "on" is one, in either order; so is one at the end."""
    number = MONTH_NAMES.index(month) + 1
    for text in (
        f"What happened on {month} {day}{suffix}{after}",
        f"Who left on {day}{suffix} {month}{after}",
        f"{month} {day}{suffix}{after}",
    ):
        dates = read(text, ()).dates
        assert dates is not None
        assert (dates.month, dates.day) == (number, day)


@given(
    st.sampled_from(["apps", "of them", "rooms", "cars"]),
    st.integers(0, 99),
    st.sampled_from(["people", "guests", "children", "big teams"]),
    st.sampled_from(["use?", "take next?", "see?"]),
)
def test_a_number_that_counts_what_may_do_something_is_no_day(what: str, number: int, who: str, does: str) -> None:
    assert read(f"Which {what} may {number} {who} {does}", ()).dates is None
    assert read(f"Which of the {number} may {who} {does}", ()).dates is None


@given(
    st.sampled_from(["they", "we", "to", "will", "did"]),
    st.integers(1, 31),
    st.sampled_from(["miles", "hours", "abreast", "times"]),
)
def test_a_march_that_is_walked_is_no_month(before: str, number: int, what: str) -> None:
    assert read(f"Where did {before} march {number} {what}?", ()).dates is None
    assert read(f"Where did {before} march to?", ()).dates is None


@pytest.mark.parametrize(
    ("month", "day", "year"), [(2, 30, None), (13, 1, 2024), (1, 1, 9999), (12, 31, 9999), (None, None, 9999)]
)
def test_a_day_that_never_was_means_nothing(month: int | None, day: int | None, year: int | None) -> None:
    span = Dates(month, day, year).span(2023)

    assert span is None or span[0] < span[1]


@given(st.text(max_size=300))
def test_any_question_can_be_read(text: str) -> None:
    names = possible_names(text)
    reading = read(text, names)

    assert reading.bare == text or len(reading.bare) <= len(text)
    assert reading.speaker is None or reading.speaker in names


def test_a_pasted_document_is_read_at_its_beginning_only() -> None:
    late = "x " * LONGEST_READ + "Ana in December"

    assert (read(late, NAMES).speaker, read(late, NAMES).dates) == (None, None)
