"""template.yaml after the SAM transform, and as a stack then is: conditions decided, references filled in."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from copy import deepcopy
from pathlib import Path
from typing import Any

import boto3
from samtranslator.parser.parser import Parser
from samtranslator.translator.translator import Translator
from samtranslator.yaml_helper import yaml_parse

from infrastructure.template import TEMPLATE

Json = dict[str, Any]

REGION = "us-east-1"
ACCOUNT = "123456789012"
PSEUDO = {
    "AWS::AccountId": ACCOUNT,
    "AWS::Partition": "aws",
    "AWS::Region": REGION,
    "AWS::StackId": f"arn:aws:cloudformation:{REGION}:{ACCOUNT}:stack/memorysync/1",
    "AWS::StackName": "memorysync",
    "AWS::URLSuffix": "amazonaws.com",
}
LISTS = ("CommaDelimitedList", "List<")
NOTHING = object()
"""What `AWS::NoValue` leaves behind, until it is dropped."""

# Service Authorization Reference: the form of each ARN that a policy of ours names. `{}` is the logical id.
ARNS = {
    "AWS::DynamoDB::Table": "arn:aws:dynamodb:{region}:{account}:table/{}",
    "AWS::KMS::Key": "arn:aws:kms:{region}:{account}:key/{}",
    "AWS::Lambda::Function": "arn:aws:lambda:{region}:{account}:function:{}",
    "AWS::Logs::LogGroup": "arn:aws:logs:{region}:{account}:log-group:{}:*",
    "AWS::OpenSearchService::Domain": "arn:aws:es:{region}:{account}:domain/{}",
    "AWS::SQS::Queue": "arn:aws:sqs:{region}:{account}:{}",
    "AWS::SecretsManager::Secret": "arn:aws:secretsmanager:{region}:{account}:secret:{}",
}
_VARIABLE = re.compile(r"\$\{(!?)([^}]+)\}")


class RenderError(Exception):
    """The template says something that cannot be decided here."""


def rendered(parameters: Mapping[str, str], path: Path = TEMPLATE) -> Json:
    """Return the template with every SAM resource in its CloudFormation form; conditions stand undecided.

    `parameters` are added to the template's defaults; those that it has not are refused with `RenderError`.
    """
    body: Json = yaml_parse(path.read_text())
    # `sam package` would have put addresses in a bucket in the place of local folders.
    body["Globals"]["Function"]["CodeUri"] = "s3://bucket/code"
    for resource in body["Resources"].values():
        if "ContentUri" in resource.get("Properties", {}):
            resource["Properties"]["ContentUri"] = "s3://bucket/layer"
    translator = Translator({}, Parser(), boto_session=boto3.Session(region_name=REGION))
    result: Json = translator.translate(deepcopy(body), values(body, parameters))
    # To nobody: without this it complains at the end of the process.
    translator.metrics.publish()
    return result


def values(body: Mapping[str, Any], given: Mapping[str, str]) -> Json:
    """Return the value of every parameter of the template. Raises `RenderError` for one without, and for one unknown."""
    declared = body.get("Parameters", {})
    if unknown := set(given) - set(declared):
        msg = f"The template has no parameters {sorted(unknown)}."
        raise RenderError(msg)
    found: Json = {}
    for name, each in declared.items():
        if name not in given and "Default" not in each:
            msg = f"The parameter {name} has neither a value nor a default."
            raise RenderError(msg)
        value = given.get(name, each.get("Default"))
        found[name] = str(value).split(",") if each["Type"].startswith(LISTS) else value
    return found


def decided(body: Mapping[str, Any], parameters: Mapping[str, str]) -> Json:
    """Return the rendered template as these parameters make it.

    Resources and outputs under false conditions are gone, intrinsic functions are replaced by what they would give, with
    made-up physical names. Raises `RenderError` for a function that is not known here.
    """
    scene = _Scene(body, values(body, parameters))
    resources = {
        name: scene.plain({key: value for key, value in each.items() if key not in {"Condition", "DependsOn"}})
        for name, each in body["Resources"].items()
        if scene.holds(each.get("Condition"))
    }
    return {"AWSTemplateFormatVersion": "2010-09-09", "Resources": resources}


class _Scene:
    """Decides intrinsic functions for one set of parameters."""

    def __init__(self, body: Mapping[str, Any], parameters: Mapping[str, Any]) -> None:
        self._body = body
        self._parameters = parameters
        self._functions: dict[str, Callable[[Any], Any]] = {
            "Condition": self.holds,
            "Fn::And": lambda each: all(map(self.plain, each)),
            "Fn::Base64": self.plain,
            "Fn::Equals": lambda each: self.plain(each[0]) == self.plain(each[1]),
            "Fn::GetAtt": self._attribute,
            "Fn::If": lambda each: self.plain(each[1] if self.holds(each[0]) else each[2]),
            "Fn::Join": lambda each: each[0].join(self.plain(each[1])),
            "Fn::Not": lambda each: not self.plain(each[0]),
            "Fn::Or": lambda each: any(map(self.plain, each)),
            "Fn::Select": lambda each: self.plain(each[1])[int(self.plain(each[0]))],
            "Fn::Split": lambda each: str(self.plain(each[1])).split(each[0]),
            "Fn::Sub": self._substituted,
            "Ref": self._reference,
        }

    def holds(self, condition: str | None) -> bool:
        """Tell whether a condition of the template is true; none is."""
        return condition is None or bool(self.plain(self._body["Conditions"][condition]))

    def plain(self, value: Any) -> Any:  # noqa: ANN401 - any part of a template
        """Return the value with every intrinsic function replaced."""
        if isinstance(value, list):
            return [each for each in map(self.plain, value) if each is not NOTHING]
        if not isinstance(value, dict):
            return value
        if len(value) == 1:
            [(name, argument)] = value.items()
            if name in self._functions:
                return self._functions[name](argument)
            if name.startswith("Fn::"):
                msg = f"{name} is not known here."
                raise RenderError(msg)
        found = {key: self.plain(each) for key, each in value.items()}
        return {key: each for key, each in found.items() if each is not NOTHING}

    def _reference(self, name: str) -> Any:  # noqa: ANN401 - a parameter may be text or a list
        if name == "AWS::NoValue":
            return NOTHING
        if name in PSEUDO:
            return PSEUDO[name]
        if name in self._parameters:
            return self._parameters[name]
        kind = self._kind(name)
        if kind == "AWS::SQS::Queue":
            return f"https://sqs.{REGION}.amazonaws.com/{ACCOUNT}/{name}"
        return self._arn(name) if kind == "AWS::SecretsManager::Secret" else name

    def _attribute(self, argument: str | list[str]) -> str:
        name, _, attribute = argument.partition(".") if isinstance(argument, str) else (argument[0], ".", argument[1])
        self._kind(name)
        if attribute in {"Arn", "DomainArn"} or (attribute, self._kind(name)) == ("Id", "AWS::SecretsManager::Secret"):
            return self._arn(name)
        if attribute == "StreamArn":
            return f"{self._arn(name)}/stream/2026-01-01T00:00:00.000"
        return f"{name}-{attribute}"

    def _arn(self, name: str) -> str:
        form = ARNS.get(self._kind(name), "arn:aws:other:{region}:{account}:{}")
        return form.format(name, region=REGION, account=ACCOUNT)

    def _substituted(self, argument: str | list[Any]) -> str:
        text, given = (argument, {}) if isinstance(argument, str) else (argument[0], argument[1])

        def value(found: re.Match[str]) -> str:
            literal, name = found.groups()
            if literal:
                return f"${{{name}}}"
            if name in given:
                return str(self.plain(given[name]))
            return str(self._attribute(name) if "." in name else self._reference(name))

        return _VARIABLE.sub(value, text)

    def _kind(self, name: str) -> str:
        try:
            return str(self._body["Resources"][name]["Type"])
        except KeyError:
            msg = f"The template refers to {name}, which it has not."
            raise RenderError(msg) from None
