"""The template as CloudFormation gets it."""

from __future__ import annotations

import json
from copy import deepcopy
from typing import Any

import pytest
from cfnlint.api import lint
from cfnlint.config import ManualArgs

from tests.contract.tree.chosen_template import chosen
from tests.contract.tree.rendered_template import PARAMETERS, REGION, rendered, resources
from tests.support.tables import template


def test_every_function_is_there_once_after_rendering() -> None:
    assert set(resources("AWS::Lambda::Function")) == {
        name for name, each in template()["Resources"].items() if each["Type"] == "AWS::Serverless::Function"
    }


def test_web_pages_of_the_given_origins_may_call_the_api_with_every_header_that_it_reads() -> None:
    [api] = resources("AWS::ApiGatewayV2::Api").values()
    cors = api["Properties"]["Body"]["x-amazon-apigateway-cors"]

    assert cors["allowOrigins"] == PARAMETERS["CorsOrigins"]
    read = {"authorization", "content-type", "idempotency-key", "x-api-key", "x-end-user-id", "x-project-id", "x-tenant-id"}
    assert read <= set(cors["allowHeaders"])
    assert {"etag", "idempotent-replay", "retry-after", "x-scope-warning"} <= set(cors["exposeHeaders"])


def findings(body: dict[str, Any]) -> dict[tuple[str, str], str]:
    """Return what cfn-lint says: where, by rule and message."""
    found = lint(json.dumps(body, default=str), config=ManualArgs(regions=[REGION]))
    return {(each.rule.id, each.message): f"{each.path}" for each in found}


def test_a_misspelt_action_would_be_seen() -> None:
    policy = deepcopy(rendered()["Resources"]["Projects"])
    [statement, *_] = policy["Properties"]["PolicyDocument"]["Statement"]
    statement["Action"] = ["dynamodb:RemoveItem"]
    alone = {"Resources": {"Projects": policy}}

    assert [rule for rule, message in findings(alone) if "removeitem" in message.lower()] == ["W3037"]


@pytest.mark.parametrize("choice", ["one machine", "own domain"])
def test_what_a_choice_of_parameters_makes_is_one_that_cloudformation_takes(choice: str) -> None:
    # With its conditions cfn-lint gets the template in `make check`.
    # What this choice has no use for is no fault of it: a parameter or a condition that nothing names (W2001, W8001).
    found = {finding: where for finding, where in findings(chosen(choice)).items() if finding[0] not in {"W2001", "W8001"}}

    assert found == {}
