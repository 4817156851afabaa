"""What is said where nothing was found: what would have been, by every route that asks, and only where that is so."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from backend.tenancy.model import Permission
from backend.tenancy.scope import Environment
from tests.contract.tree.served_world import Served, serving
from tests.contract.tree.test_tree_answers import check

QUERY, ROUTED = "/memory/query", "/memory/search/routed"
COMPOSE, SYNTHESIZE = "/memory/compose", "/memory/synthesize"
NOTHING_STORED = "Nothing is stored here for this end user that could be found"
ROUTES = [
    (QUERY, "Where is the tea?"),
    ("/memory/retrieve", "Where is the tea?"),
    (COMPOSE, "Where is the tea?"),
    (SYNTHESIZE, "Where is the tea?"),
    (ROUTED, "Where is the tea?"),
    (ROUTED, "Which tea do I like?"),
    (ROUTED, "List all teas"),
    (ROUTED, "How many preferences do I have?"),
    (ROUTED, "Timeline of the tea"),
    (ROUTED, "Who is Marek?"),
    (ROUTED, "What did we decide about the tea?"),
    (ROUTED, "How long ago did I drink tea?"),
]
ASKED = pytest.mark.parametrize(("path", "query"), ROUTES, ids=[f"{path}: {query}" for path, query in ROUTES])


@pytest.fixture
def served() -> Iterator[Served]:
    with serving() as world:
        world.container.tenancy.create_project("acme", "Sales", "sales")
        world.key = world.container.tenancy.create_key("acme", "all", Environment.TEST, [Permission.MEMORY_ALL]).text
        yield world


def asked(served: Served, path: str, project: str = "support", **body: Any) -> Any:
    return check(served.call("POST", path, body, headers={"x-project-id": project}), "POST", path, 200)


def added(served: Served, text: str, project: str = "support", **more: Any) -> str:
    answer = served.add(text, headers={"x-project-id": project}, infer=False, **more).json()
    name: str = answer["id"]
    return name


@ASKED
def test_a_filter_that_leaves_everything_out_is_named(served: Served, path: str, query: str) -> None:
    added(served, "I love green tea.", source="chat", occurred_at="2026-10-02T09:00:00Z")

    told = asked(served, path, query=query, filters={"sources": ["mail"]})["scope_diagnostics"]

    assert told["filters"] == [{"filter": "sources", "pointer": "/filters/sources", "memories_without_it": 1}]
    assert told["advice"] == ["Without /filters/sources this question finds 1."]


@ASKED
def test_another_project_that_has_it_is_named(served: Served, path: str, query: str) -> None:
    added(served, "I love green tea.", project="sales")

    told = asked(served, path, query=query)["scope_diagnostics"]

    assert told["projects"] == [{"project_id": "sales", "memories": 1}]
    assert any("X-Project-ID: sales" in each for each in told["advice"])


@ASKED
def test_where_something_was_found_nothing_is_said(served: Served, path: str, query: str) -> None:
    added(served, "We drink at noon.", source="chat")

    assert asked(served, path, query=query)["scope_diagnostics"] is None


def test_an_answer_that_is_withheld_though_memories_were_found_says_nothing_of_scopes(served: Served) -> None:
    added(served, "I love green tea.")

    body = asked(served, SYNTHESIZE, query="Quarterly revenue of the Norwegian branch", min_confidence=1)

    assert (body["abstained"], body["reason"], body["scope_diagnostics"]) == (True, "low_confidence", None)


@pytest.mark.parametrize("query", ["Delete everything", "Days between 3 March 2026 and 1 May 2026"])
def test_where_nothing_was_searched_for_nothing_is_said(served: Served, query: str) -> None:
    assert asked(served, ROUTED, query=query)["scope_diagnostics"] is None


@pytest.mark.parametrize("path", [QUERY, COMPOSE, SYNTHESIZE, ROUTED])
def test_what_could_only_be_found_by_its_meaning_is_not_denied_while_meanings_cannot_be_compared(
    served: Served, path: str
) -> None:
    added(served, "I love green tea.")
    served.embedder.down = True

    body = asked(served, path, query="beverage preferences")

    told = body["scope_diagnostics"]
    assert "semantic" in body["degraded"]
    assert not told["complete"]
    assert not [each for each in told["advice"] if NOTHING_STORED in each]
    assert any("by its words alone" in each for each in told["advice"])


def test_where_there_is_nothing_that_is_said(served: Served) -> None:
    told = asked(served, QUERY, query="beverage preferences")["scope_diagnostics"]

    assert (told["complete"], [NOTHING_STORED in each for each in told["advice"]]) == (True, [True])


def test_what_is_archived_is_counted(served: Served) -> None:
    name = added(served, "I love green tea.")
    served.call("POST", f"/memory/{name}/archive", {}, route="POST /memory/{id}/archive", headers={"x-project-id": "support"})

    told = asked(served, ROUTED, query="List all teas")["scope_diagnostics"]

    assert (told["memories_archived"], told["advice"]) == (1, ["With 'include_archived' this question finds 1."])
    assert asked(served, ROUTED, query="List all teas", include_archived=True)["answer"]["value"] == 1
