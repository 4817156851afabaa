"""Checks of ours beside schemathesis's own; it loads this file by its setting `hooks`.

`positive_data_acceptance` goes by the status alone. Some requests that the contract allows are refused all the same, because
no schema can say why: those are named here by the problem's code and field, and any other refusal is a failure.

`object_level_authorization` sends only reads as somebody else. The second check sends whatever the first user was answered.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
from collections.abc import Iterator
from typing import Any

import schemathesis  # type: ignore[import-not-found, unused-ignore]  # lives in the environment of the outside tools

# The tool's own way to ask as another user. It is not promised to stay; the tool's version is pinned, and a run without these
# would not begin.
from schemathesis.specs.openapi._auth_retry import send_probe  # type: ignore[import-not-found, unused-ignore]  # as above
from schemathesis.specs.openapi.object_authorization import apply_as  # type: ignore[import-not-found, unused-ignore]  # as above
from schemathesis.wfc.escalation import escalating_provider  # type: ignore[import-not-found, unused-ignore]  # as above

FIRST = "first"
SHARE = int(os.environ.get("COVERAGE_SHARE", "1"))
"""One of so many cases of the phase `coverage` is tried, the first of each operation, and those of another tenant's name."""

COVERED: set[str] = set()
# What an operation is for is done to memories of this kind; without an entry to active ones.
KINDS = {
    "resolve_conflict": "conflict_inbox",
    "approve_memory": "quarantined",
    "reject_memory": "quarantined",
    "restore_memory": "superseded",
    "get_turn": "turn",
}
RECENT = 8
KNOWN: dict[str, list[str]] = {}
"""By kind, the ids that the first user was shown."""

ASKED_FOR: dict[str, dict[str, Any]] = {}
"""By cursor, the parameters of the page before."""

OTHERS = ("rival", "neighbour")

_SENT_BEFORE = (r"idempotency-key-reused ",)  # with another body
_END_USER = (
    "end-user-mismatch /user_id ",  # a name in the body that differs from the header's
    r"validation-failed /user_id Send 1 to 256 bytes of printable",  # no pattern can say which characters print
)
_METADATA = (
    r"validation-failed /metadata Must not hold the NUL",  # at any depth
    r"validation-failed /metadata Must not be nested deeper",
    r"validation-failed /metadata Must not have ",  # too many keys, or one too long, at any depth
    r"metadata-too-large /metadata ",  # measured in bytes
)
_NOT_THERE = ("memory-not-found ",)
_REVISION = ("precondition-failed header:If-Match ",)  # another one
_CURSOR = ("invalid-cursor query:cursor ",)  # signed: only those that were given out are taken
_BODY_CURSOR = (*_END_USER, "invalid-cursor /cursor ")  # likewise
_MESSAGES = (
    r"validation-failed /(messages|turns)/\d+/metadata Must not hold the NUL",  # at any depth
    r"validation-failed /(messages|turns)/\d+/metadata Must not be nested deeper",
    r"metadata-too-large /(messages|turns)/",  # measured in bytes
    r"payload-too-large /(messages|turns|user_message|assistant_message)",  # likewise
)

_ASKED = (
    *_END_USER,
    r"validation-failed /filters/session_id .* another name",
    r"validation-failed /(query|text) .* bytes of UTF-8",  # measured in bytes
    r"validation-failed /filters/metadata/.* at most 64 bits",  # not every reader of numbers knows their size
    r"validation-failed /weights Give at least one",  # all of them together
)

# By operation: what may be refused although it fits the contract, as `code pointer cure` of a fault, and why.
REASONS: dict[str, tuple[str, ...]] = {
    "": (
        "forbidden ",  # another tenant than the key's, or another project
        "project-not-found ",
    ),
    "add_memory": (
        *_END_USER,
        *_METADATA,
        *_SENT_BEFORE,
        r"validation-failed /content .* differ",  # two names of one field
        r"validation-failed /client_ref .* another name",  # likewise
        r"validation-failed /valid_until .* later than",  # two fields together
        r"payload-too-large /(text|content) ",  # measured in bytes
        r"gone ",  # sent before, and forgotten since
    ),
    "add_memories": _END_USER,
    "upload_file": (
        *_END_USER,
        *_METADATA,
        r"unsupported-media-type /file ",  # by its first bytes
        r"validation-failed /file ",  # empty, damaged, without text, not what it is called
        # A form's fields are text, whatever has to be read in it.
        r"validation-failed /(metadata|importance|ttl_minutes) ",
        r"validation-failed /valid_until .* later than",  # two fields together
        r"validation-failed /client_ref .* another name",  # two names of one field
        r"idempotency-key-reused ",
    ),
    **dict.fromkeys(("query_memories", "retrieve_memories", "search_routed", "synthesize_answer"), _ASKED),
    "explain_memory": (*_ASKED, r"validation-failed /memory_id .* exactly one"),  # two fields together
    "compose_prompt": (
        *_ASKED,
        r"validation-failed /template .* once",
        r"validation-failed /budget_tokens .* another name",
        r"validation-failed /token_budget .* without any memory",  # measured in tokens
    ),
    "summarize_memories": (*_NOT_THERE, *_SENT_BEFORE, *_END_USER, r"gone "),
    **dict.fromkeys(("query_turns", "recall_memories"), (*_ASKED, *_MESSAGES)),
    "add_turn": (
        *_END_USER,
        *_METADATA,
        *_SENT_BEFORE,
        *_MESSAGES,
        r"validation-failed /messages .* not both",  # several names of one thing
        r"gone ",  # sent before, and forgotten since
    ),
    "get_turn": ("turn-not-found ",),
    "list_memories_of": (
        *_CURSOR,
        r"end-user-mismatch path:user ",  # the path names somebody else
        r"validation-failed path:user Send 1 to 256 bytes of printable",  # no pattern can say which characters print
    ),
    "append_history": (*_END_USER, *_SENT_BEFORE, *_MESSAGES),
    "delete_history": (*_END_USER, *_SENT_BEFORE),
    **dict.fromkeys(("list_history", "list_state"), _BODY_CURSOR),
    "search_state": (
        *_BODY_CURSOR,
        r"validation-failed /filter Must not",  # NUL and depth, at any depth
        r"unknown-filter /filter ",  # a name of a comparison, in a value that may be anything
    ),
    "list_namespaces": (*_BODY_CURSOR, r"validation-failed /max_depth .* 'prefix'"),  # two fields together
    "put_state": (
        *_END_USER,
        *_SENT_BEFORE,
        *_REVISION,
        r"validation-failed /value Must not",  # at any depth
        r"payload-too-large /value ",  # measured in bytes
        r"gone ",  # sent before, and deleted since
    ),
    "get_state": (*_END_USER, "state-not-found "),
    "delete_state": (*_END_USER, *_SENT_BEFORE, *_REVISION),
    "get_memory": _NOT_THERE,
    "list_memories": _CURSOR,
    "list_conflicts": _CURSOR,
    "list_quarantine": _CURSOR,
    "read_history": (*_NOT_THERE, *_CURSOR),
    "read_evidence": (*_NOT_THERE, *_CURSOR),
    "read_relations": _NOT_THERE,
    "forget_memory": (*_NOT_THERE, *_REVISION, *_SENT_BEFORE),
    "update_memory": (
        *_NOT_THERE,
        *_REVISION,
        *_SENT_BEFORE,
        *_END_USER,
        *_METADATA,
        r"validation-failed /valid_until .* later than",  # two fields together, or one and the memory's own
        r"validation-failed /valid_from .* earlier than",
    ),
    "rewrite_memory": (
        *_NOT_THERE,
        *_REVISION,
        *_SENT_BEFORE,
        *_END_USER,
        r"payload-too-large /text ",  # measured in bytes
        r"content-refused /text ",  # a guard found something in it
        r"conflict ",  # another memory says the same
    ),
    "update_memories": _END_USER,
    "archive_memory": (*_NOT_THERE, *_REVISION, *_SENT_BEFORE, *_END_USER),
    "restore_memory": (*_NOT_THERE, *_REVISION, *_SENT_BEFORE, r"conflict "),  # it was neither archived nor superseded
    "judge_memory": (*_NOT_THERE, *_SENT_BEFORE, *_END_USER),
    "resolve_conflict": (*_NOT_THERE, *_SENT_BEFORE, *_END_USER),
    "approve_memory": (*_NOT_THERE, *_SENT_BEFORE),
    "reject_memory": (*_NOT_THERE, *_SENT_BEFORE),
    "refresh_memories": (*_END_USER, *_SENT_BEFORE, "job-already-running "),
    "get_refresh": ("job-not-found ",),
    "rotate_key": (*_SENT_BEFORE, "job-already-running "),
}

# What ends what the first user has cannot be tried after they did it themselves: it is tried when they were shown it.
ENDS = {
    "get_memory": ("DELETE /memory/{id}",),
    "list_quarantine": ("POST /memory/quarantine/{id}/approve", "POST /memory/quarantine/{id}/reject"),
    "list_conflicts": ("POST /memory/decision/resolve",),
}
ENDED_BY = frozenset(label for labels in ENDS.values() for label in labels)


@schemathesis.hook  # type: ignore[untyped-decorator, unused-ignore]  # ships no types here
def before_call(_ctx: Any, case: Any, _kwargs: Any) -> None:
    """Make true, three times out of four, what no schema can say, so that requests get further than the door.

    An id is then one that is there, an idempotency key one of its request, `content`, another name for `text`, says the same,
    and a cursor comes with the parameters that it was given out for. Every other search asks without filters, which by
    chance let nothing pass.
    """
    if case.meta is None or not case.meta.generation.mode.is_positive:
        return
    name_what_is_there(case)
    request = json.dumps([case.path_parameters, case.body], sort_keys=True, default=str)
    digest = hashlib.sha256(request.encode(errors="surrogatepass")).hexdigest()
    if digest[0] in "cdef":
        return
    if case.headers and "Idempotency-Key" in case.headers:
        case.headers["Idempotency-Key"] = digest
    if case.query and case.query.get("cursor") in ASKED_FOR:
        case.query = ASKED_FOR[case.query["cursor"]] | {"cursor": case.query["cursor"]}
    elif isinstance(case.body, dict) and str(case.body.get("cursor")) in ASKED_FOR:
        case.body = ASKED_FOR[case.body["cursor"]] | {"cursor": case.body["cursor"]}
    elif digest[0] in "01234567":
        without_filters(case)
    items = case.body.get("items") if isinstance(case.body, dict) else None
    for item in [case.body, *(items if isinstance(items, list) else ())]:
        if isinstance(item, dict) and item.get("text") and item.get("content"):
            item["content"] = item["text"]


def without_filters(case: Any) -> None:
    """Leave out what narrows a list or a search."""
    if case.operation.definition.raw["operationId"] == "list_memories":
        case.query = {name: value for name, value in case.query.items() if name == "limit"}
    elif case.operation.definition.raw["operationId"] in {"query_memories", "retrieve_memories"} and isinstance(case.body, dict):
        case.body = {name: value for name, value in case.body.items() if name in {"query", "user_id", "k"}}


def name_what_is_there(case: Any) -> None:
    """Put ids that are known, three times out of four, in the place of ids that are not."""
    known = KNOWN.get(KINDS.get(case.operation.definition.raw["operationId"], "active"), [])
    every = {each for ids in KNOWN.values() for each in ids}
    body = case.body if isinstance(case.body, dict) else {}
    items, named = body.get("items"), body.get("memory_ids")
    places: list[tuple[Any, Any]] = [
        (case.path_parameters, "id"),
        (body, "memory_id"),
        *((item, "id") for item in items or () if isinstance(item, dict)),
        *((named, number) for number, _ in enumerate(named if isinstance(named, list) else ())),
    ]
    for place, name in places:
        given = place.get(name) if isinstance(place, dict) else place[name]
        drawn = int(hashlib.sha256(repr((given, len(every))).encode(errors="surrogatepass")).hexdigest(), 16)
        if known and given and given not in every and drawn % 4:
            # What was shown last is the likeliest to be there still.
            place[name] = known[-1 - drawn // 4 % min(len(known), RECENT)]


def note_what_is_there(body: Any) -> None:
    """Note the memories in an answer by their kind; those that were forgotten stay known, to be asked for again."""
    for each in body.values() if isinstance(body, dict) else body if isinstance(body, list) else ():
        note_what_is_there(each)
    if isinstance(body, dict) and str(body.get("id")).startswith("turn_"):
        KNOWN.setdefault("turn", []).append(body["id"])
    if isinstance(body, dict) and str(body.get("id")).startswith("mem_") and "superseded_by" in body:
        kind = "superseded" if body["superseded_by"] else body["state"]
        KNOWN.setdefault(kind, []).append(body["id"])
        KNOWN.setdefault("superseded", []).extend(body["supersedes"])


@schemathesis.hook  # type: ignore[untyped-decorator, unused-ignore]  # ships no types here
def after_call(_ctx: Any, case: Any, response: Any) -> None:
    """Remember what there is, and what was asked for where there is a page after this one."""
    if response.status_code in {200, 201, 207} and case.auth_identity == FIRST and case.operation.path != "/openapi.json":
        body = json.loads(response.content)
        note_what_is_there(body)
        if body.get("next_cursor"):
            cursor, asked = body["next_cursor"], case.body if isinstance(case.body, dict) else case.query
            ASKED_FOR[cursor] = {name: value for name, value in asked.items() if name != "cursor"}


@schemathesis.hook  # type: ignore[untyped-decorator, unused-ignore]  # ships no types here
def filter_case(_ctx: Any, case: Any) -> bool:
    """Leave out what says nothing, and in bounded runs all but a share of the cases that are the same in every run."""
    phase = case.meta.phase if case.meta else None
    if phase is None or phase.name.value != "coverage":
        return True
    if phase.data.parameter == "X-End-User-ID":
        # Signing in sets this header, whatever stood there.
        return False
    if case.operation.label not in COVERED or phase.data.parameter == "X-Tenant-ID":
        COVERED.add(case.operation.label)
        return True
    named = f"{case.operation.label} {case.method} {phase.data.parameter} {phase.data.description}"
    return int(hashlib.sha256(named.encode()).hexdigest(), 16) % SHARE == 0


@schemathesis.hook  # type: ignore[untyped-decorator, unused-ignore]  # ships no types here
def filter_failure(_ctx: Any, failure: Any, case: Any, response: Any) -> bool:
    """Drop what the tool takes for a failure and is none."""
    kind, operation = type(failure).__name__, case.operation.definition.raw["operationId"]
    if kind == "AcceptedNegativeData" and response.status_code == 207:
        # What is wrong with one item is said of that item. A form sends one tag in the same way as a list of one, and knows
        # no null: the field is left out.
        is_form = operation == "upload_file"
        is_lost = is_form and (not isinstance(case.body.get("tags", []), list) or None in case.body.values())
        return not is_lost and all(item["status"] < 400 for item in json.loads(response.content)["items"])
    return True


def faults_of(problem: dict[str, Any]) -> list[str]:
    """Return a problem as lines of code, pointer and cure, one a fault."""
    faults = problem.get("errors") or [{"pointer": "", "detail": ""}]
    return [f"{problem['code']} {fault['pointer']} {fault['detail']}" for fault in faults]


@schemathesis.check  # type: ignore[untyped-decorator, unused-ignore]  # ships no types here
def refused_only_for_reasons_that_no_schema_can_say(_ctx: Any, response: Any, case: Any) -> None:
    """Hold every refusal of what the contract allows to the reasons that are known."""
    if response.status_code < 400 or case.meta is None or not case.meta.generation.mode.is_positive:
        return
    if response.request.method != case.operation.method.upper() or response.status_code == 401:
        return
    operation = case.operation.definition.raw["operationId"]
    reasons = (*REASONS[""], *REASONS.get(operation, ()))
    for fault in faults_of(json.loads(response.content)):
        assert any(re.match(reason, fault) for reason in reasons), f"{operation} refused what the contract allows: {fault}"


def shown_id(case: Any, body: dict[str, Any]) -> str | None:
    """Return the id of a memory that the first user was shown."""
    items = body.get("items") or [{}]
    found = case.path_parameters.get("id") or (items[0].get("id") if isinstance(items[0], dict) else None)
    return str(found) if found else None


def the_same(case: Any, body: dict[str, Any]) -> Iterator[Any]:
    """Yield the request again without what names its sender, and those that would end what its answer shows."""
    operation = case.operation
    if operation.label not in ENDED_BY:
        again = case.derive(keep_auth=True)
        again.headers.pop("X-Tenant-ID", None)
        if isinstance(again.body, dict):
            again.body.pop("user_id", None)
        yield again
    memory_id = shown_id(case, body)
    for label in ENDS.get(operation.definition.raw["operationId"], ()) if memory_id else ():
        ending = operation.schema.find_operation_by_label(label)
        named = (
            {"path_parameters": {"id": memory_id}}
            if "{id}" in label
            else {"body": {"memory_id": memory_id, "decision": "reject"}}
        )
        tried = ending.Case(**named)
        tried._auth_identity = FIRST
        yield tried


@schemathesis.check  # type: ignore[untyped-decorator, unused-ignore]  # ships no types here
def others_who_send_the_same_get_nothing_of_it(ctx: Any, response: Any, case: Any) -> None:
    """Send what the first user did as each of the others, once an operation: what it names is not there for them.

    What they are shown is held against what the first one has when the whole report is read.
    """
    users = escalating_provider(case.operation.schema)
    if case.auth_identity != FIRST or not 200 <= response.status_code < 300 or case.meta is None or users is None:
        return
    if response.request.method != case.operation.method.upper():
        return
    for other in OTHERS:
        for tried in the_same(case, json.loads(response.content)):
            label = tried.operation.label
            if not tried.operation.definition.raw["security"] or not users.claim_probe(("same", label, other)):
                continue
            answer = send_probe(ctx, case, apply_as(tried, users.provider_for(other), other))
            is_named = bool(tried.path_parameters) or label in ENDED_BY
            # 400 is for a cursor, which is good for one tenant only and looked at first, or for an end user in the path; 403
            # for a tenant in the path.
            refused = {400, 403, 404} if "{tenant}" in label else {400, 404}
            assert answer.status_code in refused or not is_named, f"{label} by {other}: {answer.status_code}"
