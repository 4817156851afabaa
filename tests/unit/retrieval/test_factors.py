"""How the factors order what was found relevant."""

from __future__ import annotations

import math
from dataclasses import asdict
from datetime import datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backend.embedding.model import to_unit
from backend.extraction.model import Category
from backend.index.model import Hit
from backend.memories.model import REDACTED
from backend.retrieval.factors import DECAY_HALF_LIFE_HOURS, HALF_LIFE_HOURS, Candidate, weigh
from backend.retrieval.model import BOOSTS, TIER_BANDS, Ranked, Weighed, Weights
from backend.usage.model import Usage
from tests.unit.memories.samples import MODEL, NOW, memory, memory_id

NOTHING = Weights(semantic=0, cluster=0, recency=0, importance=0, usage=0)


def candidate(number: int, relevance: float = 0.5, usage: Usage | None = None, **changes: Any) -> Candidate:
    each = memory(number, **changes)
    hit = Hit(each.scope_key, each.memory_id, each.revision, 0, 1, 0.5, 1.0, each.tier, 0)
    return Candidate(Ranked(hit, relevance), each, usage or Usage())


def weighed(*batch: Candidate, weights: Weights | None = None, intent: Category = Category.FACTUAL) -> list[tuple[int, Weighed]]:
    found = weigh(batch, weights or Weights(), intent, MODEL)
    return [(int(each.memory.memory_id.removeprefix("mem_")), result) for each, result in found]


def order(*batch: Candidate, **changes: Any) -> list[int]:
    return [number for number, _ in weighed(*batch, **changes)]


def factor(name: str, *batch: Candidate, **changes: Any) -> dict[int, float]:
    return {number: result.factors[name] for number, result in weighed(*batch, **changes)}


unit = st.floats(0, 1)
batches = st.lists(
    st.builds(
        candidate,
        number=st.integers(1, 10**6),
        relevance=unit,
        usage=st.builds(
            Usage,
            access_count=st.integers(0, 10**9),
            last_accessed=st.none() | st.integers(-2000, 0).map(lambda days: NOW + timedelta(days=days)),
        ),
        text=st.sampled_from(["I like tea", "i like tea.", "I like milk", "I moved on Monday"]),
        tier=st.sampled_from([*TIER_BANDS, "glacial"]),
        importance=unit,
        confidence=unit,
        helpful=st.integers(0, 5),
        created_at=st.integers(-(10**5), 0).map(lambda hours: NOW + timedelta(hours=hours)),
        vector=st.none() | st.sampled_from([to_unit([1.0, 2.0, 3.0, 4.0]), to_unit([-1.0, -2.0, -3.0, -4.0])]),
    ),
    max_size=12,
    unique_by=lambda each: each.memory.memory_id,
)
weights = st.builds(Weights, **dict.fromkeys(asdict(Weights()), unit)).filter(lambda each: any(asdict(each).values()))


@given(batches, weights, st.sampled_from(Category))
def test_every_memory_stands_there_once_with_numbers_between_0_and_1(
    batch: list[Candidate], counted: Weights, intent: Category
) -> None:
    found = weighed(*batch, weights=counted, intent=intent)

    assert len(found) == len(batch) == len(dict(found))
    numbers = [number for _, each in found for number in (each.score, *each.factors.values())]
    assert all(math.isfinite(number) and 0 <= number <= 1 for number in numbers)


@given(batches, weights, st.randoms(use_true_random=False))
def test_in_whatever_order_a_batch_comes_it_is_weighed_alike(batch: list[Candidate], counted: Weights, chance: Any) -> None:
    shuffled = list(batch)
    chance.shuffle(shuffled)

    assert weighed(*shuffled, weights=counted) == weighed(*batch, weights=counted)


@given(batches, weights)
def test_the_tier_comes_first_then_what_is_new_then_the_score(batch: list[Candidate], counted: Weights) -> None:
    bands = [*TIER_BANDS, "glacial"]
    found = weigh(batch, counted, Category.FACTUAL, MODEL)
    keys = [(bands.index(each.memory.tier), result.duplicate_of is not None) for each, result in found]

    assert keys == sorted(keys)
    for tier in TIER_BANDS:
        scores = [round(result.score, 9) for each, result in found if each.memory.tier == tier]
        assert scores == sorted(scores, reverse=True)


def test_a_cold_memory_of_the_highest_importance_loses_to_a_hot_one_of_less() -> None:
    cold = candidate(1, 1.0, Usage(50, NOW), tier="cold", importance=1.0)
    hot = candidate(2, 0.0, tier="hot", importance=0.4, created_at=NOW - timedelta(days=900))

    assert order(cold, hot) == [2, 1]
    assert order(cold, hot, weights=Weights(semantic=0, cluster=0, recency=0, usage=0, importance=1)) == [2, 1]


def test_the_score_is_the_mean_of_the_factors_by_their_weights() -> None:
    found = weighed(candidate(1, 1.0, confidence=0.5), candidate(2, 0.2, importance=0.1, created_at=NOW - timedelta(days=7)))

    assert dict(found)[1].factors == {
        "semantic": 1.0,
        "cluster": 1.0,
        "recency": 1.0,
        "importance": 1.0,
        "usage": 0.0,
        "decay": 1.0,
        "quality": 0.5,
        "confidence": 0.5,
    }
    first, second = found[0][1].score, found[1][1].score
    total = 1.0 + BOOSTS["confidence"]
    assert first == pytest.approx((0.4 + 0.2 + 0.15 + 0.15 + 0.05 * 0.5) / total)
    assert second == pytest.approx((0.0 + 0.2 + 0.15 * 0.5 + 0.15 * 0.2 + 0.05 * 1.0) / total)


def test_what_all_have_alike_moves_nothing() -> None:
    plain = [candidate(number, number / 10) for number in range(1, 6)]
    loud = [candidate(number, number / 10, Usage(7, NOW), importance=1.0) for number in range(1, 6)]

    assert order(*loud) == order(*plain) == [5, 4, 3, 2, 1]


def test_of_equals_the_newer_one_stands_first_and_then_the_id_decides() -> None:
    batch = [candidate(3), candidate(2), candidate(1, created_at=NOW + timedelta(microseconds=1))]

    assert order(*batch, weights=Weights(semantic=1, cluster=0, recency=0, importance=0, usage=0)) == [1, 2, 3]


@pytest.mark.parametrize(("intent", "hours"), HALF_LIFE_HOURS.items())
def test_recency_halves_in_a_time_that_depends_on_what_is_asked_for(intent: Category, hours: float) -> None:
    batch = [candidate(number, created_at=NOW - number * timedelta(hours=hours)) for number in range(4)]

    assert factor("recency", *batch, intent=intent) == pytest.approx({0: 1.0, 1: 0.5, 2: 0.25, 3: 0.125})


def test_every_kind_of_question_has_a_half_life() -> None:
    assert set(HALF_LIFE_HOURS) == set(Category)
    assert set(HALF_LIFE_HOURS.values()) == {24, 72, 168}


def test_a_moment_without_offset_is_read_as_utc() -> None:
    naive = datetime(2026, 1, 5, 9)  # noqa: DTZ001 - what old rows hold

    assert factor("recency", candidate(1, created_at=naive), candidate(2, created_at=NOW)) == {1: 1.0, 2: 1.0}


def test_the_newest_counts_whole_however_old_it_is() -> None:
    decades = timedelta(days=365 * 40)

    assert factor("recency", candidate(1, created_at=NOW - decades), candidate(2, created_at=NOW - 2 * decades)) == {
        1: 1.0,
        2: 0.0,
    }


def test_usage_counts_by_its_logarithm() -> None:
    found = factor("usage", candidate(1, usage=Usage(9_999, NOW)), candidate(2, usage=Usage(99, NOW)), candidate(3))

    assert found == pytest.approx({1: 1.0, 2: 0.5, 3: 0.0})


def test_that_something_was_found_now_and_then_says_little_of_it() -> None:
    once = factor("usage", candidate(1, usage=Usage(1, NOW)), candidate(2))
    often = factor("usage", candidate(1, usage=Usage(100, NOW)), candidate(2))

    assert once == pytest.approx({1: 0.1502, 2: 0.0}, abs=1e-4)
    assert often == {1: 1.0, 2: 0.0}


def test_what_was_asked_for_lately_has_faded_less() -> None:
    old = NOW - timedelta(hours=DECAY_HALF_LIFE_HOURS)
    batch = [candidate(1, created_at=old), candidate(2, usage=Usage(1, NOW), created_at=old)]

    assert factor("decay", *batch) == pytest.approx({1: 0.5, 2: 1.0})
    assert order(*batch, weights=Weights(semantic=0, cluster=0, recency=0, importance=0, usage=0, decay=1)) == [2, 1]


def test_what_people_found_helpful_has_more_quality() -> None:
    batch = [candidate(1, unhelpful=4), candidate(2, helpful=4)]

    assert factor("quality", *batch) == pytest.approx({1: 0.5, 2: 1.0})
    assert order(*batch, weights=Weights(semantic=0, cluster=0, recency=0, importance=0, usage=0, quality=1)) == [2, 1]


def test_what_is_more_certain_stands_first_among_equals() -> None:
    assert order(candidate(1, confidence=0.5), candidate(2, confidence=0.9)) == [2, 1]


def test_what_stands_near_the_others_counts_more() -> None:
    near, apart = to_unit([1.0, 2.0, 3.0, 4.0]), to_unit([4.0, -3.0, 2.0, -1.0])
    found = factor(
        "cluster", candidate(1, vector=near), candidate(2, vector=near), candidate(3, vector=apart), candidate(4, vector=None)
    )

    assert found[1] == found[2] == 1.0
    assert 0.5 < found[3] < found[4] < 1.0


def test_what_fits_badly_does_not_move_the_centre() -> None:
    batch = [candidate(1, 1.0, vector=to_unit([1.0, 0.0])), candidate(2, 0.0, vector=to_unit([0.0, 1.0]))]

    assert factor("cluster", *batch) == pytest.approx({1: 1.0, 2: 0.75})


def test_vectors_of_another_model_are_not_compared() -> None:
    other = candidate(2, vector=to_unit([1.0, 2.0]), model="other/2")

    assert factor("cluster", candidate(1), other) == {1: 1.0, 2: 1.0}
    assert factor("cluster", other) == {2: 0.0}


def test_vectors_that_cancel_each_other_have_no_centre() -> None:
    batch = [candidate(1, vector=to_unit([1.0, 0.0, 0.0, 0.0])), candidate(2, vector=to_unit([-1.0, 0.0, 0.0, 0.0]))]

    assert factor("cluster", *batch) == {1: 1.0, 2: 1.0}


def test_a_weight_changes_the_order() -> None:
    batch = [candidate(1, 1.0, created_at=NOW - timedelta(days=30)), candidate(2, 0.0)]

    assert order(*batch) == [1, 2]
    assert order(*batch, weights=Weights(semantic=0.1, recency=1.0)) == [2, 1]


def test_nothing_found_is_nothing_weighed() -> None:
    assert weigh([], Weights(), Category.FACTUAL, MODEL) == []


# Repetitions


def test_what_only_repeats_another_stands_behind_all_others_of_its_tier() -> None:
    batch = [
        candidate(1, 1.0, text="I like green tea"),
        candidate(2, 0.9, text="I like green tea!"),
        candidate(3, 0.1, text="I like tea from Japan", vector=to_unit([4.0, 1.0, 1.0, 1.0])),
        candidate(4, 1.0, text="i like green tea", tier="cold"),
        candidate(5, 0.9, text="I like red tea", tier="cold"),
    ]

    found = weighed(*batch)

    assert [number for number, _ in found] == [1, 3, 2, 5, 4]
    assert [each.duplicate_of for _, each in found] == [None, None, memory_id(1), None, memory_id(1)]
    assert found[2][1].score == found[1][1].score


def test_a_repetition_is_not_lost() -> None:
    batch = [candidate(number, text="I like green tea") for number in range(5)]

    assert sorted(order(*batch)) == [0, 1, 2, 3, 4]
    assert [each.duplicate_of for _, each in weighed(*batch)] == [None, *[memory_id(0)] * 4]


def test_what_cannot_be_opened_repeats_nothing() -> None:
    batch = [candidate(number, text=REDACTED, unreadable=b"sealed") for number in range(2)]

    assert [each.duplicate_of for _, each in weighed(*batch)] == [None, None]


def test_the_centre_is_that_of_the_first_twenty() -> None:
    near, far = to_unit([1.0, 0.0, 0.0, 0.0]), to_unit([0.0, 1.0, 0.0, 0.0])
    batch = [candidate(number, 1 - number / 100, vector=near if number < 20 else far) for number in range(60)]

    assert factor("cluster", *batch)[59] == pytest.approx(0.75)
