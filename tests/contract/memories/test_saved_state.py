"""State that version 1 of the schema saved is read by the code of today. `saved-v1.json` is never written anew."""

from __future__ import annotations

import base64
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from backend.embedding.model import pack
from backend.index.model import IndexDocument, Tombstone
from backend.kit.errors import RequestInFlightError
from backend.memories.model import (
    Evidence,
    Memory,
    State,
)
from backend.memories.outcomes import (
    CandidateOutcome,
    Claim,
    Done,
    Outcome,
    Request,
)
from backend.tenancy.scope import Environment, user_scope
from tests.contract.memories.memory_world import IDEMPOTENCY, MEMORIES, World

SAVED: dict[str, dict[str, Any]] = json.loads((Path(__file__).parent / "saved-v1.json").read_text())
NOW = datetime(2026, 1, 5, 9, tzinfo=UTC)
NOW_MS = 1_767_603_600_000
DAY_MS = 86_400_000
WHOLE = Memory(
    memory_id="mem_01KE6P5X4522P52GJZN5M2G5PN",
    tenant_id="acme",
    scope_key="acme#support#live#USER#u1",
    project_id="support",
    end_user_id="u1",
    text="I moved to Lisbon in March.",
    extracted_key="k1:i moved to lisbon in march",
    created_at=NOW,
    updated_at=NOW,
    valid_from=NOW - timedelta(days=300),
    valid_until=NOW + timedelta(days=900),
    occurred_at=NOW - timedelta(days=1),
    expires_at=NOW + timedelta(days=30),
    source="chat",
    event_type="note",
    tags=("home", "move"),
    importance=0.75,
    metadata={"native_id": "A-1", "count": 3, "ratio": 0.5, "open": True, "deep": {"list": [1, None]}},
    session_id="s1",
    speaker="Ana",
    role="user",
    confidence=0.93,
    vector=pack([0.5, -0.5, 0.5, 0.5]),
    model="minilm-l6-v2-int8/4",
)
BARE = Memory(
    memory_id="mem_01KE6P5X4522P52GJZN5M2G5PP",
    tenant_id="acme",
    scope_key="acme#-#live#USER#u1",
    project_id=None,
    end_user_id="u1",
    text="Tea, no sugar.",
    extracted_key="k1:tea no sugar",
    created_at=NOW,
    updated_at=NOW,
    valid_from=NOW,
)
SUPPORT = user_scope("acme", "support", Environment.LIVE, "u1")
NO_PROJECT = user_scope("acme", None, Environment.LIVE, "u1")


def typed(attribute: dict[str, Any]) -> dict[str, Any]:
    """Return the attribute with its bytes: JSON holds them in base 64."""
    ((kind, value),) = attribute.items()
    if kind == "B":
        return {"B": base64.b64decode(value)}
    if kind == "L":
        return {"L": [typed(each) for each in value]}
    return attribute


def put(world: World, *names: str, table: str = MEMORIES) -> None:
    for name in names:
        world.client.put_item(TableName=table, Item={key: typed(value) for key, value in SAVED[name].items()})


def test_a_saved_row_is_read(world: World) -> None:
    put(world, "row", "bare row")

    assert world.store.get("acme", WHOLE.memory_id) == WHOLE
    assert world.store.get("acme", BARE.memory_id) == BARE
    assert world.service.get(SUPPORT, WHOLE.memory_id) == WHOLE


def test_a_saved_forgotten_row_is_still_forgotten(world: World) -> None:
    put(world, "forgotten row")

    row = world.store.get("acme", WHOLE.memory_id)

    assert row == WHOLE.forgotten(NOW + timedelta(hours=1))
    assert row.state is State.FORGOTTEN


def test_saved_rows_stand_in_their_list_and_wait_for_their_vector(world: World) -> None:
    put(world, "row", "bare row")
    later = NOW + timedelta(days=1)

    assert world.store.page(SUPPORT, limit=9, before=None, now=later).memories == (WHOLE,)
    assert world.store.page(NO_PROJECT, limit=9, before=None, now=later).memories == (BARE,)
    assert world.store.without_vector(later, 9) == [("acme", BARE.memory_id)]


def test_a_saved_marker_still_says_what_the_index_lacks(world: World) -> None:
    put(world, "marker", "bare marker")

    assert world.store.pending(SUPPORT) == (
        [
            IndexDocument(
                scope_key=WHOLE.scope_key,
                memory_id=WHOLE.memory_id,
                revision=1,
                chunk=0,
                row_version=1,
                stems={"ana": 1, "move": 1, "lisbon": 1, "march": 1},
                vector=WHOLE.vector,
                model=WHOLE.model,
                created_at=NOW_MS,
                occurred_at=NOW_MS - DAY_MS,
                valid_from=NOW_MS - 300 * DAY_MS,
                valid_until=NOW_MS + 900 * DAY_MS,
                known_from=NOW_MS,
                expires_at=NOW_MS + 30 * DAY_MS,
                span=(0, 27),
                session_id="s1",
                speaker="Ana",
                source="chat",
                tags=("home", "move"),
                importance=0.75,
                confidence=0.93,
                metadata={"native_id": "A-1", "count": 3, "ratio": 0.5, "open": True},
            )
        ],
        False,
    )
    (bare,), _ = world.store.pending(NO_PROJECT)
    assert isinstance(bare, IndexDocument)
    assert (bare.memory_id, bare.vector, bare.stems) == (BARE.memory_id, None, {"tea": 1, "no": 1, "sugar": 1})
    assert set(world.store.overdue(NOW + timedelta(minutes=1), 9)) == {("acme", WHOLE.memory_id), ("acme", BARE.memory_id)}


def test_a_saved_tombstone_marker_still_hides_its_memory(world: World) -> None:
    put(world, "tombstone marker")

    assert world.store.pending(SUPPORT)[0] == [Tombstone(WHOLE.scope_key, WHOLE.memory_id, 2, NOW_MS + 3_600_000)]


def test_saved_evidence_is_read(world: World) -> None:
    put(world, "row", "evidence")

    assert world.store.evidence("acme", WHOLE.memory_id, limit=9).evidence == (
        Evidence(
            evidence_id="ev_01KE6P5X4522P52GJZN5M2G5PQ",
            memory_id=WHOLE.memory_id,
            recorded_at=NOW,
            span=(0, 27),
            sha256="5f" * 32,
            source="chat",
            session_id="s1",
            occurred_at=NOW - timedelta(days=1),
        ),
    )


def test_a_saved_row_is_forgotten_and_settled_by_the_code_of_today(world: World) -> None:
    put(world, "row", "marker")

    gone, _ = world.service.forget(SUPPORT, WHOLE.memory_id)
    world.store.settle(gone)

    assert world.store.pending(SUPPORT) == ([], False)
    assert world.store.page(SUPPORT, limit=9, before=None, now=NOW).memories == ()


def test_saved_requests_are_told_again_or_taken_over(world: World) -> None:
    put(world, "claimed request", "done request", table=IDEMPOTENCY)
    claimed, done = (Request(record_id=f"{number:064d}", body_mac="ab" * 32) for number in (1, 2))

    with pytest.raises(RequestInFlightError):
        world.requests.claim("acme", claimed, NOW)
    heir = world.requests.claim("acme", claimed, NOW + timedelta(seconds=30))
    assert isinstance(heir, Claim)
    assert heir.claim_id == "clm_01KE6P5X4522P52GJZN5M2G5PN"
    assert world.requests.claim("acme", done, NOW) == Done(
        outcomes=(
            CandidateOutcome(0, Outcome.STORED, WHOLE.memory_id),
            CandidateOutcome(1, Outcome.MERGED, BARE.memory_id, "extracted_key"),
        ),
        memory_ids=(WHOLE.memory_id,),
    )
