"""Punctuation that carries meaning keeps two facts apart; what says nothing merges two wordings of one."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backend.extraction.extracted_key import VERSION, extracted_key

PREFIX = f"{VERSION}:"
TELLING = st.text("a5é\u00df\u00b2\u00bd .,:;!?-\u2013/*'\"\u2019\u201d\u2032\u2033_@&%#$=<>()…\u2011\u200d\u00a0", max_size=12)


@given(TELLING)
def test_a_key_with_signs_is_its_own_key(text: str) -> None:
    key = extracted_key(text)

    assert extracted_key(key.removeprefix(PREFIX)) == key


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("You like tea?", "You like tea."),
        ("هل تحب الشاي؟", "هل تحب الشاي"),
        ("It is \u20135 outside", "It is 5 outside"),
        ("It is \u22125 outside", "It is 5 outside"),
        ("The balance is -$5", "The balance is $5"),
        ("The share is .5", "The share is 5"),
        ("Take 1.2 tablets", "Take 1/2 tablets"),
        ("Take 1.2 tablets", "Take 1-2 tablets"),
        ("We lost 1:2", "We lost 1.2"),
        ("5 - 3 is wrong", "5 / 3 is wrong"),
        ("The board is 5' long", 'The board is 5" long'),
        ("The board is 5\u2019 long", "The board is 5\u201d long"),
        ("The board is 5\u2032 long", "The board is 5\u2033 long"),
        ("It has 10² rows", "It has 102 rows"),
        ("It takes 1½ hours", "It takes 11\u20442 hours"),
        ("Mail a.b@example.com", "Mail a@b.example.com"),
        ("Mail ada.king@example.com", "Mail ada_king@example.com"),
        ("Mail ada.king@example.com", "Mail ada-king@example.com"),
        ("It is in data/log", "It is in data.log"),
        ("I write .NET", "I write NET"),
        ("x != 5", "x = 5"),
        ("x -= 5", "x = 5"),
        ("!done", "done"),
        ("a -> b", "a > b"),
        ("¬p", "p"),
        ("Ich trinke in Maßen", "Ich trinke in Massen"),
        ("I am for \U0001f3f4\U000e0067\U000e0062\U000e0065\U000e006e\U000e0067\U000e007f",
         "I am for \U0001f3f4\U000e0067\U000e0062\U000e0073\U000e0063\U000e0074\U000e007f"),
        ("§5 applies", "5 applies"),
    ],
)  # fmt: skip
def test_these_are_two_facts_by_their_signs(one: str, other: str) -> None:
    assert extracted_key(one) != extracted_key(other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Do you like tea ?", "do you like tea???"),
        ("¿Te gusta el té?", "te gusta el té ?"),
        ("From 3\u20135", "from 3-5"),
        ("She said: “tea, please!\u201d", "She said tea please"),
        ("(I like tea…)", "I like tea"),
        ("well-known", "well\u2010known"),
        ("GROẞ", "groß"),
        ("5\u2019 long", "5' long"),
        ("- I like tea", "I like tea"),
        ("* I like tea", "I like tea"),
    ],
)
def test_these_are_one_fact_in_spite_of_their_signs(one: str, other: str) -> None:
    assert extracted_key(one) == extracted_key(other)
