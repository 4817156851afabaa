"""What a caller can rely on when remembering."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from backend.extraction.fake import WholeTexts
from backend.kit.errors import (
    GoneError,
    IdempotencyKeyReusedError,
    RequestInFlightError,
    TableUnavailableError,
    ThrottledError,
)
from backend.memories.adding import MOST_TRIES
from backend.memories.fake import FakeMemoryStore
from backend.memories.fake_requests import FakeRequestLog
from backend.memories.model import (
    Changes,
    Evidence,
    Memory,
    Said,
    VectorState,
)
from backend.memories.outcomes import (
    Outcome,
)
from backend.memories.ports import Contest, GuardTakenError
from tests.unit.memories.fake_world import FakeWorld
from tests.unit.memories.samples import ACME, FACT, NEIGHBOUR, OTHER_PROJECT, RIVAL, SAID, keyed

# Adding


def test_what_was_said_is_remembered_with_all_that_was_said_about_it(world: FakeWorld) -> None:
    moment = datetime(2026, 1, 4, 8, tzinfo=UTC)
    said = Said(
        FACT,
        source="chat",
        event_type="note",
        tags=("home",),
        importance=0.75,
        metadata={"native_id": "A-1"},
        session_id="s1",
        speaker="Ana",
        role="user",
        occurred_at=moment,
        valid_until=moment + timedelta(days=9),
        ttl_minutes=30,
    )

    (memory,) = world.memories.add(ACME, said).memories

    assert world.memories.get(ACME, memory.memory_id) == memory
    assert (memory.tenant_id, memory.scope_key, memory.project_id, memory.end_user_id) == ("acme", ACME.home, "support", "u1")
    assert (memory.text, memory.source, memory.event_type, memory.tags) == (FACT, "chat", "note", ("home",))
    assert (memory.importance, memory.metadata) == (0.75, {"native_id": "A-1"})
    assert (memory.session_id, memory.speaker, memory.role) == ("s1", "Ana", "user")
    assert (memory.occurred_at, memory.valid_from, memory.valid_until) == (moment, moment, said.valid_until)
    assert memory.expires_at == world.clock.now() + timedelta(minutes=30)
    assert (memory.revision, memory.row_version, memory.vector_state) == (1, 1, VectorState.READY)
    assert (memory.created_at, memory.updated_at) == (world.clock.now(), world.clock.now())


def test_a_memory_holds_from_when_it_is_said_to_or_happened_or_was_added(world: FakeWorld) -> None:
    moment = datetime(2026, 1, 4, 8, tzinfo=UTC)
    cases = {
        "said": Said("a", valid_from=moment, occurred_at=moment - timedelta(days=1)),
        "happened": Said("b", occurred_at=moment),
        "added": Said("c"),
    }

    added = {name: world.memories.add(ACME, said).memories[0].valid_from for name, said in cases.items()}

    assert added == {"said": moment, "happened": moment, "added": world.clock.now()}


def test_the_evidence_says_where_a_memory_comes_from_and_holds_none_of_its_text(world: FakeWorld) -> None:
    memory = world.memories.add(ACME, replace(SAID, source="chat", session_id="s1")).memories[0]

    (evidence,) = world.store.evidence("acme", memory.memory_id, limit=9).evidence

    assert evidence.span == (0, len(FACT))
    assert evidence.sha256 == hashlib.sha256(FACT.encode()).hexdigest()
    assert (evidence.source, evidence.session_id, evidence.recorded_at) == ("chat", "s1", world.clock.now())
    assert FACT not in repr(evidence)


def test_the_same_fact_in_other_words_of_the_same_key_is_evidence_of_the_first(world: FakeWorld) -> None:
    first = world.memories.add(ACME, SAID).memories[0]

    again = world.memories.add(ACME, Said("  i MOVED to Lisbon, in March "))

    assert again.memories == (first,)
    assert (again.outcomes[0].outcome, again.outcomes[0].rule) == (Outcome.MERGED, "extracted_key")
    assert world.store.evidence_count("acme", first.memory_id) == 2


def test_other_users_projects_and_tenants_have_facts_of_their_own(world: FakeWorld) -> None:
    ids = {world.memories.add(scope, SAID).memories[0].memory_id for scope in (ACME, NEIGHBOUR, OTHER_PROJECT, RIVAL)}

    assert len(ids) == 4


def test_without_deduplication_a_fact_is_stored_again(world: FakeWorld) -> None:
    first = world.memories.add(ACME, SAID).memories[0]

    second = world.memories.add(ACME, replace(SAID, deduplicate=False))

    assert second.outcomes[0].outcome is Outcome.STORED
    assert second.memories[0].memory_id != first.memory_id
    assert world.memories.add(ACME, SAID).memories == (first,)


def test_a_forgotten_fact_that_is_said_again_is_remembered_anew(world: FakeWorld) -> None:
    first = world.memories.add(ACME, SAID).memories[0]
    world.memories.forget(ACME, first.memory_id)

    second = world.memories.add(ACME, SAID)

    assert second.outcomes[0].outcome is Outcome.STORED
    assert second.memories[0].memory_id != first.memory_id
    assert world.memories.add(ACME, SAID).memories == second.memories


def test_an_expired_fact_that_is_said_again_is_remembered_anew(world: FakeWorld) -> None:
    first = world.memories.add(ACME, replace(SAID, ttl_minutes=5)).memories[0]
    world.clock.advance(minutes=5)

    second = world.memories.add(ACME, SAID)

    assert second.outcomes[0].outcome is Outcome.STORED
    assert second.memories[0].memory_id != first.memory_id
    assert world.memories.get(ACME, second.memories[0].memory_id) == second.memories[0]


def test_a_fact_is_remembered_also_when_its_guard_was_erased_meanwhile(world: FakeWorld) -> None:
    class ErasingStore(FakeMemoryStore):
        """Refuses the first add for a guard that is gone by then."""

        asked: list[str | None]

        def add(  # noqa: PLR0913 - one word for each thing that goes with a memory
            self,
            memory: Memory,
            changes: Changes,
            *,
            guarded: bool,
            replacing: str | None = None,
            contest: Contest | None = None,
            evidence: Evidence | None = None,
        ) -> Memory:
            self.asked = [*getattr(self, "asked", []), replacing]
            replacing = "mem_erased" if len(self.asked) == 1 else replacing
            return super().add(memory, changes, guarded=guarded, replacing=replacing, contest=contest, evidence=evidence)

    store = ErasingStore(world.clock)

    added = world.remembering(store=store).add(ACME, SAID)

    assert added.outcomes[0].outcome is Outcome.STORED
    assert store.asked == [None, None]


def test_a_fact_that_others_keep_storing_and_forgetting_ends_in_an_answer(world: FakeWorld) -> None:
    class Restless(FakeMemoryStore):
        """Its guard changes hands between any two calls, and whoever held it is forgotten."""

        tries = 0

        def add(  # noqa: PLR0913 - one word for each thing that goes with a memory
            self,
            memory: Memory,
            changes: Changes,
            *,
            guarded: bool,
            replacing: str | None = None,
            contest: Contest | None = None,
            evidence: Evidence | None = None,
        ) -> Memory:
            del memory, changes, guarded, replacing, contest, evidence
            self.tries += 1
            holder = f"mem_{self.tries}"
            raise GuardTakenError(holder)

    store = Restless(world.clock)

    with pytest.raises(ThrottledError):
        world.remembering(store=store).add(ACME, SAID)
    assert store.tries == MOST_TRIES


def test_while_the_embedder_is_down_memories_are_kept_and_wait_for_their_vector(world: FakeWorld) -> None:
    world.embedder.down = True

    memory = world.memories.add(ACME, SAID).memories[0]

    assert memory.vector_state is VectorState.PENDING
    assert memory.model is None
    assert world.memories.get(ACME, memory.memory_id).text == FACT


def test_all_candidates_of_one_text_are_embedded_together_and_stored_in_their_order(world: FakeWorld) -> None:
    added = world.remembering(extractor=WholeTexts(lines=True)).add(ACME, Said("one\ntwo\nONE!"))

    assert world.embedder.calls == [("one", "two", "ONE!")]
    one, two = added.memories
    assert (one.text, two.text) == ("one", "two")
    assert [(each.candidate, each.outcome, each.memory_id) for each in added.outcomes] == [
        (0, Outcome.STORED, one.memory_id),
        (1, Outcome.STORED, two.memory_id),
        (2, Outcome.MERGED, one.memory_id),
    ]
    assert world.store.evidence_count("acme", added.memories[0].memory_id) == 2


# Adding under a key


def test_a_keyed_add_is_done_once_and_told_again(world: FakeWorld) -> None:
    first = world.memories.add(ACME, SAID, keyed())
    world.clock.advance(days=100)

    again = world.memories.add(ACME, SAID, keyed())

    assert again.replayed
    assert not first.replayed
    assert (again.memories, again.outcomes) == (first.memories, first.outcomes)
    assert world.store.evidence_count("acme", first.memories[0].memory_id) == 1
    assert len(world.embedder.calls) == 1


def test_a_key_that_came_with_another_body_stores_nothing(world: FakeWorld) -> None:
    first = world.memories.add(ACME, SAID, keyed()).memories[0]

    with pytest.raises(IdempotencyKeyReusedError) as refused:
        world.memories.add(ACME, Said("another"), keyed(body="another"))

    assert refused.value.facts["memory_id"] == first.memory_id
    assert [memory.text for memory in world.memories.page(ACME, 10, None).memories] == [FACT]


@pytest.mark.parametrize("how", ["forgotten", "expired"])
def test_a_replay_of_what_is_no_longer_there_says_that_it_is_gone(world: FakeWorld, how: str) -> None:
    memory = world.memories.add(ACME, replace(SAID, ttl_minutes=5), keyed()).memories[0]
    if how == "forgotten":
        world.memories.forget(ACME, memory.memory_id)
    else:
        world.clock.advance(minutes=5)

    with pytest.raises(GoneError) as gone:
        world.memories.add(ACME, replace(SAID, ttl_minutes=5), keyed())

    assert gone.value.facts == {"memory_ids": [memory.memory_id]}
    assert world.memories.page(ACME, 10, None).memories == ()


def test_a_died_attempt_whose_memory_was_forgotten_meanwhile_does_not_bring_it_back(world: FakeWorld) -> None:
    class DiesLate(FakeMemoryStore):
        """Loses the process once the memory is written."""

        dies = True

        def add(self, *arguments: Any, **named: Any) -> Memory:
            stored = super().add(*arguments, **named)
            if self.dies:
                raise SystemExit
            return stored

    store = DiesLate(world.clock)
    with pytest.raises(SystemExit):
        world.remembering(store=store).add(ACME, SAID, keyed())
    store.dies = False
    (row,) = store.page(ACME, limit=9, before=None, now=world.clock.now()).memories
    world.remembering(store=store).forget(ACME, row.memory_id)
    world.clock.advance(seconds=30)

    with pytest.raises(GoneError):
        world.remembering(store=store).add(ACME, SAID, keyed())


def test_a_second_attempt_waits_while_the_first_may_still_be_at_work(world: FakeWorld) -> None:
    world.requests.claim("acme", keyed(), world.clock.now())

    with pytest.raises(RequestInFlightError):
        world.memories.add(ACME, SAID, keyed())

    world.clock.advance(seconds=30)
    assert world.memories.add(ACME, SAID, keyed()).outcomes[0].outcome is Outcome.STORED


def test_an_attempt_that_fails_lets_the_next_one_in_at_once(world: FakeWorld) -> None:
    world.store.down = True
    with pytest.raises(TableUnavailableError):
        world.memories.add(ACME, SAID, keyed())
    world.store.down = False

    added = world.memories.add(ACME, SAID, keyed())

    assert added.outcomes[0].outcome is Outcome.STORED
    assert not added.replayed


def test_a_failure_is_told_also_when_the_claim_cannot_be_released(world: FakeWorld) -> None:
    class StuckLog(FakeRequestLog):
        def release(self, claim: object, now: datetime, *, did_nothing: bool = False) -> None:
            del claim, now, did_nothing
            raise ThrottledError

    world.store.down = True
    stuck = world.remembering(requests=StuckLog(world.ids))

    with pytest.raises(TableUnavailableError):
        stuck.add(ACME, SAID, keyed())
    with pytest.raises(TableUnavailableError):
        stuck.forget(ACME, "mem_1", keyed(2))


# Previews


def test_a_preview_says_what_would_happen_and_writes_nothing(world: FakeWorld) -> None:
    preview = world.memories.preview(ACME, SAID)

    assert [candidate.text for candidate in preview.candidates] == [FACT]
    assert [each.outcome for each in preview.outcomes] == [Outcome.STORED]
    assert world.memories.page(ACME, 10, None).memories == ()
    assert world.store.pending(ACME) == ([], False)
    assert world.embedder.calls == []


def test_a_preview_knows_what_a_fact_would_merge_into(world: FakeWorld) -> None:
    memory = world.memories.add(ACME, SAID).memories[0]

    (outcome,) = world.memories.preview(ACME, SAID).outcomes
    (plain,) = world.memories.preview(ACME, replace(SAID, deduplicate=False)).outcomes
    world.memories.forget(ACME, memory.memory_id)
    (after,) = world.memories.preview(ACME, SAID).outcomes

    assert (outcome.outcome, outcome.memory_id, outcome.rule) == (Outcome.MERGED, memory.memory_id, "extracted_key")
    assert (plain.outcome, plain.memory_id) == (Outcome.STORED, "")
    assert after.outcome is Outcome.STORED
