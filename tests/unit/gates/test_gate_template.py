"""What is planted into the rendered template is found: each gate on one small template that has it, and on one that has not."""

from __future__ import annotations

from copy import deepcopy
from typing import Any

import pytest

from infrastructure.gates import cfn_lint, checkov, permissions
from infrastructure.gates.findings import Finding
from infrastructure.gates.programs import ToolError

Json = dict[str, Any]
TABLE = "arn:aws:dynamodb:us-east-1:123456789012:table/Table"
CLEAN: Json = {
    "AWSTemplateFormatVersion": "2010-09-09",
    "Resources": {
        "Queue": {"Type": "AWS::SQS::Queue", "Properties": {"KmsMasterKeyId": "arn:aws:kms:us-east-1:123456789012:key/Key"}},
        "Reads": {
            "Type": "AWS::IAM::ManagedPolicy",
            "Properties": {
                "PolicyDocument": {
                    "Version": "2012-10-17",
                    "Statement": [{"Effect": "Allow", "Action": ["dynamodb:GetItem"], "Resource": [TABLE]}],
                }
            },
        },
    },
}


def with_statement(**changes: object) -> Json:
    body = deepcopy(CLEAN)
    body["Resources"]["Reads"]["Properties"]["PolicyDocument"]["Statement"][0] |= changes
    return body


def checks(found: set[Finding]) -> set[tuple[str, str]]:
    return {(each.check, each.place) for each in found}


def test_checkov_finds_an_unencrypted_queue_beside_one_that_is_encrypted() -> None:
    planted = {"Resources": {"OpenQueue": {"Type": "AWS::SQS::Queue", "Properties": {"QueueName": "open"}}}}

    assert checks(checkov.findings({"clean": CLEAN, "planted": planted})) == {("CKV_AWS_27", "OpenQueue")}


def test_a_template_in_which_checkov_looks_at_nothing_is_no_clean_one() -> None:
    with pytest.raises(ToolError):
        checkov.findings({"empty": {"Resources": {}}})


def test_the_clean_policy_passes() -> None:
    assert permissions.parliament(CLEAN) | permissions.wildcards(CLEAN) == set()


def test_parliament_finds_what_is_no_action_or_no_resource_of_it() -> None:
    planted: dict[str, tuple[Json, str]] = {
        "Removes": ({"Action": ["dynamodb:RemoveItem"]}, "UNKNOWN_ACTION"),
        "GetsMany": ({"Action": ["dynamodb:GetItems"]}, "UNKNOWN_ACTION"),
        "OfAnother": ({"Resource": ["arn:aws:s3:::bucket/key"]}, "RESOURCE_MISMATCH"),
        "OfAll": ({"Resource": ["*"]}, "RESOURCE_STAR"),
        "Grows": ({"Action": ["iam:PassRole", "iam:CreatePolicyVersion"], "Resource": ["*"]}, "PRIVILEGE_ESCALATION"),
    }
    body = {"Resources": {name: with_statement(**changes)["Resources"]["Reads"] for name, (changes, _) in planted.items()}}

    # One program for all: starting it takes longer than its work.
    found = checks(permissions.parliament(body))

    assert {(check, name) for name, (_, check) in planted.items()} - found == set()


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"Action": ["dynamodb:*"]}, ("WILDCARD_ACTION", "Reads dynamodb:*")),
        ({"Action": "dynamodb:Get*"}, ("WILDCARD_ACTION", "Reads dynamodb:Get*")),
        ({"Resource": "*"}, ("WILDCARD_RESOURCE", "Reads *")),
        ({"Resource": [TABLE, f"{TABLE}/index/*"]}, ("WILDCARD_RESOURCE", f"Reads {TABLE}/index/*")),
        ({"Principal": "*"}, ("WILDCARD_PRINCIPAL", "Reads *")),
        ({"Principal": {"AWS": "*"}}, ("WILDCARD_PRINCIPAL", "Reads *")),
        ({"NotAction": ["dynamodb:DeleteItem"]}, ("WILDCARD_RESOURCE", "Reads NotAction")),
        ({"NotResource": [TABLE]}, ("WILDCARD_RESOURCE", "Reads NotResource")),
    ],
)
def test_every_wildcard_is_found(changes: Json, expected: tuple[str, str]) -> None:
    assert checks(permissions.wildcards(with_statement(**changes))) == {expected}


def test_a_policy_inside_a_role_is_read_too_and_a_key_is_free_to_call_itself_everything() -> None:
    wide = {"Statement": [{"Effect": "Allow", "Action": "kms:Decrypt", "Resource": "*"}]}
    body = {
        "Resources": {
            "Role": {"Type": "AWS::IAM::Role", "Properties": {"Policies": [{"PolicyName": "p", "PolicyDocument": wide}]}},
            "Key": {"Type": "AWS::KMS::Key", "Properties": {"KeyPolicy": wide}},
        }
    }

    assert checks(permissions.wildcards(body)) == {("WILDCARD_RESOURCE", "Role *")}


def test_a_template_without_policies_is_no_clean_one() -> None:
    with pytest.raises(ToolError):
        permissions.parliament({"Resources": {}})


def test_one_wildcard_more_than_there_may_be_is_a_finding_also_when_each_is_allowed() -> None:
    several = {Finding("WILDCARD_RESOURCE", f"Reads {number}*", "") for number in range(permissions.MOST_WILDCARDS)}

    assert permissions.too_many("variant", several) == []
    assert permissions.too_many("variant", several | {Finding("WILDCARD_PRINCIPAL", "Key *", "")}) == []
    [found] = permissions.too_many("variant", several | {Finding("WILDCARD_ACTION", "Reads dynamodb:*", "")})
    assert (found.check, found.place) == ("TOO_MANY_WILDCARDS", "variant")


def test_cfn_lint_finds_a_property_that_does_not_exist() -> None:
    body = deepcopy(CLEAN)
    body["Resources"]["Queue"]["Properties"]["Encrypted"] = True

    assert cfn_lint.findings(CLEAN) == set()
    assert {each.check for each in cfn_lint.findings(body)} == {"E3002"}
