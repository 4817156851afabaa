from typing import Any

import pytest
from ministack.core import iam_evaluator

from infrastructure.local.patches.patcher import Patcher
from infrastructure.local.rights import UsedRights

TABLE = "arn:aws:dynamodb:us-east-1:000000000000:table/memories"
POLICY = {"Statement": [{"Effect": "Allow", "Action": ["dynamodb:GetItem"], "Resource": TABLE}]}
ROLE = "arn:aws:sts::000000000000:assumed-role/AddMemoryRole/session"


def ask(action: str, resource: str = TABLE, kind: str = "AssumedRole") -> Any:
    context = iam_evaluator.EvalContext(ROLE, kind, "000000000000", action, resource, "us-east-1")
    return iam_evaluator.evaluate(context, [iam_evaluator.parse_policy_document(POLICY)]).decision


@pytest.fixture
def rights(patcher: Patcher) -> UsedRights:
    listening = UsedRights()
    listening.apply(patcher)
    return listening


def test_what_a_role_was_allowed_is_listed_once(rights: UsedRights) -> None:
    assert [ask("dynamodb:GetItem"), ask("dynamodb:GetItem")] == ["Allow", "Allow"]

    assert rights.listed() == {"used": [["AddMemoryRole", "dynamodb:GetItem", TABLE]]}


def test_what_a_role_was_refused_and_what_others_did_is_not(rights: UsedRights) -> None:
    assert ask("dynamodb:PutItem") == "ImplicitDeny"
    assert ask("dynamodb:GetItem", kind="User") == "Allow"

    assert rights.listed() == {"used": []}
