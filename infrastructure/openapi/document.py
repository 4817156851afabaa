"""Each HTTP function serves its own routes; users want one contract."""

from __future__ import annotations

import importlib
import json
from copy import deepcopy
from pathlib import Path
from typing import Any

from backend.kit.problems import MEDIA_TYPE
from infrastructure.openapi.links import LINKS
from infrastructure.openapi.parts import (
    ANSWERS_SAY,
    DESCRIPTION,
    FAULT,
    GATEWAY_REFUSES,
    GATEWAY_REFUSES_BODIES,
    HEADERS,
    MEANINGS,
    PROBLEM,
    REFUSAL,
    REFUSALS_SAY,
    SECURITY_SCHEMES,
    TAGS,
)
from infrastructure.template import functions, load

ROOT = Path(__file__).resolve().parents[2]
TARGET = ROOT / "shared" / "backend" / "openapi.json"
PUBLIC = frozenset({"/health", "/health/ready", "/version", "/openapi.json"})
_FASTAPIS_WORDS = frozenset({"Successful Response"})
_DONE = frozenset({"200", "201", "202", "207"})
_GATEWAYS_TYPE = "application/json"


def assemble() -> dict[str, Any]:
    """Return the document of all routes in the template's functions."""
    document: dict[str, Any] = {
        "openapi": "3.1.0",
        "info": {"title": "MemorySync", "version": "1", "description": DESCRIPTION, "license": {"name": "Apache-2.0"}},
        "servers": [{"url": "/"}],
        "tags": [{"name": name, "description": words} for name, words in TAGS.items()],
        "paths": {},
        "components": {
            "schemas": {"Problem": PROBLEM, "Fault": FAULT, "GatewayRefusal": REFUSAL},
            "securitySchemes": SECURITY_SCHEMES,
            "headers": deepcopy(HEADERS),
        },
    }
    for handler in sorted({each.handler for each in functions(load()) if each.routes}):
        app = importlib.import_module(handler.rpartition(".")[0]).app
        part = deepcopy(app.openapi())
        for path, operations in part.get("paths", {}).items():
            document["paths"].setdefault(path, {}).update(operations)
        for name, schema in part.get("components", {}).get("schemas", {}).items():
            if document["components"]["schemas"].setdefault(name, schema) != schema:
                msg = f"Two functions have different schemas of the name {name}; name one of them otherwise."
                raise ValueError(msg)
    for path, operations in document["paths"].items():
        for operation in operations.values():
            _complete(operation, public=path in PUBLIC)
            operation["tags"] = ["status" if path in PUBLIC else path.removeprefix("/v1").split("/")[1]]
    # FastAPI's own forms of a validation error are never answered: problem documents are.
    for unused in ("HTTPValidationError", "ValidationError"):
        document["components"]["schemas"].pop(unused, None)
    return document


def as_text(document: dict[str, Any]) -> str:
    """Return the document as the file holds it."""
    return json.dumps(_sorted(document), indent=1, ensure_ascii=False) + "\n"


def _sorted(value: Any) -> Any:  # noqa: ANN401 - any JSON value
    """Return the value with its members by name, but problem documents first: makers of clients read one content type."""
    if isinstance(value, dict):
        return {name: _sorted(value[name]) for name in sorted(value, key=lambda name: (name != MEDIA_TYPE, name))}
    return [_sorted(each) for each in value] if isinstance(value, list) else value


def _complete(operation: dict[str, Any], *, public: bool) -> None:
    """Name the operation as its function, sum it up, and say how to sign in and what each answer means and carries."""
    # FastAPI's summary is the function's name, title-cased; its description is the docstring, which says more.
    name = operation["summary"].lower().replace(" ", "_")
    operation["operationId"] = name
    operation["summary"] = operation.pop("description").partition("\n")[0].removesuffix(".")
    operation["security"] = [] if public else [{scheme: []} for scheme in SECURITY_SCHEMES]
    _complete_refusals(operation, public=public)
    for parameter in operation.get("parameters", []):
        parameter["schema"] = _of_text(parameter["schema"])
    for status, answer in operation["responses"].items():
        if status not in _DONE or answer["description"] in _FASTAPIS_WORDS:
            answer["description"] = MEANINGS[status]
        for content in answer["content"].values():
            # A title such as "Response Add Memory Memory Add Post" helps nobody; a named schema keeps its own.
            content["schema"].pop("title", None)
        said = _headers(name, status, answer, public=public)
        if said:
            answer["headers"] = {header: {"$ref": f"#/components/headers/{header}"} for header in said}
        if (name, status) in LINKS:
            answer["links"] = deepcopy(LINKS[name, status])


def _complete_refusals(operation: dict[str, Any], *, public: bool) -> None:
    """Leave out what is never answered; add what every function may answer, and the gateway in front of it."""
    responses = operation["responses"]
    for status in [status for status, answer in responses.items() if "HTTPValidationError" in str(answer)]:
        del responses[status]
    if public:
        for status in ("400", "500"):
            responses[status] = {"content": {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}}}
    for status in (*GATEWAY_REFUSES, *(GATEWAY_REFUSES_BODIES if "requestBody" in operation else ())):
        content = responses.setdefault(status, {"content": {}})["content"]
        content[_GATEWAYS_TYPE] = {"schema": {"$ref": "#/components/schemas/GatewayRefusal"}}


def _of_text(schema: dict[str, Any]) -> dict[str, Any]:
    """Return a parameter's schema without null, which no header, query or path can carry, and without FastAPI's title."""
    [form] = [each for each in schema.get("anyOf", [schema]) if each.get("type") != "null"]
    return {name: each for name, each in {**schema, **form}.items() if name not in {"anyOf", "title"}}


def _headers(operation: str, status: str, answer: dict[str, Any], *, public: bool) -> tuple[str, ...]:
    if status in _DONE:
        return (*ANSWERS_SAY.get(operation, ()), *(() if public else ("X-Scope-Warning",)))
    return REFUSALS_SAY.get(status, ()) if MEDIA_TYPE in answer["content"] else ()
