"""Putting, getting, searching and deleting states. What has expired is not there, whether or not it was swept yet."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from backend.kit import deadline, observability
from backend.kit.clock import Clock
from backend.kit.errors import GoneError, StateNotFoundError, ThrottledError
from backend.kit.ids import Ids
from backend.memories.model import carried_bytes
from backend.memories.once import Once
from backend.memories.outcomes import Claim, Done, Request
from backend.memories.ports import RequestLog
from backend.memories.sealed_values import Unopened
from backend.state.model import (
    MOST_LOOKED_AT,
    PAGE_BYTES,
    Namespace,
    Namespaces,
    Owner,
    Page,
    Pattern,
    State,
    check_version,
    matches,
)
from backend.state.ports import Expired, StateStore

MOST_TRIES = 60
"""So many writers may meet at one key, each losing to all others once."""

READ_AT_ONCE = 100
SWEPT_AT_ONCE = 100
SPARE_SECONDS = 5.0


class States:
    """The use cases of states."""

    def __init__(self, *, store: StateStore, requests: RequestLog, clock: Clock, ids: Ids) -> None:
        self._store = store
        self._once = Once(requests=requests, clock=clock, ids=ids)
        self._clock = clock
        self._ids = ids

    def put(  # noqa: PLR0913 - one word for each thing that a put says
        self,
        owner: Owner,
        namespace: Namespace,
        key: str,
        value: Mapping[str, Any],
        *,
        lasts: timedelta | None = None,
        meant: frozenset[str] | None = None,
        request: Request | None = None,
    ) -> tuple[State, bool]:
        """Keep a value under the key, in the place of what is there; return it, and whether this is a replay.

        `meant` are the versions that the caller means to replace, None for any and for none.
        Raises `PreconditionFailedError`, `GoneError` for a replay of what was deleted since, `IdempotencyKeyReusedError`,
        `RequestInFlightError`, `ThrottledError`, `DependencyUnavailableError`.
        """

        def work(claim: Claim) -> tuple[State, Done]:
            version = self._ids.derived("ver", claim.claim_id)
            for _ in range(MOST_TRIES):
                held = self._store.get(owner, namespace, key)
                now = self._clock.now()
                live = held if held and held.is_live(now) else None
                if live and live.version == version:
                    # An attempt under this key did it and died before it could say so.
                    return live, Done((), (version,))
                check_version(live, meant)
                made = State(
                    namespace, key, value, version, live.created_at if live else now, now, now + lasts if lasts else None
                )
                if self._store.put(owner, made, held.version if held else None):
                    return made, Done((), (version,))
            msg = "The value keeps changing; try again."
            raise ThrottledError(msg, retry_after=1)

        def replay(_: Done) -> State:
            state = self._live(owner, namespace, key)
            if state is None:
                msg = "This request was done before, and what it kept was deleted or has expired since."
                raise GoneError(msg)
            return state

        return self._once.done(owner.tenant_id, request, work, replay)

    def get(self, owner: Owner, namespace: Namespace, key: str) -> State:
        """Return what is under the key. Raises `StateNotFoundError`."""
        state = self._live(owner, namespace, key)
        if state is None:
            raise StateNotFoundError
        return state

    def delete(
        self, owner: Owner, namespace: Namespace, key: str, meant: frozenset[str] | None, request: Request | None
    ) -> tuple[bool, bool]:
        """Remove what is under the key for good; return whether it was there, and whether this is a replay.

        Raises `PreconditionFailedError` for another version than those meant.
        """

        def work(_: Claim) -> tuple[bool, Done]:
            was_there = self._store.remove(owner, namespace, key, self._clock.now(), meant)
            return was_there, Done((), ("1",) if was_there else ())

        return self._once.done(owner.tenant_id, request, work, lambda done: bool(done.memory_ids))

    def search(  # noqa: PLR0913 - one word for each thing that is asked
        self,
        owner: Owner,
        namespace: Namespace,
        wanted: Mapping[str, Any],
        *,
        below: bool,
        limit: int,
        after: str | None,
    ) -> Page:
        """Return the states of a namespace, with `below` of all that begin with it, whose values are as wanted."""
        now = self._clock.now()
        found: list[State] = []
        unopened: list[Unopened] = []
        size = looked_at = 0
        while looked_at < MOST_LOOKED_AT:
            states, following = self._store.states(owner, namespace, after, READ_AT_ONCE, below=below)
            for state in states:
                if state.is_live(now) and (not wanted or (state.value is not None and matches(state.value, wanted))):
                    size += carried_bytes(state.value)
                    if len(found) == limit or (found and size > PAGE_BYTES):
                        return Page(found, after, unopened)
                    found.append(state)
                if state.unopened and state.is_live(now):
                    unopened.append(state.unopened)
                after = state.position
            looked_at += len(states)
            if following is None:
                return Page(found, None, unopened)
            after = following
        return Page(found, after, unopened)

    def namespaces(self, owner: Owner, pattern: Pattern, limit: int, after: str | None) -> Namespaces:
        """Return the namespaces that hold anything, each once, by leaping from one to the next."""
        now = self._clock.now()
        found: list[Namespace] = []
        unopened: list[Unopened] = []
        for _ in range(MOST_LOOKED_AT):
            states, following = self._store.states(owner, pattern.fixed, after, 1, below=True)
            if not states and following is None:
                return Namespaces(found, None, unopened)
            if not states:
                after = following
                continue
            [state] = states
            if state.namespace is None or not state.is_live(now):
                unopened += [state.unopened] if state.unopened and state.is_live(now) else []
                after = state.position
                continue
            shown = pattern.shown(state.namespace) if pattern.admits(state.namespace) else None
            if shown is not None and len(found) == limit:
                return Namespaces(found, after, unopened)
            if shown is not None:
                found.append(shown)
            cut = shown is not None and len(shown) < len(state.namespace)
            is_bottom = shown is not None and pattern.max_depth == len(shown)
            after = self._store.behind(owner, shown if cut and shown else state.namespace, below=cut or is_bottom)
        return Namespaces(found, after, unopened)

    def sweep(self) -> int:
        """Remove what has expired, the longest ago first, until nothing is left or the time is nearly up; return how many.

        Raises `DependencyUnavailableError`: what was done by then is done, the rest is still due.
        """
        before = self._clock.now()
        seen: set[Expired] = set()
        removed = 0
        while deadline.remaining() > SPARE_SECONDS:
            # What was removed may be listed for a little longer; asking for as many more keeps it from hiding others.
            targets = [each for each in self._store.expired(before, SWEPT_AT_ONCE + len(seen)) if each not in seen]
            for target in targets:
                if deadline.remaining() <= SPARE_SECONDS:
                    break
                seen.add(target)
                removed += self._store.drop(target, before)
            if not targets:
                break
        observability.count("expired_states", removed)
        return removed

    def _live(self, owner: Owner, namespace: Namespace, key: str) -> State | None:
        state = self._store.get(owner, namespace, key)
        return state if state and state.is_live(self._clock.now()) else None
