"""template.yaml as CloudFormation makes it for some values of its parameters: conditions decided, what is not wanted left out."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any, cast

from tests.contract.tree.rendered_template import PARAMETERS, rendered

Json = dict[str, Any]

CHOICES: dict[str, Mapping[str, str]] = {
    "one machine": {"SearchEndpoint": "file:///index"},
    "own domain": {"SearchEndpoint": ""},
    "three nodes": {"SearchEndpoint": "", "SearchInstanceCount": "3"},
    "given domain": {"SearchEndpoint": "https://search.example", "SearchDomainName": "given"},
    "given cluster": {"SearchEndpoint": "https://search.example"},
    "bedrock": {"SearchEndpoint": "", "EmbeddingProvider": "bedrock:amazon.titan-embed-text-v2:0"},
    "language model on bedrock": {"SearchEndpoint": "file:///index", "LanguageModel": "bedrock:eu.amazon.nova-lite-v1:0"},
    "language model elsewhere": {"SearchEndpoint": "file:///index", "LanguageModel": "https://models.example/v1#small"},
    "language model with a key": {
        "SearchEndpoint": "file:///index",
        "LanguageModel": "https://models.example/v1#bedrock:small",
        "LanguageModelSecret": "arn:aws:secretsmanager:us-east-1:123456789012:secret:models-AbCdEf",
    },
}
"""What somebody who deploys may choose between, by a name for it."""

NOTHING = {"Ref": "AWS::NoValue"}


@cache
def chosen(choice: str) -> Json:
    """Return the rendered template of a choice, without conditions. Do not change it."""
    body = rendered()
    values = {name: each.get("Default") for name, each in body["Parameters"].items()} | PARAMETERS | dict(CHOICES[choice])
    decided = {name: _holds(condition, body["Conditions"], values) for name, condition in body["Conditions"].items()}
    resources = {
        name: {part: _decided(value, decided) for part, value in each.items() if part != "Condition"}
        for name, each in body["Resources"].items()
        if decided.get(each.get("Condition"), True)
    }
    return {
        **{part: value for part, value in body.items() if part != "Conditions"},
        "Resources": resources,
        "Outputs": _decided(body["Outputs"], decided),
    }


def chosen_properties(choice: str, kind: str) -> dict[str, Json]:
    """Return the properties of a choice's resources of a type, by logical id."""
    resources = chosen(choice)["Resources"]
    return {name: each.get("Properties", {}) for name, each in resources.items() if each["Type"] == kind}


def _holds(condition: Any, known: Json, values: Mapping[str, Any]) -> bool:
    """Decide a condition; one whose function is not known here is a `KeyError`."""
    [(function, arguments)] = condition.items()
    if function == "Condition":
        return _holds(known[arguments], known, values)
    if function == "Fn::Equals":
        left, right = (str(_value(each, values)) for each in arguments)
        return left == right
    parts = [_holds(each, known, values) for each in arguments]
    return {"Fn::Not": not parts[0], "Fn::Or": any(parts), "Fn::And": all(parts)}[function]


def _value(argument: Any, values: Mapping[str, Any]) -> Any:
    """Return what an argument of a condition comes to; one whose function is not known here is a `KeyError`."""
    if not isinstance(argument, dict):
        return argument
    [(function, arguments)] = argument.items()
    if function == "Ref":
        return values[arguments]
    if function == "Fn::Split":
        return str(_value(arguments[1], values)).split(arguments[0])
    return {"Fn::Select": _value(arguments[1], values)}[function][arguments[0]]


def _decided(value: Any, decided: Mapping[str, bool]) -> Any:
    """Return the value with every `Fn::If` replaced by what it comes to, and without what comes to nothing."""
    if isinstance(value, dict):
        if list(value) == ["Fn::If"]:
            condition, then, otherwise = cast("list[Any]", value["Fn::If"])
            return _decided(then if decided[condition] else otherwise, decided)
        parts = {name: _decided(part, decided) for name, part in value.items()}
        return {name: part for name, part in parts.items() if part != NOTHING}
    if isinstance(value, list):
        return [each for each in (_decided(part, decided) for part in value) if each != NOTHING]
    return value
