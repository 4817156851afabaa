"""Each function uses every right that its role has: what none ever uses is taken away."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

from infrastructure.local.stack import Stack
from infrastructure.template import functions, load
from tests.journeys.conftest import User, settled, until
from tests.support.faulty_proxy import Fate, faulty_network, function_environment
from tests.support.rights import granted, unused, used

# Rights that are needed on AWS and cannot be seen in use here, each with its reason. One that is seen to be used fails.
UNSEEN = {
    # The embedded index has a key of its own; OpenSearch's is made of the pepper.
    "secretsmanager:GetSecretValue Pepper": {"ProjectChanges", "SweepPending", "RebuildIndex"},
    # Lambda sends what was given up, by the function's role; the emulator does it by no role.
    "sqs:SendMessage FailedEvents": {"ProjectChanges", "SweepPending", "RepairEmbeddings", "PurgeTombstones"},
}
TOO_LARGE = str(2**70)
"""A row version that the index cannot hold: such a row is parked."""


def unseen(function: str) -> set[str]:
    return {right for right, of in UNSEEN.items() if function in of}


def has_done(stack: Stack, function: str, action: str) -> bool:
    return action in {each for each, _ in used(stack, function)}


def old_position(user: User, memory_id: str) -> str:
    return f"2020-01-01T00:00:00.000000Z#{user.tenant_id}#{memory_id}"


def item(user: User, pk: str, sk: str) -> dict[str, Any]:
    table = user.stack.outputs()["MemoriesTableName"]
    key = {"pk": {"S": pk}, "sk": {"S": sk}}
    found: dict[str, Any] = user.stack.client("dynamodb").get_item(TableName=table, Key=key, ConsistentRead=True)["Item"]
    return found


def put(user: User, item: dict[str, Any]) -> None:
    user.stack.client("dynamodb").put_item(TableName=user.stack.outputs()["MemoriesTableName"], Item=item)


def remove(user: User, item: dict[str, Any]) -> None:
    key = {"pk": item["pk"], "sk": item["sk"]}
    user.stack.client("dynamodb").delete_item(TableName=user.stack.outputs()["MemoriesTableName"], Key=key)


def row_of(user: User, memory_id: str) -> dict[str, Any]:
    return item(user, f"M#{user.tenant_id}#{memory_id}", "ROW")


def leave_marker(user: User, memory_id: str, version: dict[str, str] | None = None) -> dict[str, Any]:
    """Put a pending marker for the sweep, as if nobody had projected the row for years."""
    marker = {
        "pk": {"S": f"P#{user.tenant_id}#main#live#USER#u1#0"},
        "sk": {"S": memory_id},
        "row_version": version or row_of(user, memory_id)["row_version"],
        "due_pk": {"S": "PENDING#0"},
        "due_sk": {"S": old_position(user, memory_id)},
    }
    put(user, marker)
    return marker


@contextmanager
def broken_row(user: User, memory_id: str, **changes: Any) -> Iterator[str]:
    """Put a changed copy of a row into the table, with an old marker, and take both out again."""
    broken = memory_id[:-4] + "ZZZZ"
    row = row_of(user, memory_id) | {"pk": {"S": f"M#{user.tenant_id}#{broken}"}, "memory_id": {"S": broken}}
    row |= {"due_sk": {"S": old_position(user, broken)}, **changes}
    marker = leave_marker(user, broken, row["row_version"])
    put(user, row)
    try:
        yield broken
    finally:
        remove(user, marker)
        remove(user, row)


def swept(user: User, memory_id: str, shows: str) -> bool:
    """Sweep, with a marker: the projector may have put aside the last one. Return whether the sweep has done this by now."""
    leave_marker(user, memory_id)
    user.stack.invoke("SweepPending", {})
    return has_done(user.stack, "SweepPending", shows)


def through_every_route(user: User) -> None:
    """Add, add again, ask, read, list, forget, and add what was forgotten."""
    memory = user.call("POST", "/memory/add", {"text": "The plumber is called Mario."}, Idempotency_Key="k").json()
    assert user.call("POST", "/memory/add", {"text": "The plumber is called Mario."}, Idempotency_Key="k").is_success
    assert user.ask("plumber")
    assert user.all()
    path = f"/memory/{memory['id']}"
    assert user.call("GET", path).status_code == 200
    assert user.call("DELETE", path, Idempotency_Key="forget").status_code == 200
    assert user.add("The plumber is called Mario.")["id"] != memory["id"]


def through_lost_answers(user: User) -> None:
    """Claim a request without hearing whether the claim was taken."""
    memory = user.add("Forget this.")
    for function, call in (
        ("AddMemory", ("POST", "/memory/add", {"text": "Only once."})),
        ("DeleteMemory", ("DELETE", f"/memory/{memory['id']}")),
    ):
        with faulty_network(user.stack, function) as proxy:
            proxy.fates["PutItem"] = (Fate.UNANSWERED, 1)
            user.call(*call, Idempotency_Key="lost")
            assert proxy.seen["GetItem"] >= 1


def through_repairs(user: User) -> None:
    """Project, sweep, fill again and repair what is as it should be, and what is not."""
    with function_environment(user.stack, "AddMemory", EMBEDDER_DIR="/nowhere"):
        waiting = user.add("Without a vector.")["id"]
    # Read alone after it could not be read with others, and put aside after it could not be shown.
    for changes, shows in (
        ({"state": {"S": "nonsense"}, "due_pk": {"S": "EMBED#0"}}, "dynamodb:GetItem"),
        ({"row_version": {"N": TOO_LARGE}}, "sqs:SendMessage"),
    ):
        with broken_row(user, waiting, **changes) as broken:
            user.stack.invoke("RepairEmbeddings", {})
            user.stack.invoke("RebuildIndex", {"rows": [[user.tenant_id, broken]]})
            until(partial(has_done, user.stack, "ProjectChanges", shows))
            until(partial(swept, user, broken, shows))
    user.stack.invoke("RebuildIndex", {})
    user.stack.invoke("PurgeTombstones", {})
    until(partial(settled, user, waiting))
    leave_marker(user, waiting)
    user.stack.invoke("SweepPending", {})
    assert settled(user, waiting)


def through_operators_commands(user: User) -> None:
    """Do each kind of thing that an operator does."""
    user.operate("set_scope_mode", scope_mode="compat")
    user.operate("configure_issuer", issuer="https://login.example", audience="a", jwks_url="https://login.example/keys")
    user.operate("list_issuers")
    user.operate("remove_issuer", issuer="https://login.example")
    user.operate("revoke_key", public_id=user.operate("list_keys")["items"][0]["public_id"])


def test_every_right_that_a_function_has_is_used(stack: Stack, new_user: Callable[..., User]) -> None:
    compat = new_user(scope_mode="compat")
    compat.headers.pop("X-Project-ID")
    through_every_route(new_user())
    through_every_route(compat)
    assert compat.call("GET", "/health/ready").status_code == 200
    through_lost_answers(new_user())
    through_repairs(new_user())
    through_operators_commands(new_user())

    left = {each.name: unused(stack, each.name) for each in functions(load())}
    assert {name: rights - unseen(name) for name, rights in left.items() if rights - unseen(name)} == {}
    assert {name: unseen(name) - rights for name, rights in left.items() if unseen(name) - rights} == {}


def test_a_right_that_no_call_needs_would_be_listed(stack: Stack) -> None:
    iam: Any = stack.client("iam")
    role, table = stack.resource("GetMemoryRole"), stack.outputs()["MemoriesTableName"]
    arn = f"arn:aws:dynamodb:us-east-1:000000000000:table/{table}"
    statement = {"Effect": "Allow", "Action": ["dynamodb:Scan"], "Resource": arn}
    iam.put_role_policy(
        RoleName=role, PolicyName="wide", PolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    )
    try:
        assert "dynamodb:Scan MemoriesTable" in unused(stack, "GetMemory")
    finally:
        iam.delete_role_policy(RoleName=role, PolicyName="wide")
    assert ("dynamodb:Scan", arn) not in granted(stack, "GetMemory")
