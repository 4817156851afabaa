"""A request log in memory, with the promises of `ports.py`: for tests of what stands on it."""

from __future__ import annotations

import hmac
from dataclasses import dataclass, replace
from datetime import datetime
from threading import RLock

from backend.kit.errors import ConflictError, IdempotencyKeyReusedError, RequestInFlightError
from backend.kit.ids import Ids
from backend.memories.outcomes import (
    CLAIM_LASTS,
    Claim,
    Done,
    Request,
)


@dataclass(frozen=True, slots=True)
class _Entry:
    """What was asked under a key, and what came of it, None while somebody works on it."""

    claim_id: str
    body_mac: str
    until: datetime
    done: Done | None = None
    untouched: bool = False


class FakeRequestLog:
    """`RequestLog` over a dictionary. Nothing is ever dropped, as far as tests see."""

    def __init__(self, ids: Ids) -> None:
        self._ids = ids
        self._lock = RLock()
        self._entries: dict[str, _Entry] = {}

    def claim(self, tenant_id: str, request: Request, now: datetime) -> Claim | Done:
        """See the port."""
        with self._lock:
            record_id = f"{tenant_id}#{request.record_id}"
            entry = self._entries.get(record_id)
            if entry and not hmac.compare_digest(entry.body_mac, request.body_mac):
                msg = "This idempotency key came with another body before."
                if entry.done and entry.done.memory_ids:
                    raise IdempotencyKeyReusedError(msg, memory_id=entry.done.memory_ids[0])
                raise IdempotencyKeyReusedError(msg)
            if entry and entry.done:
                return entry.done
            if entry and entry.until > now:
                msg = "A request with this idempotency key is being worked on."
                raise RequestInFlightError(msg, retry_after=1)
            claim_id = entry.claim_id if entry else self._ids.new("clm")
            self._entries[record_id] = _Entry(claim_id, request.body_mac, now + CLAIM_LASTS)
            return Claim(claim_id, record_id, now + CLAIM_LASTS, resumed=entry is not None and not entry.untouched)

    def complete(self, claim: Claim, done: Done, *, keep_forever: bool, now: datetime) -> Done:
        """See the port."""
        del keep_forever, now
        with self._lock:
            if claim.record_id is None:
                return done
            entry = self._entries.get(claim.record_id)
            if entry is None or entry.claim_id != claim.claim_id:
                msg = "Another request holds the claim."
                raise ConflictError(msg)
            if entry.done and not done.stored:
                return entry.done
            self._entries[claim.record_id] = replace(entry, done=done)
            return done

    def release(self, claim: Claim, now: datetime, *, did_nothing: bool = False) -> None:
        """See the port."""
        with self._lock:
            entry = self._entries.get(claim.record_id or "")
            if claim.record_id and entry and entry.done is None and entry.until == claim.until:
                self._entries[claim.record_id] = replace(entry, until=now, untouched=did_nothing)
