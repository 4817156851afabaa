"""Two wordings have one key only when they certainly are one fact."""

from __future__ import annotations

import re

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from backend.extraction.extracted_key import LONGEST, VERSION, extracted_key, is_outdated
from backend.extraction.lexicon import BASE_OF_THIRD, PARTICIPLES, PAST

PREFIX = f"{VERSION}:"
SAID_IN_TWO_WAYS = {"a", "an", "the", "cannot", "zero", "one", "two", "three", "four", "five", "six", "seven", "nine", "ten"}
SAID_IN_TWO_WAYS |= {
    "he",
    "she",
    "it",
    "eight",
    "eleven",
    "twelve",
    "twenty",
    "thirty",
    "forty",
    "fifty",
    "sixty",
    "eighty",
    "ninety",
}
"""Words that English says in another way too, or leaves out."""

WORDS = st.lists(
    st.text("abcdefghijklmnopqrstuvwxyzäöüñ0123456789", min_size=1, max_size=8).filter(lambda each: each not in SAID_IN_TWO_WAYS),
    min_size=1,
    max_size=8,
)
GAPS = st.builds(
    "".join,
    st.tuples(
        st.sampled_from(["", ",", ";", ":", ".", "!", ")", "\u3002", "\u201c", "..."]),
        st.sampled_from([" ", "\t\n", "\u00a0", " \u2014 \n"]),
        st.sampled_from(["", "(", "\u00ab", "\u201e"]),
    ),
)


@given(st.text(max_size=200))
def test_a_key_is_its_own_key(text: str) -> None:
    key = extracted_key(text)

    assert key.startswith(PREFIX)
    if not key.startswith(f"{PREFIX}sha256:"):
        assert extracted_key(key.removeprefix(PREFIX)) == key


@given(WORDS, st.data())
def test_case_space_and_punctuation_between_words_make_no_difference(words: list[str], data: st.DataObject) -> None:
    shouted = [data.draw(st.sampled_from([word, word.upper(), word.title()])) for word in words]
    spaced = "".join(word + data.draw(GAPS) for word in shouted)
    # Between two numbers a dash is a minus or a range, which tells facts apart.
    assume(not re.search(r"\d\s+\u2014\s+\d", spaced))

    assert extracted_key(data.draw(GAPS) + spaced) == extracted_key(" ".join(words))


@given(WORDS, WORDS)
def test_different_words_have_different_keys(one: list[str], other: list[str]) -> None:
    assert (extracted_key(" ".join(one)) == extracted_key(" ".join(other))) is (one == other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("I like  Tea!", "i like tea"),
        ("_Really_ good", "really good"),
        ("STRAẞE", "straße"),
        ("ﬁne ①", "fine 1"),
        ("cafe\u0301", "café"),
        ("co\u00adoperate\u200b", "cooperate"),
        ("well-known", "well known"),
        ("I don't like tea", "I do not like tea"),
        ("I\u2019m Ada", "i am Ada"),
        ("I can't swim", "I cannot swim"),
        ("It's the best tea", "It is best tea"),
        ("I have a cat", "I have cat"),
        ("I have twenty-one cats", "I have 21 cats"),
        ("We are two", "we are 2"),
        ("It costs 1,000 euros", "It costs 1000 euros"),
        ("我喜欢茶。", "我喜欢茶"),
        ("I HAVE A CAT", "i have a cat"),
        ("I Have A Cat", "I have cat"),
        ("We HAVE A PROBLEM here", "We have a problem here"),
        ("Hello. A dog came.", "hello dog came"),
        ("I take vitamin A", "I take vitamin a"),
        ("I'd like tea", "I would like tea"),
        ("I'd rather not go", "I would rather not go"),
        ("She\u2019d never been there", "She had never been there"),
        ("We'd better go", "We had better go"),
        ("He's been there", "He has been there"),
        ("He's tall", "He is tall"),
        ("I should've gone", "I should have gone"),
        ("You mightn't like it", "You might not like it"),
        ("I shan't go", "I shall not go"),
        ("Let's meet at five", "Let us meet at 5"),
        ("She likes tea", "She like tea"),
        ("He doesn't smoke", "He don't smoke"),
        ("It always carries a cost", "it always carry a cost"),
    ],
)
def test_these_are_one_fact(one: str, other: str) -> None:
    assert extracted_key(one) == extracted_key(other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("I like tea", "I like teas"),
        ("I take vitamin A", "I take vitamin"),
        ("I take vitamin A daily.", "I take vitamin daily."),
        ("Plan A starts on Monday.", "Plan starts on Monday."),
        ("The A team won", "The team won"),
        ("Vitamin A, and C, are good", "Vitamin, and C, are good"),
        ("A: I love tea", "I love tea"),
        ("An: I love tea", "I love tea"),
        ("I like chicken", "I like chickens"),
        ("I have a cat", "I have cats"),
        ("I'd put it there", "I would put it there"),
        ("I'd gone", "I would go"),
        ("He read the news", "He reads the news"),
        ("She lived in Porto", "She lives in Porto"),
        ("She lives in Porto", "They live in Porto"),
        ("I insist he leave", "I insist he leaves"),
        ("My plan works", "My plans work"),
        ("I do like tea", "I do not like tea"),
        ("I have two cats", "I have three cats"),
        ("I have 20 1 euro coins", "I have 21 euro coins"),
        ("I write C", "I write C++"),
        ("I write C", "I write C#"),
        ("It costs $5", "It costs €5"),
        ("It is -5 outside", "It is 5 outside"),
        ("We grew 5%", "We grew 5"),
        ("a < b", "a > b"),
        ("Today: 🍎", "Today: 🍌"),
        ("कि", "का"),  # Devanagari: the vowels are marks
        ("ดี", "ดู"),  # Thai: good, and look
        ("1.5 m", "15 m"),
        ("!!!", "???"),
    ],
)
def test_these_are_two_facts(one: str, other: str) -> None:
    assert extracted_key(one) != extracted_key(other)


FINITE_VERBS = sorted(set(BASE_OF_THIRD.values()) - PAST - PARTICIPLES)


@given(
    st.sampled_from(["he", "She", "it"]),
    st.sampled_from(["", "never", "always"]),
    st.sampled_from(FINITE_VERBS),
    st.sampled_from(["the tea", "in Porto", "me"]),
)
def test_behind_he_she_and_it_a_verb_has_one_form_in_the_present_and_another_in_the_past(
    who: str, how: str, verb: str, rest: str
) -> None:
    third = next(form for form, base in BASE_OF_THIRD.items() if base == verb)
    base, singular, they = (
        extracted_key(" ".join([*said, rest])) for said in ((who, how, verb), (who, how, third), ("they", how, verb))
    )

    assert base == singular != they


LETTERED = st.lists(
    st.sampled_from(["A", "a", "The", "the", "plan", "Team", "one", "she's", "?", ".", "(", "like", "5", "é", "\u00c9"])
)


@given(LETTERED)
def test_a_key_with_a_name_of_one_letter_is_its_own_key(words: list[str]) -> None:
    key = extracted_key(" ".join(words))

    assert extracted_key(key.removeprefix(PREFIX)) == key


def test_a_key_of_an_older_version_is_known() -> None:
    assert [is_outdated(key) for key in ("k1:tea", "k2:tea", f"{VERSION}:tea", "", "tea: k2")] == [
        True,
        True,
        False,
        False,
        False,
    ]


def test_a_text_of_nothing_but_punctuation_is_its_own_key() -> None:
    assert extracted_key(" ?! ...") == f"{PREFIX}?! ..."


def test_a_long_text_has_a_short_key_of_its_own() -> None:
    longest, longer, other = "x" * LONGEST, "x" * (LONGEST + 1), "X" * LONGEST + "Y"

    assert extracted_key(longest) == PREFIX + longest
    assert len(extracted_key(longer)) < 100
    assert extracted_key(longer) == extracted_key(longer.upper() + "!")
    assert extracted_key(longer) != extracted_key(other)


def test_a_character_that_unfolds_into_many_makes_no_key_long() -> None:
    # U+FDFA is one character of three bytes, and a sentence of 18 once it is normalised.
    assert len(extracted_key("\ufdfa" * 34_000).encode()) < 100
