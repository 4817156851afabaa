"""template.yaml as CloudFormation gets it: after the SAM transform, in this process."""

from __future__ import annotations

from copy import deepcopy
from functools import cache
from typing import Any

import boto3
from samtranslator.parser.parser import Parser
from samtranslator.translator.translator import Translator

from tests.support.tables import template

Json = dict[str, Any]
REGION = "us-east-1"
# What CloudFormation hands to the transform: lists for lists.
PARAMETERS = {"SearchEndpoint": "file:///index", "CorsOrigins": ["https://app.example"]}


@cache
def rendered() -> Json:
    """Return the template with every SAM resource in its CloudFormation form. Do not change it."""
    body = deepcopy(template())
    # `sam package` would have put addresses in a bucket in the place of local folders.
    body["Globals"]["Function"]["CodeUri"] = "s3://bucket/code"
    for resource in body["Resources"].values():
        if "ContentUri" in resource.get("Properties", {}):
            resource["Properties"]["ContentUri"] = "s3://bucket/layer"
    translator = Translator({}, Parser(), boto_session=boto3.Session(region_name=REGION))
    result: Json = translator.translate(body, dict(PARAMETERS))
    return result


def resources(*kinds: str) -> dict[str, Json]:
    """Return the rendered resources of these types, all without any, by logical id."""
    return {name: each for name, each in rendered()["Resources"].items() if not kinds or each["Type"] in kinds}


def properties(kind: str) -> dict[str, Json]:
    """Return the properties of the rendered resources of a type, by logical id."""
    return {name: each.get("Properties", {}) for name, each in resources(kind).items()}


def target(value: object) -> str:
    """Return which resource an intrinsic function names: `!Ref X` and `!GetAtt X.Arn` name X. Fails for anything else."""
    assert isinstance(value, dict), f"{value!r} names no resource"
    [(function, argument)] = value.items()
    assert function in {"Ref", "Fn::GetAtt"}, f"{value!r} names no resource"
    name = argument if function == "Ref" else argument.partition(".")[0] if isinstance(argument, str) else argument[0]
    return str(name)
