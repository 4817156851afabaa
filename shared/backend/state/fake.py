"""States in memory, with the promises of `ports.py`."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from hashlib import sha256

from backend.state.model import Namespace, Owner, State, check_version
from backend.state.ports import Expired, Found

_KEY, _BELOW, _BEHIND = "!", ".", "~"


class FakeStateStore:
    """`StateStore` over a dictionary."""

    def __init__(self) -> None:
        self._states: dict[tuple[Owner, str], State] = {}

    def get(self, owner: Owner, namespace: Namespace, key: str) -> State | None:
        """See the port."""
        return self._states.get((owner, _place(namespace, key)))

    def put(self, owner: Owner, state: State, over: str | None) -> bool:
        """See the port."""
        place = _place(state.namespace or (), state.key or "")
        held = self._states.get((owner, place))
        if (held.version if held else None) != over:
            return False
        self._states[owner, place] = replace(state, position=place)
        return True

    def remove(self, owner: Owner, namespace: Namespace, key: str, now: datetime, versions: frozenset[str] | None = None) -> bool:
        """See the port."""
        place = _place(namespace, key)
        held = self._states.get((owner, place))
        live = held if held and held.is_live(now) else None
        if live is None:
            self._states.pop((owner, place), None)
        check_version(live, versions)
        return self._states.pop((owner, place), None) is not None

    def states(self, owner: Owner, namespace: Namespace, after: str | None, limit: int, *, below: bool) -> Found:
        """See the port."""
        begin = _begin(namespace) + ("" if below or not namespace else _KEY)
        places = sorted(place for of, place in self._states if of == owner and place.startswith(begin) and place > (after or ""))
        shown = places[:limit]
        return [self._states[owner, each] for each in shown], shown[-1] if len(places) > limit else None

    def behind(self, owner: Owner, namespace: Namespace, *, below: bool) -> str:
        """See the port."""
        del owner
        return _begin(namespace) + ("" if below else _KEY) + _BEHIND

    def expired(self, before: datetime, limit: int) -> list[Expired]:
        """See the port."""
        due = sorted(
            (each.expires_at, owner.scope_key, place) for (owner, place), each in self._states.items() if each.expires_at
        )
        return [(key, place) for at, key, place in due if at < before][:limit]

    def drop(self, target: Expired, before: datetime) -> bool:
        """See the port."""
        for (owner, place), state in list(self._states.items()):
            if (owner.scope_key, place) == target and state.expires_at and state.expires_at <= before:
                del self._states[owner, place]
                return True
        return False


def _begin(namespace: Namespace) -> str:
    # All of one length, so that no label is the beginning of another.
    return _BELOW.join(sha256(label.encode()).hexdigest() for label in namespace)


def _place(namespace: Namespace, key: str) -> str:
    return f"{_begin(namespace)}{_KEY}{key.encode().hex()}"
