"""What callers and operators see of a memory that cannot be opened, through the handlers; nothing of it is lost."""

from __future__ import annotations

from dataclasses import replace

from backend.audit.model import Action
from backend.encryption.kms import KmsKeyService
from backend.kit.clock import FakeClock
from backend.kit.errors import DependencyUnavailableError
from backend.memories.items import place_of
from backend.memories.model import REDACTED
from index.sweep_pending import handler as sweep_pending
from lifecycle.remove_expired import handler as remove_expired
from tests.contract.memories.encryption_world import TEXTS, added, entries, expire_all_keys, read, rotated, sealed_under, work_off
from tests.contract.tree.served_world import Served
from tests.support.events import FakeLambdaContext
from tests.support.logs import log_lines
from tests.support.tables import REGION


def test_a_memory_whose_key_expired_is_answered_with_the_flag_everywhere(served: Served, clock: FakeClock, owner: str) -> None:
    ids = added(served, *TEXTS)
    clock.advance(minutes=2)
    sweep_pending({}, FakeLambdaContext())
    expire_all_keys(served, clock, owner)

    one, listed, found = (
        read(served, ids[0]),
        served.call("GET", "/memory"),
        served.call("POST", "/memory/query", {"query": "Where is the cello?", "k": 5}),
    )

    assert [each.status for each in (one, listed, found)] == [200, 200, 200]
    shown = [one.json(), *listed.json()["items"], *found.json()["memories"]]
    assert len(shown) == 1 + len(TEXTS) + len(found.json()["memories"])
    assert found.json()["memories"]
    assert {(each["text"], each["decryption_failed"], str(each["metadata"])) for each in shown} == {(REDACTED, True, "{}")}


def test_operators_learn_of_what_cannot_be_opened_once_a_minute(served: Served, clock: FakeClock, owner: str) -> None:
    ids = added(served, *TEXTS)
    clock.advance(minutes=2)
    sweep_pending({}, FakeLambdaContext())
    expire_all_keys(served, clock, owner)

    with log_lines() as log:
        for each in ids:
            read(served, each)
        served.call("GET", "/memory")
        served.call("POST", "/memory/query", {"query": "cello"})

    counted = [line.get("decryption_failed", 0) for line in log.lines()]
    assert counted == [1, 1, 1, len(TEXTS), len(TEXTS)]
    assert not any(text in log.text() for text in TEXTS)
    (entry,) = entries(served, clock, Action.DECRYPTION_FAILED)
    assert entry.target == f"memory:{ids[0]}"
    assert entry.details == {"key_version": 1, "reason": "expired"}
    assert entry.actor.startswith("key:")
    clock.advance(minutes=1)
    read(served, ids[1])
    assert len(entries(served, clock, Action.DECRYPTION_FAILED)) == 2


def test_what_cannot_be_opened_can_be_given_a_new_text_or_forgotten_and_nothing_else(
    served: Served, clock: FakeClock, owner: str
) -> None:
    healed, gone, _ = added(served, *TEXTS)
    expire_all_keys(served, clock, owner)

    refused = served.call("PATCH", f"/memory/{healed}", {"tags": ["x"]}, route="PATCH /memory/{id}")
    rewritten = served.call("PUT", f"/memory/{healed}/text", {"text": "The cello was sold."}, route="PUT /memory/{id}/text")
    forgotten = served.call("DELETE", f"/memory/{gone}", route="DELETE /memory/{id}")

    assert (refused.status, refused.json()["code"]) == (409, "conflict")
    assert (rewritten.status, rewritten.json()["decryption_failed"]) == (200, False)
    assert read(served, healed).json()["text"] == "The cello was sold."
    assert (forgotten.status, read(served, gone).status) == (200, 404)


def test_what_cannot_be_opened_is_counted_as_failed_and_left_as_it_is(served: Served, clock: FakeClock, owner: str) -> None:
    added(served, *TEXTS)
    job_id = rotated(served, owner, retire_after_days=0).json()["job_id"]
    clock.advance(minutes=11)
    before = sealed_under(served)

    work_off(clock)

    job = served.container.job_store.get("acme", job_id)
    assert job is not None
    assert (job.state.value, job.counts.failed, job.counts.changed) == ("succeeded", len(TEXTS), 0)
    assert sealed_under(served) == before


def test_what_cannot_be_opened_expires_too(served: Served, clock: FakeClock, owner: str) -> None:
    [memory_id] = added(served, TEXTS[0], ttl_minutes=60)
    expire_all_keys(served, clock, owner)
    clock.advance(minutes=60)

    remove_expired({}, FakeLambdaContext())

    row = served.container.memory_store.get("acme", memory_id)
    assert row is not None
    assert row.state.value == "soft_deleted"


def test_a_key_service_that_is_down_is_a_503_and_loses_nothing(served: Served, clock: FakeClock) -> None:
    ids = added(served, *TEXTS)
    clock.advance(minutes=6)
    sealer = served.container.sealer

    class Down:
        def unwrap(self, tenant_id: str, wrapped: bytes) -> bytes:
            del wrapped
            raise DependencyUnavailableError(tenant_id)

    service, sealer._service = sealer._service, Down()  # type: ignore[assignment]  # nothing else is asked of it
    answers = [
        read(served, ids[0]),
        served.call("GET", "/memory"),
        served.call("POST", "/memory/query", {"query": "cello"}),
        served.add("Another fact.", infer=False),
    ]
    assert [(each.status, each.json()["code"]) for each in answers] == [(503, "dependency-unavailable")] * 4

    sealer._service = service
    assert [read(served, each).json()["text"] for each in ids] == list(TEXTS)
    assert entries(served, clock, Action.DECRYPTION_FAILED) == []


def test_a_key_that_was_wrapped_for_another_tenant_opens_nothing(served: Served, clock: FakeClock) -> None:
    [memory_id] = added(served, TEXTS[0])
    _, theirs = KmsKeyService(served.container.settings.data_key, REGION).generate("rival")
    mine = served.container.key_store.version("acme", 1)
    assert mine is not None
    served.container.key_store.replace(replace(mine, wrapped=theirs))
    clock.advance(minutes=6)

    answer = read(served, memory_id)

    assert (answer.status, answer.json()["text"], answer.json()["decryption_failed"]) == (200, REDACTED, True)


def test_nothing_sealed_opens_in_another_place(served: Served) -> None:
    first, second = added(served, *TEXTS[:2])
    table = served.container.memories_table
    one, other = (table.get(f"M#acme#{each}", "ROW") or {} for each in (first, second))
    assert served.container.sealer.open("acme", place_of(first, "ROW"), one["sealed"])
    table.put({**one, "sealed": other["sealed"]})

    answer = read(served, first)

    assert (answer.status, answer.json()["text"], answer.json()["decryption_failed"]) == (200, REDACTED, True)
