"""The parameters of the language model say what the container takes, and nothing that it refuses."""

from __future__ import annotations

import re
from dataclasses import fields, replace
from typing import Any

import pytest

from backend.bootstrap import Container
from backend.kit.config import Settings
from tests.contract.tree.chosen_template import CHOICES, chosen_properties
from tests.support.tables import template

ARN = "arn:aws:secretsmanager:eu-west-1:123456789012:secret:models/small-AbCdEf"
# In the stages where they are taken: plain http is for one machine.
TAKEN = {
    "": "prod",
    "bedrock:amazon.nova-lite-v1:0": "prod",
    "bedrock:eu.anthropic.claude-sonnet-4-20250514-v1:0": "prod",
    "bedrock:amazon.nova-pro-v1:0:300k": "prod",
    "https://models.example/v1#small": "prod",
    "https://models.example:8443/v1#meta-llama/Llama-3": "prod",
    "https://models.example#small": "prod",
    "http://127.0.0.1:11434/v1#llama3.1:8b": "local",
}
REFUSED = [
    "small",
    "bedrock:",
    # A profile's ARN would name another resource than the policy does.
    "bedrock:arn:aws:bedrock:us-east-1:123456789012:application-inference-profile/abc",
    "https://models.example/v1",
    "https://models.example/v1#",
    "https://user:word@models.example/v1#small",
    "https://models.example/v1?key=1#small",
    "http://models.example/v1#small",
    "http://127.0.0.1.example/v1#small",
]


def allows(parameter: str, value: str) -> bool:
    return re.fullmatch(template()["Parameters"][parameter]["AllowedPattern"], value) is not None


@pytest.mark.parametrize(("named", "stage"), TAKEN.items())
def test_what_the_template_takes_the_container_takes(named: str, stage: str) -> None:
    assert allows("LanguageModel", named)

    settings = replace(Settings(**{each.name: "" for each in fields(Settings)}), language_model=named, stage=stage)
    model = Container(settings).language_model
    assert (model.name if model else "") == (named.partition("#")[2] or named.partition(":")[2])


@pytest.mark.parametrize("named", REFUSED)
def test_what_nobody_could_ask_is_refused_before_anything_is_made(named: str) -> None:
    assert not allows("LanguageModel", named)


@pytest.mark.parametrize(
    ("arn", "is_taken"), [("", True), (ARN, True), ("models/small", False), (ARN.replace("123", "*"), False)]
)
def test_the_key_is_named_by_the_arn_of_one_secret(arn: str, *, is_taken: bool) -> None:
    assert allows("LanguageModelSecret", arn) is is_taken


def test_a_key_without_a_model_is_refused() -> None:
    rule = template()["Rules"]["SecretHasALanguageModel"]
    [assertion] = rule["Assertions"]

    assert rule["RuleCondition"] == {"Fn::Not": [{"Fn::Equals": [{"Ref": "LanguageModelSecret"}, ""]}]}
    assert assertion["Assert"] == {"Fn::Not": [{"Fn::Equals": [{"Ref": "LanguageModel"}, ""]}]}


def test_an_installation_asks_no_model_unless_somebody_says_which() -> None:
    assert template()["Parameters"]["LanguageModel"]["Default"] == ""
    assert template()["Parameters"]["LanguageModelSecret"]["Default"] == ""


@pytest.mark.parametrize("choice", CHOICES)
def test_no_role_has_more_policies_than_an_account_allows(choice: str) -> None:
    # IAM User Guide, "IAM and AWS STS quotas": ten managed policies a role by default.
    attached: dict[str, list[Any]] = {
        name: role.get("ManagedPolicyArns", []) for name, role in chosen_properties(choice, "AWS::IAM::Role").items()
    }

    assert {name: len(each) for name, each in attached.items() if len(each) > 10} == {}
