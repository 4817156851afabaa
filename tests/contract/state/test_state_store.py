"""Where states are kept: the fake and DynamoDB keep the same promises."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from backend.encryption.fake import FakeKeyStore
from backend.encryption.model import KeyState
from backend.kit.clock import FakeClock
from backend.kit.errors import PreconditionFailedError
from backend.kit.ids import UlidIds
from backend.state.fake import FakeStateStore
from backend.state.model import Namespace, Owner, State
from backend.state.ports import StateStore
from backend.state.store import DynamoStateStore
from backend.tenancy.pepper import TenantMacs
from backend.tenancy.scope import Environment, user_scope
from tests.support.faults import PlannedFaults
from tests.support.sealing import FixedSecrets, sealer
from tests.support.tables import aws, engine, template_table

NOW = datetime(2026, 1, 5, 9, tzinfo=UTC)
HOUR = timedelta(hours=1)
OWNER = Owner.of(user_scope("acme", "support", Environment.LIVE, "u1"))
NEIGHBOURS = (
    Owner.of(user_scope("acme", "support", Environment.LIVE, "u2")),
    Owner.of(user_scope("acme", "sales", Environment.LIVE, "u1")),
    Owner.of(user_scope("acme", "support", Environment.TEST, "u1")),
    Owner.of(user_scope("rival", "support", Environment.LIVE, "u1")),
)
TRIPS = ("plans", "trips")


@pytest.fixture(params=["fake", engine()])
def store(request: pytest.FixtureRequest) -> Iterator[StateStore]:
    if request.param == "fake":
        yield FakeStateStore()
        return
    with aws():
        yield on_table()


def on_table(keys: FakeKeyStore | None = None) -> DynamoStateStore:
    return DynamoStateStore(template_table("StateTable"), TenantMacs(FixedSecrets()), sealer(keys=keys), UlidIds(FakeClock()))


def state(namespace: Namespace = TRIPS, key: str = "lisbon", version: str = "v1", **changes: Any) -> State:
    fields: dict[str, Any] = {"value": {"days": 4}, "version": version, "created_at": NOW, "updated_at": NOW}
    return State(namespace, key, **{**fields, **changes})


def names(states: Any) -> set[tuple[Namespace, str]]:
    return {(each.namespace, each.key) for each in states}


def every_state(store: StateStore, namespace: Namespace, after: str | None = None, *, below: bool) -> list[State]:
    """Read on to the end: a page may be short."""
    found: list[State] = []
    while True:
        states, after = store.states(OWNER, namespace, after, 9, below=below)
        found += states
        if after is None:
            return found


def test_a_value_is_read_as_it_was_put(store: StateStore) -> None:
    kept = state(value={"a": [1, 2.5, None, {"b": "é"}], "c": True}, expires_at=NOW + HOUR)

    assert store.put(OWNER, kept, None)

    found = store.get(OWNER, TRIPS, "lisbon")
    assert found is not None
    assert replace(found, position="") == kept
    assert store.get(OWNER, TRIPS, "porto") is store.get(OWNER, ("plans",), "lisbon") is None


def test_a_put_is_over_the_version_it_means_or_over_nothing(store: StateStore) -> None:
    assert store.put(OWNER, state(), None)
    assert not store.put(OWNER, state(version="v2"), None)
    assert not store.put(OWNER, state(version="v3"), "v2")
    assert store.put(OWNER, state(version="v2", value={"days": 5}), "v1")

    found = store.get(OWNER, TRIPS, "lisbon")
    assert found is not None
    assert (found.version, found.value) == ("v2", {"days": 5})


def test_nobody_sees_what_another_keeps(store: StateStore) -> None:
    store.put(OWNER, state(), None)

    for other in NEIGHBOURS:
        assert store.get(other, TRIPS, "lisbon") is None
        assert store.states(other, (), None, 9, below=True) == ([], None)
        assert not store.remove(other, TRIPS, "lisbon", NOW)
    assert store.get(OWNER, TRIPS, "lisbon")


def test_a_namespace_has_its_own_and_with_those_below_all_that_begin_so(store: StateStore) -> None:
    for namespace, key in ((TRIPS, "a"), (TRIPS, "b"), ((*TRIPS, "old"), "c"), (("plans",), "d"), (("plans2",), "e")):
        store.put(OWNER, state(namespace, key), None)

    assert names(every_state(store, TRIPS, below=False)) == {(TRIPS, "a"), (TRIPS, "b")}
    assert names(every_state(store, TRIPS, below=True)) == {(TRIPS, "a"), (TRIPS, "b"), ((*TRIPS, "old"), "c")}
    assert len(every_state(store, ("plans",), below=True)) == 4
    assert len(every_state(store, (), below=True)) == 5
    assert every_state(store, ("pla",), below=True) == []


def test_positions_leap_over_a_namespace_and_over_what_is_below_it(store: StateStore) -> None:
    for namespace in (("a",), ("a", "x"), ("a", "y"), ("b",)):
        store.put(OWNER, state(namespace, "k"), None)
    every = [each.namespace for each in every_state(store, (), below=True)]
    first = every[0] or ()

    behind_own = every_state(store, (), store.behind(OWNER, first, below=False), below=True)
    behind_all = every_state(store, (), store.behind(OWNER, first[:1], below=True), below=True)

    assert [each.namespace for each in behind_own] == every[1:]
    assert {(each.namespace or ("",))[0] for each in behind_all} == {"a", "b"} - {first[0]}


def test_behind_all_that_begins_so_there_is_nothing(store: StateStore) -> None:
    for namespace in (TRIPS, (*TRIPS, "old")):
        store.put(OWNER, state(namespace), None)

    assert store.states(OWNER, TRIPS, store.behind(OWNER, TRIPS, below=True), 9, below=True) == ([], None)


def test_no_table_is_asked_for_a_range_that_ends_before_it_begins() -> None:
    faults = PlannedFaults()
    with aws():
        table = template_table("StateTable", faults=faults)
        store = DynamoStateStore(table, TenantMacs(FixedSecrets()), sealer(), UlidIds(FakeClock()))
        store.states(OWNER, TRIPS, store.behind(OWNER, TRIPS, below=True), 9, below=True)
        store.states(OWNER, TRIPS, store.behind(OWNER, TRIPS, below=False), 9, below=True)

    # DynamoDB refuses such a range; not every engine that stands in for it does.
    [(operation, arguments)] = faults.sent
    bounds = [each["S"] for each in arguments["ExpressionAttributeValues"].values() if not each["S"].startswith("N#")]
    assert (operation, bounds) == ("Query", sorted(bounds))
    assert len(bounds) == 2


def test_pages_follow_each_other(store: StateStore) -> None:
    for key in "abc":
        store.put(OWNER, state(key=key), None)

    first, after = store.states(OWNER, TRIPS, None, 2, below=False)
    rest = every_state(store, TRIPS, after, below=False)

    assert 1 <= len(first) <= 2
    assert len(first) + len(rest) == 3
    assert names([*first, *rest]) == {(TRIPS, key) for key in "abc"}


def test_what_is_removed_is_gone(store: StateStore) -> None:
    store.put(OWNER, state(), None)

    assert [store.remove(OWNER, TRIPS, "lisbon", NOW) for _ in range(2)] == [True, False]
    assert store.get(OWNER, TRIPS, "lisbon") is None


def test_a_removal_may_mean_a_version(store: StateStore) -> None:
    store.put(OWNER, state(), None)

    for versions in (frozenset({"v0"}), frozenset[str]()):
        with pytest.raises(PreconditionFailedError):
            store.remove(OWNER, TRIPS, "lisbon", NOW, versions)
    assert store.remove(OWNER, TRIPS, "lisbon", NOW, frozenset({"v0", "v1"}))
    with pytest.raises(PreconditionFailedError):
        store.remove(OWNER, TRIPS, "lisbon", NOW, frozenset({"v1"}))


def test_removing_what_has_expired_removes_nothing_that_was_there(store: StateStore) -> None:
    store.put(OWNER, state(expires_at=NOW), None)

    assert not store.remove(OWNER, TRIPS, "lisbon", NOW)
    assert store.get(OWNER, TRIPS, "lisbon") is None


def test_what_has_expired_is_listed_and_dropped_unless_it_was_put_off(store: StateStore) -> None:
    store.put(OWNER, state(key="first", expires_at=NOW - 2 * HOUR), None)
    store.put(OWNER, state(key="second", expires_at=NOW - HOUR), None)
    store.put(OWNER, state(key="later", expires_at=NOW + HOUR), None)
    store.put(OWNER, state(key="never"), None)

    due = store.expired(NOW, 9)
    assert len(due) == 2
    assert len(store.expired(NOW, 1)) == 1
    store.put(OWNER, state(key="second", version="v2", expires_at=NOW + HOUR), "v1")

    assert [store.drop(each, NOW) for each in due] == [True, False]
    left = names(every_state(store, TRIPS, below=False))
    assert left == {(TRIPS, key) for key in ("second", "later", "never")}


def test_no_name_and_no_value_stands_in_the_table() -> None:
    with aws():
        on_table().put(OWNER, state(("garden",), "gate", value={"code": "open sesame"}, expires_at=NOW), None)
        held = repr(template_table("StateTable").scan().items)

    assert not [word for word in ("garden", "gate", "code", "sesame") if word in held]


def test_what_cannot_be_opened_has_the_names_that_the_caller_knows() -> None:
    keys = FakeKeyStore()
    with aws():
        on_table(keys).put(OWNER, state(), None)
        [key] = keys.all("acme")
        keys.replace(replace(key, state=KeyState.EXPIRED))
        store = on_table(keys)
        got = store.get(OWNER, TRIPS, "lisbon")
        [listed] = store.states(OWNER, TRIPS, None, 9, below=False)[0]
        [searched] = store.states(OWNER, (), None, 9, below=True)[0]

    assert got is not None
    assert [(each.namespace, each.key, each.value) for each in (got, listed, searched)] == [
        (TRIPS, "lisbon", None),
        (TRIPS, None, None),
        (None, None, None),
    ]
