"""Of a long text, the part that answers best."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from backend.index.text import query_stems
from backend.retrieval.spans import best_span

LONG = 4096
words = frozenset(query_stems("harbour lighthouse"))


def part(text: str, question: str, most_bytes: int) -> str:
    start, end = best_span(text, frozenset(query_stems(question)), most_bytes)
    return text[start:end]


@given(st.text(st.sampled_from("ab語é .!?\n\U0001f34e"), max_size=400), st.integers(4, 200))
def test_a_span_lies_in_the_text_and_fits(text: str, most_bytes: int) -> None:
    start, end = best_span(text, frozenset({"a", "b"}), most_bytes)

    assert 0 <= start <= end <= len(text)
    assert len(text[start:end].encode()) <= most_bytes
    assert not text or start < end


@given(st.text(st.sampled_from("ab語 ."), min_size=1, max_size=60))
def test_a_text_that_fits_is_answered_whole(text: str) -> None:
    assert best_span(text, frozenset({"a"}), 4 * len(text)) == (0, len(text))


def test_the_run_of_sentences_that_shares_most_with_the_question_is_chosen() -> None:
    filler = "Nothing of note happened here. " * 10
    text = filler + "The harbour was full. The lighthouse burned. " + filler

    chosen = part(text, "harbour lighthouse", 100)

    assert "harbour" in chosen
    assert "lighthouse" in chosen
    assert chosen.startswith(("Nothing", "The"))


def test_a_word_counts_once_however_often_it_is_said() -> None:
    text = "Harbour harbour harbour harbour. " + "x" * 80 + ". The harbour and the lighthouse. " + "y" * 80

    assert "lighthouse" in part(text, "harbour lighthouse", 60)


def test_among_equals_the_first_stands() -> None:
    text = "The harbour is here. " + "z" * 100 + ". The harbour is there. " + "z" * 100

    assert part(text, "harbour", 30).startswith("The harbour is here.")


@given(st.text(st.sampled_from("ab語é .!?\n\U0001f34e"), max_size=400), st.integers(4, 200), st.data())
def test_what_the_index_found_is_shown_with_what_stands_around_it(text: str, most_bytes: int, data: st.DataObject) -> None:
    first = data.draw(st.integers(0, len(text)))
    last = data.draw(st.integers(first, len(text)))

    start, end = best_span(text, frozenset({"a", "b"}), most_bytes, (first, last))

    assert len(text[start:end].encode()) <= most_bytes
    if len(text[first:last].encode()) <= most_bytes:
        assert start <= first <= last <= end
    else:
        assert first <= start < end <= last


def test_the_part_that_the_index_found_goes_before_one_that_shares_more_words() -> None:
    text = "The harbour and the lighthouse. " + "Nothing of note. " * 20 + "She hung the lamp up there. " + "Nothing more. " * 20
    found = text.index("She hung")

    start, end = best_span(text, words, 100, (found, found + len("She hung the lamp up there.")))

    assert "She hung the lamp up there." in text[start:end]


def test_a_text_that_shares_nothing_is_shown_from_its_beginning() -> None:
    text = "Nothing here matters. " * 20

    assert best_span(text, words, 50)[0] == 0


def test_a_sentence_over_the_size_is_cut_and_searched_in_pieces() -> None:
    text = "word " * 2000 + "lighthouse " + "word " * 2000

    chosen = part(text, "lighthouse", LONG)

    assert "lighthouse" in chosen
    assert len(chosen.encode()) <= LONG


def test_many_bytes_a_character_still_fit() -> None:
    assert len(part("\U0001f34e" * 5000, "apple", LONG).encode()) <= LONG
