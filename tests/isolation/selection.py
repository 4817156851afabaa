"""A few cells that stand for all: any two of operation, kind of caller, caller and owner meet in at least one of them."""

from __future__ import annotations

import random
from functools import cache
from itertools import combinations

from tests.isolation.callers import Caller, Kind
from tests.isolation.cells import Cell, cells
from tests.isolation.document import Operation
from tests.isolation.oracle import chain
from tests.isolation.owners import LIVING

CANDIDATES = 40
"""So many cells are looked at for each one that is chosen: the one that covers most is taken."""

_Pair = tuple[int, object, int, object]


@cache
def cut(operations: tuple[Operation, ...]) -> list[Cell]:
    """Return the same few cells every time: one of the caller's own for each operation and kind, then pairs."""
    every = [cell for operation in operations for kind in Kind for cell in cells(operation, kind)]
    first: dict[tuple[str, Kind], Cell] = {}
    for cell in every:
        if cell.target == (chain(cell.caller) or (None,))[0]:
            first.setdefault((cell.operation.name, cell.caller.kind), cell)
    chosen = list(first.values())
    missing = {pair for cell in every for pair in _pairs(cell)} - {pair for cell in chosen for pair in _pairs(cell)}
    dice = random.Random(4)  # noqa: S311 - the same choice every time is the point
    while missing:
        candidates = [cell for cell in dice.sample(every, CANDIDATES) if _pairs(cell) & missing]
        if not candidates:
            candidates = [next(cell for cell in every if _pairs(cell) & missing)]
        best = max(candidates, key=lambda cell: len(_pairs(cell) & missing))
        chosen.append(best)
        missing -= _pairs(best)
    return chosen


def _pairs(cell: Cell) -> set[_Pair]:
    caller: Caller = cell.caller
    place = LIVING.index(cell.target) if cell.target in LIVING else len(LIVING)
    who = (caller.tenant, caller.project, caller.user, caller.names_project)
    values = (cell.operation.name, caller.kind, who, place)
    return {(*a, *b) for a, b in combinations(enumerate(values), 2)}
