from pathlib import Path
from typing import Any

import pytest

from infrastructure.gates import variants
from infrastructure.gates.rendered import RenderError, decided, rendered, values

Json = dict[str, Any]

BODY: Json = {
    "Parameters": {
        "Size": {"Type": "Number", "Default": 1},
        "Names": {"Type": "CommaDelimitedList", "Default": "a,b"},
        "Place": {"Type": "String"},
    },
    "Conditions": {
        "IsBig": {"Fn::Not": [{"Fn::Equals": [{"Ref": "Size"}, 1]}]},
        "IsHere": {"Fn::Equals": [{"Ref": "Place"}, "here"]},
        "IsBoth": {"Fn::And": [{"Condition": "IsBig"}, {"Condition": "IsHere"}]},
        "IsEither": {"Fn::Or": [{"Condition": "IsBig"}, {"Condition": "IsHere"}]},
    },
    "Resources": {
        "Queue": {"Type": "AWS::SQS::Queue", "Properties": {}},
        "Table": {"Type": "AWS::DynamoDB::Table", "Properties": {}},
        "Secret": {"Type": "AWS::SecretsManager::Secret", "Properties": {}},
    },
}


def decide(value: object, **parameters: str) -> Any:
    body = {**BODY, "Resources": {**BODY["Resources"], "Other": {"Type": "Other", "Properties": {"value": value}}}}
    return decided(body, {"Place": "here", **parameters})["Resources"]["Other"]["Properties"].get("value", "gone")


@pytest.mark.parametrize(
    ("value", "plain"),
    [
        ({"Ref": "Place"}, "here"),
        ({"Ref": "Names"}, ["a", "b"]),
        ({"Ref": "AWS::Region"}, "us-east-1"),
        ({"Ref": "AWS::NoValue"}, "gone"),
        ([1, {"Ref": "AWS::NoValue"}, 2], [1, 2]),
        ({"Ref": "Table"}, "Table"),
        ({"Ref": "Queue"}, "https://sqs.us-east-1.amazonaws.com/123456789012/Queue"),
        ({"Ref": "Secret"}, "arn:aws:secretsmanager:us-east-1:123456789012:secret:Secret"),
        ({"Fn::GetAtt": ["Secret", "Id"]}, "arn:aws:secretsmanager:us-east-1:123456789012:secret:Secret"),
        ({"Fn::GetAtt": "Table.Arn"}, "arn:aws:dynamodb:us-east-1:123456789012:table/Table"),
        ({"Fn::GetAtt": ["Queue", "QueueName"]}, "Queue-QueueName"),
        (
            {"Fn::Sub": "${Table.Arn}/index/list ${Place} ${!Kept}"},
            "arn:aws:dynamodb:us-east-1:123456789012:table/Table/index/list here ${Kept}",
        ),
        ({"Fn::Sub": ["${Own}-${Place}", {"Own": {"Ref": "Table"}}]}, "Table-here"),
        ({"Fn::Join": ["-", ["a", {"Ref": "Place"}]]}, "a-here"),
        ({"Fn::Select": [1, {"Fn::Split": [",", "a,b"]}]}, "b"),
        ({"Fn::If": ["IsBig", "big", {"small": {"Ref": "Place"}}]}, {"small": "here"}),
        ({"Fn::If": ["IsBoth", 1, 2]}, 2),
        ({"Fn::If": ["IsEither", 1, 2]}, 1),
    ],
)
def test_an_intrinsic_function_is_replaced_by_what_it_gives(value: object, plain: object) -> None:
    assert decide(value) == plain


@pytest.mark.parametrize(
    "value", [{"Fn::Transform": {}}, {"Ref": "Nothing"}, {"Fn::GetAtt": ["Nothing", "Arn"]}, {"Fn::Sub": "${Nothing}"}]
)
def test_what_cannot_be_decided_is_no_result(value: object) -> None:
    with pytest.raises(RenderError):
        decide(value)


def test_a_resource_under_a_false_condition_is_gone() -> None:
    body = {**BODY, "Resources": {"Big": {"Type": "Other", "Condition": "IsBig"}}}

    assert decided(body, {"Place": "here"})["Resources"] == {}
    assert decided(body, {"Place": "here", "Size": "2"})["Resources"] == {"Big": {"Type": "Other"}}


@pytest.mark.parametrize("given", [{}, {"Place": "here", "Unknown": "1"}])
def test_a_parameter_without_a_value_or_without_a_place_is_refused(given: dict[str, str]) -> None:
    with pytest.raises(RenderError):
        values(BODY, given)


def test_every_variant_of_the_template_can_be_decided_and_they_differ() -> None:
    templates = variants.templates()

    assert {name for name, body in templates.items() if "SearchDomain" in body["Resources"]} == {
        "own-domain",
        "own-domain-of-three",
    }
    assert all("AWS::Serverless" not in str(body) for body in templates.values())
    assert all("Fn::" not in str(body["Resources"].values()) for body in templates.values())


def test_the_template_is_rendered_from_its_file(tmp_path: Path) -> None:
    path = tmp_path / "template.yaml"
    path.write_text(
        "Transform: AWS::Serverless-2016-10-31\nGlobals: {Function: {Runtime: python3.13}}\nResources:\n"
        "  Work: {Type: 'AWS::Serverless::Function', Properties: {Handler: a.b, CodeUri: s3://b/k}}\n"
    )

    assert {each["Type"] for each in rendered({}, path)["Resources"].values()} == {"AWS::Lambda::Function", "AWS::IAM::Role"}
