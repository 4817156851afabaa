from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as some

from backend.index.stemmer import stem
from backend.index.text import LONGEST_WORD, MOST_QUERY_STEMS, STOP_WORDS, query_stems, stems
from backend.tenancy.model import MOST_COMPAT_PROJECTS

OPENSEARCH_MOST_TERMS = 65_536
"""`index.max_terms_count`; `search.max_buckets` is one less (OpenSearch documentation, "Index settings", "Search settings")."""


def test_english_is_read_by_the_recipe() -> None:
    assert query_stems("Anna's cats were RUNNING in 2023, running!") == ("anna", "s", "cat", "run", "2023", "run")
    assert stems("Anna's cats were RUNNING in 2023, running!") == {"anna": 1, "s": 1, "cat": 1, "run": 2, "2023": 1}


@pytest.mark.parametrize(
    ("word", "expected"),
    [("relationships", "relationship"), ("happiness", "happi"), ("generously", "generous"), ("skies", "sky"), ("город", "город")],
)
def test_stems_are_those_of_snowball_for_english(word: str, expected: str) -> None:
    assert stem(word) == expected


def test_stop_words_are_left_out_of_what_has_other_words() -> None:
    assert query_stems("What did she do to the boat?") == ("boat",)
    assert query_stems(" ".join(sorted(STOP_WORDS)) + " boat") == ("boat",)


def test_a_question_of_stop_words_alone_keeps_them_and_finds_a_text_of_them() -> None:
    asked = query_stems("Who are you?")
    assert asked == ("who", "are", "you")
    assert set(asked) <= set(stems("You are who?"))


@pytest.mark.parametrize("text", ["", "   ", "?!…", "❤️ 🎉", "\u0301", "\u200b\u200d", "\x00"])
def test_a_text_without_words_has_no_stems(text: str) -> None:
    assert stems(text) == {}
    assert query_stems(text) == ()


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Straße", "STRASSE"),
        ("café", "cafe\u0301"),
        ("ＦＵＬＬ ｗｉｄｔｈ", "full width"),  # noqa: RUF001 - the case under test
        ("ﬁnance", "finance"),
        ("٢٠٢٣", "2023"),
        ("ΣΊΣΥΦΟΣ", "σίσυφος"),
        ("می‌خواهم", "میخواهم"),
        ("co\u00adoperate", "cooperate"),
        ("naïve users\u2019 boats", "NAÏVE USERS' BOATS"),
        ("ｶﾀｶﾅ", "カタカナ"),
    ],
)
def test_writings_of_one_word_are_one_word(one: str, other: str) -> None:
    assert stems(one) == stems(other)
    assert stems(one)


def test_words_of_scripts_with_marks_stay_whole() -> None:
    assert query_stems("हिन्दी में लिखा") == ("हिन्दी", "में", "लिखा")
    assert query_stems("שָׁלוֹם") == (unicodedata.normalize("NFKC", "שָׁלוֹם"),)


def test_scripts_without_spaces_are_read_in_pairs_and_single_characters_are_found() -> None:
    assert query_stems("黒猫がいる") == ("黒猫", "猫が", "がい", "いる")
    assert query_stems("猫") == ("猫",)
    assert {"猫", "黒猫"} <= set(stems("黒猫がいる"))
    assert set(query_stems("고양이")) <= set(stems("고양이는 잔다"))
    assert set(query_stems("กาแฟ")) <= set(stems("ฉันชอบกาแฟ"))
    assert query_stems("iPhone画面 was") == ("iphon", "画面")


def test_what_cannot_be_encoded_is_no_word_but_its_neighbours_are() -> None:
    assert query_stems("\ud800 lone boat\udfff") == ("lone", "boat")


def test_endless_words_are_cut() -> None:
    assert query_stems("7" * 100_000) == ("7" * LONGEST_WORD,)


def test_of_a_question_of_endless_words_the_first_count_and_their_repeats() -> None:
    words = [f"{letter}{number}" for letter in "bcdfg" for number in range(100)]

    found = query_stems(" ".join([*words, *words]))

    assert found == (*words[:MOST_QUERY_STEMS], *words[:MOST_QUERY_STEMS])
    assert len(stems(" ".join(words))) == len(words)


def test_all_terms_of_the_longest_question_over_the_most_projects_are_fewer_than_opensearch_takes() -> None:
    assert MOST_QUERY_STEMS * (MOST_COMPAT_PROJECTS + 1) < OPENSEARCH_MOST_TERMS


@given(some.text())
def test_every_stem_of_a_question_is_among_those_of_the_same_text(text: str) -> None:
    assert set(query_stems(text)) <= set(stems(text))
    assert all(count > 0 for count in stems(text).values())


@given(some.text(), some.text())
def test_words_are_found_wherever_they_stand_in_a_text(before: str, after: str) -> None:
    assert "boat" in stems(f"{before} boats {after}")


@given(some.text())
def test_reading_twice_gives_the_same(text: str) -> None:
    assert stems(text) == stems(text)
    assert query_stems(text.upper().lower()) == query_stems(text.upper().lower())
