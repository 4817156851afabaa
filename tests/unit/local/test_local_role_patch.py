"""Roles are checked as before, and what a check stands on is read once."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from ministack.core import iam_actions, iam_evaluator
from ministack.services import iam

from infrastructure.local.patches import role_checks, statement_rights
from infrastructure.local.patches.patcher import Patcher

ACCOUNT = "000000000000"
REGION = "us-east-1"
MEMORIES = f"arn:aws:dynamodb:{REGION}:{ACCOUNT}:table/Memories"
OTHER = f"arn:aws:dynamodb:{REGION}:{ACCOUNT}:table/Other"
ROLE = "reader"
READS = "dynamodb:GetItem"
WRITES = "dynamodb:PutItem"


def document(action: str, resource: str, effect: str = "Allow") -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": [{"Effect": effect, "Action": action, "Resource": resource}]})


def transaction(*tables: str) -> bytes:
    items = [{"Put": {"TableName": table, "Item": {"pk": {"S": str(place)}}}} for place, table in enumerate(tables)]
    return json.dumps({"TransactItems": items}).encode()


def parsings(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """Return a list that grows with every document that is parsed."""
    seen: list[Any] = []
    stock = json.loads

    def loads(text: Any, *args: Any, **options: Any) -> Any:
        seen.append(text)
        return stock(text, *args, **options)

    monkeypatch.setattr(json, "loads", loads)
    return seen


@pytest.fixture
def role() -> Iterator[dict[str, Any]]:
    made = {"RoleName": ROLE, "InlinePolicies": {"own": document(READS, MEMORIES)}, "AttachedPolicies": []}
    iam._roles.set_scoped(ACCOUNT, None, ROLE, made)
    yield made
    iam._roles._data.pop((ACCOUNT, ROLE), None)


def decided(action: str, resource: str) -> str:
    """Return what the role of the fixture leads to."""
    context = iam_evaluator.EvalContext(
        principal_arn=f"arn:aws:sts::{ACCOUNT}:assumed-role/{ROLE}/session",
        principal_type="AssumedRole",
        principal_account=ACCOUNT,
        action=action,
        resource_arn=resource,
        region=REGION,
    )
    return str(iam_evaluator.evaluate(context, iam_evaluator._gather_role_policies(ROLE, ACCOUNT)).decision)


@pytest.mark.usefixtures("role")
def test_the_stock_emulator_parses_all_policies_of_a_role_for_every_check(monkeypatch: pytest.MonkeyPatch) -> None:
    seen = parsings(monkeypatch)
    decided(READS, MEMORIES)
    decided(READS, MEMORIES)

    assert len(seen) == 2


@pytest.mark.usefixtures("role")
def test_each_policy_is_parsed_once(patcher: Patcher, monkeypatch: pytest.MonkeyPatch) -> None:
    role_checks.apply(patcher)
    seen = parsings(monkeypatch)

    assert [decided(READS, MEMORIES), decided(READS, MEMORIES), decided(READS, OTHER)] == ["Allow", "Allow", "ImplicitDeny"]
    assert len(seen) == 1


def test_a_changed_a_further_and_a_removed_policy_count_at_once(patcher: Patcher, role: dict[str, Any]) -> None:
    role_checks.apply(patcher)
    assert (decided(READS, MEMORIES), decided(WRITES, MEMORIES)) == ("Allow", "ImplicitDeny")

    role["InlinePolicies"]["own"] = document(WRITES, MEMORIES)
    assert (decided(READS, MEMORIES), decided(WRITES, MEMORIES)) == ("ImplicitDeny", "Allow")

    role["InlinePolicies"]["never"] = document("dynamodb:*", MEMORIES, "Deny")
    assert decided(WRITES, MEMORIES) == "Deny"

    del role["InlinePolicies"]["never"], role["InlinePolicies"]["own"]
    assert decided(WRITES, MEMORIES) == "ImplicitDeny"


def test_a_policy_that_is_no_text_is_read_as_it_is_each_time(patcher: Patcher, role: dict[str, Any]) -> None:
    role_checks.apply(patcher)
    held = json.loads(document(READS, MEMORIES))
    role["InlinePolicies"]["own"] = held
    assert decided(WRITES, MEMORIES) == "ImplicitDeny"

    held["Statement"][0]["Action"] = WRITES
    assert decided(WRITES, MEMORIES) == "Allow"


def checks(body: bytes) -> list[tuple[str, str]]:
    found: list[tuple[str, str]] = iam_actions.dynamodb_transaction_checks("dynamodb:TransactWriteItems", body, REGION, ACCOUNT)
    return found


def test_the_stock_emulator_checks_a_transaction_once_for_each_item() -> None:
    assert len(checks(transaction("Memories", "Memories", "Other"))) == 3


def test_a_transaction_is_checked_once_for_each_action_and_table(patcher: Patcher) -> None:
    role_checks.apply(patcher)

    assert checks(transaction("Memories", "Memories", "Other")) == [(WRITES, MEMORIES), (WRITES, OTHER)]


def judged(body: bytes) -> tuple[Any, ...]:
    """Return what the emulator reads in a request to judge it."""
    return (
        iam_actions.dynamodb_service_context(body),
        iam_actions.dynamodb_resource_arns(body, REGION, ACCOUNT),
        checks(body),
    )


BODIES = [
    json.dumps({"TableName": "Memories", "Key": {"pk": {"S": "1"}}, "ProjectionExpression": "state"}).encode(),
    json.dumps({"RequestItems": {"Memories": {"Keys": []}, "Other": {"Keys": []}}}).encode(),
    b"not JSON",
    b"",
    b"null",
]


def test_the_stock_emulator_parses_a_body_for_each_thing_that_it_wants_to_know(monkeypatch: pytest.MonkeyPatch) -> None:
    seen = parsings(monkeypatch)
    judged(BODIES[0])

    assert len(seen) > 1


def test_a_body_is_parsed_once_and_judged_as_before(patcher: Patcher, monkeypatch: pytest.MonkeyPatch) -> None:
    before = [judged(body) for body in BODIES]
    role_checks.apply(patcher)

    assert [judged(body) for body in BODIES] == before
    seen = parsings(monkeypatch)
    judged(BODIES[1])
    assert len(seen) == 1


def signed_by(key: str) -> dict[str, str]:
    return {"authorization": f"AWS4-HMAC-SHA256 Credential={key}/20261122/{REGION}/dynamodb/aws4_request, Signature=0"}


@pytest.mark.parametrize("headers", [{}, signed_by("test"), signed_by("AKIAUNKNOWN"), signed_by("111122223333")])
def test_a_caller_has_the_name_that_it_had(patcher: Patcher, headers: dict[str, str]) -> None:
    before = iam_evaluator.request_caller_arn(headers)
    role_checks.apply(patcher)

    assert iam_evaluator.request_caller_arn(headers) == before


def statements(*texts: str) -> bytes:
    return json.dumps({"Statements": [{"Statement": text, "Parameters": []} for text in texts]}).encode()


def checks_of(body: bytes) -> list[tuple[str, str]]:
    found: list[tuple[str, str]] = iam_actions.dynamodb_transaction_checks(
        "dynamodb:BatchExecuteStatement", body, REGION, ACCOUNT
    )
    return found


DELETES = 'DELETE FROM "Memories" WHERE "pk" = ?'


def test_the_stock_emulator_checks_statements_as_their_call() -> None:
    assert checks_of(statements(DELETES)) == []


def test_a_statement_is_checked_as_what_it_does_on_its_table(patcher: Patcher) -> None:
    statement_rights.apply(patcher)
    writes = ['INSERT INTO "Other" VALUE {}', "update Other SET n = 1 WHERE pk = ?", "SELECT pk, sk\nFROM Memories WHERE pk = ?"]

    assert checks_of(statements(DELETES, *writes)) == [
        ("dynamodb:PartiQLDelete", MEMORIES),
        ("dynamodb:PartiQLInsert", OTHER),
        ("dynamodb:PartiQLUpdate", OTHER),
        ("dynamodb:PartiQLSelect", MEMORIES),
    ]
    assert checks(transaction("Memories", "Memories")) == [(WRITES, MEMORIES)] * 2


def test_statements_that_do_the_same_are_checked_once(patcher: Patcher) -> None:
    statement_rights.apply(patcher)
    role_checks.apply(patcher)

    assert checks_of(statements(DELETES, DELETES)) == [("dynamodb:PartiQLDelete", MEMORIES)]


def test_a_statement_that_cannot_be_read_is_checked_as_what_nobody_may(patcher: Patcher) -> None:
    statement_rights.apply(patcher)

    assert checks_of(statements(DELETES, "TRUNCATE everything")) == [
        ("dynamodb:PartiQLDelete", MEMORIES),
        ("dynamodb:BatchExecuteStatement", "*"),
    ]
