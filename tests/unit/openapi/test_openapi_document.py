"""The one contract of all functions: current, valid, and true to the template."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from http import HTTPStatus
from typing import Any

import pytest
from openapi_schema_validator import OAS31Validator, oas31_format_checker
from openapi_spec_validator import OpenAPIV31SpecValidator

from backend.kit.problems import MEDIA_TYPE
from infrastructure.openapi.document import PUBLIC, TARGET, as_text, assemble
from infrastructure.openapi.parts import GATEWAY_REFUSES, GATEWAY_REFUSES_BODIES, HEADERS, MEANINGS, SECURITY_SCHEMES
from infrastructure.template import functions, load

Json = dict[str, Any]

DOCUMENT: Json = json.loads(TARGET.read_text())
PROBLEM = {"$ref": "#/components/schemas/Problem"}
REFUSAL = {"$ref": "#/components/schemas/GatewayRefusal"}
OPERATIONS: dict[tuple[str, str], Json] = {
    (method.upper(), path): operation for path, methods in DOCUMENT["paths"].items() for method, operation in methods.items()
}

each_operation = pytest.mark.parametrize("operation", OPERATIONS.values(), ids=[" ".join(route) for route in OPERATIONS])
each_schema = pytest.mark.parametrize("name", DOCUMENT["components"]["schemas"])


def answers(operation: Json) -> Iterator[tuple[str, Json]]:
    yield from operation["responses"].items()


def references(value: object) -> Iterator[str]:
    if isinstance(value, dict):
        if isinstance(value.get("$ref"), str):
            yield value["$ref"]
        for each in value.values():
            yield from references(each)
    elif isinstance(value, list):
        for each in value:
            yield from references(each)


def test_the_document_on_disk_is_what_the_functions_serve() -> None:
    assert TARGET.read_text() == as_text(assemble()), "run `make openapi`"


def test_the_document_is_valid_openapi() -> None:
    faults = [each.message for each in OpenAPIV31SpecValidator(DOCUMENT).iter_errors()]

    assert faults == []
    assert DOCUMENT["openapi"] == "3.1.0"


def test_every_route_of_the_template_is_documented_and_no_other() -> None:
    routes = {route for function in functions(load()) for route in function.routes}

    assert set(OPERATIONS) == routes - {("ANY", "$default")}


NAMED_FIRST = {"add_memory", "forget_memory", "get_memory", "list_memories", "query_memories"}
"""What clients that were generated before call."""


def test_operations_have_names_of_their_own_and_keep_them() -> None:
    named = sorted(operation["operationId"] for operation in OPERATIONS.values())

    assert set(named) > NAMED_FIRST
    assert len(named) == len(set(named))


VERBS = {"Ask", "Change", "Count", "Drop", "Find", "Give", "Keep", "Let", "List", "Make", "Read", "Remember", "Return", "Say"}
VERBS |= {"Answer", "Archive", "Begin", "Bring", "Build", "Store", "Summarise", "Take"}


@each_operation
def test_an_operation_is_summed_up_in_a_line_that_begins_with_a_verb(operation: Json) -> None:
    summary = operation["summary"]

    assert re.fullmatch(r"[A-Z][a-z]+ \S.{10,100}[^.\s]", summary)
    assert summary.partition(" ")[0] in VERBS


@each_operation
def test_every_refusal_is_a_problem_document_or_the_gateways(operation: Json) -> None:
    refused = {status: answer for status, answer in answers(operation) if not status.startswith("2")}
    gateways = {*GATEWAY_REFUSES, *(GATEWAY_REFUSES_BODIES if "requestBody" in operation else ())}

    assert gateways <= set(refused)
    for status, answer in refused.items():
        content = {kind: each["schema"] for kind, each in answer["content"].items()}
        assert content.pop("application/json", None) == (REFUSAL if status in gateways else None), status
        assert content.pop(MEDIA_TYPE, PROBLEM) == PROBLEM
        assert content == {}


@each_operation
def test_a_maker_of_clients_that_reads_one_content_type_finds_the_problem_document(operation: Json) -> None:
    for status, answer in answers(operation):
        if MEDIA_TYPE in answer["content"]:
            assert next(iter(answer["content"])) == MEDIA_TYPE, status


@each_operation
def test_every_answer_is_explained_in_words_of_ours(operation: Json) -> None:
    for status, answer in answers(operation):
        assert answer["description"] not in {"", "Successful Response"}, status
        if MEDIA_TYPE in answer["content"]:
            assert answer["description"] == MEANINGS[status]


def test_no_word_depends_on_the_python_that_assembled_the_document() -> None:
    # Python 3.13 gave 413 and 422 other phrases.
    phrases = {status.phrase for status in HTTPStatus if status >= HTTPStatus.BAD_REQUEST}
    described = {answer["description"] for operation in OPERATIONS.values() for _, answer in answers(operation)}

    assert described & phrases == set()


@each_operation
def test_whoever_has_to_sign_in_is_told_so_and_what_happens_otherwise(operation: Json) -> None:
    public = operation in [OPERATIONS["GET", path] for path in PUBLIC]

    assert operation["security"] == ([] if public else [{scheme: []} for scheme in SECURITY_SCHEMES])
    assert ({"401", "403"} <= set(operation["responses"])) is not public


def test_only_the_status_routes_are_public() -> None:
    public = {path for (_, path), operation in OPERATIONS.items() if operation["security"] == []}

    assert public == PUBLIC == {"/health", "/health/ready", "/version", "/openapi.json"}


@each_operation
def test_no_parameter_may_be_null_for_none_can_be_sent(operation: Json) -> None:
    for parameter in operation.get("parameters", []):
        schema = parameter["schema"]
        many = schema["items"] if schema.get("type") == "array" else schema
        kind = DOCUMENT["components"]["schemas"][many["$ref"].rpartition("/")[2]] if "$ref" in many else many
        assert kind["type"] in {"string", "integer", "boolean"}, parameter["name"]


@each_schema
def test_an_examples_values_are_what_its_schema_allows(name: str) -> None:
    schema = DOCUMENT["components"]["schemas"][name]
    whole = {"$ref": f"#/components/schemas/{name}", "components": DOCUMENT["components"]}
    validator = OAS31Validator(whole, format_checker=oas31_format_checker)

    for example in schema.get("examples", []):
        assert [f"{each.json_path}: {each.message}" for each in validator.iter_errors(example)] == []
        assert set(example) <= set(schema["properties"]), "an example with a field that does not exist"


@pytest.mark.parametrize("route", sorted(route for route, each in OPERATIONS.items() if "requestBody" in each))
def test_every_body_of_json_has_an_example(route: tuple[str, str]) -> None:
    content = OPERATIONS[route]["requestBody"]["content"]
    for body in (each["schema"] for kind, each in content.items() if kind == "application/json"):
        name = next(reference for reference in references(body)).rpartition("/")[2]
        assert DOCUMENT["components"]["schemas"][name]["examples"]


def test_nothing_is_left_that_nothing_refers_to() -> None:
    components = DOCUMENT["components"]
    kept = {f"#/components/{kind}/{name}" for kind in ("schemas", "headers") for name in components[kind]}

    assert kept == set(references(DOCUMENT))
    assert set(components["headers"]) == set(HEADERS)


@each_operation
def test_every_parameter_says_what_it_is_for(operation: Json) -> None:
    for parameter in operation.get("parameters", []):
        assert parameter["description"].endswith("."), parameter["name"]
