"""Operators learn of messages and values that cannot be opened as they do of memories: from a count and the audit log."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from backend.audit.model import Action
from backend.kit.clock import FakeClock
from backend.tenancy.model import Permission
from backend.tenancy.scope import Environment
from tests.contract.memories.encryption_world import entries, expire_all_keys
from tests.contract.tree.served_world import Served, serving
from tests.support.logs import log_lines

PLACE = {"namespace": ["plans"], "key": "lisbon"}
WORDS = ("Hello.", "plans", "lisbon", "days", "s-4711")


@pytest.fixture
def served(clock: FakeClock) -> Iterator[Served]:
    with serving(clock) as world:
        owner = world.container.tenancy.create_key("acme", "owner", Environment.TEST, [Permission.ORG_ALL]).text
        said = [{"role": "user", "content": "Hello."}] * 2
        assert world.call("POST", "/v1/history/append", {"session_id": "s-4711", "messages": said}).status == 201
        assert world.call("POST", "/v1/state/put", {**PLACE, "value": {"days": 4}}).status == 200
        expire_all_keys(world, clock, owner)
        yield world


@pytest.mark.parametrize(
    ("asked", "kind", "failed"),
    [
        (("/v1/history/list", {"session_id": "s-4711"}), "message", 2),
        (("/v1/state/get", PLACE), "state", 1),
        (("/v1/state/list", {"namespace": ["plans"]}), "state", 1),
        (("/v1/state/search", {}), "state", 1),
        (("/v1/state/search", {"filter": {"days": 4}}), "state", 1),
        (("/v1/state/namespaces", {}), "state", 1),
    ],
)
def test_whatever_shows_it_counts_it_and_records_the_first(
    served: Served, clock: FakeClock, asked: tuple[str, dict[str, Any]], kind: str, failed: int
) -> None:
    with log_lines() as log:
        answers = [served.call("POST", *asked) for _ in range(2)]

    assert [each.status for each in answers] == [200, 200]
    assert [line.get("decryption_failed", 0) for line in log.lines()] == [failed, failed]
    (entry,) = entries(served, clock, Action.DECRYPTION_FAILED)
    assert entry.target.startswith(f"{kind}:")
    assert (entry.details, entry.project_id, entry.environment) == (
        {"key_version": 1, "reason": "expired"},
        "support",
        "test",
    )
    assert not any(word in f"{entry} {log.text()}" for word in WORDS)


def test_the_next_minute_has_an_entry_of_its_own(served: Served, clock: FakeClock) -> None:
    for _ in range(2):
        served.call("POST", "/v1/state/get", PLACE)
        clock.advance(minutes=1)

    assert len(entries(served, clock, Action.DECRYPTION_FAILED)) == 2


def test_what_can_be_opened_is_not_counted(served: Served, clock: FakeClock) -> None:
    put = served.call("POST", "/v1/state/put", {**PLACE, "value": {"days": 5}})
    assert put.status == 200

    with log_lines() as log:
        shown = served.call("POST", "/v1/state/get", PLACE)

    assert shown.json()["value"] == {"days": 5}
    assert "decryption_failed" not in log.text()
    assert entries(served, clock, Action.DECRYPTION_FAILED) == []


@pytest.mark.parametrize("path", ["/memory/{}/history", "/memory/{}/relations", "/memory/conflicts"])
def test_the_other_lists_of_memories_tell_it_too(clock: FakeClock, path: str) -> None:
    with serving(clock) as world:
        owner = world.container.tenancy.create_key("acme", "owner", Environment.TEST, [Permission.ORG_ALL]).text
        world.add("I live in Oslo.")
        rome = world.add("I live in Rome.").json()["id"]
        world.add("I live in Bern.", on_conflict="inbox")
        expire_all_keys(world, clock, owner)
        route = f"GET {path.format('{id}')}"

        with log_lines() as log:
            answer = world.call("GET", path.format(rome), route=route)

        assert answer.status == 200
        assert log.lines()[-1]["decryption_failed"] >= 1
        assert len(entries(world, clock, Action.DECRYPTION_FAILED)) == 1
