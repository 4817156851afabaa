"""How what was found becomes one order."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from backend.index.model import Hit, SearchResult, WordStatistics
from backend.index.traits import Trait
from backend.retrieval.model import TIER_BANDS, Candidates, Ranked
from backend.retrieval.ranking import rank
from backend.retrieval.reading import read

TERMS = ("boat", "red")
SHORT_TURNS, LONG_TEXTS = 10.0, 200.0
DAY = 86_400_000
tiers = st.sampled_from([*TIER_BANDS, "glacial"])


def hit(memory: str = "m1", dense: float | None = 0.5, lexical: float = 0.0, **changes: Any) -> Hit:
    facts: dict[str, Any] = {"scope_key": "k", "revision": 1, "chunk": 0, "row_version": 1, "tier": "hot", "created_at": 0}
    return Hit(memory_id=memory, dense=dense, lexical=lexical, counts=changes.pop("counts", (0, 0)), **facts | changes)


def ranked(*hits: Hit, question: str = "red boat", around: tuple[Hit, ...] = (), length: float = SHORT_TURNS) -> Sequence[Ranked]:
    words = {"k": WordStatistics((2.0, 1.0), length)}
    return rank(Candidates(SearchResult(hits, len(hits), around, words), read(question, {"ana"}), TERMS))


def order(*hits: Hit, **changes: Any) -> list[str]:
    return [each.hit.memory_id for each in ranked(*hits, **changes)]


hits = st.builds(
    hit,
    memory=st.sampled_from("abcde"),
    dense=st.none() | st.floats(-1, 1),
    lexical=st.floats(0, 50),
    tier=tiers,
    created_at=st.integers(0, 3),
    revision=st.integers(1, 2),
    chunk=st.integers(0, 2),
    said_at=st.integers(0, 400 * DAY),
    length=st.integers(0, 300),
    traits=st.integers(0, 511),
    named=st.booleans(),
    counts=st.tuples(st.integers(0, 3), st.integers(0, 3)),
)
found = st.lists(hits, max_size=12, unique_by=lambda each: (each.memory_id, each.revision, each.chunk))
questions = st.sampled_from(["red boat", "When did Ana see the red boat in March?", "Who had a boat on 5 May?", "", "?!"])


@given(found, questions, st.booleans())
def test_every_memory_stands_there_once_with_a_score_between_0_and_1(hits: list[Hit], question: str, are_placed: bool) -> None:
    if are_placed:
        hits = [each._replace(place=place) for place, each in enumerate(hits)]

    found = ranked(*hits, question=question)

    assert sorted(each.hit.memory_id for each in found) == sorted({each.memory_id for each in hits})
    assert all(math.isfinite(each.relevance) and 0 <= each.relevance <= 1 for each in found)


@given(found, questions, st.sampled_from([SHORT_TURNS, LONG_TEXTS]), st.randoms(use_true_random=False))
def test_the_order_does_not_depend_on_how_the_hits_came(hits: list[Hit], question: str, length: float, chance: Any) -> None:
    shuffled = list(hits)
    chance.shuffle(shuffled)

    mine, other = (ranked(*some, question=question, length=length) for some in (shuffled, hits))

    assert [each.hit for each in mine] == [each.hit for each in other]
    assert [each.relevance for each in mine] == [each.relevance for each in other]


@given(found)
def test_the_tier_comes_first_then_the_score_then_the_newer_one(hits: list[Hit]) -> None:
    bands = [*TIER_BANDS, "glacial"]
    keys = [(bands.index(e.hit.tier), -e.relevance, -e.hit.created_at, e.hit.memory_id) for e in ranked(*hits)]

    assert keys == sorted(keys)


def test_a_cold_memory_never_stands_before_a_hot_one() -> None:
    perfect, poor = hit("cold", 1.0, 9.0, tier="cold"), hit("hot", -1.0, 0.0)

    assert order(perfect, poor, hit("warm", 0.9, 8.0, tier="warm")) == ["hot", "warm", "cold"]


def test_of_several_pieces_of_a_memory_the_best_one_counts() -> None:
    [best, _] = ranked(hit("a", 0.1, chunk=0), hit("a", 0.9, chunk=1), hit("b", 0.5), length=LONG_TEXTS)

    assert (best.hit.memory_id, best.hit.chunk) == ("a", 1)


def test_a_memory_without_a_vector_is_ranked_by_its_words() -> None:
    bare = hit("bare", None, 10.0, counts=(1, 1), length=2)

    assert order(bare, hit("far", 0.0, length=2), hit("near", 1.0, 9.0, counts=(1, 1), length=2)) == ["near", "bare", "far"]


def test_of_equals_the_newer_one_stands_first_and_then_the_id_decides() -> None:
    found = ranked(hit("b", created_at=1), hit("a", created_at=1), hit("c", created_at=2))

    assert [each.hit.memory_id for each in found] == ["c", "a", "b"]
    assert {each.relevance for each in found} == {1.0}


def test_nothing_found_is_nothing_ranked() -> None:
    assert ranked() == []


def test_the_answer_after_the_turn_with_the_words_stands_before_one_far_from_it() -> None:
    asks = hit("asks", 0.9, 5.0, counts=(1, 1), place=10, traits=Trait.ASKS, length=4)
    answers, elsewhere = hit("answers", 0.2, place=11, length=4), hit("elsewhere", 0.2, place=90, length=4)

    assert order(elsewhere, answers, asks) == ["asks", "answers", "elsewhere"]
    assert order(elsewhere, asks, around=(answers,)) == ["asks", "answers", "elsewhere"]


def test_long_messages_are_judged_by_themselves() -> None:
    asks = hit("asks", 0.9, 5.0, counts=(1, 1), place=10, length=200)
    after, better = hit("after", 0.2, place=11, length=200), hit("better", 0.3, place=90, length=200)

    assert order(after, better, asks, length=LONG_TEXTS) == ["asks", "better", "after"]


def test_a_turn_of_the_one_who_is_named_stands_before_another() -> None:
    assert order(hit("other"), hit("named", named=True)) == ["named", "other"]


def test_what_the_question_wants_moves_those_up_that_have_it() -> None:
    timed, plain = hit("timed", traits=Trait.TIME), hit("plain", 0.52)
    extremes = (hit("far", 0.0), hit("near", 1.0))

    assert order(*extremes, timed, plain, question="When did it sink?") == ["near", "timed", "plain", "far"]
    assert order(*extremes, hit("timed", 0.3, traits=Trait.TIME), plain)[1] == "plain"


def test_what_was_said_on_the_day_or_soon_after_stands_before_the_rest() -> None:
    march_5 = 63 * DAY  # in 1970
    said = {
        "before": march_5 - 9 * DAY,
        "day": march_5,
        "soon": march_5 + 2 * DAY,
        "later": march_5 + 9 * DAY,
        "month": march_5 + 20 * DAY,
    }
    turns = [hit(name, said_at=at) for name, at in said.items()]

    assert order(*turns, question="What sank on 5 March?")[:3] == ["day", "soon", "later"]
    assert set(order(*turns, question="What sank in March?")[:4]) == {"day", "soon", "later", "month"}


def test_a_question_without_words_is_answered_by_meaning() -> None:
    assert order(hit("far", 0.1), hit("near", 0.9), question="?!") == ["near", "far"]
