"""The matrix itself: nothing of the OpenAPI document is left out of it, and what it looks for it finds."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest

from tests.isolation.callers import Caller, Kind, callers
from tests.isolation.canaries import canaries_in, canary, holds, ulids_in
from tests.isolation.cells import NoRuleError, cells
from tests.isolation.checks import gossip, gossip_of, leaks, strays
from tests.isolation.document import DOCUMENT, Call, Operation, UnknownToMatrixError, operations
from tests.isolation.matrix import Matrix
from tests.isolation.oracle import RULES, chain
from tests.isolation.owners import COMPAT, CORNERS, OWNERS, STRICT, USERS, Owner, Row, State, canaries_of, said
from tests.isolation.selection import cut
from tests.isolation.world import Answer, Asked, Trace, World

ME = Caller(Kind.KEY, STRICT, "main", USERS[0])
HOME, OTHER = CORNERS[0], CORNERS[-1]
ULID = "01M7YX535EJ7YJ27ZFBMZXQRW9"


def document(path: str, method: str = "get", **described: Any) -> dict[str, Any]:
    """Return the document with one more operation in it."""
    found: dict[str, Any] = json.loads(DOCUMENT.read_text())
    found["paths"].setdefault(path, {})[method] = {"operationId": "news", "security": [{"ApiKey": []}], **described}
    return found


def test_every_operation_of_the_document_has_a_rule_and_every_rule_an_operation() -> None:
    assert {operation.name for operation in operations()} == set(RULES)
    assert {operation.name for operation in operations() if operation.public} == {
        name for name, rule in RULES.items() if rule.permission is None
    }


def test_a_new_operation_is_called_by_everybody_and_then_asks_for_a_rule() -> None:
    [news] = [each for each in operations(document("/memory/{id}/echo")) if each.name == "news"]
    door = SilentDoor()

    with pytest.raises(NoRuleError, match=r"GET /memory/\{id\}/echo: state it in tests/isolation/oracle.py"):
        Matrix(door.world()).walk(cells(news, Kind.NOBODY))

    assert len(door.calls) == 16 * 11
    assert len({each.path for each in door.calls}) >= 20


def test_a_new_operation_that_answers_a_passer_by_fails() -> None:
    [news] = [each for each in operations(document("/memory/count")) if each.name == "news"]

    with pytest.raises(AssertionError, match="200 for a passer-by"):
        Matrix(SilentDoor(200).world()).walk(cells(news, Kind.NOBODY))


@pytest.mark.parametrize(
    ("news", "message"),
    [
        (document("/things/{thing_id}"), "path parameter 'thing_id' of GET /things/{thing_id}"),
        (document("/things", parameters=[{"in": "query", "name": "owner"}]), "query parameter 'owner' of GET /things"),
        (document("/things", parameters=[{"in": "header", "name": "X-Of"}]), "header parameter 'X-Of' of GET /things"),
        (document("/things", parameters=[{"in": "cookie", "name": "of"}]), "cookie parameter 'of' of GET /things"),
        (
            document("/things", "post", requestBody={"content": {"application/json": {"schema": {"type": "object"}}}}),
            "no example of the body of POST /things",
        ),
        (document("/things", "post", requestBody={"content": {"text/csv": {}}}), "POST /things takes text/csv"),
    ],
    ids=["path", "query", "header", "cookie", "body", "media type"],
)
def test_what_the_matrix_cannot_call_it_says(news: dict[str, Any], message: str) -> None:
    with pytest.raises(UnknownToMatrixError) as raised:
        operations(news)

    assert message in str(raised.value)


def test_there_are_seven_kinds_of_callers_in_sixteen_places() -> None:
    assert [len(callers(kind)) for kind in Kind] == [16] * 7
    assert len({caller.credential for kind in Kind for caller in callers(kind)}) == 24


def test_the_cut_meets_every_pair() -> None:
    every = {(operation.name, kind) for operation in operations() for kind in Kind}

    assert {(cell.operation.name, cell.caller.kind) for cell in cut(operations())} == every
    assert {(cell.caller.tenant, cell.caller.user, cell.target) for cell in cut(operations())} >= {
        (tenant, user, target) for tenant in (STRICT, COMPAT) for user in USERS for target in CORNERS
    }
    assert cut(operations()) == cut.__wrapped__(operations())


# What is looked for is found, in every form.


@pytest.mark.parametrize(
    "form",
    [
        lambda word: word,
        lambda word: word.lower(),
        lambda word: word.upper(),
        lambda word: "".join(f"%{ord(letter):02x}" for letter in word),
        lambda word: "".join(f"\\u{ord(letter):04X}" for letter in word),
        lambda word: "".join(f"&#{ord(letter)};" for letter in word),
        lambda word: word.encode().hex(),
        lambda word: base64.b64encode(word.encode()).decode(),
        lambda word: base64.b64encode(f"a{word}".encode()).decode(),
        lambda word: base64.b64encode(f'{{"text":"{word}"}}'.encode()).decode(),
        lambda word: base64.urlsafe_b64encode(b"\xff\xfe" + word.encode()).decode().rstrip("="),
        lambda word: "x" + base64.b64encode(word.encode()).decode(),
    ],
)
def test_a_canary_is_found_in_every_form(form: Any) -> None:
    word = canary("some", "one")

    assert canaries_in(json.dumps({"a": f"before {form(word)} after"}).replace("\\\\u", "\\u")) == {word}
    assert canaries_in(form(word).encode()) == {word}


def test_an_id_is_found_bare_lower_and_in_a_cursor() -> None:
    cursor = base64.urlsafe_b64encode(f'\x01\x02{{"before":"2026-01-01#mem_{ULID}"}}'.encode("latin-1")).decode()

    for text in (f"mem_{ULID}", f"ct_{ULID}_1", ULID.lower(), f'"{cursor}"', f"/memory/mem_{ULID}%23ROW"):
        assert ULID in ulids_in(text.replace("_1", " 1")), text
    assert holds("wombat", "a%20WOMBAT")
    assert not holds("wombat", "a badger")


def test_canaries_are_all_different() -> None:
    assert len(set().union(*(canaries_of(owner, *State) for owner in OWNERS))) == len(OWNERS) * len(State) * 8


# What is checked fails when it should.

LIST = next(each for each in operations() if each.name == "list_memories")


class SilentDoor:
    """Answers everything the same, and keeps what it was asked."""

    def __init__(self, status: int = 401) -> None:
        self.status = status
        self.calls: list[Call] = []

    def send(self, call: Call) -> Answer:
        self.calls.append(call)
        return Answer(self.status, {}, b"")

    def operate(self, command: Any) -> dict[str, Any]:
        raise AssertionError(command)

    def settle(self, rows: object) -> None:
        """Nothing waits."""

    def trace(self) -> None:
        """Nobody sees inside."""

    def world(self) -> World:
        world = World(self)
        for number, owner in enumerate(OWNERS):
            ids = {state: f"mem_{number:025d}{place}" for place, state in enumerate(State)}
            world.rows[owner] = {state: Row(owner, state, memory_id, '"r1"', "") for state, memory_id in ids.items()}
            for state, row in world.rows[owner].items():
                world.owner_of[row.ulid] = owner
                world.words.update({row.canary(field): (owner, row.ulid) for field in ("text", "tags")})
                if state is not State.FORGOTTEN:
                    world.alive.add(row.ulid)
        world.public_ids["61g0pxe34r0z8h0p"] = STRICT
        world.credentials[Kind.KEY, STRICT, None, None] = "ms_live_secret"
        return world


def answered(text: str, *, operation: Operation = LIST, path: str = "/memory", sent: str = "") -> list[str]:
    """Return the leaks in an answer to me."""
    headers = {"content-type": "text/plain"}
    call = Call(operation, path, query=(("q", sent),))
    return leaks(SilentDoor().world(), call, Answer(200, headers, text.encode()), chain(ME))


def test_an_answer_may_hold_what_is_mine_and_nothing_else() -> None:
    rows = SilentDoor().world().rows
    mine, theirs, gone = rows[HOME][State.INDEXED], rows[OTHER][State.INDEXED], rows[HOME][State.FORGOTTEN]

    assert answered(f"{said(HOME, State.INDEXED)['text']} {mine.memory_id} {HOME.user} {STRICT}") == []
    assert answered(theirs.canary("text"), sent=theirs.canary("text")) == []
    for leak in (
        theirs.canary("text"),
        theirs.canary("tags").lower(),
        base64.b64encode(theirs.canary("text").encode()).decode(),
        theirs.memory_id,
        gone.canary("text"),
        gone.memory_id,
        OTHER.user,
        OTHER.tenant,
        "61g0pxe34r0z8h0p",
        canary("never said"),
    ):
        assert answered(f"some {leak} words"), leak


def test_a_memory_that_says_it_is_somebody_elses_is_a_leak() -> None:
    answer = {"items": [{"project_id": "side", "user_id": HOME.user, "revision": 1}]}
    found = Answer(200, {"content-type": "application/json"}, json.dumps(answer).encode())

    assert leaks(SilentDoor().world(), Call(LIST, "/memory"), found, chain(ME))


def test_a_problem_quotes_the_path_alone() -> None:
    row = SilentDoor().world().rows[OTHER][State.INDEXED]

    def of(**facts: str) -> list[str]:
        body = json.dumps({"code": "memory-not-found", "instance": f"/memory/{row.memory_id}", **facts}).encode()
        call = Call(LIST, f"/memory/{row.memory_id}", query=(("q", row.canary("text")),))
        return leaks(SilentDoor().world(), call, Answer(404, {"content-type": "application/problem+json"}, body), chain(ME))

    assert of() == of(memory_id=row.memory_id) == []
    assert of(detail=f"You sent {row.canary('text')}.")
    assert of(detail=f"{row.memory_id} is of another project.")
    assert of(instance=f"/memory/{SilentDoor().world().rows[CORNERS[1]][State.INDEXED].memory_id}")


def test_what_is_asked_of_index_and_tables_must_be_the_callers_scope() -> None:
    key, other = HOME.scope_key, OTHER.scope_key

    def of(*, looked_at: bool = True, **trace: Any) -> list[str]:
        return strays(ME, chain(ME), Trace(**trace), looked_at=looked_at)

    good = (Asked(STRICT, (key,), frozenset({key})),)
    assert of(asked=good, keys=(f"L#{key}#0", f"M#{STRICT}#mem_1", "KEY#abc", "a text")) == []
    assert of(asked=good, looked_at=False)
    assert of(keys=(f"M#{STRICT}#mem_1",), looked_at=False)
    assert of(asked=(Asked(COMPAT, (key,), frozenset()),))
    assert of(asked=(Asked(STRICT, (key, other), frozenset()),))
    assert of(asked=(Asked(STRICT, (), frozenset()),))
    assert of(asked=(Asked(STRICT, (key,), frozenset({other})),))
    for text in (f"M#{COMPAT}#mem_1", "M##mem_1", "M#mem_1", f"P#{other}#0", f"K#{COMPAT}#x", f"I#{COMPAT}#x", f"T#{COMPAT}"):
        assert of(keys=(text,)), text


def test_a_line_of_the_log_says_nothing_of_texts_and_end_users() -> None:
    world = SilentDoor().world()
    row = world.rows[HOME][State.INDEXED]

    assert gossip(world, f"request {row.memory_id} of {STRICT} in 3 ms") == []
    for text in (row.canary("text"), row.canary("tags").upper(), HOME.user, "wombat.ana%40example.com", "ms_live_secret"):
        assert gossip(world, f"request {text}"), text


def test_a_line_of_the_log_names_its_own_caller_alone() -> None:
    world = SilentDoor().world()
    mine, theirs = world.rows[HOME][State.INDEXED], world.rows[OTHER][State.INDEXED]

    def of(caller: Caller = ME, **line: Any) -> list[str]:
        return gossip_of(world, line, Call(LIST, f"/memory/{theirs.memory_id}"), caller)

    assert of(tenant_id=STRICT, memory_id=theirs.memory_id) == of(tenant_id=STRICT, memory_id=mine.memory_id) == []
    assert of(tenant_id=COMPAT)
    assert of(Caller(Kind.NOBODY, STRICT, "main", USERS[0]), tenant_id=STRICT)
    assert of(tenant_id=STRICT, note=mine.memory_id)
    assert of(tenant_id=STRICT, memory_id=world.rows[Owner(COMPAT, "main", USERS[0])][State.INDEXED].memory_id)
    assert of(_aws={"CloudWatchMetrics": [{"Dimensions": [["kind", "user_id"]]}]})
