"""Each HTTP function serves its own routes; users want one contract."""

from __future__ import annotations

import importlib
import json
from copy import deepcopy
from pathlib import Path
from typing import Any

from backend.kit.problems import MEDIA_TYPE
from infrastructure.openapi.parts import (
    ANSWERS_SAY,
    DESCRIPTION,
    HEADERS,
    LINKS,
    MEANINGS,
    PROBLEM,
    REFUSALS_SAY,
    SECURITY_SCHEMES,
)
from infrastructure.template import functions, load

ROOT = Path(__file__).resolve().parents[2]
TARGET = ROOT / "shared" / "backend" / "openapi.json"
PUBLIC = frozenset({"/health", "/health/ready", "/version", "/openapi.json"})
_FASTAPIS_WORDS = frozenset({"Successful Response"})
_DONE = frozenset({"200", "201"})


def assemble() -> dict[str, Any]:
    """Return the document of all routes in the template's functions."""
    document: dict[str, Any] = {
        "openapi": "3.1.0",
        "info": {"title": "MemorySync", "version": "1", "description": DESCRIPTION, "license": {"name": "Apache-2.0"}},
        "servers": [{"url": "/"}],
        "paths": {},
        "components": {
            "schemas": {"Problem": PROBLEM},
            "securitySchemes": SECURITY_SCHEMES,
            "headers": deepcopy(HEADERS),
        },
    }
    for handler in sorted({each.handler for each in functions(load()) if each.routes}):
        app = importlib.import_module(handler.rpartition(".")[0]).app
        part = deepcopy(app.openapi())
        for path, operations in part.get("paths", {}).items():
            document["paths"].setdefault(path, {}).update(operations)
        document["components"]["schemas"].update(part.get("components", {}).get("schemas", {}))
    for path, operations in document["paths"].items():
        for operation in operations.values():
            _complete(operation, public=path in PUBLIC)
    # FastAPI's own forms of a validation error are never answered: problem documents are.
    for unused in ("HTTPValidationError", "ValidationError"):
        document["components"]["schemas"].pop(unused, None)
    return document


def as_text(document: dict[str, Any]) -> str:
    """Return the document as the file holds it."""
    return json.dumps(document, indent=1, sort_keys=True, ensure_ascii=False) + "\n"


def _complete(operation: dict[str, Any], *, public: bool) -> None:
    """Name the operation as its function, sum it up, and say how to sign in and what each answer means and carries."""
    # FastAPI's summary is the function's name, title-cased; its description is the docstring, which says more.
    name = operation["summary"].lower().replace(" ", "_")
    operation["operationId"] = name
    operation["summary"] = operation.pop("description").partition("\n")[0].removesuffix(".")
    operation["security"] = [] if public else [{scheme: []} for scheme in SECURITY_SCHEMES]
    responses = operation["responses"]
    for status in [status for status, answer in responses.items() if "HTTPValidationError" in str(answer)]:
        del responses[status]
    if public:
        responses["500"] = {"content": {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}}}
    for status, answer in responses.items():
        if MEDIA_TYPE in answer["content"] or answer["description"] in _FASTAPIS_WORDS:
            answer["description"] = MEANINGS[status]
        for content in answer["content"].values():
            # A title such as "Response Add Memory Memory Add Post" helps nobody; a named schema keeps its own.
            content["schema"].pop("title", None)
        said = _headers(name, status, answer, public=public)
        if said:
            answer["headers"] = {header: {"$ref": f"#/components/headers/{header}"} for header in said}
        if status in _DONE and name in LINKS:
            answer["links"] = deepcopy(LINKS[name])


def _headers(operation: str, status: str, answer: dict[str, Any], *, public: bool) -> tuple[str, ...]:
    if status in _DONE:
        return (*ANSWERS_SAY.get(operation, ()), *(() if public else ("X-Scope-Warning",)))
    return REFUSALS_SAY.get(status, ()) if MEDIA_TYPE in answer["content"] else ()
