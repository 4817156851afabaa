"""What the routes that compose, answer and sum up say is what the contract says they say."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.contract.tree.served_world import Served, serving
from tests.contract.tree.test_tree_answers import NOBODY, check

COMPOSE, SYNTHESIZE, SUMMARIZE = "/memory/compose", "/memory/synthesize", "/memory/summarize"


@pytest.fixture(scope="module")
def served() -> Iterator[Served]:
    with serving() as world:
        world.add("My dog is called Rex.", speaker="Ana", session_id="dog")
        world.add("The dog Rex sleeps in the kitchen.", session_id="dog")
        yield world


@pytest.fixture(autouse=True)
def everything_answers(served: Served) -> Iterator[None]:
    yield
    served.index.down = served.embedder.down = False


def asked(served: Served, path: str, status: int = 200, **body: Any) -> Any:
    return check(served.call("POST", path, body), "POST", path, status)


@pytest.mark.parametrize("down", [False, True])
def test_a_prompt_is_composed_within_its_budget(served: Served, down: bool) -> None:
    served.embedder.down = down

    question: dict[str, Any] = {"query": "What is the dog called?", "budget_tokens": 300, "session_id": "dog"}
    body = asked(served, COMPOSE, **question, as_of=None)

    assert "Ana: My dog is called Rex." in body["composed_prompt"]
    assert {each["citation"] for each in body["memories_used"]} == {"m1", "m2"}
    assert 0 < body["token_count"] <= body["token_budget"] == 300
    assert (body["dropped"], body["truncated"], body["degraded"]) == ([], False, ["semantic"] if down else [])
    again = asked(served, COMPOSE, **question)
    assert (again["composed_prompt"] == body["composed_prompt"]) or down


def test_a_question_is_answered_with_the_words_that_say_it(served: Served) -> None:
    body = asked(served, SYNTHESIZE, query="My dog is called?")

    first = body["citations"][0]
    assert (body["abstained"], body["reason"], body["method"]) == (False, None, "extractive")
    assert body["answer"].startswith("Ana: “My dog is called Rex.” [m1]")
    assert (first["quote"], first["span"]) == ("My dog is called Rex.", [0, 21])


def test_without_anything_that_answers_there_is_no_answer(served: Served) -> None:
    body = asked(served, SYNTHESIZE, query="Quarterly revenue of the Norwegian branch", min_confidence=0.9)
    nothing = asked(served, SYNTHESIZE, query="dog", filters={"tags": ["none"]})

    assert (body["answer"], body["abstained"], body["reason"]) == (None, True, "low_confidence")
    assert (nothing["answer"], nothing["reason"], nothing["confidence"]) == (None, "nothing_found", 0.0)


def test_a_summary_is_shown_or_kept_with_what_it_derives_from(served: Served) -> None:
    ids = [served.add(text).json()["id"] for text in ("I walk the dog at six.", "The vet is in Main Street.")]

    shown = asked(served, SUMMARIZE, memory_ids=[*ids, NOBODY])
    kept = served.call("POST", SUMMARIZE, {"memory_ids": ids, "store": True}, headers={"idempotency-key": "s"})
    again = served.call("POST", SUMMARIZE, {"memory_ids": ids, "store": True}, headers={"idempotency-key": "s"})

    first, second = (check(each, "POST", SUMMARIZE, 201) for each in (kept, again))
    assert [each["status"] for each in shown["sources"]] == ["used", "used", "not_found"]
    assert (shown["stored"], shown["memory"], shown["id"]) == (False, None, None)
    assert first["summary"] == "I walk the dog at six.\nThe vet is in Main Street." == first["memory"]["text"]
    assert (first["memory"]["is_summary"], first["memory"]["source"], first["outcome"]) == (True, "summary", "stored")
    assert (second["id"], second["summary"], second["sources"]) == (first["id"], first["summary"], first["sources"])
    assert "idempotent-replay" in again.headers
    assert "idempotent-replay" not in kept.headers
    path = f"/memory/{first['id']}/relations"
    related = served.call("GET", path, route="GET /memory/{id}/relations")
    body = check(related, "GET", "/memory/{id}/relations", 200)
    assert [(each["relation"], each["memory"]["id"]) for each in body["items"]] == [("derived_from", each) for each in ids]


def test_who_may_only_read_sums_up_and_keeps_nothing(served: Served) -> None:
    memory = served.add("The attic is dry.").json()["id"]
    headers = {"x-project-id": "support"}
    shown = served.call("POST", SUMMARIZE, {"memory_ids": [memory]}, key=served.reader_key, headers=headers)
    refused = served.call("POST", SUMMARIZE, {"memory_ids": [memory], "store": True}, key=served.reader_key, headers=headers)

    assert check(shown, "POST", SUMMARIZE, 200)["summary"] == "The attic is dry."
    assert check(refused, "POST", SUMMARIZE, 403)["required_scope"] == "memory:add"


REFUSED = [
    (COMPOSE, {"query": "q", "token_budget": 31}, 422, "/token_budget"),
    (COMPOSE, {"query": "q " * 200, "token_budget": 32}, 422, "/token_budget"),
    (COMPOSE, {"query": "q", "token_budget": 300, "budget_tokens": 301}, 422, "/budget_tokens"),
    (COMPOSE, {"query": "q", "template": "none"}, 422, "/template"),
    (COMPOSE, {"query": "q", "template": "{memories}{memories}"}, 422, "/template"),
    (COMPOSE, {"query": "q", "order": "random"}, 422, "/order"),
    (COMPOSE, {"query": "q", "filters": {"source": "x"}}, 400, "/filters/source"),
    (SYNTHESIZE, {"query": " "}, 422, "/query"),
    (SYNTHESIZE, {"query": "q", "min_confidence": 1.1}, 422, "/min_confidence"),
    (SUMMARIZE, {"memory_ids": []}, 422, "/memory_ids"),
    (SUMMARIZE, {"memory_ids": ["mem_1"]}, 422, "/memory_ids/0"),
]


@pytest.mark.parametrize(("path", "body", "status", "pointer"), REFUSED)
def test_what_cannot_be_meant_is_refused_where_it_is_wrong(
    served: Served, path: str, body: dict[str, Any], status: int, pointer: str
) -> None:
    problem = asked(served, path, status, **body)

    assert [each["pointer"] for each in problem["errors"]] == [pointer]


def test_a_budget_that_is_too_small_says_what_is_enough(served: Served) -> None:
    problem = asked(served, COMPOSE, 422, query="q " * 200, token_budget=32)

    assert asked(served, COMPOSE, query="q " * 200, token_budget=problem["smallest_budget"])["memories_used"] == []


def test_memories_that_nobody_here_has_are_not_found(served: Served) -> None:
    assert asked(served, SUMMARIZE, 404, memory_ids=[NOBODY])["code"] == "memory-not-found"
