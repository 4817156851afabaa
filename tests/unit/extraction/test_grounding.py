"""A statement says what it quotes: not of somebody else, not something else, and not the opposite."""

from __future__ import annotations

import pytest

from backend.extraction.grounding import is_grounded, names_are_said, points_elsewhere


@pytest.mark.parametrize(
    ("text", "quote"),
    [
        ("I love tea.", "I love tea"),
        ("I enjoy tea.", "I like tea"),
        ("I went to Rome.", "I go to Rome"),
        ("I have 2 dogs.", "I have two dogs"),
        ("I am ill.", "I'm ill"),
        ("I do not love tea.", "I don\u2019t love tea"),
        ("I love coffee.", "I do not love tea but I love coffee"),
        ("I like tea.", "I like tea, not coffee"),
        ("I live in Lisbon.", "I live in Lisbon, no longer in Porto"),
        ("I no longer eat meat.", "I stopped eating meat"),
        ("I dislike tea.", "I am not a fan of tea"),
        ("I drink coffee without sugar.", "I drink coffee without sugar"),
        ("I want to visit Rome.", "I can't wait to visit Rome"),
        ("I love tea.", "No, I love tea"),
        ("I am a nurse.", "I'm not only a nurse but also a painter"),
        ("I am allergic to nuts.", "I can't eat nuts, I'm allergic"),
        ("Ich trinke keinen Tee.", "Ich trinke keinen Tee"),
        (
            "\u79c1\u306f\u7d05\u8336\u304c\u597d\u304d\u3067\u3059",
            "\u79c1\u306f\u7d05\u8336\u304c\u597d\u304d\u3067\u3059\u3002",
        ),
    ],
)
def test_what_is_said_is_grounded(text: str, quote: str) -> None:
    assert is_grounded(text, quote)


@pytest.mark.parametrize(
    ("text", "quote"),
    [
        ("Bob is ill", "I like tea"),
        ("I own a cat.", "I own it"),
        ("I like cats.", "I like tea"),
        ("I moved in 1999.", "I moved to Lisbon"),
        ("I am 3 years old.", "I was born in 2023"),
        ("I love tea", "I do not love tea"),
        ("I love tea.", "I don't love tea"),
        ("I love tea.", "I never loved tea"),
        ("I love tea.", "I do not love tea but I love coffee"),
        ("I live in Porto.", "I live in Lisbon, no longer in Porto"),
        ("I have dogs.", "I have no dogs"),
        ("I have been to Rome.", "I have never been to Rome"),
        ("I eat meat.", "I don't eat fish, meat or eggs"),
        ("I am from Lisbon.", "I am not from Lisbon"),
        ("I hate tea.", "I do not hate tea"),
        ("I drink coffee with sugar.", "I drink coffee without sugar"),
        ("I do not love tea.", "I love tea"),
        ("Ich trinke Tee.", "Ich trinke keinen Tee"),
        ("J'aime le th\u00e9.", "Je n'aime pas le th\u00e9"),
    ],
)
def test_what_is_not_said_or_is_denied_is_not_grounded(text: str, quote: str) -> None:
    assert not is_grounded(text, quote)


def test_a_negation_that_a_quote_leaves_out_is_found_in_its_sentence() -> None:
    assert is_grounded("I love tea.", "love tea", "I love tea.")
    assert not is_grounded("I love tea.", "love tea", "I do not love tea.")


@pytest.mark.parametrize(
    ("text", "around", "said"),
    [
        ("Ana moved to Lisbon.", "Ana moved to Lisbon in March.", True),
        ("Ana's car is red.", "Ana's car is red", True),
        ("My favorite color is green.", "I love green most", True),
        ("Favorite color: green.", "I love green most", True),
        ("Bob is ill.", "I am ill.", False),
        ("Bob likes tea.", "I like tea.", False),
        ("I met Bob.", "I met somebody.", False),
        ("Bob's car is red.", "The car is red.", False),
    ],
)
def test_every_name_stands_around_the_quote(text: str, around: str, said: bool) -> None:
    assert names_are_said(text, around) is said


def test_he_and_she_point_at_somebody_who_was_named_before() -> None:
    assert points_elsewhere("She moved to Lisbon.")
    assert not points_elsewhere("I am ill.")
