"""What must not be in an answer, in the index's and the tables' calls behind it, and in the log."""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Iterator
from typing import Any
from urllib.parse import unquote

from tests.isolation.callers import Caller, Kind
from tests.isolation.canaries import canaries_in, holds, ulids_in
from tests.isolation.document import Call
from tests.isolation.owners import TENANTS, USER_WORD, USERS, Owner
from tests.isolation.world import Answer, Trace, World

_IN_TENANT = re.compile(r"([MKIATCD])#([^#]*)(?:#|$)")
_IN_SCOPE = re.compile(r"(?:[PLSVHNR]|W#[a-z_]+)#((?:[^#]*#){4}[^#]*)(?:#|$)")
_BY_CREDENTIAL = re.compile(r"(?:KEY|ISS)#")


def leaks(world: World, call: Call, answer: Answer, allowed: Collection[Owner], named: Collection[Owner] = ()) -> list[str]:
    """Return what the answer holds that only somebody else than these owners may know; empty when all is well.

    Of the memories of those in `named` it may hold the ids besides.

    What the caller said may come back in an answer that is no problem. A problem quotes the path, the id in it, and nothing
    else.
    """
    said = answer.said()
    problem = bool(answer.code)
    if problem:
        body = answer.json()
        quoted = [body.pop(name, "") for name in ("instance", "memory_id", "job_id", "turn_id")]
        named = [(call.body or {}).get("memory_id", ""), *(call.body or {}).get("memory_ids", ())]
        asked = _plain(call.path) + " ".join(map(str, named))
        said = json.dumps(
            [dict(answer.headers), body, [each for each in quoted if _plain(each) not in asked]], ensure_ascii=False
        )
    sent = "" if problem else call.sent()
    found = []
    for word in canaries_in(said) - canaries_in(sent):
        owner, ulid = world.words.get(word, (None, ""))
        if owner not in allowed or ulid not in world.alive:
            found.append(f"the word {word} of {owner.name if owner else 'nobody'}")
    known = (ulids_in(said) - ulids_in(sent)) & world.owner_of.keys()
    strange = [ulid for ulid in known if world.owner_of[ulid] not in (*allowed, *named) or ulid not in world.alive]
    found += [f"the memory {ulid} of {world.owner_of[ulid].name}" for ulid in strange]
    ours = {owner.user for owner in allowed}, {owner.tenant for owner in allowed}
    for names, mine in ((USERS, ours[0]), (TENANTS, ours[1])):
        found += [f"the name {name}" for name in names if name not in mine and holds(name, said) and not holds(name, sent)]
    # A memory's history says who wrote it, to whoever may read the memory.
    told = call.operation.name == "read_history"
    found += [f"the key {each}" for each, of in world.public_ids.items() if each in said and not (told and of in ours[1])]
    if not problem and allowed:
        found += _misplaced(answer, allowed)
    return found


def _misplaced(answer: Answer, allowed: Collection[Owner]) -> Iterator[str]:
    """Yield the memories of an answer that say they are somebody else's."""
    if "json" not in answer.headers.get("content-type", ""):
        return
    places = {(owner.project, owner.user) for owner in allowed}
    for each in _objects(answer.json()):
        is_memory = {"project_id", "user_id"} <= each.keys() and isinstance(each.get("revision"), int)
        if is_memory and (each["project_id"], each["user_id"]) not in places:
            yield f"a memory of {each['user_id']} in {each['project_id']}"


def strays(
    caller: Caller, chain: Collection[Owner], trace: Trace, *, looked_at: bool, beside: Collection[Owner] = ()
) -> list[str]:
    """Return what a request did inside beyond its own owner's scope; empty when all is well.

    `beside` is what it may look at besides, in calls of their own.

    A request that is refused whatever it asks for (`looked_at` is false) has nothing to ask index or memories for.
    """
    keys, others = {owner.scope_key for owner in chain}, {owner.scope_key for owner in beside}
    found = []
    for asked in trace.asked:
        if not looked_at or asked.tenant != caller.tenant or set(asked.keys) not in (keys, *([others] if others else [])):
            found.append(f"the index was asked for {asked.keys} of {asked.tenant}")
        found += [f"the index was read beyond the scope: {each}" for each in asked.found - set(asked.keys)]
    for text in trace.keys:
        if _BY_CREDENTIAL.match(text):
            continue
        in_tenant, in_scope = _IN_TENANT.match(text), _IN_SCOPE.match(text)
        if in_tenant and (in_tenant[2] != caller.tenant or (not looked_at and in_tenant[1] in "MKCD")):
            found.append(f"a table was asked for {text}")
        if in_scope and (not looked_at or in_scope[1] not in keys | others):
            found.append(f"a table was asked for {text}")
    return found


def gossip(world: World, text: str) -> list[str]:
    """Return what a log says that none may say of anybody: words of memories, end users' ids, credentials."""
    found = [f"the word {word}" for word in canaries_in(text)]
    if holds(USER_WORD, text):
        found.append("an end user's id")
    return found + [f"a credential of {key[:2]}" for key, secret in world.credentials.items() if secret in text]


def gossip_of(world: World, line: dict[str, Any], call: Call, caller: Caller) -> list[str]:
    """Return what a request's line of the log says of anybody but its caller; empty when all is well."""
    text = json.dumps(line, ensure_ascii=False)
    found = []
    known = line.get("tenant_id")
    if known is not None and (caller.kind is Kind.NOBODY or known != caller.tenant):
        found.append(f"the tenant {known}")
    found += [f"the tenant {name}" for name in TENANTS if name != caller.tenant and holds(name, text)]
    told = {line[name] for name in ("memory_id", "job_id", "turn_id") if name in line}
    for ulid in ulids_in(text):
        whose = world.owner_of.get(ulid)
        if (
            whose
            and ulid not in call.path.upper()
            and (whose.tenant != caller.tenant or told.isdisjoint({f"mem_{ulid}", f"job_{ulid}", f"turn_{ulid}"}))
        ):
            found.append(f"the memory {ulid}")
    metrics = line.get("_aws", {}).get("CloudWatchMetrics", [])
    dimensions = {name for each in metrics for names in each["Dimensions"] for name in names}
    if dimensions - {"kind", "service"}:
        found.append(f"a metric by {sorted(dimensions)}")
    return found


def _plain(path: str) -> str:
    """Return a path without percent signs; what is quoted of a path was decoded and encoded on its way."""
    while path != (once := unquote(path)):
        path = once
    return path


def _objects(value: Any) -> Iterator[dict[str, Any]]:
    if isinstance(value, dict):
        yield value
        for each in value.values():
            yield from _objects(each)
    elif isinstance(value, list):
        for each in value:
            yield from _objects(each)
