"""A request is answered in the thread that brought it: a thread for each would cost more than most requests do."""

from __future__ import annotations

import inspect
import threading
from collections.abc import Iterator
from http import HTTPStatus
from importlib import import_module
from typing import Any

import pytest
from fastapi.dependencies.models import Dependant
from fastapi.routing import APIRoute

from backend.kit.bodies import JsonRoute
from backend.kit.http import create_app, json_answer, serve
from infrastructure.template import functions, load
from tests.support.events import FakeLambdaContext, http_event

MODULES = [each.handler.rpartition(".")[0] for each in functions(load()) if each.routes]


def all_of(dependant: Dependant) -> Iterator[Dependant]:
    yield dependant
    for each in dependant.dependencies:
        yield from all_of(each)


def is_async(call: Any) -> bool:
    return inspect.iscoroutinefunction(call) or inspect.iscoroutinefunction(getattr(call, "__call__", None))  # noqa: B004 - looked at, not called


@pytest.mark.parametrize("module", MODULES)
def test_no_step_of_any_route_needs_a_thread(module: str) -> None:
    routes = [route for route in import_module(module).app.routes if isinstance(route, APIRoute)]
    steps = [each.call for route in routes for each in all_of(route.dependant) if each.call]

    assert [step for step in steps if not is_async(step)] == []
    assert all(isinstance(route, JsonRoute) for route in routes)


def test_an_endpoint_runs_where_the_event_came_in() -> None:
    app = create_app()
    seen: list[int] = []

    @app.get("/here")
    def here() -> Any:
        seen.append(threading.get_ident())
        return json_answer({}, HTTPStatus.OK)

    answer = serve(app)(http_event("GET", "/here"), FakeLambdaContext())

    assert answer["statusCode"] == 200
    assert seen == [threading.get_ident()]
