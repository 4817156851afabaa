"""Health, readiness, version, the OpenAPI document, and the answer to paths that do not exist."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from functools import cache
from http import HTTPStatus
from pathlib import Path
from typing import Annotated, Any

from fastapi import Depends, Request
from fastapi.responses import JSONResponse, Response
from pydantic import BaseModel

from backend import bootstrap
from backend.embedding.model import Purpose
from backend.kit import observability
from backend.kit.errors import (
    DependencyUnavailableError,
    MemorySyncError,
    MethodNotAllowedError,
    NotReadyError,
    RouteNotFoundError,
    slug_of,
)
from backend.kit.http import documented, json_answer

DOCUMENT = Path(__file__).parent.parent / "openapi.json"


class Health(BaseModel):
    """Answer of `GET /health`."""

    status: str


class Readiness(BaseModel):
    """Answer of `GET /health/ready` when all that the service stands on answers."""

    status: str
    checks: dict[str, str]


class Version(BaseModel):
    """Answer of `GET /version`."""

    version: str
    stage: str


UNREADY = documented(HTTPStatus.SERVICE_UNAVAILABLE)
METHODS = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]


async def _services() -> bootstrap.Container:
    return bootstrap.container()


Services = Annotated[bootstrap.Container, Depends(_services)]


def health() -> JSONResponse:
    """Say that the service answers; nothing behind it is asked."""
    return json_answer({"status": "ok"}, HTTPStatus.OK)


def ready(services: Services) -> JSONResponse:
    """Ask table, index and embedder whether they answer."""
    checks = {
        "table": _checked(services.memories_table.check),
        "index": _checked(services.index.check),
        "embedder": _checked(lambda: services.embedder.embed(["ready"], Purpose.QUERY)),
    }
    if any(found != "ok" for found in checks.values()):
        msg = "Something that the service stands on does not answer; checks says what."
        raise NotReadyError(msg, retry_after=5, checks=checks)
    return json_answer({"status": "ok", "checks": checks}, HTTPStatus.OK)


def version(services: Services) -> JSONResponse:
    """Say which code runs where."""
    return json_answer({"version": services.settings.version, "stage": services.settings.stage}, HTTPStatus.OK)


def openapi() -> Response:
    """Return the contract as OpenAPI 3.1."""
    return Response(DOCUMENT.read_bytes(), media_type="application/json")


def refuse(request: Request) -> None:
    """Raise what a path without a route deserves: `MethodNotAllowedError` where it takes other methods."""
    allowed = methods_of(request.scope["path"])
    if allowed:
        allow = ", ".join(allowed)
        msg = f"This path takes {allow}."
        raise MethodNotAllowedError(msg, allow=allow)
    msg = "No route has this path; GET /openapi.json lists them all."
    raise RouteNotFoundError(msg)


def methods_of(path: str) -> list[str]:
    """Return the methods that the contract gives this path, none for an unknown one. A path of its own hides a pattern's."""
    plain, patterns = _routes()
    if path in plain:
        return plain[path]
    return sorted({method for pattern, methods in patterns if pattern.fullmatch(path) for method in methods})


@cache
def _routes() -> tuple[dict[str, list[str]], list[tuple[re.Pattern[str], list[str]]]]:
    """Return the methods of the paths without parameters, and of the patterns of the others."""
    document: dict[str, Any] = json.loads(DOCUMENT.read_bytes())
    methods = {path: sorted(method.upper() for method in operations) for path, operations in document["paths"].items()}
    patterns = [
        (re.compile(re.sub(r"\\{[^}]+\\}", "[^/]+", re.escape(path))), each) for path, each in methods.items() if "{" in path
    ]
    return {path: each for path, each in methods.items() if "{" not in path}, patterns


def _checked(ask: Callable[[], object]) -> str:
    try:
        ask()
    except DependencyUnavailableError as error:
        return slug_of(type(error))
    except MemorySyncError as error:
        observability.log_failure("a readiness check failed", error)
        return slug_of(type(error))
    return "ok"
