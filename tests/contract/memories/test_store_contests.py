"""What every memory store promises of claims: of those who contest one at the same moment, one wins."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from backend.extraction.model import Claimed
from backend.index.model import IndexDocument
from backend.kit.errors import ConflictError
from backend.memories.conflicts import retired
from backend.memories.documents import changes_for
from backend.memories.model import Memory
from backend.memories.ports import Contest, ContestedError, GuardTakenError, Holders, MemoryStore, Step
from tests.contract.memories.store_cases import added, forgotten
from tests.unit.memories.samples import ACME, NEIGHBOUR, NOW, memory, memory_id

CLAIM = (ACME.home, "", "i", "live in")
LATER = NOW + timedelta(days=1)
IN_PORTO = memory(1, text="I live in Porto.", claimed=Claimed("i", "live in", "porto"))
IN_LISBON = memory(2, text="I live in Lisbon.", claimed=Claimed("i", "live in", "lisbon"), valid_from=LATER)
IN_FARO = memory(3, text="I live in Faro.", claimed=Claimed("i", "live in", "faro"), valid_from=LATER)


def claimed(store: MemoryStore, each: Memory, *steps: Step, seen: Holders | None = None, guarded: bool = True) -> Memory:
    """Add a memory that retires others and holds the claim alone."""
    contest = Contest(CLAIM, seen or store.holders("acme", CLAIM), (each.memory_id,), steps)
    return store.add(each, changes_for(each), guarded=guarded, contest=contest)


def current(store: MemoryStore, each: Memory) -> Memory:
    found = store.get(each.tenant_id, each.memory_id)
    assert found
    return found


def test_a_claim_that_nobody_made_has_no_holders(store: MemoryStore) -> None:
    assert store.holders("acme", CLAIM) == Holders((), 0)


def test_who_claims_first_holds_the_claim(store: MemoryStore) -> None:
    assert claimed(store, IN_PORTO) == IN_PORTO

    assert store.holders("acme", CLAIM) == Holders((memory_id(1),), 1)


@pytest.mark.parametrize(
    ("tenant", "claim"),
    [
        ("rival", CLAIM),
        ("acme", (NEIGHBOUR.home, *CLAIM[1:])),
        ("acme", (ACME.home, "ana", "i", "live in")),
        ("acme", (ACME.home, "", "my sister", "live in")),
        ("acme", (ACME.home, "", "i", "work at")),
        ("acme", (ACME.home, "", "i live", "in")),
    ],
)
def test_a_claim_is_of_one_tenant_owner_speaker_subject_and_attribute(
    store: MemoryStore, tenant: str, claim: tuple[str, ...]
) -> None:
    claimed(store, IN_PORTO)

    assert store.holders(tenant, claim) == Holders()


def test_the_winner_takes_the_claim_and_the_loser_is_retired_with_it(store: MemoryStore) -> None:
    claimed(store, IN_PORTO)
    winner = replace(IN_LISBON, supersedes=(memory_id(1),))
    step = retired(IN_PORTO, winner, LATER)

    assert claimed(store, winner, step) == winner

    ended = current(store, IN_PORTO)
    assert (ended.valid_until, ended.superseded_by, ended.superseded_at) == (LATER, memory_id(2), LATER)
    assert (ended.revision, ended.row_version, ended.reason) == (2, 2, "superseded")
    assert store.holders("acme", CLAIM) == Holders((memory_id(2),), 2)
    (revision,) = store.revisions("acme", memory_id(1))
    assert (revision.memory, revision.known_until, revision.reason) == (IN_PORTO, LATER, "superseded")
    assert set(changes_pending(store)) == {(memory_id(1), 2, None), (memory_id(1), 1, "closed"), (memory_id(2), 1, None)}


def changes_pending(store: MemoryStore) -> list[tuple[str, int, str | None]]:
    """Return (memory, revision, whether it is an earlier one) of the documents that the index may not hold."""
    found = [change for change in store.pending(ACME)[0] if isinstance(change, IndexDocument)]
    return [(each.memory_id, each.revision, "closed" if each.known_until else None) for each in found]


def check_nothing_came_of_it(store: MemoryStore, loser: Memory) -> None:
    assert store.get("acme", loser.memory_id) is None
    assert store.guarded_by(ACME.home, loser.extracted_key, "acme") is None
    assert loser.memory_id not in {change.memory_id for change in store.pending(ACME)[0]}


def test_who_did_not_see_the_last_change_of_the_holders_loses_and_leaves_nothing(store: MemoryStore) -> None:
    stale = store.holders("acme", CLAIM)
    claimed(store, IN_PORTO)

    with pytest.raises(ContestedError):
        claimed(store, IN_LISBON, seen=stale)

    check_nothing_came_of_it(store, IN_LISBON)
    assert store.holders("acme", CLAIM) == Holders((memory_id(1),), 1)


def test_of_two_who_retire_the_same_holder_one_wins(store: MemoryStore) -> None:
    claimed(store, IN_PORTO)
    seen = store.holders("acme", CLAIM)
    claimed(store, IN_LISBON, retired(IN_PORTO, IN_LISBON, LATER), seen=seen)

    with pytest.raises(ContestedError):
        claimed(store, IN_FARO, retired(IN_PORTO, IN_FARO, LATER), seen=seen)

    check_nothing_came_of_it(store, IN_FARO)
    assert current(store, IN_PORTO).superseded_by == memory_id(2)
    assert len(store.revisions("acme", memory_id(1))) == 1


def test_a_holder_that_changed_meanwhile_is_not_retired_as_it_was(store: MemoryStore) -> None:
    claimed(store, IN_PORTO)
    gone = forgotten(store, IN_PORTO)

    with pytest.raises(ContestedError):
        claimed(store, IN_LISBON, retired(IN_PORTO, IN_LISBON, LATER))

    check_nothing_came_of_it(store, IN_LISBON)
    assert current(store, IN_PORTO) == gone
    assert store.holders("acme", CLAIM) == Holders((memory_id(1),), 1)
    assert store.revisions("acme", memory_id(1)) == []


def test_a_fact_that_is_known_is_told_before_a_claim_is_contested(store: MemoryStore) -> None:
    claimed(store, IN_PORTO)
    again = replace(IN_PORTO, memory_id=memory_id(9))

    with pytest.raises(GuardTakenError) as refused:
        claimed(store, again, seen=Holders((), 7))

    assert refused.value.memory_id == memory_id(1)


def test_an_attempt_that_is_done_again_finds_what_it_stored_whoever_holds_the_claim_by_now(store: MemoryStore) -> None:
    claimed(store, IN_PORTO)
    claimed(store, IN_LISBON, retired(IN_PORTO, IN_LISBON, LATER))

    found = claimed(store, IN_PORTO, seen=Holders())

    assert found.memory_id == memory_id(1)
    assert found.superseded_by == memory_id(2)
    assert store.holders("acme", CLAIM).memory_ids == (memory_id(2),)


def test_a_change_of_a_row_can_join_a_claim(store: MemoryStore) -> None:
    claimed(store, IN_PORTO)
    other = memory(4, text="I live in Braga.")
    added(store, other)
    now = other.edited(LATER, "ops", None, claimed=Claimed("i", "live in", "braga"))

    seen = store.holders("acme", CLAIM)
    store.replace(now, changes_for(now), contest=Contest(CLAIM, seen, (*seen.memory_ids, memory_id(4))))

    assert store.holders("acme", CLAIM) == Holders((memory_id(1), memory_id(4)), 2)


def test_a_change_of_a_row_that_lost_a_claim_is_not_made(store: MemoryStore) -> None:
    other = memory(4, text="I live in Braga.")
    added(store, other)
    stale = store.holders("acme", CLAIM)
    claimed(store, IN_PORTO)
    now = other.edited(LATER, "ops", None, claimed=Claimed("i", "live in", "braga"))

    with pytest.raises(ContestedError):
        store.replace(now, changes_for(now), contest=Contest(CLAIM, stale, (memory_id(4),)))

    assert current(store, other) == other
    with pytest.raises(ConflictError):
        store.replace(replace(now, row_version=9), changes_for(now), contest=Contest(CLAIM, stale, (memory_id(4),)))
