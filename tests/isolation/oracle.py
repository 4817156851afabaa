"""Who may see what, as docs/api.md says it. Nothing here is read from the product."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from tests.isolation.callers import PERMISSIONS, Caller, Kind
from tests.isolation.owners import COMPAT, STRICT, Owner, projects_of


class Shape(StrEnum):
    """What an operation does with memories."""

    PUBLIC = "says what the service is"
    READ = "shows the memory that the path names"
    FORGET = "forgets the memory that the path names"
    LIST = "shows all"
    ASK = "shows what fits"
    ADD = "stores"


@dataclass(frozen=True, slots=True)
class Rule:
    """What docs/api.md says of an operation: its shape and the scope it needs."""

    shape: Shape
    permission: str | None = None


RULES = {
    "health": Rule(Shape.PUBLIC),
    "ready": Rule(Shape.PUBLIC),
    "version": Rule(Shape.PUBLIC),
    "openapi": Rule(Shape.PUBLIC),
    "get_memory": Rule(Shape.READ, "memory:read"),
    "list_memories": Rule(Shape.LIST, "memory:read"),
    "query_memories": Rule(Shape.ASK, "memory:read"),
    "add_memory": Rule(Shape.ADD, "memory:add"),
    "forget_memory": Rule(Shape.FORGET, "memory:delete"),
}
"""An operation of the OpenAPI document that has no rule is called all the same, and then fails the matrix."""


def chain(caller: Caller) -> tuple[Owner, ...]:
    """Return whose memories this caller's requests may read; the first is where they write. Empty when all are refused."""
    if caller.kind is Kind.NOBODY or (caller.resolved_project is None and caller.tenant == STRICT):
        return ()
    projects: tuple[str | None, ...] = (caller.resolved_project,)
    if caller.resolved_project is None and caller.tenant == COMPAT:
        projects = (None, *projects_of(COMPAT))
    return tuple(Owner(caller.tenant, project, caller.user, caller.environment) for project in projects)


def refusal(rule: Rule, caller: Caller) -> tuple[int, str] | None:
    """Return the status and code that the caller gets whatever is asked, None when the request is looked at."""
    if rule.permission is None:
        return None
    if caller.kind is Kind.NOBODY:
        return 401, "unauthorized"
    if rule.permission not in PERMISSIONS[caller.kind]:
        return 403, "scope-denied"
    return None if chain(caller) else (400, "project-required")
