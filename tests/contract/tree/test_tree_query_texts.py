"""Whatever text somebody asks with, every route that takes a question answers it or says what is wrong with it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from backend.index.embedded import EmbeddedIndex
from backend.kit.problems import MEDIA_TYPE
from backend.retrieval.schemas import MAX_QUERY_BYTES
from tests.contract.tree.served_world import Served, serving

ROUTES = {
    "/memory/query": "query",
    "/memory/retrieve": "query",
    "/memory/search/routed": "query",
    "/memory/compose": "query",
    "/memory/synthesize": "query",
    "/memory/explain": "text",
}
"""By route the member that holds the text."""

# A prompt holds the question too.
BESIDE: dict[str, dict[str, Any]] = {"/memory/explain": {"query": "boat"}, "/memory/compose": {"token_budget": 10_000}}

ANSWERED = {
    "stop words alone": "what is the of and to a in",
    "one letter": "a",
    "emoji": "👍🏽 👨‍👩‍👧‍👦 🏳️‍🌈 🚤",
    "combining marks alone": "\u0301\u0302\u0303",
    "a letter under a thousand marks": "e" + "\u0301" * 1000,
    "words from right to left": "\u202eקפה שחור\u202c boat",
    "no spaces between words": "赤い船はどこですか。" * 50,
    "SQL": "boat'; DROP TABLE documents; -- \" OR 1=1 UNION SELECT content FROM documents",
    "query DSL": '{"query": {"match_all": {}}, "size": 10000, "script": {"source": "ctx._source"}}',
    "a query string of Lucene": 'tenant:* OR _exists_:vector AND (kind:[* TO *]) ~2 ^10 \\ / "boat"~5 && || !',
    "the syntax of FTS5": 'boat* NEAR(red, 2) AND "a" NOT {text title}: ^first OR -"',
    "a script": "${jndi:ldap://x/y} {{7*7}} <script>alert(1)</script> %s %n {0} {query}",
    "punctuation alone": "?!… — \"'`()[]{}<>|\\/^~*+&%$#@=;:,.",
    "control characters": "boat\x01\x1b[31m\x7f\u0085\u2028red",
    "what is no character": "boat \ufffe \uffff \U0010ffff",
    "two-letter words, as many as there may be": " ".join(f"{a}{b}" for a in "bcdfghjklmnpqrstvwxz" for b in "aeiou")[:300] * 27,
    "names, as many as there may be": "Ana Ben Cleo Dan " * (MAX_QUERY_BYTES // 20),
    "one word, as long as it may be": "b" * MAX_QUERY_BYTES,
    "numbers beyond every type": f"in {'9' * 5000} days on 99999999-99-99 at 1e999",
}

REFUSED = {
    "nothing": "",
    "blanks": " \t\n\u3000",
    "100 kB": "red boat " * 11_000,
    "one byte too many": "b" * (MAX_QUERY_BYTES + 1),
    "NUL": "red\0boat",
    "half of a surrogate pair": "red \ud800 boat",
    "halves in the wrong order": "\udc00\ud800",
}

each_route = pytest.mark.parametrize("route", ROUTES)


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with serving() as world:
        folder: Path = tmp_path_factory.mktemp("index")
        world.container.index = EmbeddedIndex(folder / "index.db", world.container.clock)
        for text in ("My boat is red.", "I moved to Lisbon in March.", "Ana likes coffee, not tea."):
            world.add(text, infer=False)
        shown = world.call("GET", "/memory").json()["items"]
        world.container.projection.project([("acme", each["id"]) for each in shown])
        world.add("The pending boat is blue.", infer=False)
        yield world


def sent(served: Served, route: str, text: str, **more: Any) -> tuple[int, Any, str]:
    """Ask with this text, every character but ASCII escaped; return status, body and content type."""
    body = {"user_id": "u1", **BESIDE.get(route, {}), ROUTES[route]: text, **more}
    answer = served.call("POST", route, json.dumps(body))
    return answer.status, answer.json(), answer.headers["content-type"]


@each_route
@pytest.mark.parametrize("kind", ANSWERED)
def test_a_text_that_is_a_question_is_answered(served: Served, route: str, kind: str) -> None:
    status, body, _ = sent(served, route, ANSWERED[kind])

    assert status == 200, body
    assert body["degraded"] == []


@each_route
@pytest.mark.parametrize("kind", REFUSED)
def test_a_text_that_is_none_is_refused_with_its_place(served: Served, route: str, kind: str) -> None:
    status, body, content_type = sent(served, route, REFUSED[kind])

    assert (status, content_type.partition(";")[0]) == (422, MEDIA_TYPE), body
    assert [fault["pointer"] for fault in body["errors"]] == [f"/{ROUTES[route]}"]


@pytest.mark.parametrize("kind", ANSWERED)
def test_why_a_memory_does_not_answer_is_told_of_any_question(served: Served, kind: str) -> None:
    [named, *_] = served.call("GET", "/memory").json()["items"]
    answer = served.call(
        "POST", "/memory/explain", json.dumps({"query": ANSWERED[kind], "user_id": "u1", "memory_id": named["id"]})
    )

    assert answer.status == 200, answer.body


@pytest.mark.parametrize("kind", ANSWERED)
def test_what_is_found_is_the_callers_whatever_the_text_says(served: Served, kind: str) -> None:
    status, body, _ = sent(served, "/memory/query", ANSWERED[kind], k=200, explain=True, traversal_depth=2)

    assert status == 200
    assert {each["user_id"] for each in body["memories"]} <= {"u1"}
    assert len(body["memories"]) <= 4
