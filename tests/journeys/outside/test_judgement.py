"""What is read out of a run's report: a leak and a memory that came back are seen, and what is nobody's fault is none."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

import pytest

from tests.journeys.outside.contract_run import FORGET, Tried, shown

MINE, THEIRS, JOB = (f"{kind}_01M7ZN9S1GEXAMP1E0F0AN01D{number}" for kind, number in (("mem", 0), ("mem", 1), ("job", 2)))
GET, ADD, MANY = "GET /memory/{id}", "POST /memory/add", "POST /memory/bulk-add"
STORED = {"index": 0, "status": 201, "outcomes": [{"memory_id": THEIRS}], "result": {"id": THEIRS, "supersedes": []}}
REFUSED = {"index": 1, "status": 404, "problem": {"code": "memory-not-found", "memory_id": MINE}}
JOB_AT_WORK = {"versions": [{"version": 1}], "job": {"job_id": JOB}}


def step(user: str, operation: str, status: int, body: dict[str, Any], *, named: str = "") -> dict[str, Any]:
    """Return a request and its answer as the report holds them."""
    method, path = operation.split()
    case = {"method": method, "path": path, "auth_identity": user, "path_parameters": {"id": named} if named else {}}
    content = {"$base64": base64.b64encode(json.dumps(body).encode()).decode()}
    return {"case": case, "answer": {"status_code": status, "content": content}}


def read(tmp_path: Path, *steps: dict[str, Any]) -> Tried:
    """Return what a report of these steps says."""
    cases = {str(number): {"value": each["case"]} for number, each in enumerate(steps)}
    answers = {str(number): {"response": each["answer"]} for number, each in enumerate(steps)}
    recorder = {"cases": cases, "interactions": answers, "checks": {}}
    report = tmp_path / "report.ndjson"
    report.write_text(json.dumps({"ScenarioFinished": {"phase": "stateful", "recorder": recorder}}))
    tried = Tried()
    tried.read(report)
    return tried


@pytest.mark.parametrize(
    ("body", "ids"),
    [
        ({"id": MINE, "text": THEIRS, "metadata": {"id": THEIRS}}, [MINE]),
        ({"items": [{"id": MINE, "disputes": [THEIRS]}], "next_cursor": "a"}, [MINE, THEIRS]),
        ({"items": [{"relation": "supersedes", "memory": {"id": MINE}}]}, [MINE]),
        ({"items": [STORED, REFUSED]}, [THEIRS, THEIRS]),
        ({"items": [{"revision": 2, "changed": {"metadata": {"after": {"id": MINE}}}}]}, []),
        (JOB_AT_WORK, [JOB]),
    ],
)
def test_ids_are_found_in_every_form_of_answer_but_not_in_what_was_sent(body: dict[str, Any], ids: list[str]) -> None:
    assert list(shown(body)) == ids


@pytest.mark.parametrize(
    ("operation", "body", "named"),
    [
        (GET, {"text": "no id in it"}, MINE),
        (FORGET, {"id": MINE}, MINE),
        ("GET /memory", {"items": [{"id": MINE}]}, ""),
        (MANY, {"items": [STORED, {**STORED, "outcomes": [{"memory_id": MINE}]}]}, ""),
        (ADD, {"id": THEIRS, "superseded_by": MINE}, ""),
    ],
)
@pytest.mark.parametrize("user", ["rival", "neighbour"])
def test_an_id_in_answers_to_two_users_is_a_leak(
    tmp_path: Path, operation: str, body: dict[str, Any], named: str, user: str
) -> None:
    status = 207 if operation == MANY else 200
    tried = read(tmp_path, step("first", ADD, 201, {"id": MINE}), step(user, operation, status, body, named=named))

    assert tried.failures == [f"{operation} showed {user} what first has: {MINE}"]
    assert tried.by_others[user, operation, status] == 1


def test_what_somebody_else_adds_and_is_refused_is_no_leak(tmp_path: Path) -> None:
    steps = [
        step("first", ADD, 201, {"id": MINE}),
        step("rival", MANY, 207, {"items": [STORED, REFUSED]}),
        step("rival", GET, 404, {"memory_id": MINE}, named=MINE),
    ]

    assert read(tmp_path, *steps).failures == []


@pytest.mark.parametrize(("user", "leaks"), [("neighbour", 0), ("rival", 1)])
def test_the_tenants_job_is_shown_to_its_own_users_only(tmp_path: Path, user: str, leaks: int) -> None:
    steps = [
        step("first", "POST /org/encryption/rotate", 202, {"job_id": JOB}),
        step(user, "GET /org/encryption", 200, JOB_AT_WORK),
    ]

    assert len(read(tmp_path, *steps).failures) == leaks


@pytest.mark.parametrize(
    ("again", "failures"),
    [
        (step("first", GET, 404, {}, named=MINE), 0),
        (step("first", FORGET, 200, {"id": MINE}, named=MINE), 0),
        (step("first", GET, 200, {"id": MINE}, named=MINE), 1),
        (step("first", "POST /memory/quarantine/{id}/approve", 200, {"id": MINE}, named=MINE), 1),
    ],
)
def test_what_was_forgotten_is_not_there_again(tmp_path: Path, again: dict[str, Any], failures: int) -> None:
    steps = [step("first", ADD, 201, {"id": MINE}), step("first", FORGET, 200, {"id": MINE}, named=MINE), again]

    assert len(read(tmp_path, *steps).failures) == failures


def test_what_became_of_single_items_is_counted(tmp_path: Path) -> None:
    tried = read(tmp_path, step("first", MANY, 207, {"items": [STORED, REFUSED]}))

    assert dict(tried.of_items) == {(MANY, 201): 1, (MANY, 404): 1}
