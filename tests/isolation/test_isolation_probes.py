"""What belongs to another, and names that are not the caller's to give, tried on every operation; and what could be guessed of
others without seeing them: by an answer's words, figures, or what it costs.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import pytest

from tests.isolation.callers import Caller, Kind
from tests.isolation.conftest import WHOLE, Watched
from tests.isolation.document import Operation, call, operations
from tests.isolation.oracle import Shape, chain
from tests.isolation.owners import LIVING, OWNERS, PROJECTS, STRICT, USERS, Row, State, only_of, said
from tests.isolation.probes import NEVER, NOWHERE, PROBING, likeness, targets_of
from tests.isolation.world import SAME_KEY, Answer, Trace

# One worker for all, which then needs one world for all.
pytestmark = pytest.mark.xdist_group("isolation-probes")

ME = Caller(Kind.KEY, STRICT, PROJECTS[0], USERS[0])
HOME = chain(ME)[0]
OTHERS = [owner for owner in LIVING if owner != HOME]


@pytest.mark.parametrize("caller", PROBING, ids=lambda caller: f"{caller.kind} of {caller.tenant}")
@pytest.mark.parametrize("operation", operations(), ids=lambda operation: operation.route)
def test_names_and_things_of_others_change_nothing_or_are_refused(watched: Watched, operation: Operation, caller: Caller) -> None:
    tried = watched.matrix.probe(operation, caller, targets_of(caller, whole=WHOLE), one_by_one=WHOLE)

    assert tried >= (5 if operation.public else 20)


def sent(watched: Watched, shape: Shape, row: Row | None, *headers: tuple[str, str], caller: Caller = ME) -> tuple[Answer, Trace]:
    """Send as the caller, and return the answer with what was done inside."""
    world = watched.world
    request = call(world.operation(shape), row, caller.headers(world.credentials)).plus(*headers)
    answer = watched.matrix.send(f"{shape} by {caller.kind}", caller, request)
    trace = world.door.trace()
    assert trace is not None
    return answer, trace


@pytest.mark.parametrize(
    "headers", [(), (("If-Match", '"r1"'),), (("If-Match", '"r9"'),)], ids=["plain", "revision", "other revision"]
)
@pytest.mark.parametrize("shape", [Shape.READ, Shape.FORGET])
def test_a_memory_of_somebody_else_is_as_if_it_had_never_been(
    watched: Watched, shape: Shape, headers: tuple[tuple[str, str], ...]
) -> None:
    nobody = Row(HOME, State.INDEXED, f"mem_{NEVER}", "", "")
    missing, at_nothing = sent(watched, shape, nobody, *headers)
    rows = [row for owner in OTHERS for row in watched.world.rows[owner].values()]
    gone = watched.world.rows[HOME][State.FORGOTTEN]

    for row in (*rows, gone):
        answer, inside = sent(watched, shape, row, *headers)
        assert likeness(answer, id=row.memory_id) == likeness(missing, id=nobody.memory_id), row
        # The same calls of the tables, of the index and of the embedder: nothing to tell by the time that it takes.
        assert (inside.operations, inside.asked, inside.embedded) == (at_nothing.operations, (), 0), row

    assert missing.status == 404
    assert len(rows) == 45


@pytest.mark.parametrize("shape", [Shape.READ, Shape.LIST])
def test_a_project_or_tenant_of_somebody_else_is_as_if_it_had_never_been(watched: Watched, shape: Shape) -> None:
    world = watched.world
    own = world.rows[HOME][State.INDEXED] if shape is Shape.READ else None
    request = call(world.operation(shape), own, ME.headers(world.credentials))
    for header, theirs, status in (("X-Project-ID", only_of("compat-co"), 404), ("X-Tenant-ID", "compat-co", 403)):
        asked = [request.instead(**{header.replace("-", "_"): name}) for name in (NOWHERE, theirs)]
        nowhere, there = (watched.matrix.send(header, ME, each) for each in asked)
        assert likeness(there) == likeness(nowhere)
        assert there.status == status


def test_the_same_idempotency_key_is_another_one_for_everybody_else(watched: Watched) -> None:
    """Every neighbour stored something of their own under this very key; here they send it again, body and all."""
    world = watched.world
    ids = {}
    for owner in LIVING:
        headers = {**world.headers(owner), "Idempotency-Key": SAME_KEY}
        again = world.door.send(call(world.operation(Shape.ADD), None, headers, **said(owner, State.PENDING)))
        assert (again.status, again.headers["idempotent-replay"]) == (201, "true")
        ids[owner] = again.json()["id"]
    assert ids == {owner: world.rows[owner][State.PENDING].memory_id for owner in LIVING}
    newcomer = replace(HOME, user="wombat.new@example.com")
    assert newcomer not in OWNERS
    headers = {**world.headers(newcomer), "Idempotency-Key": SAME_KEY}
    first = world.door.send(call(world.operation(Shape.ADD), None, headers, **said(HOME, State.PENDING)))
    assert (first.status, first.headers.get("idempotent-replay")) == (201, None)
    assert first.json()["id"] not in ids.values()
    assert [each["outcome"] for each in first.json()["outcomes"]] == ["stored"]


def test_what_a_caller_invents_as_an_end_user_reaches_nobody(watched: Watched) -> None:
    world = watched.world
    invented = [
        "#",
        "*",
        "%",
        f"{HOME.user}#0",
        f"{HOME.user}%230",
        f"x#live#USER#{HOME.user}",
        HOME.user.upper(),
    ]
    seen = Counter[int]()
    for name in invented:
        caller = replace(ME, user=name)
        request = call(world.operation(Shape.LIST), None, caller.headers(world.credentials))
        answer = world.door.send(request)
        assert answer.json()["items"] == [], name
        seen[answer.status] += 1
    assert seen == {200: len(invented)}
