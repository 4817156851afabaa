"""What is said of why something does not answer: over every project that the caller may read, and nothing of anybody else's."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from backend.memories.documents import changes_for
from backend.tenancy.model import Permission
from backend.tenancy.scope import Environment, Scope, user_scope
from tests.contract.tree.served_world import Served, serving
from tests.contract.tree.test_tree_answers import check

EXPLAIN, COMPOSE = "/memory/explain", "/memory/compose"
BOAT = "My boat is moored at the old pier."


@pytest.fixture
def served() -> Iterator[Served]:
    with serving() as world:
        world.container.tenancy.create_project("acme", "Sales", "sales")
        everything = [Permission.MEMORY_ALL]
        world.key = world.container.tenancy.create_key("acme", "all", Environment.TEST, everything).text
        yield world


def asked(served: Served, path: str, project: str = "support", user: str = "u1", key: str | None = None, **body: Any) -> Any:
    headers = {"x-project-id": project, "x-end-user-id": user}
    return check(served.call("POST", path, body, headers=headers, key=key), "POST", path, 200)


def added(served: Served, text: str, project: str = "support", user: str = "u1", **more: Any) -> str:
    answer = served.add(text, headers={"x-project-id": project, "x-end-user-id": user}, **more).json()
    name: str = answer["id"]
    return name


def in_tier(served: Served, name: str, tier: str, scope: Scope) -> None:
    """Store a memory again under another tier, and let the index show it."""
    row = served.container.memory_store.get(scope.tenant_id, name)
    assert row is not None
    moved = replace(row, tier=tier, row_version=row.row_version + 1)
    served.container.memory_store.replace(moved, changes_for(moved))
    served.index.write(scope.tenant_id, changes_for(moved))


def test_a_score_is_that_of_the_answers_and_a_colder_one_is_told_its_tier(served: Served) -> None:
    scope = user_scope("acme", "support", Environment.TEST, "u1")
    cold, hot = added(served, "The boat is red."), added(served, "A cup of tea.")
    in_tier(served, cold, "cold", scope)

    question = {"query": "The boat is red."}
    found = {each["id"]: each for each in asked(served, "/memory/query", **question)["memories"]}
    told = asked(served, EXPLAIN, memory_id=cold, **question, k=1)
    used = {each["id"]: each["score"] for each in asked(served, COMPOSE, **question)["memories_used"]}

    assert list(found) == [hot, cold]
    assert (told["gate"], told["score"]) == ("tier", found[cold]["score"])
    assert told["outranked_by"] == [{"id": hot, "tier": "hot", "score": found[hot]["score"]}]
    assert found[cold]["score"] > found[hot]["score"] > 0
    assert used == {name: each["score"] for name, each in found.items()}


def test_an_expected_text_is_looked_for_in_the_other_projects_where_it_is_not_here(served: Served) -> None:
    memory = added(served, BOAT, project="sales")
    near = asked(served, EXPLAIN, query="boat", text="At the old pier my boat is moored")

    told = asked(served, EXPLAIN, query="boat", text=BOAT)

    assert (told["gate"], told["memory_id"]) == ("project", memory)
    assert [(each["gate"], each["passed"]) for each in told["checks"]] == [
        ("stored", True),
        ("scope", True),
        ("project", False),
    ]
    assert "X-Project-ID: sales" in told["checks"][-1]["detail"]
    assert told["matches"] == [{"id": memory, "likeness": "same_key", "state": "active"}]
    assert (near["gate"], near["matches"][0]["likeness"]) == ("project", "near")
    here = added(served, BOAT)
    assert asked(served, EXPLAIN, query="boat", text=BOAT)["memory_id"] == here


@pytest.mark.parametrize("of", ["another end user", "another tenant", "another environment", "forgotten", "nobody"])
def test_an_expected_text_that_is_anothers_or_gone_is_not_told_from_one_that_never_was(served: Served, of: str) -> None:
    tenancy = served.container.tenancy
    if of == "another end user":
        added(served, BOAT, project="sales", user="u2")
    elif of == "another tenant":
        assert served.call("POST", "/memory/add", {"text": BOAT}, key=served.compat_key).status == 201
    elif of == "another environment":
        live = tenancy.create_key("acme", "live", Environment.LIVE, [Permission.MEMORY_ALL]).text
        assert served.call("POST", "/memory/add", {"text": BOAT}, headers={"x-project-id": "sales"}, key=live).status == 201
    elif of == "forgotten":
        served.call(
            "DELETE",
            f"/memory/{added(served, BOAT, project='sales')}",
            route="DELETE /memory/{id}",
            headers={"x-project-id": "sales"},
        )

    told = asked(served, EXPLAIN, query="boat", text=BOAT)

    assert (told["gate"], told["memory_id"], told["matches"], told["rank"]) == ("stored", None, [], None)
    assert [each["gate"] for each in told["checks"]] == ["stored"]


def test_a_caller_that_is_bound_to_a_project_is_told_of_no_other(served: Served) -> None:
    added(served, BOAT, project="sales")
    bound = served.container.tenancy.create_key(
        "acme", "bound", Environment.TEST, [Permission.MEMORY_ALL], project_id="support"
    ).text

    told = asked(served, EXPLAIN, key=bound, query="boat", text=BOAT)

    assert (told["gate"], told["memory_id"], told["matches"]) == ("stored", None, [])


def test_an_index_that_is_down_leaves_what_is_said_of_here(served: Served) -> None:
    added(served, "A cup of tea.")
    served.index.down = True

    told = asked(served, EXPLAIN, query="boat", text="The car is red.")

    assert (told["gate"], told["degraded"]) == ("stored", ["index"])
    assert "Other projects were not looked at" in told["checks"][0]["detail"]
