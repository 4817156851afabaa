"""Conversations and states in the matrix: each owner has one of each, under names that everybody uses and under its own."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tests.isolation.canaries import canary
from tests.isolation.document import call
from tests.isolation.oracle import Shape, chain
from tests.isolation.owners import Owner, Row, State

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.isolation.cells import Cell
    from tests.isolation.matrix import Matrix
    from tests.isolation.world import World

SHARED = "everybody-uses-this-name"
"""A session, label and key that every owner has something under."""


def word(owner: Owner, what: str) -> str:
    """Return the owner's canary in what they keep."""
    return canary(owner.name, "kept", what)


def said(owner: Owner, session: str) -> dict[str, Any]:
    """Return the body that appends the owner's conversation."""
    message = {
        "role": "user",
        "content": f"The ledger says {word(owner, 'content')}.",
        "speaker": word(owner, "speaker"),
        "metadata": {"note": word(owner, "metadata")},
    }
    return {"session_id": session, "messages": [message]}


def place(owner: Owner, *, own: bool) -> dict[str, Any]:
    """Return where the owner keeps something: under names of their own, or under those that everybody uses."""
    if own:
        return {"namespace": ["notes", word(owner, "label")], "key": word(owner, "key")}
    return {"namespace": ["notes", SHARED], "key": SHARED}


def keep(world: World, owner: Owner) -> None:
    """Give an owner a conversation and a value, twice, and remember the words."""
    for session in (SHARED, word(owner, "session")):
        answer = world.door.send(call(world.operation(Shape.APPEND), headers=world.headers(owner), **said(owner, session)))
        assert (answer.status, answer.json()["first_sequence"]) == (201, 1), answer.body
    for own in (False, True):
        body = {**place(owner, own=own), "value": {"note": word(owner, "value")}}
        answer = world.door.send(call(world.operation(Shape.PUT), headers=world.headers(owner), **body))
        assert answer.status == 200, answer.body
    for what in ("content", "speaker", "metadata", "session", "label", "key", "value"):
        world.words[word(owner, what)] = (owner, world.kept)
    world.alive.add(world.kept)


def speak(world: World, owner: Owner) -> str:
    """Have a turn of the owner's that nothing is remembered of; return its id."""
    said = [{"role": "user", "content": "Hello!"}]
    answer = world.door.send(call(world.operation(Shape.TURN), headers=world.headers(owner), session_id="turns", messages=said))
    assert (answer.status, answer.json()["memory_ids"]) == (201, []), answer.body
    turn_id = str(answer.json()["id"])
    world.owner_of[turn_id.removeprefix("turn_")] = owner
    world.alive.add(turn_id.removeprefix("turn_"))
    return turn_id


def intact(world: World, owner: Owner) -> None:
    """Check that an owner still reads exactly what they keep."""
    for session in (SHARED, word(owner, "session")):
        request = call(world.operation(Shape.TRANSCRIPT), headers=world.headers(owner), session_id=session)
        _is_said(owner, world.door.send(request).json()["items"])
    for own in (False, True):
        request = call(world.operation(Shape.VALUE), headers=world.headers(owner), **place(owner, own=own))
        assert world.door.send(request).json()["value"] == {"note": word(owner, "value")}


def _is_said(owner: Owner, items: list[dict[str, Any]]) -> None:
    shown = [{name: each[name] for name in ("role", "content", "speaker", "metadata")} for each in items]
    assert shown == said(owner, "")["messages"]


# What is the caller's own is really theirs, also under a name that everybody uses.


def _appends(matrix: Matrix, cell: Cell) -> None:
    fresh = matrix.world.fresh_words()
    body: dict[str, Any] = {"session_id": fresh["session_id"], "messages": [{"role": "user", "content": fresh["text"]}]}
    answer = matrix.expect(cell, 201, **body)
    assert (answer["first_sequence"], answer["last_sequence"]) == (1, 1)


def _shows_own(matrix: Matrix, cell: Cell) -> None:
    for session in (SHARED, word(cell.target, "session")):
        _is_said(cell.target, matrix.expect(cell, 200, session_id=session)["items"])


def _clears_own(matrix: Matrix, cell: Cell) -> None:
    session = canary("clear", cell.name)
    append = matrix.world.operation(Shape.APPEND)
    headers = cell.caller.headers(matrix.world.credentials)
    assert matrix.world.door.send(call(append, headers=headers, **said(cell.target, session))).status == 201
    assert matrix.expect(cell, 200, session_id=session)["deleted"] == 1
    assert matrix.expect(cell, 200, session_id=session)["deleted"] == 0


def _puts(matrix: Matrix, cell: Cell) -> None:
    body: dict[str, Any] = {"namespace": [canary("put", cell.name)], "key": "k", "value": {"said": canary("value", cell.name)}}
    answer = matrix.expect(cell, 200, **body)
    assert {name: answer[name] for name in body} == body


def _values_own(matrix: Matrix, cell: Cell) -> None:
    for own in (False, True):
        body = place(cell.target, own=own)
        answer = matrix.expect(cell, 200, **body)
        assert (answer["value"], answer["key"]) == ({"note": word(cell.target, "value")}, body["key"])


def _lists_own(matrix: Matrix, cell: Cell) -> None:
    for own in (False, True):
        names = place(cell.target, own=own)
        body = {"namespace": names["namespace"], "namespace_prefix": names["namespace"], "filter": {}}
        named = {name: each for name, each in body.items() if name in (cell.operation.example or {})}
        items = matrix.expect(cell, 200, **named)["items"]
        assert [(each["key"], each["value"]) for each in items] == [(names["key"], {"note": word(cell.target, "value")})]


def _names_own(matrix: Matrix, cell: Cell) -> None:
    items = matrix.expect(cell, 200, prefix=["notes"], max_depth=2)["items"]
    assert sorted(items) == sorted(place(cell.target, own=own)["namespace"] for own in (False, True))


def _takes_own(matrix: Matrix, cell: Cell) -> None:
    names: dict[str, Any] = {"namespace": [canary("take", cell.name)], "key": "k"}
    put = matrix.world.operation(Shape.PUT)
    headers = cell.caller.headers(matrix.world.credentials)
    assert matrix.world.door.send(call(put, headers=headers, **names, value={})).status == 200
    assert [matrix.expect(cell, 200, **names)["deleted"] for _ in range(2)] == [True, False]


def _speaks(matrix: Matrix, cell: Cell) -> None:
    fresh = matrix.world.fresh_words()
    body: dict[str, Any] = {"session_id": fresh["session_id"], "messages": [{"role": "user", "content": fresh["text"]}]}
    answer = matrix.expect(cell, 201, **body)
    assert (answer["first_sequence"], answer["counts"]) == (1, {"stored": 1})
    [memory_id] = answer["memory_ids"]
    matrix.world.forget(Row(chain(cell.caller)[0], State.PENDING, memory_id, '"r1"', ""))


def _tells_own(matrix: Matrix, cell: Cell) -> None:
    assert matrix.expect(cell, 200)["id"] == matrix.world.rows[cell.target][cell.state].turn_id


def _lists_of_own(matrix: Matrix, cell: Cell) -> None:
    shown = {each["id"] for each in matrix.expect(cell, 200)["items"]}
    assert matrix.world.rows[cell.target][cell.state].memory_id in shown


# What is somebody else's is not there.


def _tells_foreign(matrix: Matrix, cell: Cell) -> None:
    matrix.expect(cell, 404, "turn-not-found")


def refusal_of_path(cell: Cell) -> tuple[int, str] | None:
    """Return how a path is refused that names another tenant, or else another end user; None for the caller's own."""
    if cell.target.tenant != cell.caller.tenant:
        return 403, "forbidden"
    return (400, "end-user-mismatch") if cell.target.user != cell.caller.user else None


def _lists_of_foreign(matrix: Matrix, cell: Cell) -> None:
    refused = refusal_of_path(cell)
    if refused:
        matrix.expect(cell, *refused)
    else:
        shown = {each["id"] for each in matrix.expect(cell, 200)["items"]}
        assert matrix.world.rows[cell.target][cell.state].memory_id not in shown


def _shows_foreign(matrix: Matrix, cell: Cell) -> None:
    assert matrix.expect(cell, 200, session_id=word(cell.target, "session"))["items"] == []


def _clears_foreign(matrix: Matrix, cell: Cell) -> None:
    assert matrix.expect(cell, 200, session_id=word(cell.target, "session"))["deleted"] == 0


def _values_foreign(matrix: Matrix, cell: Cell) -> None:
    matrix.expect(cell, 404, "state-not-found", **place(cell.target, own=True))


def _lists_foreign(matrix: Matrix, cell: Cell) -> None:
    namespace = place(cell.target, own=True)["namespace"]
    body = {"namespace": namespace, "namespace_prefix": namespace, "filter": {"note": word(cell.target, "value")}}
    named = {name: each for name, each in body.items() if name in (cell.operation.example or {})}
    assert matrix.expect(cell, 200, **named)["items"] == []


def _names_foreign(matrix: Matrix, cell: Cell) -> None:
    assert matrix.expect(cell, 200, prefix=["notes", word(cell.target, "label")], max_depth=None)["items"] == []


def _takes_foreign(matrix: Matrix, cell: Cell) -> None:
    assert matrix.expect(cell, 200, **place(cell.target, own=True))["deleted"] is False


OWN: dict[Shape, Callable[[Matrix, Cell], None]] = {
    Shape.APPEND: _appends,
    Shape.TRANSCRIPT: _shows_own,
    Shape.CLEAR: _clears_own,
    Shape.PUT: _puts,
    Shape.VALUE: _values_own,
    Shape.VALUES: _lists_own,
    Shape.NAMESPACES: _names_own,
    Shape.TAKE: _takes_own,
    Shape.TURN: _speaks,
    Shape.TURN_STATE: _tells_own,
    Shape.LIST_OF: _lists_of_own,
}
FOREIGN: dict[Shape, Callable[[Matrix, Cell], None]] = {
    # Whatever name is chosen, what is kept under it is the caller's own.
    Shape.APPEND: _appends,
    Shape.TRANSCRIPT: _shows_foreign,
    Shape.CLEAR: _clears_foreign,
    Shape.PUT: _puts,
    Shape.VALUE: _values_foreign,
    Shape.VALUES: _lists_foreign,
    Shape.NAMESPACES: _names_foreign,
    Shape.TAKE: _takes_foreign,
    Shape.TURN: _speaks,
    Shape.TURN_STATE: _tells_foreign,
    Shape.LIST_OF: _lists_of_foreign,
}
