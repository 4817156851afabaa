"""What the routes of jobs and data keys answer is what the contract says they answer."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from backend.kit.clock import FakeClock
from backend.tenancy.model import Permission
from backend.tenancy.scope import Environment
from tests.contract.tree.served_world import Served, serving
from tests.contract.tree.test_tree_answers import check

NOBODYS = "job_00000000000000000000000000"
STATE = "/memory/refresh/{job_id}"


@pytest.fixture
def served() -> Iterator[Served]:
    with serving(FakeClock()) as world:
        yield world


def test_a_refresh_is_begun_once_and_told_of_to_nobody_else(served: Served) -> None:
    def state(job_id: str, user: str = "u1") -> tuple[str, dict[str, str]]:
        return f"/memory/refresh/{job_id}", {"x-end-user-id": user}

    begun = check(served.call("POST", "/memory/refresh", {"colour": "red"}), "POST", "/memory/refresh", 202)
    assert begun["warnings"] == ["Unknown field 'colour' was not used."]
    running = check(served.call("POST", "/memory/refresh"), "POST", "/memory/refresh", 409)
    assert (running["code"], running["job_id"]) == ("job-already-running", begun["job_id"])
    for job_id, user, status in (
        (begun["job_id"], "u1", 200),
        (begun["job_id"], "u2", 404),
        (NOBODYS, "u1", 404),
        ("x", "u1", 404),
    ):
        path, headers = state(job_id, user)
        check(served.call("GET", path, route=f"GET {STATE}", headers=headers), "GET", STATE, status)


@pytest.mark.parametrize("body", [{"memory_ids": []}, {"memory_ids": ["mem_1"]}, {"memory_ids": [f"mem_{0:026d}"] * 101}])
def test_a_refresh_of_what_cannot_be_named_is_refused(served: Served, body: object) -> None:
    problem = check(served.call("POST", "/memory/refresh", body), "POST", "/memory/refresh", 422)

    assert problem["errors"][0]["pointer"].startswith("/memory_ids")


def test_a_repeated_refresh_says_so(served: Served) -> None:
    key = {"idempotency-key": "refresh-1"}
    first, again = (served.call("POST", "/memory/refresh", {}, headers=key) for _ in range(2))

    assert check(first, "POST", "/memory/refresh", 202) == check(again, "POST", "/memory/refresh", 202)
    assert again.headers["idempotent-replay"] == "true"
    other = served.call("POST", "/memory/refresh", {"memory_ids": [f"mem_{0:026d}"]}, headers=key)
    assert check(other, "POST", "/memory/refresh", 422)["code"] == "idempotency-key-reused"


def test_a_rotation_and_what_it_made_are_shown(served: Served) -> None:
    owner = served.container.tenancy.create_key("acme", "owner", Environment.TEST, [Permission.ORG_ALL]).text
    path = "/org/encryption/rotate"

    check(served.call("GET", "/org/encryption", key=owner), "GET", "/org/encryption", 200)
    rotated = check(served.call("POST", path, {"retire_after_days": 7}, key=owner), "POST", path, 202)
    shown = check(served.call("GET", "/org/encryption", key=owner), "GET", "/org/encryption", 200)
    check(served.call("POST", path, None, key=owner), "POST", path, 409)
    check(served.call("POST", path, {}), "POST", path, 403)
    check(served.call("POST", path, {"retire_after_days": 400}, key=owner), "POST", path, 422)

    assert (shown["job"]["job_id"], shown["versions"][0]["version"]) == (rotated["job_id"], rotated["key_version"])
