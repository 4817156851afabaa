"""Checks of ours beside schemathesis's own; it loads this file by its setting `hooks`.

`positive_data_acceptance` goes by the status alone. Some requests that the contract allows are refused all the same, because
no schema can say why: those are named here by the problem's code and field, and any other refusal is a failure.
"""

from __future__ import annotations

import hashlib
import json
import re
from typing import Any

import schemathesis  # type: ignore[import-not-found, unused-ignore]  # lives in the environment of the outside tools

# By operation: what may be refused although it fits the contract, as `code pointer cure` of a fault, and why.
REASONS: dict[str, tuple[str, ...]] = {
    "": (
        "forbidden ",  # another tenant than the key's, or another project
        "project-not-found ",
    ),
    "add_memory": (
        "end-user-mismatch /user_id ",  # a name in the body that differs from the header's
        r"validation-failed /user_id Send 1 to 256 bytes of printable",  # no pattern can say which characters print
        r"validation-failed /content .* differ",  # two names of one field
        r"validation-failed /client_ref .* another name",  # likewise
        r"validation-failed /valid_until .* later than",  # two fields together
        r"validation-failed /metadata Must not hold the NUL",  # at any depth
        r"validation-failed /metadata Must not be nested deeper",
        r"metadata-too-large /metadata ",  # measured in bytes
        r"payload-too-large /(text|content) ",  # measured in bytes
        r"idempotency-key-reused ",  # sent before with another body
        r"gone ",  # sent before, and forgotten since
    ),
    "query_memories": (
        "end-user-mismatch /user_id ",
        r"validation-failed /user_id Send 1 to 256 bytes of printable",
        r"validation-failed /filters/session_id .* another name",
        r"validation-failed /query .* bytes of UTF-8",  # measured in bytes
        r"validation-failed /filters/metadata/.* at most 64 bits",  # not every reader of numbers knows their size
    ),
    "get_memory": ("memory-not-found ",),
    "forget_memory": (
        "memory-not-found ",
        "precondition-failed header:If-Match ",  # another revision
        "idempotency-key-reused ",
    ),
    "list_memories": ("invalid-cursor query:cursor ",),  # signed: only those that were given out are taken
}


@schemathesis.hook  # type: ignore[untyped-decorator, unused-ignore]  # ships no types here
def before_call(_ctx: Any, case: Any, _kwargs: Any) -> None:
    """Make true, three times out of four, what no schema can say, so that requests get further than the door.

    An idempotency key is then one of its body, and `content`, another name for `text`, says the same.
    """
    if case.meta is None or not case.meta.generation.mode.is_positive:
        return
    body = json.dumps(case.body, sort_keys=True, default=str)
    digest = hashlib.sha256(body.encode(errors="surrogatepass")).hexdigest()
    if digest[0] in "cdef":
        return
    if case.headers and "Idempotency-Key" in case.headers:
        case.headers["Idempotency-Key"] = digest
    if isinstance(case.body, dict) and case.body.get("text") and case.body.get("content"):
        case.body = {**case.body, "content": case.body["text"]}


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
