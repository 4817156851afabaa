"""What may be remembered at the same time: nothing whose order decides what becomes of it."""

from __future__ import annotations

from collections.abc import Sequence

from hypothesis import given
from hypothesis import strategies as st

from backend.extraction.model import Reading
from backend.extraction.pipeline import Pipeline
from backend.extraction.policy import ExtractionPolicy
from backend.memories.model import Said
from backend.memories.side_by_side import alone, groups
from backend.tenancy.scope import Scope
from tests.unit.memories.samples import ACME, NEIGHBOUR, NOW

TEXTS = ("I live in Oslo.", "I live in Bergen.", "I like tea.", "I LIKE TEA", "Ana lives in Rome.", "The roof leaks again.")


def asked(texts: Sequence[str], scope: Scope = ACME, speaker: str | None = None) -> dict[int, tuple[Scope, Said, Reading]]:
    """Return what was sent, as it is read."""
    said = [Said(text=text, speaker=speaker) for text in texts]
    return {number: (scope, each, Pipeline().read(each.utterance(NOW), ExtractionPolicy())) for number, each in enumerate(said)}


def test_what_meets_at_no_fact_and_no_claim_stands_alone() -> None:
    assert groups(asked(["I live in Oslo.", "I like tea.", "The roof leaks again."])) == [[0], [1], [2]]


def test_one_fact_said_twice_and_two_values_of_one_claim_go_one_after_the_other() -> None:
    assert groups(asked(["I like tea.", "I live in Oslo.", "I LIKE TEA", "I live in Bergen."])) == [[0, 2], [1, 3]]


def test_one_that_meets_two_brings_them_together() -> None:
    assert groups(asked(["I like tea.", "I live in Oslo.", "I live in Bergen. I like tea."])) == [[0, 1, 2]]


def test_what_several_end_users_say_never_meets() -> None:
    mine, theirs = asked(["I live in Oslo."]), asked(["I live in Bergen."], NEIGHBOUR)

    assert groups({0: mine[0], 1: theirs[0]}) == [[0], [1]]


def test_what_claims_nothing_and_is_said_once_can_be_stored_with_others() -> None:
    found = alone(asked(["The roof leaks again. I like tea.", "I live in Oslo.", "I LIKE TEA", "The bakery closes on Mondays."]))

    assert found == {0: {0}, 1: frozenset(), 2: frozenset(), 3: {0}}


def test_the_same_words_of_several_end_users_are_facts_of_their_own() -> None:
    mine, theirs = asked(["The roof leaks again."]), asked(["The roof leaks again."], NEIGHBOUR)

    assert alone({0: mine[0], 1: theirs[0]}) == {0: {0}, 1: {0}}


@given(st.lists(st.lists(st.sampled_from(TEXTS), min_size=1, max_size=3).map(" ".join), max_size=8))
def test_everything_is_in_one_group_in_its_order_and_no_two_groups_meet(texts: list[str]) -> None:
    everything = asked(texts)

    found = groups(everything)

    assert sorted(number for group in found for number in group) == list(range(len(texts)))
    assert all(group == sorted(group) for group in found)
    assert [group[0] for group in found] == sorted(group[0] for group in found)
    keys = [{each.extracted_key for number in group for each in everything[number][2].candidates} for group in found]
    assert all(not one & other for at, one in enumerate(keys) for other in keys[at + 1 :])
