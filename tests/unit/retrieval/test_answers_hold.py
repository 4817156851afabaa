"""Of any memories and any question: no more than `k` answers and no fewer than there are, each let through by the filters."""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from backend.embedding.fake import FakeEmbedder
from backend.embedding.model import Purpose
from backend.index.model import IndexFilter
from backend.index.ranges import NumberRange
from backend.kit.clock import epoch_ms
from backend.memories.documents import changes_for, documents_of
from backend.memories.model import Memory, State
from backend.retrieval.model import Found, Question, Weights
from tests.support.executors import AtOnce
from tests.unit.memories.samples import ACME, NEIGHBOUR, NOW, OTHER_PROJECT, RIVAL, memory
from tests.unit.retrieval.retrieval_world import MAKERS, World

DAY = timedelta(days=1)
EMBEDDER = FakeEmbedder()
WORDS = ("red", "boat", "tree", "house", "garden")
DAYS = st.integers(0, 9)


def moment(day: int) -> int:
    return epoch_ms(NOW + day * DAY)


facts = st.fixed_dictionaries(
    {
        "scope": st.sampled_from((ACME, ACME, ACME, NEIGHBOUR, OTHER_PROJECT, RIVAL)),
        "text": st.lists(st.sampled_from(WORDS), min_size=1, max_size=4).map(" ".join),
        "state": st.sampled_from((State.ACTIVE, State.ACTIVE, State.ACTIVE, State.ARCHIVED)),
        "source": st.sampled_from(("mail", "chat", None)),
        "tags": st.sampled_from(((), ("a",), ("b", "c"))),
        "tier": st.sampled_from(("hot", "warm", "cold")),
        "memory_type": st.sampled_from(("fact", "event", "preference")),
        "session_id": st.sampled_from(("s", "t", None)),
        "is_summary": st.booleans(),
        "metadata": st.fixed_dictionaries({"n": st.integers(0, 3)}),
        "importance": st.floats(0, 1),
        "confidence": st.floats(0, 1),
        "created_at": DAYS.map(lambda day: NOW + day * DAY),
        "occurred_at": st.none() | DAYS.map(lambda day: NOW + day * DAY),
        "valid_until": st.none() | DAYS.map(lambda day: NOW + (day + 1) * DAY),
        "expires_at": st.none() | DAYS.map(lambda day: NOW + (day + 1) * DAY),
        "is_shown": st.booleans(),
        "has_vector": st.booleans(),
    }
)
memories = st.lists(facts, max_size=14)

FILTERS: dict[str, st.SearchStrategy[object]] = {
    "sources": st.sampled_from((("mail",), ("mail", "chat"))),
    "tags": st.sampled_from((("a",), ("a", "c"))),
    "tiers": st.sampled_from((("hot",), ("cold", "warm"))),
    "memory_types": st.sampled_from((("fact",), ("event", "preference"))),
    "session_id": st.just("s"),
    "created_since": DAYS.map(moment),
    "created_until": DAYS.map(moment),
    "include_summaries": st.just(False),
    "metadata": st.just({"n": 1}),
    "ranges": st.just({"n": NumberRange(1, 2)}),
    "as_of": DAYS.map(moment),
    "known_at": DAYS.map(moment),
    "include_archived": st.just(True),
}


@st.composite
def questions(draw: st.DrawFn) -> Question:
    """A question with a few filters, asked at a moment at which some of what there is has ended."""
    names = draw(st.lists(st.sampled_from(sorted(FILTERS)), max_size=3, unique=True))
    asked = IndexFilter(**{name: draw(FILTERS[name]) for name in names}, now=moment(draw(DAYS)))  # type: ignore[arg-type] # by name
    share = st.floats(0, 1)
    weights = Weights(semantic=1.0, cluster=draw(share), recency=draw(share), importance=draw(share), usage=draw(share))
    text = " ".join(draw(st.lists(st.sampled_from((*WORDS, "when", "?")), min_size=1, max_size=4)))
    return Question(text, draw(st.integers(1, 16)), asked, weights, explain=draw(st.booleans()))


def rows_of(every: list[dict[str, Any]]) -> list[tuple[Memory, bool]]:
    """Return the memories, and whether the index shows each."""
    rows = []
    for number, told in enumerate(every, start=1):
        fields = dict(told)
        is_shown, has_vector, at = fields.pop("is_shown"), fields.pop("has_vector"), fields["created_at"]
        fields |= {"updated_at": at, "valid_from": at, "archived_at": at if fields["state"] is State.ARCHIVED else None}
        fields["vector"] = EMBEDDER.embed([fields["text"]], Purpose.DOCUMENT)[0] if has_vector else None
        rows.append((memory(number, **fields, model=EMBEDDER.model.identity if has_vector else None), is_shown))
    return rows


@contextmanager
def holding(kind: str, rows: list[tuple[Memory, bool]], question: Question) -> Iterator[World]:
    """A world that holds these, with its clock at the moment of the question."""
    with TemporaryDirectory() as folder:
        world = World(MAKERS[kind](Path(folder)), AtOnce())
        for each, is_shown in rows:
            world.store.add(each, changes_for(each), guarded=False)
            if is_shown:
                world.index.write(each.tenant_id, changes_for(each))
                world.store.settle(each)
        world.clock.advance(seconds=question.filter.now / 1000 - world.clock.now().timestamp())
        yield world


def ids(found: Found) -> list[str]:
    return [each.memory.memory_id for each in found.answers]


def numbers(found: Found) -> list[float]:
    """Every number that an answer shows or explains."""
    shown: list[float] = []
    for each in found.answers:
        shown += [each.relevance, each.lexical, each.weighed.score, *each.weighed.factors.values()]
        shown += [] if each.dense is None else [each.dense]
        shown += each.why.features.values() if each.why else []
    return shown


def test_every_filter_is_tried() -> None:
    assert set(FILTERS) == set(IndexFilter.__dataclass_fields__) - {"now", "left_out"}


@pytest.mark.parametrize("kind", sorted(MAKERS))
@settings(max_examples=40)
@given(every=memories, question=questions())
def test_answers_are_those_that_the_filters_let_through_and_as_many_as_there_are(
    kind: str, every: list[dict[str, Any]], question: Question
) -> None:
    rows = rows_of(every)
    admitted = {
        each.memory_id: each
        for each, _ in rows
        if each.scope_key == ACME.home and any(question.filter.admits(document) for document in documents_of(each))
    }
    # What neither has a vector nor shares a word is found only where it stands near a hit in its session.
    words = set(question.text.split())
    sure = [each for each in admitted.values() if each.vector is not None or words & set(each.text.split())]

    with holding(kind, rows, question) as world:
        found = world.retrieval.query(ACME, question)

    assert min(question.k, len(sure)) <= len(ids(found)) == len(set(ids(found))) <= question.k
    assert set(ids(found)) <= admitted.keys()
    assert all(math.isfinite(each) for each in numbers(found))
    assert found.degraded == ()


@settings(max_examples=40)
@given(every=memories, question=questions(), chance=st.randoms(use_true_random=False))
def test_the_order_of_answers_is_the_same_however_they_were_stored_and_on_every_index(
    every: list[dict[str, Any]], question: Question, chance: Any
) -> None:
    rows = rows_of(every)
    shuffled = list(rows)
    chance.shuffle(shuffled)
    orders = []
    for kind, those in (("fake", rows), ("fake", shuffled), ("embedded", shuffled)):
        with holding(kind, those, question) as world:
            orders.append(ids(world.retrieval.query(ACME, question)))

    assert orders[0] == orders[1] == orders[2]
