"""What every log of keyed requests promises."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest

from backend.kit.clock import FakeClock
from backend.kit.errors import ConflictError, IdempotencyKeyReusedError, RequestInFlightError
from backend.memories.outcomes import (
    CLAIM_LASTS,
    CandidateOutcome,
    Claim,
    Done,
    Outcome,
    Request,
)
from backend.memories.ports import RequestLog
from tests.contract.memories.memory_world import IDEMPOTENCY, World
from tests.unit.memories.samples import NOW, keyed, memory_id

DONE = Done(
    outcomes=(
        CandidateOutcome(0, Outcome.STORED, memory_id(1)),
        CandidateOutcome(1, Outcome.MERGED, memory_id(2), "extracted_key"),
    ),
    memory_ids=(memory_id(1), memory_id(2)),
)
JUST_UNDER = timedelta(milliseconds=1)


def taken(log: RequestLog, request: Request = keyed(), now: datetime = NOW, tenant: str = "acme") -> Claim:  # noqa: B008 - frozen
    claim = log.claim(tenant, request, now)
    assert isinstance(claim, Claim)
    return claim


def test_the_first_to_ask_may_do_it(log: RequestLog) -> None:
    claim = taken(log)

    assert claim.record_id
    assert claim.until == NOW + CLAIM_LASTS


def test_what_came_of_a_request_is_told_ever_after(log: RequestLog) -> None:
    log.complete(taken(log), DONE, keep_forever=True, now=NOW)

    assert log.claim("acme", keyed(), NOW) == DONE
    assert log.claim("acme", keyed(), NOW + timedelta(days=400)) == DONE


def test_a_request_without_memories_is_told_too(log: RequestLog) -> None:
    log.complete(taken(log), Done((), ()), keep_forever=False, now=NOW)

    assert log.claim("acme", keyed(), NOW) == Done((), ())


def test_other_keys_and_other_tenants_are_other_requests(log: RequestLog) -> None:
    log.complete(taken(log), DONE, keep_forever=True, now=NOW)

    ids = {taken(log, keyed(2)).claim_id, taken(log, keyed(), tenant="rival").claim_id}
    assert len(ids) == 2


@pytest.mark.parametrize("done", [True, False])
def test_another_body_under_the_same_key_is_refused(log: RequestLog, done: bool) -> None:
    claim = taken(log)
    if done:
        log.complete(claim, DONE, keep_forever=True, now=NOW)

    with pytest.raises(IdempotencyKeyReusedError) as refused:
        log.claim("acme", keyed(body="another"), NOW + timedelta(hours=1))

    assert refused.value.facts == ({"memory_id": memory_id(1)} if done else {})


def test_while_somebody_works_on_it_others_are_told_to_wait(log: RequestLog) -> None:
    taken(log)

    with pytest.raises(RequestInFlightError) as refused:
        log.claim("acme", keyed(), NOW + CLAIM_LASTS - JUST_UNDER)

    assert refused.value.retry_after is not None
    assert 1 <= refused.value.retry_after <= 2


def test_a_died_attempt_is_taken_over_after_thirty_seconds_under_its_claim(log: RequestLog) -> None:
    died = taken(log)

    heir = taken(log, now=NOW + CLAIM_LASTS)

    assert heir.claim_id == died.claim_id
    assert heir.until == NOW + 2 * CLAIM_LASTS
    with pytest.raises(RequestInFlightError):
        log.claim("acme", keyed(), NOW + 2 * CLAIM_LASTS - JUST_UNDER)


def test_a_slow_attempt_and_its_heir_may_both_say_what_came_of_it(log: RequestLog) -> None:
    slow = taken(log)
    heir = taken(log, now=NOW + CLAIM_LASTS)

    log.complete(slow, DONE, keep_forever=True, now=NOW)
    log.complete(heir, DONE, keep_forever=True, now=NOW)

    assert log.claim("acme", keyed(), NOW) == DONE


def test_a_released_request_is_taken_over_at_once_under_its_claim(log: RequestLog) -> None:
    failed = taken(log)
    log.release(failed, NOW + JUST_UNDER)

    assert taken(log, now=NOW + JUST_UNDER).claim_id == failed.claim_id


def test_after_an_attempt_that_did_nothing_the_next_one_is_as_good_as_the_first(log: RequestLog) -> None:
    refused = taken(log)
    log.release(refused, NOW, did_nothing=True)

    second = taken(log, now=NOW)
    assert (second.claim_id, second.resumed) == (refused.claim_id, False)
    log.release(second, NOW + JUST_UNDER)

    assert taken(log, now=NOW + JUST_UNDER).resumed


def test_a_late_release_takes_nothing_from_the_heir(log: RequestLog) -> None:
    slow = taken(log)
    taken(log, now=NOW + CLAIM_LASTS)

    log.release(slow, NOW + CLAIM_LASTS)

    with pytest.raises(RequestInFlightError):
        log.claim("acme", keyed(), NOW + CLAIM_LASTS + JUST_UNDER)


def test_releasing_what_is_done_leaves_it_done(log: RequestLog) -> None:
    claim = taken(log)
    log.complete(claim, DONE, keep_forever=True, now=NOW)

    log.release(claim, NOW)

    assert log.claim("acme", keyed(), NOW) == DONE


def test_only_the_holder_of_the_claim_may_complete_it(log: RequestLog) -> None:
    claim = taken(log)

    with pytest.raises(ConflictError):
        log.complete(Claim("clm_of_another", claim.record_id, claim.until), DONE, keep_forever=True, now=NOW)


def test_a_request_without_a_key_leaves_no_record(log: RequestLog) -> None:
    keyless = Claim("clm_1")

    log.complete(keyless, DONE, keep_forever=True, now=NOW)
    log.release(keyless, NOW)

    assert taken(log).claim_id != keyless.claim_id


# What follows is about the table.


@pytest.mark.parametrize("forever", [True, False])
def test_a_record_is_kept_a_day_and_an_adds_as_long_as_its_memory(world: World, clock: FakeClock, forever: bool) -> None:
    claim = taken(world.requests, now=clock.now())
    (claimed,) = world.items_in(IDEMPOTENCY)
    assert claimed["ttl"] == int((NOW + timedelta(hours=24)).timestamp())

    world.requests.complete(claim, DONE, keep_forever=forever, now=NOW + timedelta(hours=1))

    (done,) = world.items_in(IDEMPOTENCY)
    assert done.get("ttl") == (None if forever else int((NOW + timedelta(hours=25)).timestamp()))


def test_two_who_find_the_same_died_attempt_do_not_both_take_it_over(world: World) -> None:
    died = taken(world.requests)
    late = NOW + CLAIM_LASTS
    # The second reads the record before the first takes it over, and writes after.
    (seen,) = world.items_in(IDEMPOTENCY)
    heir = taken(world.requests, now=late)

    with pytest.raises(RequestInFlightError):
        world.requests._take_over(seen, seen["pk"], late + JUST_UNDER)

    assert heir.claim_id == died.claim_id
