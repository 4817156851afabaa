"""Every operation of the OpenAPI document, every kind of caller, with what belongs to everybody, in this process.

Behind each answer the calls of index and tables are looked at too, and after each test the log.
"""

from __future__ import annotations

import json

import pytest

from tests.isolation.callers import Kind
from tests.isolation.cells import cells
from tests.isolation.conftest import EVERY, WHOLE, Watched
from tests.isolation.document import DOCUMENT, Operation, operations
from tests.isolation.oracle import NAMELESS, READ_ONLY, RULES, Shape
from tests.isolation.owners import LIVING

# One worker for all, which then needs one world for all.
pytestmark = pytest.mark.xdist_group("isolation-matrix")

READING = {"key": 20, "reading-key": 20, "bound-key": 16, "token": 20, "bound-token": 16, "test-key": 12, "nobody": 0}
FORGETTING = READING | {"reading-key": 0}
ADDING = {"key": 12, "reading-key": 0, "bound-key": 16, "token": 12, "bound-token": 16, "test-key": 12, "nobody": 0}
COUNTING = ADDING | {"reading-key": 12}
NOTHING = dict.fromkeys(READING, 0)
OWN = {
    Shape.PUBLIC: NOTHING,
    Shape.READ: READING,
    Shape.LIST: READING,
    Shape.ASK: READING,
    Shape.ROUTED: READING,
    Shape.EXPLAIN: READING,
    Shape.COMPOSE: READING,
    Shape.ANSWER: READING,
    Shape.SUM_UP: READING,
    Shape.FORGET: FORGETTING,
    Shape.ADD: ADDING,
    Shape.ADD_MANY: ADDING,
    Shape.ABOUT: READING,
    Shape.WAITING: READING,
    Shape.COUNT: COUNTING,
    Shape.CHANGE: FORGETTING,
    Shape.CHANGE_MANY: FORGETTING,
    Shape.UNDO: FORGETTING,
    Shape.DECIDE: FORGETTING,
    Shape.UPLOAD: ADDING,
    Shape.BEGIN: ADDING,
    Shape.JOB: COUNTING,
    **dict.fromkeys((Shape.APPEND, Shape.PUT, Shape.TURN), ADDING),
    Shape.TURN_STATE: COUNTING,
    Shape.LIST_OF: READING,
    **dict.fromkeys((Shape.TRANSCRIPT, Shape.VALUE, Shape.VALUES, Shape.NAMESPACES), COUNTING),
    **dict.fromkeys((Shape.CLEAR, Shape.TAKE), ADDING),
    Shape.TENANT: NOTHING,
}
"""In how many cells a kind of caller meets what is theirs.

16 callers of each kind. Those of the strict tenant without a project are refused (4), unless bound to one; those of the
compat tenant read three places with rows, of which they write to one; those of another environment have one place tried.
"""

NAMES = [
    (f"{method.upper()} {path}", kind)
    for path, methods in json.loads(DOCUMENT.read_text())["paths"].items()
    for method in methods
    for kind in Kind
]


@pytest.mark.parametrize(("route", "kind"), NAMES, ids=[f"{route} {kind}" for route, kind in NAMES])
def test_everybody_gets_what_the_documentation_says_and_nothing_of_anybody_else(watched: Watched, route: str, kind: Kind) -> None:
    operation = _operation(route)

    seen = watched.matrix.walk(cells(operation, kind, EVERY))

    rule = RULES[operation.name]
    expected, found = OWN[rule.shape][kind], seen.count["own"]
    is_whole = WHOLE or rule.shape in NAMELESS | READ_ONLY
    assert found == expected if is_whole else (found > 0) == (expected > 0), f"{route} by {kind}: {dict(seen.count)}"
    if WHOLE:
        assert seen.calls == (16 if rule.shape in NAMELESS else 16 * (len(LIVING) + 1))
    print(f"isolation {route} {kind}: {seen.calls} cells, {dict(sorted(seen.count.items()))}")  # noqa: T201 - what was seen


def _operation(route: str) -> Operation:
    return next(each for each in operations() if each.route == route)
