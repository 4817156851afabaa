"""What whoever asks can rely on, with every index, while things fail beneath."""

from __future__ import annotations

from dataclasses import replace

import pytest

from backend.extraction.model import Category
from backend.kit.errors import IndexUnavailableError, TableUnavailableError
from backend.memories.documents import documents_of
from backend.memories.model import NEWEST_PENDING
from backend.retrieval.model import BOOSTS, SHOWN, Weights
from backend.retrieval.service import MOST_PIECES, NEWEST
from backend.tenancy.scope import Environment, Scope, user_scope
from backend.usage.model import Usage
from tests.unit.memories.samples import ACME, NEIGHBOUR, OTHER_PROJECT, RIVAL, memory_id
from tests.unit.memories.samples import memory as sample
from tests.unit.retrieval.retrieval_world import World, pending

# Finding


def test_the_best_answer_comes_first_with_what_it_was_chosen_for(world: World) -> None:
    world.remember("the boat is red", "the car is blue", "tea without sugar")

    found = world.ask("a red boat")

    assert found.answers[0].memory.text == "the boat is red"
    assert found.answers[0].relevance == 1.0
    assert [each.relevance for each in found.answers] == sorted((each.relevance for each in found.answers), reverse=True)
    assert found.answers[0].dense is not None
    assert found.answers[0].lexical > 0
    assert (found.degraded, found.asked_at) == ((), world.clock.now())


def test_the_text_comes_from_the_table_as_it_is_now(world: World) -> None:
    (added,) = world.remember("the boat is red")

    assert world.ask("boat").answers[0].memory == world.memories.get(ACME, added.memory_id)


@pytest.mark.parametrize("shown", [True, False])
@pytest.mark.parametrize("scope", [NEIGHBOUR, OTHER_PROJECT, RIVAL])
def test_nobody_finds_the_memories_of_another(world: World, scope: Scope, shown: bool) -> None:
    world.remember("the boat is red", shown=shown)

    assert world.texts("the boat is red", scope=scope) == []


def test_a_question_over_several_projects_finds_those_of_all(world: World) -> None:
    both = user_scope("acme", None, Environment.LIVE, "u1", ("support", "sales"))
    world.remember("a red boat", scope=ACME)
    world.remember("a blue boat", scope=OTHER_PROJECT, shown=False)
    world.remember("a green boat", scope=NEIGHBOUR)

    assert set(world.texts("boat", scope=both)) == {"a red boat", "a blue boat"}


@pytest.mark.parametrize("shown", [True, False])
def test_filters_hold_for_what_is_shown_and_for_what_is_pending(world: World, shown: bool) -> None:
    world.remember("a red boat", shown=shown, source="chat", tags=("a",), metadata={"n": 1})
    world.remember("a blue boat", shown=shown, source="mail", tags=("b",), metadata={"n": 2})

    assert world.texts("boat", sources=("mail",)) == ["a blue boat"]
    assert world.texts("boat", tags=("a", "c")) == ["a red boat"]
    assert world.texts("boat", metadata={"n": 2}) == ["a blue boat"]
    assert world.texts("boat", sources=("none",)) == []


def test_a_number_of_any_size_in_the_metadata_keeps_no_memory_from_being_found(world: World) -> None:
    world.remember("a red boat", metadata={"n": 10**400, "m": 2**63 - 1})

    assert world.texts("boat", metadata={"m": 2**63 - 1}) == ["a red boat"]


# Reading one's own writes


def test_an_own_write_is_found_by_the_next_question_with_nothing_projected(world: World) -> None:
    for number in range(20):
        (added,) = world.remember(f"fact number{number} about boats", shown=False)

        assert world.ask(f"number{number}", k=1).answers[0].memory == added


def test_what_is_pending_and_what_is_shown_are_ranked_as_one(world: World) -> None:
    texts = [f"boat {'red ' * (number % 4)}{number}" for number in range(12)]
    for number, text in enumerate(texts):
        world.remember(text, shown=number % 3 > 0)
    mixed = [(each.memory.text, each.relevance) for each in world.ask("red boat", k=12).answers]
    world.projection.project((change_tenant, change.memory_id) for change_tenant, change in pending(world))

    assert [(each.memory.text, each.relevance) for each in world.ask("red boat", k=12).answers] == mixed


def test_a_forgotten_memory_is_not_found_although_the_index_still_has_it(world: World) -> None:
    forgotten, _ = world.remember("the boat is red", "the car is red")
    world.memories.forget(ACME, forgotten.memory_id)

    assert world.texts("red boat") == ["the car is red"]


def test_a_forgotten_memory_is_not_found_even_when_no_marker_tells_of_it(world: World) -> None:
    forgotten, _ = world.remember("the boat is red", "the car is red")
    gone, _ = world.memories.forget(ACME, forgotten.memory_id)
    world.store.settle(gone)

    assert world.texts("red boat") == ["the car is red"]


def test_an_expired_memory_is_not_found(world: World) -> None:
    world.remember("the boat is red", ttl_minutes=1)
    world.remember("the car is red", shown=False, ttl_minutes=1)
    world.clock.advance(minutes=1)

    assert world.texts("red") == []


def test_a_hit_of_another_revision_is_not_answered_with_the_text_of_this_one(world: World) -> None:
    (edited,) = world.remember("the boat is red", shown=False)
    world.store.settle(edited)
    world.index.write("acme", [replace(each, revision=2, row_version=2) for each in documents_of(edited)])

    assert world.texts("red boat") == []


def test_a_hit_whose_row_is_gone_is_passed_over(world: World) -> None:
    world.remember("the boat is red")
    world.index.write("acme", documents_of(sample(99, text="a boat that no row has", vector=None, model=None)))

    assert world.texts("boat") == ["the boat is red"]


# Time


@pytest.mark.parametrize("k", [1, 5, 20, 50])
def test_k_answers_come_back_where_there_are_so_many(world: World, k: int) -> None:
    world.remember(*(f"boat {number}" for number in range(60)))

    assert len(world.ask("boat", k).answers) == k
    assert len(world.store.reads) == 2  # one by the projection, one by the question


def test_fewer_than_k_come_back_only_where_there_are_fewer(world: World) -> None:
    world.remember("boat one", "boat two")

    assert len(world.ask("boat", 50).answers) == 2


def test_fewer_than_k_come_back_only_where_there_are_fewer_however_many_pieces_the_best_have(world: World) -> None:
    pieces = tuple((5 * place, 5 * place + 5) for place in range(MOST_PIECES // 10 + 1))
    long = [sample(number, text="boat " * len(pieces), chunks=pieces, vector=None, model=None) for number in range(10)]
    short = [sample(number, text=f"boat {number} " + "sails " * 9, vector=None, model=None) for number in range(100, 120)]
    for each in (*long, *short):
        world.store.add(each, (), guarded=False)
        world.index.write("acme", documents_of(each))

    for k, wanted in ((9, 9), (15, 15), (40, 30)):
        found = [each.memory.memory_id for each in world.ask("boat", k).answers]
        assert len(found) == len(set(found)) == wanted


def test_stale_hits_are_made_up_for_by_those_behind_them(world: World) -> None:
    memories = world.remember(*(f"boat {number}" for number in range(40)))
    best = [answer.memory for answer in world.ask("boat", 20).answers]
    for each in best:
        gone, _ = world.memories.forget(ACME, each.memory_id)
        world.store.settle(gone)

    answers = world.ask("boat", 10).answers

    assert len(answers) == 10
    assert not {each.memory_id for each in best} & {answer.memory.memory_id for answer in answers}
    assert {answer.memory.memory_id for answer in answers} < {each.memory_id for each in memories}


# What counts beside relevance


def test_the_answer_says_what_it_was_weighed_by_and_what_the_question_is_after(world: World) -> None:
    world.remember("the boat is red", "the car is blue")

    found = world.ask("How do I paint a red boat?")

    assert found.intent is Category.PROCEDURAL
    assert [each.weighed.score for each in found.answers] == sorted((e.weighed.score for e in found.answers), reverse=True)
    assert {*SHOWN, *BOOSTS, "decay", "quality"} == set(found.answers[0].weighed.factors)


def test_how_memories_were_used_comes_with_their_rows(world: World) -> None:
    first, second = world.remember("a red boat", "a blue boat")
    world.store.usage[first.memory_id] = Usage(100, world.clock.now())
    reads = len(world.store.reads)

    found = {each.memory.memory_id: each for each in world.ask("boat", weights=Weights(usage=1.0)).answers}

    assert len(world.store.reads) == reads + 1
    assert found[first.memory_id].usage.access_count == 100
    assert found[first.memory_id].weighed.factors["usage"] == 1.0
    assert found[second.memory_id].weighed.factors["usage"] == 0.0


def test_importance_in_the_cold_loses_to_what_is_hot(world: World) -> None:
    cold = sample(1, text="the boat is red", tier="cold", importance=1.0)
    hot = sample(2, text="a red car and a boat", tier="hot", importance=0.4)
    for each in (cold, hot):
        world.store.add(each, documents_of(each), guarded=False)

    assert world.texts("the boat is red") == ["a red car and a boat", "the boat is red"]
    assert world.texts("the boat is red", weights=Weights(importance=1.0)) == ["a red car and a boat", "the boat is red"]


def test_a_longer_answer_begins_with_the_shorter_one(world: World) -> None:
    world.remember(*(f"boat {'red ' * (number % 5)}{number}" for number in range(60)))
    longest = world.texts("red boat", 18)

    assert [world.texts("red boat", k) for k in (1, 5, 17)] == [longest[:1], longest[:5], longest[:17]]
    assert len(set(world.texts("red boat", 50))) == 50


def test_a_repetition_gives_way_to_another_fact(world: World) -> None:
    world.remember("the boat is red", "the boat is red", "The boat is red!", deduplicate=False)
    world.remember("a boat of wood")

    assert set(world.texts("red boat", 2)) == {"a boat of wood", world.texts("red boat", 1)[0]}
    assert len(world.texts("red boat", 4)) == 4


# While something is down


@pytest.mark.parametrize("shown", [True, False])
def test_while_the_embedder_is_down_the_answer_goes_by_words_and_says_so(world: World, shown: bool) -> None:
    world.remember("the boat is red", "tea without sugar", shown=shown)
    world.embedder.down = True

    found = world.ask("boat")

    assert [answer.memory.text for answer in found.answers] == ["the boat is red"]
    assert found.answers[0].dense is None
    assert found.degraded == ("semantic",)


def test_what_was_added_while_the_embedder_was_down_is_found_by_its_words(world: World) -> None:
    world.embedder.down = True
    world.remember("the boat is red", shown=False)
    world.embedder.down = False

    found = world.ask("boat")

    assert [answer.memory.text for answer in found.answers] == ["the boat is red"]
    assert found.degraded == ()


def test_while_the_index_is_down_what_is_pending_and_what_is_newest_is_found_and_it_is_said(world: World) -> None:
    world.remember("the oldest boat is red", "the boat is red")
    world.remember(*(f"tea without sugar {number}" for number in range(NEWEST - 2)))
    world.remember("the car is red", shown=False)
    world.index.down = True

    found = world.ask("red", weights=Weights(semantic=1.0, cluster=0, recency=0, importance=0, usage=0), k=2)

    assert {answer.memory.text for answer in found.answers} == {"the car is red", "the boat is red"}
    assert found.degraded == ("index",)


def test_while_the_index_is_down_filters_hold_and_what_is_forgotten_or_anothers_is_not_found(world: World) -> None:
    world.remember("a red boat", source="chat")
    world.remember("a blue boat", source="mail")
    gone, _ = world.memories.forget(ACME, world.remember("a green boat", source="mail")[0].memory_id)
    world.project(gone)
    for scope in (NEIGHBOUR, OTHER_PROJECT, RIVAL):
        world.remember("a black boat", scope=scope, source="mail")
    world.index.down = True

    assert world.texts("boat", sources=("mail",)) == ["a blue boat"]
    with pytest.raises(IndexUnavailableError):
        world.ask("boat", sources=("fax",))


def test_while_the_index_is_down_what_was_changed_a_moment_ago_is_found_as_it_is_now(world: World) -> None:
    shown, _ = world.remember("the boat is red", "tea")
    after = shown.edited(world.clock.now(), None, None, text="the boat is blue", vector=None, model=None)
    world.store.replace(after, documents_of(after))
    world.index.down = True

    assert world.texts("boat", 1) == ["the boat is blue"]


def test_while_the_index_is_down_and_nothing_is_there_the_answer_is_to_try_again(world: World) -> None:
    world.remember("the boat is red", scope=NEIGHBOUR)
    world.index.down = True

    with pytest.raises(IndexUnavailableError) as refused:
        world.ask("boat")

    assert refused.value.retry_after


def test_while_index_and_embedder_are_down_words_of_what_is_pending_are_found(world: World) -> None:
    world.remember("the boat is red", shown=False)
    world.index.down = world.embedder.down = True

    found = world.ask("boat")

    assert [answer.memory.text for answer in found.answers] == ["the boat is red"]
    assert found.degraded == ("semantic", "index")


def test_while_the_table_is_down_nothing_is_made_up(world: World) -> None:
    world.remember("the boat is red")
    world.store.down = True

    with pytest.raises(TableUnavailableError):
        world.ask("boat")


@pytest.mark.parametrize(("count", "degraded"), [(NEWEST_PENDING, ()), (NEWEST_PENDING + 1, ("index_lag",))])
def test_when_more_is_pending_than_can_be_read_the_answer_says_so(world: World, count: int, degraded: tuple[str, ...]) -> None:
    for number in range(count):
        each = sample(number, text=f"boat {number}", vector=None, model=None)
        world.store.add(each, documents_of(each), guarded=False)

    found = world.ask("boat", 1)

    assert found.degraded == degraded
    assert found.answers[0].memory.memory_id in {memory_id(number) for number in range(count)}
