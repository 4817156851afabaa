"""State that version 2 of the schema saved is read by the code of today. `saved-v2.json` is never written anew."""

from __future__ import annotations

import base64
import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from backend.embedding.model import pack
from backend.extraction.model import Claimed, EventTime, Precision
from backend.index.model import IndexDocument, Tombstone
from backend.kit.dynamodb.values import from_item
from backend.kit.errors import ConflictError
from backend.memories.documents import changes_for, documents_of
from backend.memories.listing import Listing
from backend.memories.model import Evidence, Judgement, Memory, Revision, State
from backend.memories.ports import GuardTakenError, Holders
from backend.tenancy.scope import Environment, user_scope
from tests.contract.memories.memory_world import MEMORIES, World

SAVED: dict[str, dict[str, Any]] = json.loads((Path(__file__).parent / "saved-v2.json").read_text())
NOW = datetime(2026, 11, 21, 9, tzinfo=UTC)
HOUR = timedelta(hours=1)
DAY = timedelta(days=1)
SCOPE = user_scope("acme", "support", Environment.LIVE, "u1")
CLAIM = (SCOPE.home, "Ana", "i", "live in")
WAS = Memory(
    memory_id="mem_01KE6P5X4522P52GJZN5M2G5PN",
    tenant_id="acme",
    scope_key=SCOPE.home,
    project_id="support",
    end_user_id="u1",
    text="I live in Lisbon.",
    extracted_key="k1:ana i live in lisbon",
    created_at=NOW,
    updated_at=NOW,
    valid_from=NOW - 300 * DAY,
    valid_until=NOW + 900 * DAY,
    occurred_at=NOW - DAY,
    expires_at=NOW + 30 * DAY,
    source="chat",
    event_type="note",
    tags=("home", "move"),
    importance=0.75,
    metadata={"native_id": "A-1", "count": 3, "ratio": 0.5, "open": True, "deep": {"list": [1, None]}},
    session_id="s1",
    speaker="Ana",
    role="user",
    category="factual",
    memory_type="fact",
    confidence=0.93,
    summary="Home",
    vector=pack([0.5, -0.5, 0.5, 0.5]),
    model="minilm-l6-v2-int8/4",
    event=EventTime(NOW - DAY, NOW, Precision.DAY),
    claimed=Claimed("i", "live in", "lisbon"),
    known_from=NOW,
    actor="key:1",
    supersedes=("mem_01KE6P5X4522P52GJZN5M2G5PM",),
)
WHOLE = replace(
    WAS,
    row_version=2,
    revision=2,
    updated_at=NOW + HOUR,
    known_from=NOW + HOUR,
    valid_until=NOW + HOUR,
    ended_before=WAS.valid_until,
    superseded_by="mem_01KE6P5X4522P52GJZN5M2G5PQ",
    superseded_at=NOW + HOUR,
    reason="superseded",
    helpful=2,
    unhelpful=1,
)
BARE = Memory(
    memory_id="mem_01KE6P5X4522P52GJZN5M2G5PP",
    tenant_id="acme",
    scope_key=SCOPE.home,
    project_id="support",
    end_user_id="u1",
    text="Tea, no sugar.",
    extracted_key="k1:tea no sugar",
    created_at=NOW,
    updated_at=NOW,
    valid_from=NOW,
    known_from=NOW,
    embed_tries=2,
)
LONG = replace(
    BARE,
    memory_id="mem_01KE6P5X4522P52GJZN5M2G5PR",
    text="one two three four five six",
    extracted_key="k1:one two three four five six",
    chunks=((0, 3), (4, 7), (8, 13), (14, 18), (19, 27)),
    vector=pack([0.5, 0.5, 0.5, 0.5]),
    more_vectors=tuple(pack([0.5, 0.5, 0.5, sign * 0.5]) for sign in (1, -1, 1, -1)),
    vectors_at=1,
    model="minilm-l6-v2-int8/4",
    embed_tries=0,
)
DISPUTED = replace(
    BARE,
    memory_id="mem_01KE6P5X4522P52GJZN5M2G5PS",
    text="I live in Porto.",
    extracted_key="k1:i live in porto",
    state=State.DISPUTED,
    rule="same_claim",
    disputes=(WAS.memory_id,),
    embed_tries=0,
)
CLOSED = Revision(WAS, NOW + HOUR, "key:2", "superseded")
PROOF = Evidence("ev_01KE6P5X4522P52GJZN5M2G5PQ", WAS.memory_id, NOW, (0, 17), "5f" * 32, "chat", "s1", NOW - DAY)


def typed(attribute: dict[str, Any]) -> dict[str, Any]:
    """Return the attribute with its bytes: JSON holds them in base 64."""
    ((kind, value),) = attribute.items()
    if kind == "B":
        return {"B": base64.b64decode(value)}
    if kind == "L":
        return {"L": [typed(each) for each in value]}
    return attribute


def put(world: World, *names: str) -> None:
    for name in names:
        world.client.put_item(TableName=MEMORIES, Item={key: typed(value) for key, value in SAVED[name].items()})


def found(world: World, each: Memory) -> Memory:
    memory = world.store.get("acme", each.memory_id)
    assert memory
    return memory


SAVED_ROWS = [("row", WHOLE), ("bare row", BARE), ("long row", replace(LONG, more_vectors=())), ("waiting row", DISPUTED)]


@pytest.mark.parametrize(("name", "expected"), SAVED_ROWS)
def test_a_saved_row_is_read(world: World, name: str, expected: Memory) -> None:
    put(world, name)

    assert found(world, expected) == expected


def test_a_saved_revision_is_read(world: World) -> None:
    put(world, "row", "revision")

    assert world.store.revisions("acme", WAS.memory_id) == [CLOSED]
    page = world.store.page(SCOPE, limit=9, before=None, now=NOW + DAY, listing=Listing(known_at=NOW, as_of=NOW))
    assert page.memories == (WAS,)


def test_saved_vectors_make_a_row_whole_again(world: World) -> None:
    put(world, "long row", "long row's vectors")

    assert world.store.whole(found(world, LONG)) == LONG
    assert world.store.changes(found(world, LONG)) == documents_of(LONG)


def test_saved_markers_still_say_what_the_index_lacks(world: World) -> None:
    put(world, "row", "marker", "bare row", "bare marker", "long row", "long row's vectors", "long row's marker")

    changes, more = world.store.pending(SCOPE)

    assert not more
    expected = [*changes_for(WHOLE, [CLOSED]), *documents_of(BARE), *documents_of(LONG)]
    assert sorted(map(position, changes)) == sorted(map(position, expected))
    told = list(map(without_traits, expected))
    assert all(change in told for change in map(without_traits, changes))


def without_traits(change: IndexDocument | Tombstone) -> IndexDocument | Tombstone:
    """What a marker of that release could not say; the projection brings it."""
    return replace(change, traits=0) if isinstance(change, IndexDocument) else change


def position(change: IndexDocument | Tombstone) -> str:
    return change.document_id if isinstance(change, IndexDocument) else change.memory_id


def test_a_saved_tombstone_marker_still_hides_its_memory(world: World) -> None:
    put(world, "tombstone marker")

    assert world.store.pending(SCOPE)[0] == [*changes_for(BARE.forgotten(NOW + HOUR))]


def test_saved_rows_stand_in_their_lists_and_wait_for_what_they_are_owed(world: World) -> None:
    put(world, "row", "bare row", "owed", "long row", "waiting row")

    listed = world.store.page(SCOPE, limit=9, before=None, now=NOW + DAY, listing=Listing(include_ended=True)).memories
    waiting = world.store.page(SCOPE, limit=9, before=None, now=NOW + DAY, listing=Listing(state=State.DISPUTED)).memories

    assert {each.memory_id for each in listed} == {WHOLE.memory_id, BARE.memory_id, LONG.memory_id}
    assert waiting == (DISPUTED,)
    assert world.store.owed(SCOPE, 9) == (1, NOW)
    assert world.store.without_vector(NOW + DAY, 9) == [("acme", BARE.memory_id)]
    assert world.store.expired(NOW + 31 * DAY, 9) == [("acme", WHOLE.memory_id)]


def test_a_saved_guard_still_keeps_a_fact_from_being_stored_twice(world: World) -> None:
    put(world, "guard")

    assert world.store.guarded_by(SCOPE.home, BARE.extracted_key, "acme") == BARE.memory_id
    with pytest.raises(GuardTakenError):
        world.store.add(replace(BARE, memory_id="mem_01KE6P5X4522P52GJZN5M2G5PZ"), documents_of(BARE), guarded=True)


def test_a_saved_claim_still_says_who_holds_it(world: World) -> None:
    put(world, "claim")

    assert world.store.holders("acme", CLAIM) == Holders((WAS.memory_id, LONG.memory_id), 3)


def test_saved_evidence_and_judgements_still_count(world: World) -> None:
    put(world, "row", "evidence", "judgement")
    again = found(world, WHOLE).changed(NOW + DAY, helpful=3)

    assert world.store.evidence("acme", WAS.memory_id, limit=9).evidence == (PROOF,)
    assert world.store.evidence_count("acme", WAS.memory_id) == 1
    judgement = Judgement(is_helpful=True, actor="key:1", judgement_id="fb_01KE6P5X4522P52GJZN5M2G5PT", at=NOW)
    assert not world.store.judge(again, changes_for(again), judgement)


def test_a_saved_row_is_changed_and_forgotten_by_the_code_of_today(world: World) -> None:
    put(world, "row", "marker", "bare row", "owed")
    with pytest.raises(ConflictError):
        world.store.replace(replace(WHOLE, importance=0.25), changes_for(WHOLE))

    gone, _ = world.service.forget(SCOPE, WHOLE.memory_id)
    whole = found(world, BARE).with_vectors([pack([0.5, 0.5, 0.5, 0.5])], "minilm-l6-v2-int8/4", NOW + HOUR)
    world.store.replace(whole, changes_for(whole))
    for each in (gone, whole):
        world.store.settle(each)

    assert world.store.pending(SCOPE) == ([], False)
    assert world.store.owed(SCOPE, 9) == (0, None)


def test_no_saved_item_holds_a_word_of_what_was_said() -> None:
    words = ("Lisbon", "lisbon", "Porto", "Tea", "sugar", "three", "Home", "native_id")
    plain = [repr(from_item({name: typed(value) for name, value in item.items()})) for item in SAVED.values()]

    assert not [word for word in words for item in plain if word in item]
