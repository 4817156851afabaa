"""Every operation, called by everybody, with what belongs to everybody: what each cell must answer, and what it must not."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from http import HTTPStatus
from typing import Any

from tests.isolation import kept
from tests.isolation.callers import Caller, Kind
from tests.isolation.canaries import canary
from tests.isolation.cells import LOOKED_AT, Cell, NoRuleError, Seen
from tests.isolation.document import Call, Operation, asking, call
from tests.isolation.oracle import HOME_ONLY, RULES, Rule, Shape, beside, chain, refusal
from tests.isolation.owners import LIVING, READABLE, SHARED_WORD, TEST, Owner, Row, State, said, said_in
from tests.isolation.probes import NEVER, WHOLE_ANSWERS, likeness, plain, probes
from tests.isolation.sending import Sender


class Matrix(Sender):
    """Tries cells on a world and checks every answer."""

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
        sent: set[tuple[str, str]] = set()
        for number, target in enumerate(targets):
            for each in probes(self.world, operation, caller, target, one_by_one=one_by_one and not number):
                # What names nothing of the target is the same request for each of them.
                if (each.name, each.call.sent()) in sent:
                    continue
                sent.add((each.name, each.call.sent()))
                name = f"{who}, trying {each.name} of {target.name}"
                answer = self.send(name, caller, each.call, looked_at=each.expected is None or each.expected[0] in LOOKED_AT)
                if each.expected is None:
                    # Only a deployed stack has somebody who counts; nobody sees what it does inside.
                    counted = self.world.door.trace() is None
                    expected = likeness(usual, warned=each.warned, counted=counted)
                    found = likeness(answer, warned=each.warned, counted=counted)
                    assert found == expected, f"{name}: {found} and not {expected}"
                else:
                    said = (answer.status, answer.code)
                    assert said == each.expected, f"{name}: {said} and not {each.expected}"
                if each.item:
                    items = [(item["status"], item["problem"]["code"]) for item in answer.json()["items"]]
                    assert set(items) == {each.item}, f"{name}: {items} and not {each.item}"
                tried += 1
        return tried

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

    def _routes_own(self, cell: Cell) -> None:
        request = self._request(cell, query=f"List all memories that say {SHARED_WORD}", k=200, filters={})
        found = self._once(cell, request, "memories")
        for row in map(self.world.rows[cell.target].get, READABLE):
            assert row is not None
            self._shows(cell, row, found[row.memory_id])

    def _explains_own(self, cell: Cell) -> None:
        row = self._row(cell)
        request = self._request(cell, query=f"What does the {SHARED_WORD} say?", k=200, filters={}, memory_id=row.memory_id)
        answer = self._expect(cell, request, 200, "").json()
        assert (answer["found"], answer["memory_id"], answer["gate"]) == (True, row.memory_id, None)

    def _composes_own(self, cell: Cell) -> None:
        asked = {"query": f"What does the {SHARED_WORD} say?", "k": 200, "filters": {}, **WHOLE_ANSWERS[Shape.COMPOSE]}
        body = self._expect(cell, self._request(cell, **asked), 200, "").json()
        used = {each["id"] for each in body["memories_used"]}
        for row in map(self.world.rows[cell.target].get, READABLE):
            assert row is not None
            assert row.memory_id in used
            assert str(said(row.owner, row.state)["text"]) in body["composed_prompt"]

    def _answers_own(self, cell: Cell) -> None:
        row = self._row_of_target(cell)
        filters = {"session_id": row.canary("session_id")}
        request = self._request(cell, query=said(row.owner, row.state)["text"], filters=filters, **WHOLE_ANSWERS[Shape.ANSWER])
        body = self._expect(cell, request, 200, "").json()
        assert [each["id"] for each in body["citations"]] == [row.memory_id]
        assert not body["abstained"]

    def _sums_up_own(self, cell: Cell) -> None:
        row = self._row(cell)
        body = self._expect(cell, self._request(cell), 200, "").json()
        assert [(each["id"], each["status"]) for each in body["sources"]] == [(row.memory_id, "used")]
        assert (body["id"], body["stored"], body["memory"]) == (None, False, None)

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
        """As for one: what another said is news, and the second time it was said before in this request."""
        theirs = said(cell.target, cell.state)
        items = [{"text": theirs["text"], "speaker": theirs["speaker"]}] * 2
        answer = self._expect(cell, self._request(cell, items=items, dry_run=True), 207, "").json()
        told = [(each["outcome"], each["memory_id"]) for item in answer["items"] for each in item["outcomes"]]
        assert told == [("stored", None), ("merged", None)]

    def _reads_foreign(self, cell: Cell) -> None:
        self._expect(cell, self._request(cell), 404, "memory-not-found")

    def _lists_foreign(self, cell: Cell) -> None:
        request = self._request(cell).plus(query=(("cursor", self.world.cursors[cell.target]), ("limit", "200")))
        self._expect(cell, request, 400, "invalid-cursor")

    def _row_of_target(self, cell: Cell) -> Row:
        return self.world.rows[cell.target][cell.state]

    def _asks_foreign(self, cell: Cell) -> None:
        row = self._row_of_target(cell)
        filters: tuple[dict[str, object], ...] = (
            {"sources": [row.canary("source")]},
            {"tags": [row.canary("tags")]},
            {"session_id": row.canary("session_id")},
            {"metadata": {"note": row.canary("metadata")}},
        )
        chosen = filters[LIVING.index(cell.target) % len(filters)] if cell.target in LIVING else filters[0]
        request = self._request(cell, **asking(cell.operation, said(row.owner, row.state)["text"]), k=50, filters=chosen)
        answer = self._expect(cell, request, 200, "").json()
        assert (answer["degraded"], answer["warnings"]) == ([], [])
        nothing: dict[Shape, dict[str, Any]] = {
            Shape.ASK: {"memories": [], "context": ""},
            Shape.COMPOSE: {"memories_used": [], "dropped": [], "truncated": False},
            Shape.ANSWER: {"answer": None, "citations": [], "reason": "nothing_found", "confidence": 0.0},
        }
        expected = nothing[cell.rule.shape]
        assert {name: answer[name] for name in expected} == expected, cell.name
        self._counts_only_beside(cell, answer)

    @staticmethod
    def _counts_only_beside(cell: Cell, answer: Mapping[str, Any]) -> None:
        """In a project that the caller could have named what is the end user's is counted, and nothing of anybody else's."""
        counted = {each["project_id"]: each["memories"] for each in answer["scope_diagnostics"]["projects"]}
        assert counted == ({cell.target.project: 1} if cell.target in beside(cell.caller) else {}), cell.name

    def _routes_foreign(self, cell: Cell) -> None:
        row = self._row(cell)
        for query in (f"List all memories that say {row.canary('text')}", said(row.owner, row.state)["text"]):
            request = self._request(cell, query=query, k=200, filters={"sources": [row.canary("source")]})
            answer = self._expect(cell, request, 200, "").json()
            assert (answer["memories"], answer["answer"], answer["degraded"], answer["warnings"]) == ([], None, [], [])
            self._counts_only_beside(cell, answer)

    def _explains_foreign(self, cell: Cell) -> None:
        """Name it by its id and by its text: neither is told from what never was, but where another project opens it."""
        row = self._row(cell)
        named = self._request(cell, memory_id=row.memory_id)
        answer = self._expect(cell, named, 200, "")
        if cell.target in beside(cell.caller):
            shown = answer.json()
            assert (shown["found"], shown["memory_id"], shown["gate"]) == (False, row.memory_id, "project"), cell.name
        else:
            never = self._expect(cell, self._request(cell, memory_id=f"mem_{NEVER}"), 200, "")
            assert likeness(answer) == likeness(never), cell.name
        request = self._request(cell)
        theirs = {name: value for name, value in request.body.items() if name != "memory_id"} | {
            "text": said(row.owner, row.state)["text"]
        }
        told = self._expect(cell, replace(request, body=theirs), 200, "").json()
        # Nearly the same may be the caller's own: then it is that which is told of, and else what another project opens.
        nearly = {self.world.owner_of[each["id"].removeprefix("mem_")] for each in told["matches"]}
        assert nearly <= set(chain(cell.caller)) or nearly <= set(beside(cell.caller)), cell.name
        assert (told["gate"] == "project") == (bool(nearly) and nearly <= set(beside(cell.caller))), cell.name
        assert nearly or (told["found"], told["memory_id"], told["gate"]) == (False, None, "stored"), cell.name

    def _adds_foreign(self, cell: Cell) -> None:
        """Say what somebody else said: it is news here, and nothing tells that they said it."""
        theirs = said(cell.target, cell.state)
        # The same words of the same speaker: of one owner that would be the same fact.
        request = self._request(cell, text=theirs["text"], speaker=theirs["speaker"], dry_run=True)
        answer = self._expect(cell, request, 200, "").json()
        assert [(each["outcome"], each["memory_id"]) for each in answer["outcomes"]] == [("stored", None)]

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
    Shape.ROUTED: Matrix._routes_own,
    Shape.EXPLAIN: Matrix._explains_own,
    Shape.COMPOSE: Matrix._composes_own,
    Shape.ANSWER: Matrix._answers_own,
    Shape.SUM_UP: Matrix._sums_up_own,
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
    **dict.fromkeys((Shape.ASK, Shape.COMPOSE, Shape.ANSWER), Matrix._asks_foreign),
    Shape.ROUTED: Matrix._routes_foreign,
    Shape.EXPLAIN: Matrix._explains_foreign,
    Shape.SUM_UP: Matrix._reads_foreign,
    Shape.ADD: Matrix._adds_foreign,
    **dict.fromkeys((Shape.FORGET, Shape.ABOUT, Shape.CHANGE), Matrix._reads_foreign),
    Shape.CHANGE_MANY: Matrix._changes_foreign,
    **dict.fromkeys((Shape.UNDO, Shape.DECIDE), Matrix._reads_foreign),
    Shape.WAITING: Matrix._lists_foreign,
    Shape.ADD_MANY: Matrix._adds_many_foreign,
    Shape.COUNT: Matrix._counts_own,
    Shape.UPLOAD: Matrix._uploads_foreign,
    Shape.BEGIN: Matrix._begins,
    Shape.JOB: Matrix._reads_foreign_job,
    **kept.FOREIGN,
}
