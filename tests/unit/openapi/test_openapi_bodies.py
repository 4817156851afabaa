"""What the contract says of a body is what the service says of it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from openapi_schema_validator import OAS31Validator, oas31_format_checker
from pydantic import BaseModel, ValidationError

from backend.kit.errors import MemorySyncError
from backend.memories.schemas import MemoryAdd
from backend.retrieval.schemas import MemoryQuery
from infrastructure.openapi.document import TARGET

Json = dict[str, Any]

DOCUMENT: Json = json.loads(TARGET.read_text())
# Every keyword of JSON Schema that the contract uses. A misspelt one would be no rule at all.
KEYWORDS = {
    "const",
    *("$ref", "additionalProperties", "anyOf", "default", "description", "else", "enum", "examples", "format", "if", "items"),
    *(
        "maxItems",
        "maxLength",
        "maxProperties",
        "maximum",
        "minItems",
        "minProperties",
        "minLength",
        "minimum",
        "pattern",
        "properties",
    ),
    *("propertyNames", "required", "title", "type"),
}

ADDS: list[tuple[Json, bool]] = [
    ({"text": "a"}, True),
    ({"content": "a"}, True),
    ({"text": None, "content": "a"}, True),
    ({"text": "a", "content": None}, True),
    ({}, False),
    ({"text": None}, False),
    ({"text": "", "content": "a"}, False),
    ({"text": " \n"}, False),
    ({"text": "a\0b"}, False),
    ({"text": "\0"}, False),
    ({"text": 5}, False),
    ({"text": "a", "unknown": 1}, True),
    ({"text": "a", "ttl_minutes": 5.0}, True),
    ({"text": "a", "ttl_minutes": 0}, False),
    ({"text": "a", "ttl_minutes": 5.5}, False),
    ({"text": "a", "ttl_minutes": True}, False),
    ({"text": "a", "user_id": 7.0}, True),
    ({"text": "a", "user_id": 7.5}, False),
    ({"text": "a", "source": ""}, False),
    ({"text": "a", "source": "a\0"}, False),
    ({"text": "a", "source": "x" * 257}, False),
    ({"text": "a", "tags": []}, True),
    ({"text": "a", "tags": ["x" * 129]}, False),
    ({"text": "a", "tags": ["x"] * 65}, False),
    ({"text": "a", "importance": 1.5}, False),
    ({"text": "a", "occurred_at": "yesterday"}, False),
]
QUERIES: list[tuple[Json, bool]] = [
    ({"query": "a"}, True),
    ({}, False),
    ({"query": " "}, False),
    ({"query": "a\0"}, False),
    ({"query": "x" * 8193}, False),
    ({"query": "a", "k": 5.0}, True),
    ({"query": "a", "k": 5.5}, False),
    ({"query": "a", "k": 201}, False),
    ({"query": "a", "k": True}, False),
    ({"query": "a", "filters": {}}, True),
    ({"query": "a", "filters": {"metadata": {"n": {"gt": 1, "gte": 1, "lt": 0.5, "lte": -7}}}}, True),
    ({"query": "a", "filters": {"metadata": {"n": {}}}}, False),
    ({"query": "a", "filters": {"metadata": {"n": {"gt": None}}}}, False),
    ({"query": "a", "filters": {"metadata": {"n": {"gt": True}}}}, False),
    ({"query": "a", "filters": {"metadata": {"n": {"gte": 1, "over": 1}}}}, False),
    ({"query": "a", "filters": None}, False),
    ({"query": "a", "filters": {"source": ["x"]}}, False),
    ({"query": "a", "filters": {"sources": []}}, False),
    ({"query": "a", "filters": {"sources": ["x"]}}, True),
    ({"query": "a", "filters": {"tier": []}}, False),
    ({"query": "a", "filters": {"tier": ["icy"]}}, False),
    ({"query": "a", "filters": {"memory_type": []}}, False),
    ({"query": "a", "filters": {"memory_type": "fact"}}, True),
    ({"query": "a", "filters": {"metadata": {"n": 1, "t": "x", "b": True}}}, True),
    ({"query": "a", "filters": {"metadata": {"n": None}}}, False),
    ({"query": "a", "filters": {"metadata": {"n\0": 1}}}, False),
    ({"query": "a", "filters": {"metadata": {"n": "\0"}}}, False),
]


def allowed_by_the_contract(name: str, body: Json) -> bool:
    schema = {"$ref": f"#/components/schemas/{name}", "components": DOCUMENT["components"]}
    return not list(OAS31Validator(schema, format_checker=oas31_format_checker).iter_errors(body))


def taken(model: type[BaseModel], body: Json) -> bool:
    try:
        model.model_validate(json.loads(json.dumps(body)))
    except (ValidationError, MemorySyncError):
        return False
    return True


@pytest.mark.parametrize(
    ("model", "body", "good"), [*((MemoryAdd, *each) for each in ADDS), *((MemoryQuery, *each) for each in QUERIES)]
)
def test_the_contract_allows_what_is_taken_and_no_more(model: type[BaseModel], body: Json, good: bool) -> None:
    assert (allowed_by_the_contract(model.__name__, body), taken(model, body)) == (good, good)


def test_a_whole_number_is_one_however_it_is_written() -> None:
    query = MemoryQuery.model_validate({"query": "a", "k": 5.0, "user_id": 7.0})
    add = MemoryAdd.model_validate({"text": "a", "ttl_minutes": 60.0})

    assert (query.k, query.user_id, add.ttl_minutes) == (5, 7, 60)
    assert [type(each) for each in (query.k, query.user_id, add.ttl_minutes)] == [int, int, int]


def schemas_in(value: object) -> Iterator[Json]:
    """Yield every schema, wherever it stands."""
    if isinstance(value, list):
        for each in value:
            yield from schemas_in(each)
    elif isinstance(value, dict):
        for name, each in value.items():
            if name in {"schema", "items", "additionalProperties", "propertyNames", "if", "else"} and isinstance(each, dict):
                yield each
            if name in {"properties", "schemas"}:
                yield from each.values()
            if name == "anyOf":
                yield from each
            yield from schemas_in(each)


def test_every_keyword_of_a_schema_is_one_that_validators_know() -> None:
    used = {keyword for schema in schemas_in(DOCUMENT) for keyword in schema}

    assert used == KEYWORDS
