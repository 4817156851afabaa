"""What a question shows: whom it names, what would answer it, which dates it means."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backend.kit.clock import epoch_ms
from backend.retrieval.reading import LONGEST_READ, Dates, Wants, possible_names, read

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
        ("What is the name of the dog?", {Wants.NAME}),
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


@pytest.mark.parametrize("text", ["May I come?", "Is it 12 o'clock?", "Where is room 20245?", "What may happen?"])
def test_what_is_no_date_means_none(text: str) -> None:
    assert read(text, ()).dates is None


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
