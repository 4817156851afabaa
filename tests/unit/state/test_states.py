"""Putting, getting, searching and deleting states."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backend.kit.clock import FakeClock
from backend.kit.deadline import deadline
from backend.kit.errors import (
    GoneError,
    IdempotencyKeyReusedError,
    PreconditionFailedError,
    StateNotFoundError,
    ThrottledError,
)
from backend.kit.ids import FakeIds
from backend.memories.fake_requests import FakeRequestLog
from backend.state.fake import FakeStateStore
from backend.state.model import MOST_LOOKED_AT, PAGE_BYTES, Namespace, Owner, Pattern, State, matches
from backend.state.service import States
from tests.unit.memories.samples import ACME, keyed

OWNER = Owner.of(ACME)
TRIPS = ("plans", "trips")
MINUTE = timedelta(minutes=1)


class BusyStore(FakeStateStore):
    """Others put something whenever somebody has read and not yet put."""

    def __init__(self, others: int) -> None:
        super().__init__()
        self.others = others

    def put(self, owner: Owner, state: State, over: str | None) -> bool:
        """Be overtaken first."""
        if self.others:
            self.others -= 1
            held = self.get(owner, state.namespace or (), state.key or "")
            other = State(
                state.namespace, state.key, {"other": self.others}, f"o{self.others}", state.updated_at, state.updated_at
            )
            super().put(owner, other, held.version if held else None)
        return super().put(owner, state, over)


@dataclass
class World:
    """States on fakes."""

    store: FakeStateStore = field(default_factory=FakeStateStore)
    clock: FakeClock = field(default_factory=FakeClock)

    def __post_init__(self) -> None:
        ids = FakeIds()
        self.states = States(store=self.store, requests=FakeRequestLog(ids), clock=self.clock, ids=ids)

    def put(self, key: str = "lisbon", value: Any = None, namespace: Namespace = TRIPS, **more: Any) -> State:
        return self.states.put(OWNER, namespace, key, value if value is not None else {"days": 4}, **more)[0]

    def keys(self, wanted: Any = None, namespace: Namespace = (), limit: int = 50) -> list[str]:
        found: list[str] = []
        after: str | None = None
        while True:
            page = self.states.search(OWNER, namespace, wanted or {}, below=True, limit=limit, after=after)
            found += [each.key or "" for each in page.states]
            after = page.next_after
            if after is None:
                return sorted(found)

    def names(self, limit: int = 50, **pattern: Any) -> list[Namespace]:
        found: list[Namespace] = []
        after: str | None = None
        while True:
            page = self.states.namespaces(OWNER, Pattern(**pattern), limit, after)
            found += page.found
            after = page.next_after
            if after is None:
                return sorted(found)


def test_a_second_put_replaces_the_value_and_keeps_when_it_began() -> None:
    world = World()
    first = world.put()
    world.clock.advance(hours=1)
    second = world.put(value={"days": 5})

    assert world.states.get(OWNER, TRIPS, "lisbon").value == {"days": 5}
    assert (second.created_at, second.version != first.version) == (first.created_at, True)
    assert second.updated_at == first.updated_at + timedelta(hours=1)


def test_whoever_meets_others_puts_all_the_same_and_gives_up_in_the_end() -> None:
    world = World(BusyStore(others=5))
    assert world.put().value == world.states.get(OWNER, TRIPS, "lisbon").value

    with pytest.raises(ThrottledError):
        World(BusyStore(others=1000)).put()


def test_a_version_that_is_meant_has_to_be_there() -> None:
    world = World()
    with pytest.raises(PreconditionFailedError):
        world.put(meant=frozenset({"ver_1"}))
    first = world.put()
    second = world.put(meant=frozenset({first.version}))
    with pytest.raises(PreconditionFailedError):
        world.put(meant=frozenset({first.version}))

    # Deleted and put anew, it is no version that was there before.
    world.states.delete(OWNER, TRIPS, "lisbon", frozenset({second.version}), None)
    world.put()
    with pytest.raises(PreconditionFailedError):
        world.put(meant=frozenset({first.version, second.version}))


def test_what_has_expired_is_nowhere_before_any_sweep() -> None:
    world = World()
    world.put("short", lasts=MINUTE)
    world.put("long")
    world.clock.advance(minutes=1)

    with pytest.raises(StateNotFoundError):
        world.states.get(OWNER, TRIPS, "short")
    assert world.keys() == ["long"]
    assert world.states.delete(OWNER, TRIPS, "short", None, None) == (False, False)


def test_a_namespace_of_expired_things_alone_is_none() -> None:
    world = World()
    world.put(namespace=("old",), lasts=MINUTE)
    world.put(namespace=("new",))
    world.clock.advance(minutes=1)

    assert world.names() == [("new",)]


def test_what_expired_is_put_anew_as_if_it_had_never_been() -> None:
    world = World()
    first = world.put(lasts=MINUTE)
    world.clock.advance(minutes=1)

    with pytest.raises(PreconditionFailedError):
        world.put(meant=frozenset({first.version}))
    assert world.put().created_at == world.clock.now()


def test_the_sweep_removes_what_has_expired_and_nothing_else() -> None:
    world = World()
    for number in range(120):
        world.put(f"k{number}", lasts=MINUTE)
    world.put("stays")
    world.put("later", lasts=3 * MINUTE)
    world.clock.advance(minutes=2)

    with deadline(60):
        assert world.states.sweep() == 120
        assert world.states.sweep() == 0
    assert len(world.store._states) == 2


def test_a_repeated_put_says_what_is_there_now() -> None:
    world = World()
    put: dict[str, Any] = {"request": keyed()}
    first, replayed = world.states.put(OWNER, TRIPS, "lisbon", {"days": 4}, **put)
    assert not replayed
    assert world.states.put(OWNER, TRIPS, "lisbon", {"days": 4}, **put) == (world.states.get(OWNER, TRIPS, "lisbon"), True)
    with pytest.raises(IdempotencyKeyReusedError):
        world.states.put(OWNER, TRIPS, "porto", {}, request=keyed(body="other"))

    world.states.delete(OWNER, TRIPS, "lisbon", frozenset({first.version}), None)
    with pytest.raises(GoneError):
        world.states.put(OWNER, TRIPS, "lisbon", {"days": 4}, **put)


def test_a_repeated_delete_says_what_the_first_said() -> None:
    world = World()
    world.put()
    assert world.states.delete(OWNER, TRIPS, "lisbon", None, keyed()) == (True, False)
    world.put()
    assert world.states.delete(OWNER, TRIPS, "lisbon", None, keyed()) == (True, True)
    assert world.keys() == ["lisbon"]


def test_a_search_that_finds_little_among_much_ends_early_and_goes_on() -> None:
    world = World()
    for number in range(MOST_LOOKED_AT + 20):
        world.put(f"k{number}", {"wanted": number == 7})

    assert world.keys({"wanted": True}) == ["k7"]


def test_a_page_ends_before_it_is_too_large() -> None:
    world = World()
    for key in "abc":
        world.put(key, {"text": "x" * (PAGE_BYTES // 3)})

    assert len(world.states.search(OWNER, (), {}, below=True, limit=50, after=None).states) == 2
    assert world.keys() == ["a", "b", "c"]


NAMES = [("a",), ("a", "x"), ("a", "x", "1"), ("a", "y"), ("b", "x"), ("c", "x", "1", "deep")]


@pytest.mark.parametrize("limit", [1, 2, 50])
@pytest.mark.parametrize(
    ("pattern", "expected"),
    [
        ({}, NAMES),
        ({"prefix": ("a",)}, NAMES[:4]),
        ({"prefix": ("*", "x")}, [("a", "x"), ("a", "x", "1"), ("b", "x"), ("c", "x", "1", "deep")]),
        ({"suffix": ("x",)}, [("a", "x"), ("b", "x")]),
        ({"suffix": ("x", "*")}, [("a", "x", "1")]),
        ({"prefix": ("a",), "suffix": ("1",)}, [("a", "x", "1")]),
        ({"max_depth": 1}, [("a",), ("b",), ("c",)]),
        ({"max_depth": 2}, [("a",), ("a", "x"), ("a", "y"), ("b", "x"), ("c", "x")]),
        ({"suffix": ("1",), "max_depth": 2}, [("a", "x")]),
        ({"suffix": ("deep",), "max_depth": 1}, [("c",)]),
        ({"prefix": ("nothing",)}, []),
    ],
)
def test_namespaces_are_those_that_begin_and_end_so_each_once(
    pattern: dict[str, Any], expected: list[Namespace], limit: int
) -> None:
    world = World()
    for namespace in NAMES:
        for key in ("k1", "k2"):
            world.put(key, namespace=namespace)

    assert world.names(limit, **pattern) == expected


@pytest.mark.parametrize(
    ("wanted", "fits"),
    [
        ({}, True),
        ({"n": 1}, True),
        ({"n": 1.0}, True),
        ({"n": True}, False),
        ({"t": True}, True),
        ({"t": 1}, False),
        ({"s": "b"}, True),
        ({"s": "B"}, False),
        ({"none": None}, True),
        ({"absent": None}, False),
        ({"l": [1, {"a": True}]}, True),
        ({"l": [1, {"a": 1}]}, False),
        ({"n": {"$gt": 0, "$lt": 2}}, True),
        ({"n": {"$gte": 1, "$lte": 1}}, True),
        ({"n": {"$gt": 1}}, False),
        ({"n": {"$gt": "0"}}, False),
        ({"t": {"$gte": 0}}, False),
        ({"s": {"$gt": "a"}}, True),
        ({"n": {"$ne": 2}}, True),
        ({"n": {"$ne": 1}}, False),
        ({"absent": {"$ne": 1}}, False),
        ({"n": {"$eq": 1}, "s": {"$eq": "b"}}, True),
        ({"n": 1, "s": "c"}, False),
    ],
)
def test_a_filter_asks_of_members(wanted: dict[str, Any], fits: bool) -> None:
    value = {"n": 1, "t": True, "s": "b", "none": None, "l": [1, {"a": True}], "o": {"x": 1}}

    assert matches(value, wanted) is fits


_LABELS = st.lists(st.sampled_from("abc"), min_size=1, max_size=4).map(tuple)


@given(
    names=st.sets(_LABELS, max_size=8),
    prefix=st.lists(st.sampled_from("ab*"), max_size=2).map(tuple),
    depth=st.sampled_from((None, 2, 3)),
)
def test_leaping_finds_what_looking_at_everything_finds(names: set[Namespace], prefix: Namespace, depth: int | None) -> None:
    world = World()
    for namespace in names:
        world.put(namespace=namespace)

    def begins(namespace: Namespace) -> bool:
        return len(namespace) >= len(prefix) and all(a in {"*", b} for a, b in zip(prefix, namespace, strict=False))

    expected = sorted({namespace[:depth] for namespace in names if begins(namespace)})
    assert world.names(2, prefix=prefix, max_depth=depth) == expected
