"""Every path with every method, as a gateway hands them over: what no route takes is refused before anything is looked at."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator

import pytest

from backend.kit.problems import MEDIA_TYPE
from backend.memories.http import OTHER_ROUTES
from backend.status.http import METHODS
from infrastructure.openapi.document import TARGET
from infrastructure.template import functions, load
from tests.contract.tree.served_world import Served, serving
from tests.support.events import HttpAnswer

PATHS: dict[str, list[str]] = {
    path: sorted(method.upper() for method in operations) for path, operations in json.loads(TARGET.read_text())["paths"].items()
}
ROUTES = {route for function in functions(load()) for route in function.routes}
ULID = "01KE6P5X4522P52GJZN5M2G5PN"
NAMED = {"job_id": f"job_{ULID}", "tenant": "acme", "user": "u1", "id": f"mem_{ULID}"}
# A body that is not called JSON: whatever looks at it first would say 415.
PLAIN = {"content-type": "text/plain"}
FIXED = {path: methods for path, methods in PATHS.items() if re.fullmatch("/memory/[^/{]+", path)}
BELOW = sorted(path for path in PATHS if "{id}" in path and path != "/memory/{id}")


@pytest.fixture(scope="module")
def served() -> Iterator[Served]:
    with serving() as world:
        yield world


def fits(pattern: str, path: str) -> bool:
    return re.fullmatch(re.sub(r"\\{[^}]+\\}", "[^/]+", re.escape(pattern)), path) is not None


def route_of(method: str, path: str) -> str:
    """Return the route that the gateway takes: of those that fit, the one with the fewest parameters, else `$default`."""
    fitting = [pattern for takes, pattern in ROUTES if takes == method and fits(pattern, path)]
    return f"{method} {min(fitting, key=lambda pattern: pattern.count('{'))}" if fitting else "$default"


def concrete(path: str, **named: str) -> str:
    return path.format(**{**NAMED, **named})


def ask(served: Served, method: str, path: str, key: str | None = "") -> HttpAnswer:
    return served.call(method, path, "no json", route=route_of(method, path), headers=PLAIN, key=key)


def told(answer: HttpAnswer) -> tuple[int, str, str | None]:
    assert answer.headers["content-type"] == MEDIA_TYPE
    return answer.status, answer.json()["code"], answer.headers.get("allow")


@pytest.mark.parametrize("path", PATHS)
def test_a_path_tells_of_its_methods_to_every_other_one(served: Served, path: str) -> None:
    refused = (405, "method-not-allowed", ", ".join(PATHS[path]))

    answers = {method: told(ask(served, method, concrete(path))) for method in METHODS if method not in PATHS[path]}

    assert answers == dict.fromkeys(answers, refused)
    assert "HEAD" in answers


@pytest.mark.parametrize("path", PATHS)
def test_a_slash_too_many_makes_it_another_path(served: Served, path: str) -> None:
    whole = concrete(path)
    others = (f"{whole}/", f"/{whole}", whole.replace("/", "//"))

    for method in PATHS[path]:
        for other in others:
            assert told(ask(served, method, other)) == (404, "route-not-found", None), other


def test_what_stands_where_an_id_could_is_known() -> None:
    assert {path: ", ".join(methods) for path, methods in FIXED.items()} == OTHER_ROUTES


@pytest.mark.parametrize("path", BELOW)
def test_the_name_of_a_route_is_no_id_further_down(served: Served, path: str) -> None:
    below = concrete(path, id="add")

    for method in PATHS[path]:
        body = {"text": "t", "helpful": True} if method in {"POST", "PUT"} else None
        answer = served.call(method, below, body, route=f"{method} {path}", headers={"x-project-id": "support"})
        assert (answer.status, answer.headers.get("allow")) == (404, None), below


@pytest.mark.parametrize("given", ["%252e%252e", "add%252F", f"mem_{ULID}%252Fhistory", "%00", "é", "."])
def test_escapes_in_an_id_lead_nowhere_else(served: Served, given: str) -> None:
    # The gateway has taken one layer of escapes away before it looks for the route.
    for method in PATHS["/memory/{id}"]:
        answer = served.call(
            method, f"/memory/{given}", {"tags": []}, route=f"{method} /memory/{{id}}", headers={"x-project-id": "support"}
        )
        assert told(answer) == (404, "memory-not-found", None)
