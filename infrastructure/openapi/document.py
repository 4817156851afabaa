"""Each HTTP function serves its own routes; users want one contract."""

from __future__ import annotations

import importlib
from copy import deepcopy
from pathlib import Path
from typing import Any

from backend.kit.problems import MEDIA_TYPE
from infrastructure.template import functions, load

ROOT = Path(__file__).resolve().parents[2]
TARGET = ROOT / "shared" / "backend" / "openapi.json"
PUBLIC = frozenset({"/health", "/health/ready", "/version", "/openapi.json"})
DESCRIPTION = (
    "Stores text memories and finds them again by meaning. Every answer of ours that is not 2xx is a problem document by "
    'RFC 9457. The gateway\'s own refusals (429 by its throttle, 413, 431, 5xx) are `{"message"}`.'
)
PROBLEM: dict[str, Any] = {
    "title": "Problem",
    "description": "A problem document by RFC 9457.",
    "type": "object",
    "required": ["type", "title", "status", "detail", "instance", "code", "request_id"],
    "properties": {
        "type": {"type": "string", "format": "uri", "description": "Stable; ends in `code`."},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string", "description": "What went wrong and what to do, for people."},
        "instance": {"type": "string", "description": "The path that was asked for."},
        "code": {"type": "string", "description": "The problem's name, for programs."},
        "request_id": {"type": "string"},
        "retry_after": {"type": "integer", "description": "Seconds; the same as the header Retry-After."},
        "errors": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["pointer", "detail"],
                "properties": {
                    "pointer": {
                        "type": "string",
                        "description": "JSON pointer into the body, or `header:NAME`, `query:NAME`, `path:NAME`.",
                    },
                    "detail": {"type": "string", "description": "The cure."},
                },
            },
        },
    },
}
SECURITY_SCHEMES = {
    "ApiKey": {"type": "apiKey", "in": "header", "name": "X-API-Key"},
    "Token": {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"},
}
MEMORY_LINKS = {
    name: {"operationId": operation, "parameters": {"id": "$response.body#/id"}}
    for name, operation in (("read", "get_memory"), ("forget", "forget_memory"))
}


def assemble() -> dict[str, Any]:
    """Return the document of all routes in the template's functions."""
    document: dict[str, Any] = {
        "openapi": "3.1.0",
        "info": {"title": "MemorySync", "version": "1", "description": DESCRIPTION, "license": {"name": "Apache-2.0"}},
        "servers": [{"url": "/"}],
        "paths": {},
        "components": {"schemas": {"Problem": PROBLEM}, "securitySchemes": SECURITY_SCHEMES},
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


def _complete(operation: dict[str, Any], *, public: bool) -> None:
    """Name the operation as its function, say how to sign in, and link what it creates to what can be done with it."""
    operation["operationId"] = operation["summary"].lower().replace(" ", "_")
    operation["security"] = [] if public else [{name: []} for name in SECURITY_SCHEMES]
    responses = operation["responses"]
    for status in [status for status, answer in responses.items() if "HTTPValidationError" in str(answer)]:
        del responses[status]
    if public:
        responses["500"] = {
            "description": "Internal Server Error",
            "content": {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}},
        }
    if operation["operationId"] == "add_memory":
        for status in ("200", "201"):
            responses[status]["links"] = MEMORY_LINKS
