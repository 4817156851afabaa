"""What could not be opened when it got a new text stands in the history, and its words come back with its key."""

from __future__ import annotations

from typing import Any

import pytest

from backend.kit.clock import FakeClock
from backend.kit.dynamodb import set_to
from backend.memories.model import REDACTED
from backend.tenancy.model import Permission
from backend.tenancy.scope import Environment
from tests.contract.memories.encryption_world import added, expire_all_keys, read, sealed_under, work_off
from tests.contract.tree.served_world import Served
from tests.support.logs import log_lines

OLD, NEW = "The cello is in the loft.", "The cello was sold."


@pytest.fixture
def healed(served: Served, clock: FakeClock, owner: str) -> str:
    """Return the id of a memory that got a new text when its own could not be opened any more."""
    [memory_id] = added(served, OLD)
    expire_all_keys(served, clock, owner)
    answer = served.call("PUT", f"/memory/{memory_id}/text", {"text": NEW}, route="PUT /memory/{id}/text")
    assert (answer.status, answer.json()["revision"]) == (200, 2)
    return memory_id


def history(served: Served, memory_id: str) -> Any:
    return served.call("GET", f"/memory/{memory_id}/history", route="GET /memory/{id}/history")


def reopened(served: Served, clock: FakeClock) -> None:
    """Take the end out of the first key version, as operators do who expired it by mistake."""
    served.container.memories_table.update("D#acme", "DATAKEY#000001", actions=[set_to("expires_at", None)])
    clock.advance(minutes=6)


def test_the_history_shows_the_placeholder_and_tells_operators(served: Served, healed: str) -> None:
    with log_lines() as log:
        answer = history(served, healed)

    newest, first = answer.json()["items"]
    assert newest["changed"]["text"] == {"before": REDACTED, "after": NEW}
    assert (first["revision"], first["changed"]) == (1, {})
    assert log.lines()[-1]["decryption_failed"] == 1
    assert not any(text in log.text() for text in (OLD, NEW))


def test_as_it_was_known_before_it_is_the_placeholder(served: Served, clock: FakeClock) -> None:
    before = clock.now()
    owner = served.container.tenancy.create_key("acme", "owner", Environment.TEST, [Permission.ORG_ALL]).text
    [memory_id] = added(served, OLD)
    expire_all_keys(served, clock, owner)
    served.call("PUT", f"/memory/{memory_id}/text", {"text": NEW}, route="PUT /memory/{id}/text")

    then = served.call(
        "GET", f"/memory/{memory_id}", query={"known_at": before.isoformat().replace("+00:00", "Z")}, route="GET /memory/{id}"
    )

    assert (then.status, then.json()["text"], then.json()["decryption_failed"]) == (200, REDACTED, True)
    assert read(served, memory_id).json()["text"] == NEW


def test_the_text_comes_back_with_its_key(served: Served, clock: FakeClock, healed: str) -> None:
    reopened(served, clock)

    assert history(served, healed).json()["items"][0]["changed"]["text"] == {"before": OLD, "after": NEW}


def test_a_re_encryption_seals_it_again_where_it_stands(served: Served, clock: FakeClock, healed: str) -> None:
    reopened(served, clock)
    assert set(sealed_under(served).values()) == {1, 2}

    work_off(clock)

    assert set(sealed_under(served).values()) == {2}
    assert history(served, healed).json()["items"][0]["changed"]["text"] == {"before": OLD, "after": NEW}


def test_what_is_forgotten_shows_neither_text_for_any_moment(served: Served, clock: FakeClock, healed: str) -> None:
    reopened(served, clock)
    assert served.call("DELETE", f"/memory/{healed}", route="DELETE /memory/{id}").status == 200

    answers = [history(served, healed), read(served, healed), served.call("GET", "/memory", query={"include_ended": "true"})]
    asked = served.call("POST", "/memory/query", {"query": "Where is the cello?"})

    assert [each.status for each in (*answers, asked)] == [404, 404, 200, 200]
    assert asked.json()["memories"] == answers[-1].json()["items"] == []
    assert not any(text in str(each.body) for each in (*answers, asked) for text in (OLD, NEW))
