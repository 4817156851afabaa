"""Sending a cell's request, and looking at the answer and at all that was done for it."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any

from tests.isolation.callers import Caller
from tests.isolation.cells import Cell
from tests.isolation.checks import gossip, gossip_of, leaks, strays
from tests.isolation.document import Call, call
from tests.isolation.oracle import ASKING, RULES, Shape, beside, chain
from tests.isolation.owners import WAITING, Row, State, said
from tests.isolation.world import Answer, World
from tests.support.logs import LogLines


@dataclass
class Sender:
    """Asks a world, and holds every answer against what its caller may know."""

    world: World
    requests: dict[str, tuple[Call, Caller]] = field(default_factory=dict)
    """By request id, where it is known: what was asked, and by whom."""
    _answers: dict[tuple[str, Caller], dict[str, Any]] = field(default_factory=dict)

    def send(self, name: str, caller: Caller, request: Call, *, looked_at: bool = True) -> Answer:
        """Send a request; check that neither the answer nor what was done for it goes beyond what the caller may know."""
        answer = self.world.door.send(request)
        allowed = chain(caller)
        if answer.status == 201 and answer.json().get("id", "").startswith("mem_"):
            self.world.stored(allowed[0], answer.json(), State.PENDING, request.body)
        rule = RULES.get(request.operation.name)
        others = beside(caller) if rule and rule.shape in ASKING else ()
        # Only an explanation names what another project would open.
        found = leaks(self.world, request, answer, allowed, others if rule and rule.shape is Shape.EXPLAIN else ())
        assert not found, f"{name}: the answer {answer.status} holds {'; '.join(found)}"
        trace = self.world.door.trace()
        if trace is not None:
            self.requests[trace.request_id] = (request, caller)
            found = strays(caller, allowed, trace, looked_at=looked_at, beside=others)
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

    def _shows(self, cell: Cell, row: Row, shown: dict[str, object]) -> None:
        expected = said(row.owner, row.state)
        assert {name: shown[name] for name in expected} == expected, cell.name
        assert (shown["project_id"], shown["user_id"]) == (row.owner.project, row.owner.user), cell.name
