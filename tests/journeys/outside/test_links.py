"""Every link of the contract leads where it says: what an operation answers is what the next one takes."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any

import httpx
import pytest

from infrastructure.openapi.document import TARGET
from tests.journeys.conftest import User
from tests.journeys.outside.link_sources import PLACES, SOURCES

DOCUMENT = json.loads(TARGET.read_text())
OPERATIONS = {
    each["operationId"]: (method.upper(), path, each)
    for path, methods in DOCUMENT["paths"].items()
    for method, each in methods.items()
}
LINKS = [
    (name, status, link)
    for name, (_, _, operation) in OPERATIONS.items()
    for status, answer in operation["responses"].items()
    for link in answer.get("links", {})
]
ALONE = {"refresh_memories", "rotate_key", "show_encryption"}
"""What begins a job, or leads to it, needs a tenant for itself: another one's job would be in the way."""
DONE = {200, 201, 202, 207}


@pytest.fixture(scope="module")
def owner(new_user: Callable[..., User]) -> User:
    """A user for all links that do not mind the others."""
    return new_user()


def found(expression: Any, answer: httpx.Response, source: str) -> Any:
    """Return what a link's expression, or an object of them, stands for (OpenAPI 3.1, runtime expressions)."""
    if isinstance(expression, dict):
        return {name: found(each, answer, source) for name, each in expression.items()}
    if isinstance(expression, list):
        return [found(each, answer, source) for each in expression]
    side, _, place = expression.removeprefix("$").partition(".")
    kind, _, name = place.replace("#", ".", 1).partition(".")
    message = answer.request if side == "request" else answer
    if kind == "header":
        return message.headers[name]
    if kind == "path":
        pattern = re.sub(r"\{(\w+)\}", r"(?P<\1>[^/]+)", OPERATIONS[source][1])
        matched = re.fullmatch(pattern, answer.request.url.path)
        assert matched
        return matched[name]
    body = json.loads(message.content)
    for each in name.removeprefix("/").split("/"):
        body = body[int(each) if isinstance(body, list) else each]
    return body


def example(operation: dict[str, Any]) -> dict[str, Any]:
    """Return the contract's example of a body, with a text that nobody has yet where it has one."""
    schema = operation["requestBody"]["content"]["application/json"]["schema"]
    body: dict[str, Any] = DOCUMENT["components"]["schemas"][schema["$ref"].rpartition("/")[2]]["examples"][0]
    return {**body, **({"text": f"I live in {next(PLACES)}."} if "text" in body else {})}


def follow(user: User, link: dict[str, Any], answer: httpx.Response, source: str) -> httpx.Response:
    """Answer to what the link says, with what the answer gives it and otherwise the contract's example."""
    method, path, target = OPERATIONS[link["operationId"]]
    given = found(link.get("parameters", {}), answer, source)
    places = {each["name"]: each["in"] for each in target["parameters"]}
    in_path, query, headers = (
        {name: value for name, value in given.items() if places[name] == place} for place in ("path", "query", "header")
    )
    body = None
    if "requestBody" in target:
        # The page after a page is asked for with all that the page was asked for.
        asked = json.loads(answer.request.content) if link["operationId"] == source else example(target)
        body = {**asked, **found(link.get("requestBody", {}), answer, source)}
    named = {name.replace("-", "_"): value for name, value in headers.items()}
    return user.call(method, f"{path.format(**in_path)}?{httpx.QueryParams(query)}", body, **named)


@pytest.mark.parametrize(("source", "status", "name"), LINKS)
def test_a_link_leads_where_it_says(owner: User, new_user: Callable[..., User], source: str, status: str, name: str) -> None:
    user = new_user(scopes=["memory:*", "org:*"]) if source in ALONE else owner
    answer = SOURCES[source, status](user)
    assert answer.status_code == int(status), answer.text

    led = follow(user, OPERATIONS[source][2]["responses"][status]["links"][name], answer, source)

    # What was forgotten leads to a 404 by promise.
    assert led.status_code in ({404} if name == "gone" else DONE), led.text
    assert all(item["status"] == 200 for item in led.json().get("items", ()) if led.status_code == 207)


def test_every_answer_with_links_is_come_by() -> None:
    assert SOURCES.keys() == {(source, status) for source, status, _ in LINKS}
