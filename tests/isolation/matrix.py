"""Every operation, called by everybody, with what belongs to everybody: what each cell must answer, and what it must not."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any

from tests.isolation import kept
from tests.isolation.callers import Caller, Kind
from tests.isolation.canaries import canary
from tests.isolation.cells import LOOKED_AT, Cell, NoRuleError, Seen
from tests.isolation.checks import gossip, gossip_of, leaks, strays
from tests.isolation.document import Call, Operation, asking, call
from tests.isolation.oracle import HOME_ONLY, RULES, Rule, Shape, chain, refusal
from tests.isolation.owners import LIVING, READABLE, SHARED_WORD, TEST, WAITING, Owner, Row, State, said, said_in
from tests.isolation.probes import likeness, plain, probes
from tests.isolation.world import Answer, World
from tests.support.logs import LogLines


@dataclass
class Matrix:
    """Tries cells on a world and checks every answer."""

    world: World
    requests: dict[str, tuple[Call, Caller]] = field(default_factory=dict)
    """By request id, where it is known: what was asked, and by whom."""
    _answers: dict[tuple[str, Caller], dict[str, Any]] = field(default_factory=dict)

    def walk(self, tried: Iterable[Cell], seen: Seen | None = None) -> Seen:
        """Try all of these. Raises `AssertionError` at the first that is wrong, `NoRuleError` at the end."""
        seen = seen or Seen()
        unruled = set()
        for cell in tried:
            rule = RULES.get(cell.operation.name)
            if rule is None:
                unruled.add(cell.operation)
                self._unruled(cell)
            else:
                seen.count[self.try_cell(cell, rule)] += 1
        self.world.sweep()
        if unruled:
            routes = ", ".join(sorted(each.route for each in unruled))
            msg = f"The oracle does not say who may see what of {routes}: state it in tests/isolation/oracle.py from docs/api.md."
            raise NoRuleError(msg)
        return seen

    def try_cell(self, cell: Cell, rule: Rule) -> str:
        """Try one cell; return which kind of answer came: public, refused, own or foreign."""
        refused = refusal(rule, cell.caller)
        if rule.shape is Shape.PUBLIC:
            self._expect(cell, self._request(cell), 200, "")
            return "public"
        if refused and rule.shape is Shape.LIST_OF and refused[0] == HTTPStatus.BAD_REQUEST:
            # Whoever signed in is told of what the path names before they are told of the project.
            refused = kept.refusal_of_path(cell) or refused
        if refused:
            self._expect(cell, self._request(cell), *refused, looked_at=False)
            return "refused"
        readable = chain(cell.caller)
        # A caller without a project reads several places and writes to one.
        if cell.target in (readable[:1] if rule.shape in HOME_ONLY else readable):
            _OWN[rule.shape](self, cell)
            return "own"
        _FOREIGN[rule.shape](self, cell)
        return "foreign"

    def probe(self, operation: Operation, caller: Caller, targets: Iterable[Owner], *, one_by_one: bool) -> int:
        """Try everything of these owners on an operation, beyond its plain call; return how much that was.

        With `one_by_one` the headers that mean nothing are tried each alone too, with the first owner's values.
        """
        base = plain(self.world, operation, caller)
        who = f"{operation.route} by {caller.kind} of {caller.tenant}"
        usual = self.send(who, caller, base)
        tried = 0
        for number, target in enumerate(targets):
            for each in probes(self.world, operation, caller, target, one_by_one=one_by_one and not number):
                name = f"{who}, trying {each.name} of {target.name}"
                answer = self.send(name, caller, each.call, looked_at=each.expected is None or each.expected[0] in LOOKED_AT)
                if each.expected is None:
                    expected = likeness(usual, warned=each.warned)
                    found = likeness(answer, warned=each.warned)
                    assert found == expected, f"{name}: {found} and not {expected}"
                else:
                    said = (answer.status, answer.code)
                    assert said == each.expected, f"{name}: {said} and not {each.expected}"
                if each.item:
                    items = [(item["status"], item["problem"]["code"]) for item in answer.json()["items"]]
                    assert set(items) == {each.item}, f"{name}: {items} and not {each.item}"
                tried += 1
        return tried

    def send(self, name: str, caller: Caller, request: Call, *, looked_at: bool = True) -> Answer:
        """Send a request; check that neither the answer nor what was done for it goes beyond what the caller may know."""
        answer = self.world.door.send(request)
        allowed = chain(caller)
        if answer.status == 201 and answer.json().get("id", "").startswith("mem_"):
            self.world.stored(allowed[0], answer.json(), State.PENDING, request.body)
        found = leaks(self.world, request, answer, allowed)
        assert not found, f"{name}: the answer {answer.status} holds {'; '.join(found)}"
        trace = self.world.door.trace()
        if trace is not None:
            self.requests[trace.request_id] = (request, caller)
            found = strays(caller, allowed, trace, looked_at=looked_at)
            assert not found, f"{name}: {'; '.join(found)}"
        return answer

    def read_log(self, lines: LogLines) -> int:
        """Check every line that the product wrote, and all that anything else did; return how many were those of requests."""
        found = gossip(self.world, lines.text())
        assert not found, f"The log holds {'; '.join(found)}"
        known = 0
        for line in lines.lines():
            request_id = line.get("request_id")
            if request_id in self.requests:
                request, caller = self.requests[request_id]
                found = gossip_of(self.world, line, request, caller)
                assert not found, f"The log's line of {request.operation.route} holds {'; '.join(found)}: {json.dumps(line)}"
                known += 1
        return known

    def _expect(self, cell: Cell, request: Call, status: int, code: str, *, looked_at: bool = True) -> Answer:
        answer = self.send(cell.name, cell.caller, request, looked_at=looked_at)
        said = (answer.status, answer.code)
        assert said == (status, code), f"{cell.name}: {said} and not {(status, code)}: {answer.body[:500]!r}"
        return answer

    def expect(self, cell: Cell, status: int, code: str = "", **body: object) -> dict[str, Any]:
        """Send the cell's request with these fields, check how it is answered, and return the answer's body."""
        answer: dict[str, Any] = self._expect(cell, self._request(cell, **body), status, code).json()
        return answer

    def _once(self, cell: Cell, request: Call, name: str) -> dict[str, Any]:
        """Return the memories of an answer by id; the same caller asks the same only once."""
        key = (cell.operation.name, cell.caller)
        if key not in self._answers:
            body = self._expect(cell, request, 200, "").json()
            assert (body.get("degraded", []), body.get("warnings", [])) == ([], [])
            self._answers[key] = {each["id"]: each for each in body[name]}
        return self._answers[key]

    def _row(self, cell: Cell) -> Row:
        rule = RULES.get(cell.operation.name)
        waits = rule is not None and rule.state in WAITING
        return self.world.rows[cell.target][rule.state if rule and waits else cell.state]

    def _headers(self, cell: Cell) -> dict[str, str]:
        return cell.caller.headers(self.world.credentials)

    def _request(self, cell: Cell, **body: object) -> Call:
        row = self._row(cell) if cell.operation.names_memory else None
        return call(cell.operation, row, self._headers(cell), **body)

    def _unruled(self, cell: Cell) -> None:
        """Call an operation that has no rule: whatever it does, it must not leak, and must not answer a passer-by."""
        answer = self.send(cell.name, cell.caller, self._request(cell))
        if cell.caller.kind is Kind.NOBODY and not cell.operation.public:
            assert answer.status == 401, f"{cell.name}: {answer.status} for a passer-by"

    # What is the caller's own is really theirs.

    def _reads_own(self, cell: Cell) -> None:
        row = self._row(cell)
        answer = self._expect(cell, self._request(cell), 200, "")
        self._shows(cell, row, answer.json())
        assert answer.headers["etag"] == row.etag

    def _lists_own(self, cell: Cell) -> None:
        items = self._once(cell, self._request(cell).plus(query=(("limit", "200"),)), "items")
        self._shows(cell, self._row(cell), items[self._row(cell).memory_id])

    def _asks_own(self, cell: Cell) -> None:
        request = self._request(cell, **asking(cell.operation, f"What does the {SHARED_WORD} say?"), k=200, filters={})
        found = self._once(cell, request, "memories")
        for row in map(self.world.rows[cell.target].get, READABLE):
            assert row is not None
            self._shows(cell, row, found[row.memory_id])

    def _adds_own(self, cell: Cell) -> None:
        answer = self._expect(cell, self._request(cell, **self.world.fresh_words()), 201, "")
        body = answer.json()
        assert (body["project_id"], body["user_id"]) == (cell.target.project, cell.target.user)
        row = Row(cell.target, State.PENDING, body["id"], answer.headers["etag"], body["consistency_token"])
        reader = Caller(Kind.TEST_KEY if cell.target.environment == TEST else Kind.KEY, *self._place(cell.target))
        read = self.send(cell.name, reader, self._reading(row))
        assert read.status == 200
        self.world.forget(row)

    def _forgets_own(self, cell: Cell) -> None:
        row = self.world.add(cell.target, self.world.fresh_words(), State.PENDING)
        answer = self._expect(cell, call(cell.operation, row, self._headers(cell)), 200, "")
        assert (answer.json()["id"], answer.json()["state"]) == (row.memory_id, "soft_deleted")
        self.world.forgot(row)
        assert self.world.door.send(self._reading(row)).status == 404

    def _tells_of_own(self, cell: Cell) -> None:
        answer = self._expect(cell, self._request(cell), 200, "").json()
        assert answer["id"] == self._row(cell).memory_id

    def _changes_own(self, cell: Cell) -> None:
        row = self.world.add(cell.target, self.world.fresh_words(), State.PENDING)
        body = self.world.fresh_words() if "text" in (cell.operation.example or {}) else {}
        request = call(cell.operation, row, self._headers(cell), **({"text": body["text"]} if body else {}))
        if cell.rule.shape is Shape.CHANGE_MANY:
            [item] = self._expect(cell, request, 207, "").json()["items"]
            assert item["status"] == 200, item
            self._is_of(cell, row, item["memory"])
        else:
            self._is_of(cell, row, self._expect(cell, request, 200, "").json())
        self.world.forget(row)

    def _undoes_own(self, cell: Cell) -> None:
        words = self.world.fresh_words()
        texts = [said_in(State.DISPUTED, canary("undo", cell.name, word)) for word in ("old", "new")]
        old, new = (self.world.add(cell.target, {**words, "text": text}, State.PENDING) for text in texts)
        shown = self._expect(cell, call(cell.operation, old, self._headers(cell)), 200, "").json()
        self._is_of(cell, old, shown)
        assert (shown["text"], shown["valid_until"], shown["superseded_by"]) == (texts[0], None, None)
        self.world.forget(old)
        self.world.forget(new)

    def _decides_own(self, cell: Cell) -> None:
        words = self.world.fresh_words()
        text = said_in(cell.rule.state, canary("decide", cell.name))
        row = self.world.add_waiting(cell.target, cell.rule.state, {**words, "text": text})
        shown = self._expect(cell, call(cell.operation, row, self._headers(cell)), 200, "").json()
        self._is_of(cell, row, shown)
        if shown["state"] == "active":
            self.world.forget(row)
        else:
            self.world.forgot(row)
        against = self.world.contradicted.pop(row.memory_id, None)
        if against:
            self.world.forget(against)

    def _adds_many_own(self, cell: Cell) -> None:
        said = [self.world.fresh_words() for _ in range(2)]
        items = self._expect(cell, self._request(cell, items=said), 207, "").json()["items"]
        assert [each["status"] for each in items] == [201, 201]
        for item, words in zip(items, said, strict=True):
            row = self.world.stored(cell.target, item["result"], State.PENDING, words)
            self._is_of(cell, row, item["result"])
            self.world.forget(row)

    def _counts_own(self, cell: Cell) -> None:
        counted = self._expect(cell, self._request(cell), 200, "").json()
        assert set(counted) == {"pending_embedding", "oldest_since", "oldest_age_seconds", "pending_index", "request_id"}
        assert counted["pending_embedding"] == 0

    def _uploads_own(self, cell: Cell) -> None:
        words = self.world.fresh_words()
        [item] = self._expect(cell, self._request(cell, file=words["text"]), 207, "").json()["items"]
        assert item["status"] == 201, item
        row = self.world.stored(cell.target, item["result"], State.PENDING, words)
        self._is_of(cell, row, item["result"])
        self.world.forget(row)

    def _begins(self, cell: Cell) -> None:
        """Name whatever memory: a job is the end user's, and touches nothing of anybody else's (`World.intact`)."""
        request = self._request(cell, memory_ids=[self.world.rows[cell.target][cell.state].memory_id])
        answer = self.send(cell.name, cell.caller, request)
        # Whether the one that was begun before is done by now is nobody's affair here.
        assert (answer.status, answer.code) in {(202, ""), (409, "job-already-running")}, answer.body

    def _reads_own_job(self, cell: Cell) -> None:
        assert self._expect(cell, self._request(cell), 200, "").json()["job_id"] == self._row(cell).job_id

    def _is_of(self, cell: Cell, row: Row, shown: dict[str, Any]) -> None:
        assert (shown["id"], shown["project_id"], shown["user_id"]) == (row.memory_id, row.owner.project, row.owner.user), (
            cell.name
        )

    # What is somebody else's is not there.

    def _reads_foreign_job(self, cell: Cell) -> None:
        self._expect(cell, self._request(cell), 404, "job-not-found")

    def _uploads_foreign(self, cell: Cell) -> None:
        """As for a text: what another said is news."""
        request = self._request(cell, file=said(cell.target, cell.state)["text"], dry_run="true")
        answer = self._expect(cell, request, 207, "").json()
        told = [(each["outcome"], each["memory_id"]) for item in answer["items"] for each in item["outcomes"]]
        assert told == [("stored", None)]

    def _changes_foreign(self, cell: Cell) -> None:
        items = self._expect(cell, self._request(cell), 207, "").json()["items"]
        assert [(each["status"], each["problem"]["code"]) for each in items] == [(404, "memory-not-found")]

    def _adds_many_foreign(self, cell: Cell) -> None:
        """As for one: what another said is news."""
        theirs = said(cell.target, cell.state)
        items = [{"text": theirs["text"], "speaker": theirs["speaker"]}] * 2
        answer = self._expect(cell, self._request(cell, items=items, dry_run=True), 207, "").json()
        told = [(each["outcome"], each["memory_id"]) for item in answer["items"] for each in item["outcomes"]]
        assert told == [("stored", None)] * 2

    def _reads_foreign(self, cell: Cell) -> None:
        self._expect(cell, self._request(cell), 404, "memory-not-found")

    def _lists_foreign(self, cell: Cell) -> None:
        request = self._request(cell).plus(query=(("cursor", self.world.cursors[cell.target]), ("limit", "200")))
        self._expect(cell, request, 400, "invalid-cursor")

    def _asks_foreign(self, cell: Cell) -> None:
        row = self._row(cell)
        filters: tuple[dict[str, object], ...] = (
            {"sources": [row.canary("source")]},
            {"tags": [row.canary("tags")]},
            {"session_id": row.canary("session_id")},
            {"metadata": {"note": row.canary("metadata")}},
        )
        chosen = filters[LIVING.index(cell.target) % len(filters)] if cell.target in LIVING else filters[0]
        request = self._request(cell, **asking(cell.operation, said(row.owner, row.state)["text"]), k=200, filters=chosen)
        answer = self._expect(cell, request, 200, "").json()
        assert (answer["memories"], answer["context"], answer["degraded"], answer["warnings"]) == ([], "", [], [])

    def _adds_foreign(self, cell: Cell) -> None:
        """Say what somebody else said: it is news here, and nothing tells that they said it."""
        theirs = said(cell.target, cell.state)
        # The same words of the same speaker: of one owner that would be the same fact.
        request = self._request(cell, text=theirs["text"], speaker=theirs["speaker"], dry_run=True)
        answer = self._expect(cell, request, 200, "").json()
        assert [(each["outcome"], each["memory_id"]) for each in answer["outcomes"]] == [("stored", None)]

    def _shows(self, cell: Cell, row: Row, shown: dict[str, object]) -> None:
        expected = said(row.owner, row.state)
        assert {name: shown[name] for name in expected} == expected, cell.name
        assert (shown["project_id"], shown["user_id"]) == (row.owner.project, row.owner.user), cell.name

    def _reading(self, row: Row) -> Call:
        return call(self.world.operation(Shape.READ), row, self.world.headers(row.owner))

    @staticmethod
    def _place(owner: Owner) -> tuple[str, str, str, bool]:
        return owner.tenant, owner.project or "", owner.user, owner.project is not None


_Try = Callable[[Matrix, Cell], None]
_OWN: dict[Shape, _Try] = {
    Shape.READ: Matrix._reads_own,
    Shape.LIST: Matrix._lists_own,
    Shape.ASK: Matrix._asks_own,
    Shape.ADD: Matrix._adds_own,
    Shape.FORGET: Matrix._forgets_own,
    Shape.ABOUT: Matrix._tells_of_own,
    Shape.CHANGE: Matrix._changes_own,
    Shape.CHANGE_MANY: Matrix._changes_own,
    Shape.UNDO: Matrix._undoes_own,
    Shape.DECIDE: Matrix._decides_own,
    Shape.WAITING: Matrix._lists_own,
    Shape.ADD_MANY: Matrix._adds_many_own,
    Shape.COUNT: Matrix._counts_own,
    Shape.UPLOAD: Matrix._uploads_own,
    Shape.BEGIN: Matrix._begins,
    Shape.JOB: Matrix._reads_own_job,
    **kept.OWN,
}
_FOREIGN: dict[Shape, _Try] = {
    Shape.READ: Matrix._reads_foreign,
    Shape.LIST: Matrix._lists_foreign,
    Shape.ASK: Matrix._asks_foreign,
    Shape.ADD: Matrix._adds_foreign,
    Shape.FORGET: Matrix._reads_foreign,
    Shape.ABOUT: Matrix._reads_foreign,
    Shape.CHANGE: Matrix._reads_foreign,
    Shape.CHANGE_MANY: Matrix._changes_foreign,
    Shape.UNDO: Matrix._reads_foreign,
    Shape.DECIDE: Matrix._reads_foreign,
    Shape.WAITING: Matrix._lists_foreign,
    Shape.ADD_MANY: Matrix._adds_many_foreign,
    Shape.COUNT: Matrix._counts_own,
    Shape.UPLOAD: Matrix._uploads_foreign,
    Shape.BEGIN: Matrix._begins,
    Shape.JOB: Matrix._reads_foreign_job,
    **kept.FOREIGN,
}
