"""How what was found becomes one order."""

from __future__ import annotations

import math
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from backend.index.model import Hit, Range, SearchResult
from backend.retrieval.model import DENSE_WEIGHT, LEXICAL_WEIGHT, TIER_BANDS, rank

cosines = st.floats(-1, 1)
bm25 = st.floats(0, 50)
tiers = st.sampled_from([*TIER_BANDS, "glacial"])


def hit(memory: str = "m1", dense: float | None = 0.5, lexical: float = 0.0, **changes: Any) -> Hit:
    facts: dict[str, Any] = {"scope_key": "k", "revision": 1, "chunk": 0, "row_version": 1, "tier": "hot", "created_at": 0}
    return Hit(memory_id=memory, dense=dense, lexical=lexical, **facts | changes)


def result(*hits: Hit, dense: Range | None = None, lexical: Range | None = None) -> SearchResult:
    """Return a result whose ranges are those of the hits, where no others are given."""
    cosines_found = [each.dense for each in hits if each.dense is not None] or [0.0]
    words_found = [each.lexical for each in hits] or [0.0]
    return SearchResult(
        hits=hits,
        dense=dense or Range(min(cosines_found), max(cosines_found)),
        lexical=lexical or Range(min(words_found), max(words_found)),
        considered=len(hits),
    )


hits = st.builds(
    hit,
    memory=st.sampled_from("abcde"),
    dense=st.none() | cosines,
    lexical=bm25,
    tier=tiers,
    created_at=st.integers(0, 3),
    revision=st.integers(1, 2),
    chunk=st.integers(0, 2),
)
found = st.lists(hits, max_size=12, unique_by=lambda each: (each.memory_id, each.revision, each.chunk))


def order(one: SearchResult) -> list[str]:
    return [each.hit.memory_id for each in rank(one)]


@given(found)
def test_every_memory_stands_there_once_with_a_score_between_0_and_1(hits: list[Hit]) -> None:
    ranked = rank(result(*hits))

    assert sorted(each.hit.memory_id for each in ranked) == sorted({each.memory_id for each in hits})
    assert all(math.isfinite(each.relevance) and 0 <= each.relevance <= 1 for each in ranked)


@given(found, st.randoms(use_true_random=False))
def test_the_order_does_not_depend_on_how_the_hits_came(hits: list[Hit], chance: Any) -> None:
    shuffled = list(hits)
    chance.shuffle(shuffled)

    assert rank(result(*shuffled)) == rank(result(*hits))


@given(found)
def test_the_tier_comes_first_then_the_score_then_the_newer_one(hits: list[Hit]) -> None:
    ranked = rank(result(*hits))
    bands = [*TIER_BANDS, "glacial"]
    keys = [(bands.index(each.hit.tier), -each.relevance, -each.hit.created_at, each.hit.memory_id) for each in ranked]

    assert keys == sorted(keys)


@given(found, st.floats(-1, 1), st.floats(-1, 1), bm25, bm25)
def test_scores_stay_between_0_and_1_whatever_the_ranges_say(hits: list[Hit], a: float, b: float, c: float, d: float) -> None:
    ranked = rank(result(*hits, dense=Range(min(a, b), max(a, b)), lexical=Range(min(c, d), max(c, d))))

    assert all(0 <= each.relevance <= 1 for each in ranked)


@given(found, hits)
def test_of_two_hits_of_one_memory_the_better_one_counts(hits: list[Hit], more: Hit) -> None:
    ranges = result(*hits, more)
    alone = {each.hit.memory_id: each.relevance for each in rank(result(*hits, dense=ranges.dense, lexical=ranges.lexical))}
    both = {each.hit.memory_id: each.relevance for each in rank(ranges)}

    assert all(both[memory] >= relevance for memory, relevance in alone.items())


def test_a_cold_memory_never_stands_before_a_hot_one() -> None:
    perfect, poor = hit("cold", 1.0, 9.0, tier="cold"), hit("hot", -1.0, 0.0)

    assert order(result(perfect, poor, hit("warm", 0.9, 8.0, tier="warm"))) == ["hot", "warm", "cold"]


def test_meaning_weighs_twice_what_words_weigh() -> None:
    by_meaning, by_words = hit("meaning", 1.0, 0.0), hit("words", 0.0, 10.0)

    ranked = rank(result(by_words, by_meaning))

    assert [each.hit.memory_id for each in ranked] == ["meaning", "words"]
    assert math.isclose(ranked[0].relevance, DENSE_WEIGHT / (DENSE_WEIGHT + LEXICAL_WEIGHT))
    assert math.isclose(ranked[1].relevance, LEXICAL_WEIGHT / (DENSE_WEIGHT + LEXICAL_WEIGHT))


def test_scores_are_relative_to_everything_that_passed_the_filters() -> None:
    wide = rank(result(hit("a", 0.5), dense=Range(0.0, 1.0), lexical=Range(0.0, 4.0)))

    assert math.isclose(wide[0].relevance, 0.5 * DENSE_WEIGHT / (DENSE_WEIGHT + LEXICAL_WEIGHT))


def test_where_all_are_equal_any_sign_of_relevance_counts_fully_and_none_not_at_all() -> None:
    equal = rank(result(hit("a", 0.3, 2.0), hit("b", 0.3, 2.0)))
    nothing = rank(result(hit("a", -0.3), hit("b", -0.3)))

    assert [each.relevance for each in equal] == [1.0, 1.0]
    assert [each.relevance for each in nothing] == [0.0, 0.0]


def test_a_memory_without_a_vector_is_ranked_by_its_words() -> None:
    ranked = rank(result(hit("bare", None, 10.0), hit("far", 0.0, 0.0), hit("near", 1.0, 0.0)))

    assert [each.hit.memory_id for each in ranked] == ["near", "bare", "far"]


def test_of_equals_the_newer_one_stands_first_and_then_the_id_decides() -> None:
    same = [hit("b", created_at=1), hit("a", created_at=1), hit("c", created_at=2)]

    assert order(result(*same)) == ["c", "a", "b"]


def test_nothing_found_is_nothing_ranked() -> None:
    assert rank(result()) == []
