"""Who may see what, as docs/api.md says it. Nothing here is read from the product."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from tests.isolation.callers import BOUND, PERMISSIONS, Caller, Kind
from tests.isolation.owners import COMPAT, STRICT, Owner, State, projects_of


class Shape(StrEnum):
    """What an operation does with memories."""

    PUBLIC = "says what the service is"
    READ = "shows the memory that the path names"
    FORGET = "forgets the memory that the path names"
    LIST = "shows all"
    ASK = "shows what fits"
    ROUTED = "shows what fits, by what kind of question it is"
    EXPLAIN = "tells why the memory that the body names is not shown"
    COMPOSE = "builds a prompt of what fits"
    ANSWER = "answers from what fits"
    SUM_UP = "sums up the memories that the body names"
    ADD = "stores"
    ADD_MANY = "stores several"
    ABOUT = "tells of the memory that the path names"
    CHANGE = "changes the memory that the path names"
    CHANGE_MANY = "changes the memories that the body names"
    UNDO = "lets the memory that the path names hold again"
    DECIDE = "decides on the waiting memory that the path or the body names"
    WAITING = "shows what waits for a decision"
    COUNT = "counts what is not found yet"
    UPLOAD = "stores what a file says"
    BEGIN = "begins a job on the end user's memories"
    JOB = "tells of the job that the path names"
    APPEND = "puts messages behind those of a conversation"
    TRANSCRIPT = "shows the conversation that the body names"
    CLEAR = "drops the conversation that the body names"
    PUT = "keeps a value under the key that the body names"
    VALUE = "shows the value under the key that the body names"
    VALUES = "shows values of the namespaces that the body names"
    NAMESPACES = "shows the namespaces that hold anything"
    TAKE = "drops the value under the key that the body names"
    TURN = "keeps the messages of a turn and remembers what they say"
    TURN_STATE = "tells of the turn that the path names"
    LIST_OF = "shows all of the end user that the path names"
    TENANT = "is about the whole tenant"


@dataclass(frozen=True, slots=True)
class Rule:
    """What docs/api.md says of an operation: its shape, the scope it needs, and the state of the memories that it is about."""

    shape: Shape
    permission: str | None = None
    state: State = State.INDEXED


RULES = {
    "health": Rule(Shape.PUBLIC),
    "ready": Rule(Shape.PUBLIC),
    "version": Rule(Shape.PUBLIC),
    "openapi": Rule(Shape.PUBLIC),
    "get_memory": Rule(Shape.READ, "memory:read"),
    "list_memories": Rule(Shape.LIST, "memory:read"),
    "query_memories": Rule(Shape.ASK, "memory:read"),
    "retrieve_memories": Rule(Shape.ASK, "memory:read"),
    "search_routed": Rule(Shape.ROUTED, "memory:read"),
    "explain_memory": Rule(Shape.EXPLAIN, "memory:read"),
    "compose_prompt": Rule(Shape.COMPOSE, "memory:read"),
    "synthesize_answer": Rule(Shape.ANSWER, "memory:read"),
    "summarize_memories": Rule(Shape.SUM_UP, "memory:read"),
    "add_memory": Rule(Shape.ADD, "memory:add"),
    "add_memories": Rule(Shape.ADD_MANY, "memory:add"),
    "forget_memory": Rule(Shape.FORGET, "memory:delete"),
    "read_history": Rule(Shape.ABOUT, "memory:read"),
    "read_evidence": Rule(Shape.ABOUT, "memory:read"),
    "read_relations": Rule(Shape.ABOUT, "memory:read"),
    "update_memory": Rule(Shape.CHANGE, "memory:add"),
    "rewrite_memory": Rule(Shape.CHANGE, "memory:add"),
    "judge_memory": Rule(Shape.CHANGE, "memory:add"),
    "archive_memory": Rule(Shape.CHANGE, "memory:add"),
    "restore_memory": Rule(Shape.UNDO, "memory:add"),
    "update_memories": Rule(Shape.CHANGE_MANY, "memory:add"),
    "list_conflicts": Rule(Shape.WAITING, "memory:read", State.DISPUTED),
    "list_quarantine": Rule(Shape.WAITING, "memory:read", State.QUARANTINED),
    "resolve_conflict": Rule(Shape.DECIDE, "memory:add", State.DISPUTED),
    "approve_memory": Rule(Shape.DECIDE, "memory:add", State.QUARANTINED),
    "reject_memory": Rule(Shape.DECIDE, "memory:add", State.QUARANTINED),
    "read_pending": Rule(Shape.COUNT, "memory:read"),
    "upload_file": Rule(Shape.UPLOAD, "memory:add"),
    "refresh_memories": Rule(Shape.BEGIN, "memory:add"),
    "get_refresh": Rule(Shape.JOB, "memory:read"),
    "add_turn": Rule(Shape.TURN, "memory:add"),
    "get_turn": Rule(Shape.TURN_STATE, "memory:read"),
    "recall_memories": Rule(Shape.ASK, "memory:read"),
    "query_turns": Rule(Shape.ASK, "memory:read"),
    "list_memories_of": Rule(Shape.LIST_OF, "memory:read"),
    "append_history": Rule(Shape.APPEND, "memory:add"),
    "list_history": Rule(Shape.TRANSCRIPT, "memory:read"),
    "delete_history": Rule(Shape.CLEAR, "memory:delete"),
    "put_state": Rule(Shape.PUT, "memory:add"),
    "get_state": Rule(Shape.VALUE, "memory:read"),
    "list_state": Rule(Shape.VALUES, "memory:read"),
    "search_state": Rule(Shape.VALUES, "memory:read"),
    "list_namespaces": Rule(Shape.NAMESPACES, "memory:read"),
    "delete_state": Rule(Shape.TAKE, "memory:delete"),
    "show_encryption": Rule(Shape.TENANT, "org:*"),
    "rotate_key": Rule(Shape.TENANT, "org:*"),
}
"""An operation of the OpenAPI document that has no rule is called all the same, and then fails the matrix."""


NAMELESS = frozenset({Shape.PUBLIC, Shape.TENANT, Shape.COUNT})
"""What takes the name of nothing that could be another's."""

ASKING = frozenset({Shape.ASK, Shape.ROUTED, Shape.EXPLAIN, Shape.COMPOSE, Shape.ANSWER})
"""What takes a question and its filters."""

READ_ONLY = ASKING | {
    *(Shape.READ, Shape.LIST, Shape.SUM_UP, Shape.ABOUT, Shape.WAITING, Shape.JOB),
    *(Shape.TRANSCRIPT, Shape.VALUE, Shape.VALUES, Shape.NAMESPACES, Shape.TURN_STATE, Shape.LIST_OF),
}
KEPT = frozenset(
    {
        Shape.APPEND,
        Shape.TRANSCRIPT,
        Shape.CLEAR,
        Shape.PUT,
        Shape.VALUE,
        Shape.VALUES,
        Shape.NAMESPACES,
        Shape.TAKE,
        Shape.TURN,
    }
)
"""What works on conversations and states, which are no memories."""

HOME_ONLY = frozenset({Shape.ADD, Shape.ADD_MANY, Shape.UPLOAD, Shape.BEGIN, Shape.JOB, Shape.TURN_STATE}) | KEPT
"""What a caller without a project does in one place, not in all those that they may read."""


def chain(caller: Caller) -> tuple[Owner, ...]:
    """Return whose memories this caller's requests may read; the first is where they write. Empty when all are refused."""
    if caller.kind is Kind.NOBODY or (caller.resolved_project is None and caller.tenant == STRICT):
        return ()
    projects: tuple[str | None, ...] = (caller.resolved_project,)
    if caller.resolved_project is None and caller.tenant == COMPAT:
        projects = (None, *projects_of(COMPAT))
    return tuple(Owner(caller.tenant, project, caller.user, caller.environment) for project in projects)


def beside(caller: Caller) -> tuple[Owner, ...]:
    """Return whose memories another X-Project-ID would open to this caller: what a question that finds nothing may count."""
    if not chain(caller) or caller.kind in BOUND or caller.resolved_project is None:
        return ()
    others = tuple(each for each in projects_of(caller.tenant) if each != caller.resolved_project)
    places = (None, *others) if caller.tenant == COMPAT else others
    return tuple(Owner(caller.tenant, project, caller.user, caller.environment) for project in places)


def refusal(rule: Rule, caller: Caller) -> tuple[int, str] | None:
    """Return the status and code that the caller gets whatever is asked, None when the request is looked at."""
    if rule.permission is None:
        return None
    if caller.kind is Kind.NOBODY:
        return 401, "unauthorized"
    if rule.permission not in PERMISSIONS[caller.kind]:
        return 403, "scope-denied"
    return None if chain(caller) else (400, "project-required")
