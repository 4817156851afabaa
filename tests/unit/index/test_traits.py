"""What a text looks like, and by what names a speaker may be called."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backend.index.speakers import folded, names_of
from backend.index.traits import Trait, traits_of


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Shall we go?", Trait.ASKS),
        ("we left last week", Trait.TIME),
        ("there were seven of them", Trait.NUMBER),
        ("it was 1987", Trait.TIME | Trait.NUMBER),
        ("we met in Porto", Trait.PLACE | Trait.CAPITALS),
        ("she works at the library", Trait.PLACE),
        ("my sister sings", Trait.PEOPLE),
        ("always answer politely please", Trait.RULE),
        ("so I said OK and I'm fine", Trait(0)),
        ("Blue. Green! Red", Trait(0)),
        ("the la\u017ft day", Trait.TIME),
        ("tw\u0130ce a n\u0131ece", Trait.NUMBER | Trait.PEOPLE),
        ("an \u0130bar", Trait(0)),
        ("\u6628\u65e5\u4f1a\u3044\u307e\u3057\u305f", Trait(0)),
        ("", Trait(0)),
    ],
)
def test_what_can_be_seen_in_a_text(text: str, expected: Trait) -> None:
    assert traits_of(text, None) == expected


def test_who_says_it_is_seen_by_role() -> None:
    assert traits_of("tea", "user") == Trait.BY_USER
    assert traits_of("tea", "assistant") == Trait.BY_ASSISTANT
    assert traits_of("always so", "assistant") == Trait.BY_ASSISTANT
    assert traits_of("tea", "Ana") == 0


def test_a_long_text_gives_no_rule() -> None:
    assert not traits_of("never mind " * 40, None) & Trait.RULE


@given(st.text(max_size=3000), st.none() | st.text(max_size=20))
def test_any_text_has_traits_of_nine_bits(text: str, speaker: str | None) -> None:
    assert 0 <= traits_of(text, speaker) < 512


@pytest.mark.parametrize(
    ("speaker", "names"),
    [
        ("Ana", {"ana"}),
        ("Ana Lima", {"ana lima", "ana", "lima"}),
        ("  ana   LIMA ", {"ana lima", "ana", "lima"}),
        ("J. Doe", {"j doe", "doe"}),
        ("O\u2019Brien", {"o\u2019brien"}),
        ("Zo\u00eb", {"zo\u00eb"}),
        ("user", set()),
        ("Assistant", set()),
        ("Support Agent", {"support agent", "support"}),
        ("\U0001f642", set()),
        ("", set()),
        (None, set()),
    ],
)
def test_a_speaker_may_be_called_by_each_part_of_the_name(speaker: str | None, names: set[str]) -> None:
    assert names_of(speaker) == names


@given(st.text(max_size=60))
def test_a_folded_name_stays_as_it_is(name: str) -> None:
    assert folded(folded(name)) == folded(name)
