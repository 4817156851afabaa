"""The links of the contract: what they read stands in the message, and is what the next operation takes there."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from infrastructure.openapi.document import PUBLIC, TARGET
from infrastructure.openapi.links import LINKS

Json = dict[str, Any]

DOCUMENT: Json = json.loads(TARGET.read_text())
OPERATIONS: dict[str, tuple[str, Json]] = {
    operation["operationId"]: (path, operation) for path, methods in DOCUMENT["paths"].items() for operation in methods.values()
}
EACH = [(source, status, name) for (source, status), links in LINKS.items() for name in links]

OF_ONE_MEMORY = (
    "get_memory",
    "forget_memory",
    "update_memory",
    "rewrite_memory",
    "read_history",
    "read_evidence",
    "read_relations",
    "judge_memory",
)


def plain(schema: Json) -> Json:
    """Return the schema itself, without a reference and without null."""
    if "$ref" in schema:
        place: Any = DOCUMENT
        for name in schema["$ref"].removeprefix("#/").split("/"):
            place = place[name]
        return plain(place)
    if "anyOf" in schema:
        [schema] = [each for each in schema["anyOf"] if each.get("type") != "null"]
        return plain(schema)
    return schema


def below(schema: Json, pointer: str) -> Json:
    """Return the schema of what a JSON pointer leads to."""
    for place in pointer.removeprefix("/").split("/"):
        whole = plain(schema)
        schema = whole["items"] if place.isdigit() else whole["properties"][place]
    return plain(schema)


def parameters(operation: Json, kind: str) -> dict[str, Json]:
    return {each["name"]: plain(each["schema"]) for each in operation["parameters"] if each["in"] == kind}


def body_of(message: Json) -> Json:
    """Return the schema of a message's body, whatever its content type."""
    schema: Json = next(iter(message["content"].values()))["schema"]
    return schema


def read(expression: str, source: str, status: str) -> Json:
    """Return the schema of what an expression stands for (OpenAPI 3.1, runtime expressions)."""
    operation = OPERATIONS[source][1]
    side, _, place = expression.partition(".")
    if place.startswith("body#"):
        message = operation["requestBody"] if side == "$request" else operation["responses"][status]
        return below(body_of(message), place.removeprefix("body#"))
    kind, _, name = place.partition(".")
    if side == "$request":
        return parameters(operation, kind)[name]
    assert (side, kind) == ("$response", "header")
    return plain(plain(operation["responses"][status]["headers"][name])["schema"])


def given(link: Json) -> Iterator[tuple[str, Json]]:
    """Yield each expression of a link with the schema of where its value goes."""
    target = OPERATIONS[link["operationId"]][1]
    taken = {name: schema for kind in ("path", "query", "header") for name, schema in parameters(target, kind).items()}
    for name, expression in link.get("parameters", {}).items():
        yield expression, taken[name]
    if "requestBody" in link:
        yield from within(link["requestBody"], body_of(target["requestBody"]))


def within(value: Any, schema: Json) -> Iterator[tuple[str, Json]]:
    if isinstance(value, str):
        yield value, plain(schema)
    for number, each in enumerate(value) if isinstance(value, list) else ():
        yield from within(each, below(schema, str(number)))
    for name, each in value.items() if isinstance(value, dict) else ():
        yield from within(each, below(schema, name))


@pytest.mark.parametrize(("source", "status", "name"), EACH)
def test_what_a_link_reads_stands_there_and_is_of_the_kind_that_is_taken(source: str, status: str, name: str) -> None:
    link = OPERATIONS[source][1]["responses"][status]["links"][name]

    for expression, taken in given(link):
        assert read(expression, source, status)["type"] == taken["type"], expression


@pytest.mark.parametrize(("source", "status", "name"), EACH)
def test_a_link_gives_all_that_names_the_next_path(source: str, status: str, name: str) -> None:
    link = OPERATIONS[source][1]["responses"][status]["links"][name]
    path, _ = OPERATIONS[link["operationId"]]

    assert {each for each in link.get("parameters", {}) if f"{{{each}}}" in path} == {
        part[1:-1] for part in path.split("/") if part.startswith("{")
    }


def test_every_operation_that_takes_or_gives_anything_is_linked() -> None:
    linked = {source for source, _ in LINKS} | {link["operationId"] for links in LINKS.values() for link in links.values()}

    assert linked == {name for name, (path, _) in OPERATIONS.items() if path not in PUBLIC}


def links_of(source: str, status: str) -> set[tuple[str, tuple[str, ...]]]:
    links = OPERATIONS[source][1]["responses"][status].get("links", {}).values()
    return {(link["operationId"], tuple(link.get("parameters", {}).values())) for link in links}


def test_what_an_add_made_can_be_read_listed_and_forgotten() -> None:
    made = ("$response.body#/id",)

    assert links_of("add_memory", "201") == {(each, made) for each in OF_ONE_MEMORY} | {("list_memories", ())}
    # A dry run answers 200, too, and made nothing.
    assert links_of("add_memory", "200") == set()


def test_what_was_found_or_listed_can_be_read_and_forgotten() -> None:
    found, listed = ("$response.body#/memories/0/id",), ("$response.body#/items/0/id",)

    assert links_of("query_memories", "200") == {(each, found) for each in OF_ONE_MEMORY} | {("explain_memory", ())}
    assert links_of("list_memories", "200") > {(each, listed) for each in OF_ONE_MEMORY}
    assert ("list_memories", ("$response.body#/next_cursor",)) in links_of("list_memories", "200")


def test_what_was_forgotten_leads_to_where_it_is_gone() -> None:
    assert links_of("forget_memory", "200") == {("get_memory", ("$response.body#/id",))}
