"""The cells of the matrix: who tries which operation with whose things."""

from __future__ import annotations

import zlib
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field, replace

from tests.isolation.callers import Caller, Kind, callers
from tests.isolation.document import Operation
from tests.isolation.oracle import NAMELESS, READ_ONLY, RULES, Rule, chain
from tests.isolation.owners import LIVING, READABLE, TEST, Owner, State


class NoRuleError(AssertionError):
    """An operation that docs/api.md, or the oracle written from it, says nothing of."""


OWN_EVERY = 5
LOOKED_AT = frozenset({200, 207, 400, 404})
"""Answers of requests that were looked at; what is refused otherwise is refused before."""


@dataclass(frozen=True, slots=True)
class Cell:
    """One operation, called by somebody, with what belongs to an owner."""

    operation: Operation
    caller: Caller
    target: Owner
    state: State

    @property
    def name(self) -> str:
        """Say which cell it is."""
        who = f"{self.caller.kind} of {self.caller.tenant}/{self.caller.resolved_project}/{self.caller.user}"
        return f"{self.operation.route} by {who} for the {self.state} row of {self.target.name}"

    @property
    def rule(self) -> Rule:
        """Return the operation's rule."""
        return RULES[self.operation.name]


@dataclass
class Seen:
    """How often each kind of answer came. `own`: the caller saw, stored or forgot what is theirs."""

    count: Counter[str] = field(default_factory=Counter)

    @property
    def calls(self) -> int:
        """Return how many cells were tried."""
        return sum(self.count.values())


def cells(operation: Operation, kind: Kind, every: int = 1) -> Iterator[Cell]:
    """Yield the cells of an operation and a kind of caller; what names nobody's things is tried once a caller.

    With `every`, what is the caller's own is whole where it is only read and else each fifth cell of it is tried; of the rest
    each so-manieth, other ones of each operation.
    """
    turn = zlib.crc32(operation.name.encode())
    rule = RULES.get(operation.name)
    is_nameless, is_read = rule is not None and rule.shape in NAMELESS, rule is None or rule.shape in READ_ONLY
    for number, caller in enumerate(callers(kind)):
        home = (chain(caller) or (Owner(caller.tenant, caller.project, caller.user),))[0]
        targets = (home,) if is_nameless else (*LIVING, replace(home, environment=TEST))
        for place, target in enumerate(targets):
            is_own = target in chain(caller)
            share = min(every, OWN_EVERY) if is_own else every
            if is_nameless or (is_read and is_own) or (turn + number + place) % share == 0:
                yield Cell(operation, caller, target, READABLE[(number + place) % len(READABLE)])
