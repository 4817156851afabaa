"""The idempotency table: what was asked under a key, and what came of it. Holds ids and outcomes, never text."""

from __future__ import annotations

import hmac
from datetime import datetime, timedelta

from backend.kit.clock import Clock, from_rfc3339, to_rfc3339
from backend.kit.dynamodb import ConditionFailedError, Item, Table, attribute, set_to
from backend.kit.errors import Fault, IdempotencyKeyReusedError, OutcomeUnknownError, RequestInFlightError
from backend.kit.ids import Ids
from backend.memories.outcomes import (
    CLAIM_LASTS,
    CandidateOutcome,
    Claim,
    Done,
    Outcome,
    Request,
)

RECORD_LASTS = timedelta(hours=24)

# Nobody asked under this key before.
IS_FIRST = attribute("pk").does_not_exist()


class DynamoRequestLog:
    """`RequestLog` on DynamoDB."""

    def __init__(self, table: Table, ids: Ids, clock: Clock) -> None:
        self._table = table
        self._ids = ids
        self._clock = clock

    def claim(self, tenant_id: str, request: Request, now: datetime) -> Claim | Done:
        """Take the request."""
        pk = f"I#{tenant_id}#{request.record_id}"
        until = now + CLAIM_LASTS
        claim = Claim(self._ids.new("clm"), pk, until)
        fresh: Item = {
            "pk": pk,
            "state": "claimed",
            "claim_id": claim.claim_id,
            "body_mac": request.body_mac,
            "until": to_rfc3339(until),
            "ttl": int((now + RECORD_LASTS).timestamp()),
        }
        try:
            self._table.put(fresh, condition=IS_FIRST)
        except ConditionFailedError as error:
            return self._found(error.item or {}, request, pk, now)
        except OutcomeUnknownError:
            # Was it taken? If it is ours we may go on, if it is not we must not.
            item = self._table.get(pk)
            if item is None or item["claim_id"] != claim.claim_id:
                raise
        return claim

    def complete(self, claim: Claim, done: Done, *, keep_forever: bool, now: datetime) -> Done:
        """Record what came of it, unless an attempt under the same claim said so before."""
        if claim.record_id is None:
            return done
        actions = [
            set_to("state", "done"),
            set_to("memory_ids", list(done.memory_ids)),
            set_to("outcomes", [[each.candidate, each.outcome.value, each.memory_id, each.rule] for each in done.outcomes]),
            set_to("ttl", None if keep_forever else int((now + RECORD_LASTS).timestamp())),
        ]
        # Only the attempt that holds the claim may say what came of it; taking over keeps the claim's id.
        mine = attribute("claim_id") == claim.claim_id
        unsaid = mine & (attribute("state") == "claimed")
        try:
            self._table.update(claim.record_id, actions=actions, condition=mine if done.stored else unsaid)
        except ConditionFailedError as error:
            said = error.item or {}
            if said.get("claim_id") != claim.claim_id or said.get("state") != "done":
                raise
            return _done_of(said)
        return done

    def release(self, claim: Claim, now: datetime, *, did_nothing: bool = False) -> None:
        """Let the next attempt in."""
        if claim.record_id is None:
            return
        mine = (attribute("until") == to_rfc3339(claim.until or now)) & (attribute("state") == "claimed")
        try:
            actions = [set_to("until", to_rfc3339(now)), set_to("untouched", did_nothing or None)]
            self._table.update(claim.record_id, actions=actions, condition=mine)
        except ConditionFailedError:
            return

    def _found(self, item: Item, request: Request, pk: str, now: datetime) -> Claim | Done:
        if not hmac.compare_digest(item["body_mac"], request.body_mac):
            msg = (
                "This idempotency key came with another body before. Use a new key for a new request, for instance "
                "one that holds the object's version."
            )
            fault = Fault("header:Idempotency-Key", "Send another key, or the body that it came with first.")
            ids = item.get("memory_ids")
            if ids:
                raise IdempotencyKeyReusedError(msg, faults=(fault,), memory_id=ids[0])
            raise IdempotencyKeyReusedError(msg, faults=(fault,))
        if item["state"] == "done":
            return _done_of(item)
        if from_rfc3339(item["until"]) > now:
            seconds = max(1, round((from_rfc3339(item["until"]) - now).total_seconds()))
            msg = "A request with this idempotency key is being worked on."
            raise RequestInFlightError(msg, retry_after=min(seconds, 2))
        return self._take_over(item, pk, now)

    def _take_over(self, item: Item, pk: str, now: datetime) -> Claim:
        """Go on where an attempt died, under its claim, so that the ids derived from it are repeated."""
        until = now + CLAIM_LASTS
        unchanged = attribute("until") == item["until"]
        try:
            self._table.update(pk, actions=[set_to("until", to_rfc3339(until)), set_to("untouched", None)], condition=unchanged)
        except ConditionFailedError as error:
            msg = "A request with this idempotency key is being worked on."
            raise RequestInFlightError(msg, retry_after=1) from error
        return Claim(item["claim_id"], pk, until, resumed=not item.get("untouched"))


def _done_of(item: Item) -> Done:
    return Done(
        outcomes=tuple(CandidateOutcome(n, Outcome(what), mid, rule) for n, what, mid, rule in item["outcomes"]),
        memory_ids=tuple(item["memory_ids"]),
    )
