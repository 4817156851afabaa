"""What is tried besides the plain call: names in headers, query, body and path that are not the caller's to give."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import quote, unquote

from tests.isolation.callers import BOUND, TOKENS, Caller, Kind
from tests.isolation.canaries import canary
from tests.isolation.document import Call, Operation, asking, call
from tests.isolation.oracle import ASKING, KEPT, RULES, Rule, Shape, beside, chain
from tests.isolation.owners import LIVING, SHARED_WORD, Owner, Row, State, only_of
from tests.isolation.world import Answer, World, key_of

NEVER = "01ARZ3NDEKTSV4RRFFQ69G5FAV"
"""A ULID of ten years ago: no memory has it."""

NOWHERE = "no-such-place"
NOW = "2030-01-01T00:00:00Z"
SPEAKING = frozenset({Shape.APPEND, Shape.TURN})
CHANGING = frozenset({Shape.FORGET, Shape.CHANGE, Shape.CHANGE_MANY, Shape.UNDO, Shape.DECIDE})
"""What an operation does that is tried on a memory that never was."""

WHOLE_ANSWERS: dict[Shape, dict[str, Any]] = {
    Shape.COMPOSE: {"token_budget": 32_768, "template": "{memories}"},
    Shape.ANSWER: {"max_sentences": 20, "min_confidence": 0},
}
"""What makes an answer tell all that it may."""

PROBING = (
    Caller(Kind.KEY, "strict-co", "main", "wombat.ana@example.com"),
    Caller(Kind.TOKEN, "compat-co", "side", "wombat.ben@example.com"),
    Caller(Kind.BOUND_KEY, "strict-co", "side", "wombat.ben@example.com", names_project=False),
    Caller(Kind.KEY, "compat-co", "main", "wombat.ana@example.com", names_project=False),
)
OWN_FIELDS = ("tenant_id", "project_id", "environment", "scope_key", "scope", "end_user_id", "owner", "customer_id")
"""Fields that a body might be thought to have. None of them exists."""


@dataclass(frozen=True, slots=True)
class Probe:
    """A request and what it must be answered: this status and code, or, with None, what the plain call is."""

    name: str
    call: Call
    expected: tuple[int, str] | None = None
    warned: bool = False
    """The answer may warn of fields that were not used."""

    item: tuple[int, str] | None = None
    """What each item of the answer says."""


def targets_of(caller: Caller, *, whole: bool) -> tuple[Owner, ...]:
    """Return whose things are tried: everybody else's, or one each of another tenant, project and end user."""
    others = tuple(owner for owner in LIVING if owner not in chain(caller))
    if whole:
        return others
    own = chain(caller)[0]
    at = (own.tenant, own.project, own.user)
    chosen: dict[tuple[bool, ...], Owner] = {}
    for owner in others:
        differs = tuple(a != b for a, b in zip(at, (owner.tenant, owner.project, owner.user), strict=True))
        chosen.setdefault(differs, owner)
    return tuple(owner for differs, owner in chosen.items() if sum(differs) == 1) or others[:1]


def plain(world: World, operation: Operation, caller: Caller) -> Call:
    """Return the call whose answer the probes' are laid beside. It changes nothing, so that it can be sent often."""
    headers = caller.headers(world.credentials)
    shape = _shape(operation)
    own = world.rows[chain(caller)[0]][State.INDEXED]
    if shape is Shape.ADD_MANY:
        return call(operation, None, headers, items=[{"text": f"It was {canary('plain', caller.user)}."}], dry_run=True)
    if shape is Shape.UPLOAD:
        return call(operation, None, headers, file=f"It was {canary('plain', caller.user)}.", dry_run="true")
    if shape in ASKING:
        never = replace(own, memory_id=f"mem_{NEVER}") if operation.names_memory else None
        asked = {**asking(operation, f"What does the {SHARED_WORD} say?"), "k": 50, "filters": {}, **WHOLE_ANSWERS.get(shape, {})}
        return call(operation, never, headers, **asked)
    if shape is Shape.ADD:
        return call(operation, None, headers, text=f"It was {canary('plain', caller.user)}.", dry_run=True)
    if shape in CHANGING:
        return call(operation, replace(own, memory_id=f"mem_{NEVER}"), headers)
    return _kept(operation, headers) if shape in KEPT else call(operation, own if operation.names_memory else None, headers)


def _kept(operation: Operation, headers: dict[str, str]) -> Call:
    """Return a call that asks for a version, a conversation or messages that there cannot be where it would change something."""
    never = (("If-Match", f'"ver_{NEVER}"'),) if ("header", "If-Match") in operation.parameters else ()
    nothing: dict[str, Any] = {"messages": []} if _shape(operation) in SPEAKING else {}
    named = {"session_id": NOWHERE} if _shape(operation) is Shape.CLEAR else {}
    return call(operation, None, headers, **nothing, **named).plus(*never)


def probes(world: World, operation: Operation, caller: Caller, target: Owner, *, one_by_one: bool) -> Iterator[Probe]:
    """Yield everything that is tried on an operation with what belongs to the target."""
    base, row = plain(world, operation, caller), world.rows[target][_rule(operation).state]
    spoofed = list(_ignored_headers(row))
    yield Probe("all ignored headers", base.plus(*spoofed))
    yield Probe("the gateway's own words", replace(base, context=_context(row)))
    for name, value in spoofed if one_by_one else ():
        yield Probe(f"header {name}", base.plus((name, value)))
    yield from _parameters(world, base, target)
    if _shape(operation) is not Shape.PUBLIC:
        yield from _credentials(world, base, caller, target)
    if operation.names_memory:
        yield from _things(base, row, may_read=target in beside(caller))
    if operation.example is not None:
        yield from _bodies(base, caller, target)
    if _has_pages(operation):
        yield from _pages(base, row, world.cursors[chain(caller)[0]])
    if _shape(operation) in {Shape.LIST, Shape.LIST_OF}:
        yield from _list_filters(base, row)
    if _shape(operation) in {Shape.TRANSCRIPT, Shape.VALUES, Shape.NAMESPACES}:
        yield Probe("the other's cursor in the body", base.plus(cursor=world.cursors[target]), (400, "invalid-cursor"))
    if _shape(operation) in ASKING:
        yield from _filters(base, target)


def _parameters(world: World, base: Call, target: Owner) -> Iterator[Probe]:
    """Yield what the address and the idempotency key may hold of the other's."""
    shape, row = _shape(base.operation), world.rows[target][State.INDEXED]
    params = (("tenant_id", target.tenant), ("user_id", target.user), ("X-End-User-ID", target.user), ("id", row.memory_id))
    yield Probe(
        "query parameters", base.plus(query=params), (400, "unknown-filter") if shape in {Shape.LIST, Shape.LIST_OF} else None
    )
    cursor = (("cursor", world.cursors[target]),)
    expected = (400, "invalid-cursor") if _has_pages(base.operation) else None
    yield Probe("the other's cursor", base.plus(query=cursor), expected)
    # A change is tried under their key with their memory: one key is good for one body.
    if not (base.operation.has_id and shape in CHANGING):
        yield Probe("the other's idempotency key", base.plus(("Idempotency-Key", key_of(target))))


def _things(base: Call, row: Row, *, may_read: bool) -> Iterator[Probe]:
    """Yield what is the other's, by its name. `may_read`: in another project the caller may."""
    operation = base.operation
    if ("path", "job_id") in operation.parameters:
        for name in (row.job_id, row.job_id.lower(), f"{row.job_id}%23", row.memory_id):
            path = operation.path.replace("{job_id}", name)
            yield Probe(f"the job {name.partition('_')[0]}", replace(base, path=path), (404, "job-not-found"))
    elif _shape(operation) is Shape.TURN_STATE:
        for name in (row.turn_id, row.turn_id.lower(), f"{row.turn_id}%23", row.memory_id):
            path = operation.path.replace("{id}", name)
            yield Probe(f"the turn {name.partition('_')[0]}", replace(base, path=path), (404, "turn-not-found"))
    elif _shape(operation) is Shape.LIST_OF:
        yield from _lists_of(base, row)
    elif operation.has_id:
        yield from _ids(base, row)
        if _shape(operation) in CHANGING:
            yield from _changing(base, row)
        if ("query", "known_at") in operation.parameters:
            for moment in ("as_of", "known_at"):
                yield Probe(f"the other's memory {moment}", _at(base, row.memory_id).plus(query=((moment, NOW),)), _NOT_FOUND)
    else:
        yield from _named(base, row, may_read=may_read)


def _lists_of(base: Call, row: Row) -> Iterator[Probe]:
    """Yield the other's tenant and end user in the path, each beside the caller's own."""
    _, _, _, tenant, user, _ = base.path.split("/")
    other = f"not-{unquote(user)}" if row.owner.user == unquote(user) else row.owner.user
    for name, place, expected in (
        ("another tenant in the path", (f"not-{tenant}", user), (403, "forbidden")),
        ("another end user in the path", (tenant, quote(other, safe="")), (400, "end-user-mismatch")),
    ):
        yield Probe(name, replace(base, path=f"/v1/memory/{place[0]}/{place[1]}/list"), expected)


def _has_pages(operation: Operation) -> bool:
    return ("query", "cursor") in operation.parameters


_NOT_FOUND = (404, "memory-not-found")


def _named(base: Call, row: Row, *, may_read: bool) -> Iterator[Probe]:
    """Yield the other's memory under its name in a body."""
    request = replace(base, body={**(base.body or {}), **base.operation.naming(row.memory_id)})
    if _shape(base.operation) is Shape.EXPLAIN:
        # It is explained as what never was, which the plain call names.
        yield Probe("the other's memory in the body", request, (200, "") if may_read else None)
        return
    if "items" not in (base.body or {}):
        yield Probe("the other's memory in the body", request, _NOT_FOUND)
        return
    yield Probe("the other's memory in an item", request, (207, ""), item=_NOT_FOUND)


def _list_filters(base: Call, row: Row) -> Iterator[Probe]:
    """Yield filters that only the other's memories pass: they show nothing here."""
    for name, value in {"source": row.canary("source"), "tag": row.canary("tags")}.items():
        yield Probe(f"the other's {name}", base.plus(query=((name, value),)), (200, ""))


def _changing(base: Call, row: Row) -> Iterator[Probe]:
    """Yield the other's memory, with what only its owner could know of it."""
    yield Probe("the other's memory at its revision", _at(base, row.memory_id, ("If-Match", row.etag)), _NOT_FOUND)
    yield Probe("the other's memory at no revision", _at(base, row.memory_id, ("If-Match", '"r7"')), _NOT_FOUND)
    key = key_of(row.owner)
    yield Probe("the other's memory under their key", _at(base, row.memory_id, ("Idempotency-Key", key)), _NOT_FOUND)


def _bodies(base: Call, caller: Caller, target: Owner) -> Iterator[Probe]:
    """Yield what a body may say of who calls."""
    if "items" in base.body:
        items = [{**item, "user_id": f"not-{caller.user}"} for item in base.body["items"]]
        yield Probe("another end user in an item", base.plus(items=items), (207, ""), item=(400, "end-user-mismatch"))
    if _shape(base.operation) is Shape.BEGIN:
        row_id = f"mem_{NEVER}"
        yield Probe("a job on what never was", base.plus(memory_ids=[row_id]))
    fields: dict[str, Any] = dict.fromkeys(OWN_FIELDS, target.tenant)
    fields |= {"project_id": target.project, "scope_key": target.scope_key}
    yield Probe("fields of no meaning", replace(base, body={**base.body, **fields}), warned=True)
    other = target.user if target.user != caller.user else f"not-{caller.user}"
    # Whoever may not do it at all is not told more.
    expected = None if _shape(base.operation) is Shape.TENANT else (400, "end-user-mismatch")
    # Its plain call is refused for having no messages, and so would this be.
    example = base.operation.example or {}
    sendable = {"messages": example["messages"]} if _shape(base.operation) in SPEAKING else {}
    yield Probe("another end user in the body", base.plus(user_id=other, **sendable), expected)


def _filters(base: Call, target: Owner) -> Iterator[Probe]:
    """Yield filters that would reach beyond the scope, if there were any."""
    for name in ("tenant_id", "project_id", "scope_key", "user_id", "environment", "end_user_id", "id", "memory_id"):
        yield Probe(f"filter {name}", base.plus(filters={name: target.scope_key}), (400, "unknown-filter"))


def _pages(base: Call, row: Row, own: str) -> Iterator[Probe]:
    """Yield pages of sizes that there are not, and cursors that nobody issued."""
    for size in ("0", "-1", "201", "1000000000", "1e2", "all"):
        yield Probe(f"page of {size}", base.plus(query=(("limit", size),)), (422, "validation-failed"))
    position = json.dumps({"before": f"9#{row.memory_id}"}).encode()
    made = base64.urlsafe_b64encode(bytes(16) + position).decode().rstrip("=")
    told = base64.urlsafe_b64encode(base64.urlsafe_b64decode(own[:24])[:16] + position).decode().rstrip("=")
    for name, cursor in {"mine, cut": own[:22], "made up": made, "with my MAC and their place": told}.items():
        yield Probe(f"cursor {name}", base.plus(query=(("cursor", cursor),)), (400, "invalid-cursor"))


def _shape(operation: Operation) -> Shape:
    return _rule(operation).shape


def _rule(operation: Operation) -> Rule:
    return RULES.get(operation.name, Rule(Shape.PUBLIC))


def _credentials(world: World, base: Call, caller: Caller, target: Owner) -> Iterator[Probe]:
    """Yield what is tried with the headers that do have a meaning."""
    other = "compat-co" if caller.tenant == "strict-co" else "strict-co"
    denied, lost = (403, "forbidden"), (404, "project-not-found")
    yield Probe("its own tenant", base.plus(("X-Tenant-ID", caller.tenant)))
    yield Probe("its own tenant, in capitals", base.plus(("X-TENANT-ID", caller.tenant)))
    for tenant in (other, NOWHERE, f"{caller.tenant},{other}", f"{caller.tenant}#", other.upper()):
        yield Probe(f"the tenant {tenant}", base.plus(("x-tenant-id", tenant)), denied)
    yield Probe("two tenants", base.plus(("X-Tenant-ID", caller.tenant), ("x-tenant-id", other)), denied)
    for project in (only_of(other), NOWHERE, f"main,{target.project}", f"main#live#USER#{target.user}", "../main", "-"):
        expected = denied if caller.kind in BOUND else lost
        yield Probe(f"the project {project}", base.instead(X_Project_ID=project), expected)
    yield Probe("a header beyond ASCII", base.instead(X_Project_ID="ma\u00efn"), (422, "validation-failed"))
    user = base.instead(X_End_User_ID="")
    twice = user.plus(("X-End-User-ID", caller.user), ("x-end-user-id", target.user))
    yield Probe("two end users", twice, (422, "validation-failed"))
    if caller.kind in TOKENS:
        someone = target.user if target.user != caller.user else f"not-{caller.user}"
        yield Probe("another end user than the token's", base.plus(("X-End-User-ID", someone)), (400, "end-user-mismatch"))
        key = world.credentials[Kind.KEY, target.tenant, None, None]
        yield Probe("a token and a key", base.plus(("X-API-Key", key)), (400, "malformed-request"))
    else:
        key, token = dict(base.headers)["X-API-Key"], world.credentials[Kind.TOKEN, target.tenant, None, target.user]
        yield Probe("a key and a token", base.plus(("Authorization", f"Bearer {token}")), (400, "malformed-request"))
        yield Probe("a key twice", base.plus(("x-api-key", key)), (401, "unauthorized"))
        mixed = key.replace("ms_live_", "ms_test_")
        yield Probe("a key of another environment", base.instead(X_API_Key=mixed), (401, "unauthorized"))


def _ids(base: Call, row: Row) -> Iterator[Probe]:
    """Yield the other's memory under every name that it might be had by."""
    yield Probe("the other's memory", _at(base, row.memory_id), _NOT_FOUND)
    names = (row.memory_id.lower(), row.ulid, f"{row.memory_id}%23ROW", f"{row.memory_id}%00", row.consistency_token)
    for name in (*names, f"M%23{row.owner.tenant}%23{row.memory_id}", f"{row.memory_id}%0A", f"%20{row.memory_id}"):
        yield Probe(f"the id {name.replace(row.ulid, '...')}", _at(base, name), _NOT_FOUND)


def _at(base: Call, name: str, *headers: tuple[str, str]) -> Call:
    return replace(base.plus(*headers), path=base.operation.path.replace("{id}", name))


def _ignored_headers(row: Row) -> Iterator[tuple[str, str]]:
    """Yield what proxies, gateways and frameworks set, and what a hopeful caller makes up."""
    owner = row.owner
    claims = base64.urlsafe_b64encode(json.dumps({"sub": owner.user, "tenant_id": owner.tenant}).encode()).decode().rstrip("=")
    context = json.dumps(_context(row)["requestContext"])
    for name in ("X-Forwarded-User", "X-Remote-User", "X-Authenticated-User", "X-User-ID", "Remote-User", "X-Amzn-Oidc-Identity"):
        yield name, owner.user
    for name in ("X_Tenant_ID", "Tenant-ID", "X-Organization-ID", "X-Tenant", "X-Tenant-Id-"):
        yield name, owner.tenant
    for name in ("X-Original-URL", "X-Rewrite-URL", "X-Forwarded-Uri", "X-Envoy-Original-Path"):
        yield name, f"/memory/{row.memory_id}"
    for name in ("X-HTTP-Method-Override", "X-Method-Override", "X-HTTP-Method"):
        yield name, "DELETE"
    for name in ("X-Apigateway-Event", "X-Apigateway-Context", "X-Amzn-Request-Context", "X-Amzn-Lambda-Context"):
        yield name, context
    yield "X_End_User_ID", owner.user
    yield "X_Project_ID", owner.project or "-"
    yield "X-Scope-Key", owner.scope_key
    yield "X-Environment", "test"
    yield "X-Amzn-Oidc-Data", f"eyJhbGciOiJub25lIn0.{claims}."
    yield "X-Forwarded-For", "127.0.0.1"
    yield "X-Real-IP", "127.0.0.1"
    yield "Forwarded", "for=127.0.0.1;host=internal;proto=https"
    yield "X-Forwarded-Host", "internal"
    yield "X-Forwarded-Prefix", "/internal"
    yield "X-Consistency-Token", row.consistency_token
    yield "If-None-Match", row.etag
    yield "Cookie", f"X-Tenant-ID={owner.tenant}; X-End-User-ID={owner.user}; session={claims}"


def _context(row: Row) -> dict[str, Any]:
    """Return an event's words of who calls, as an authorizer would have left them."""
    owner = row.owner
    claims = {"sub": owner.user, "tenant_id": owner.tenant, "scope": "memory:*", "project_id": owner.project or ""}
    return {
        "requestContext": {
            "authorizer": {"jwt": {"claims": claims, "scopes": ["memory:*"]}, "lambda": claims, "principalId": owner.user},
            "authentication": {"clientCert": {"subjectDN": owner.user}},
            "accountId": owner.tenant,
            "identity": {"user": owner.user, "apiKey": owner.tenant},
        },
        "pathParameters": {"id": row.memory_id, "proxy": f"memory/{row.memory_id}"},
        "queryStringParameters": {"cursor": row.consistency_token, "user_id": owner.user},
        "stageVariables": {"tenant_id": owner.tenant, "user_id": owner.user},
        "cookies": [f"user_id={owner.user}"],
    }


USED = ("access_count", "last_accessed", "usage", "score")
"""What every question that returns a memory moves, some seconds later."""

AGE = ("recency", "decay")
"""What moves by itself, by less than a thousandth while a test lasts: the sixth digit of one turned on a busy machine."""


def likeness(answer: Answer, *, warned: bool = False, counted: bool = False, **names: str) -> tuple[int, dict[str, str], str]:
    """Return what two answers to the same question have in common: all but request ids, the time it took and the way.

    `counted`: somebody counts meanwhile how often memories were returned.
    `names` are words that differ because the requests did: each is replaced by its name.
    """
    # A server closes a connection after so many requests, whatever the next one asks.
    of_the_way = {"connection", "date", "apigw-requestid", "content-length", "x-amzn-requestid", "x-amzn-trace-id"}
    headers = {name: value for name, value in answer.headers.items() if name not in of_the_way}
    text = answer.body.decode()
    if "json" in headers.get("content-type", "") and len(text) < 100_000:
        body = json.loads(text)
        changing = {
            "request_id",
            "latency_ms",
            "oldest_age_seconds",
            *(USED if counted else ()),
            *(("warnings",) if warned else ()),
        }
        body.pop("instance", None)
        text = json.dumps(_rounded(_without(body, changing)), ensure_ascii=False)
    for name, word in names.items():
        text = text.replace(word, f"<{name}>")
    return answer.status, headers, text


def _without(value: Any, names: frozenset[str] | set[str]) -> Any:
    """Return it without these members, at any depth."""
    if isinstance(value, dict):
        return {name: _without(each, names) for name, each in value.items() if name not in names}
    return [_without(each, names) for each in value] if isinstance(value, list) else value


def _rounded(value: Any, *, aged: bool = False) -> Any:
    """Return it with what ages rounded to a thousandth, at any depth."""
    if isinstance(value, dict):
        return {name: _rounded(each, aged=aged or name in AGE) for name, each in value.items()}
    if isinstance(value, list):
        return [_rounded(each, aged=aged) for each in value]
    return round(value, 3) if aged and isinstance(value, float) else value
