"""What each function may do, written down here a second time: whoever gives a function more has to say so twice."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from backend.embedding.bedrock_formats import FORMATS
from infrastructure.template import functions, load
from tests.contract.tree.rendered_template import properties, resources, target

Json = dict[str, Any]

SIGN_IN = {
    "dynamodb:GetItem TenancyTable",
    "dynamodb:Query TenancyTable",
    "secretsmanager:GetSecretValue Pepper",
    # A request without a project leaves an entry in the audit log.
    "dynamodb:GetItem AuditTable",
    "dynamodb:PutItem AuditTable",
}
READ = {
    "dynamodb:GetItem MemoriesTable",
    "dynamodb:BatchGetItem MemoriesTable",
    "dynamodb:Query MemoriesTable",
    "dynamodb:Query MemoriesTable/index/list",
    "dynamodb:Query MemoriesTable/index/due",
}
WRITE = {
    "dynamodb:PutItem MemoriesTable",
    "dynamodb:UpdateItem MemoriesTable",
    "dynamodb:BatchWriteItem MemoriesTable",
    "dynamodb:GetItem IdempotencyTable",
    "dynamodb:PutItem IdempotencyTable",
    "dynamodb:UpdateItem IdempotencyTable",
}
SHOW = {
    "dynamodb:DeleteItem MemoriesTable",
    "dynamodb:UpdateItem MemoriesTable",
    "sqs:SendMessage ParkedRows",
}
MODELS = {
    "arn:${AWS::Partition}:bedrock:*::foundation-model/amazon.titan-embed-text-v2:*",
    "arn:${AWS::Partition}:bedrock:*::foundation-model/cohere.embed-*",
    "arn:${AWS::Partition}:bedrock:${AWS::Region}:${AWS::AccountId}:inference-profile/*.cohere.embed-*",
}
EMBED = {f"bedrock:InvokeModel {model}" for model in MODELS}
GIVE_UP = {"sqs:SendMessage FailedEvents"}
MAY: dict[str, set[str]] = {
    "AddMemory": SIGN_IN | READ | WRITE | EMBED,
    "QueryMemories": SIGN_IN | READ | EMBED,
    "GetMemory": SIGN_IN | READ,
    "ListMemories": SIGN_IN | READ,
    "DeleteMemory": SIGN_IN | READ | WRITE,
    "Status": READ | EMBED,
    "Fallback": set(),
    "ProjectChanges": READ | SHOW | GIVE_UP,
    "SweepPending": READ | SHOW | GIVE_UP,
    "RepairEmbeddings": READ | WRITE | EMBED | GIVE_UP,
    "PurgeTombstones": GIVE_UP,
    # What has to read a whole table; people start it, no user and no schedule does.
    "RebuildIndex": READ | SHOW | {"dynamodb:Scan MemoriesTable"},
    "Administer": SIGN_IN
    | {
        "dynamodb:BatchGetItem TenancyTable",
        "dynamodb:ConditionCheckItem TenancyTable",
        "dynamodb:DeleteItem TenancyTable",
        "dynamodb:PutItem TenancyTable",
        "dynamodb:UpdateItem TenancyTable",
    },
}
# SAM adds these to every function (logs, traces) and to one that follows a stream. AWS keeps them, and their resource is *.
MANAGED = {"service-role/AWSLambdaBasicExecutionRole", "AWSXrayWriteOnlyAccess"}
MANAGED_OF_A_STREAM = {"service-role/AWSLambdaDynamoDBExecutionRole"}

each_function = pytest.mark.parametrize("function", MAY)


def role_of(function: str) -> Json:
    return properties("AWS::IAM::Role")[target(properties("AWS::Lambda::Function")[function]["Role"])]


def statements(role: Json) -> Iterator[Json]:
    """Yield the statements of the role's own policies and of ours that it has."""
    documents = [policy["PolicyDocument"] for policy in role.get("Policies", [])]
    ours = [each for each in role.get("ManagedPolicyArns", []) if isinstance(each, dict)]
    documents += [properties("AWS::IAM::ManagedPolicy")[target(each)]["PolicyDocument"] for each in ours]
    for document in documents:
        yield from document["Statement"]


def listed(value: object) -> list[Any]:
    return value if isinstance(value, list) else [value]


def place(resource: object) -> str:
    """Return the resource's logical id, with `/index/NAME` for an index; a pattern as it is written."""
    if isinstance(resource, dict) and "Fn::Sub" in resource:
        text = str(resource["Fn::Sub"])
        return text.replace("${MemoriesTable.Arn}", "MemoriesTable")
    if isinstance(resource, str):
        return resource
    return target(resource)


def allowed(role: Json) -> set[str]:
    return {
        f"{action} {place(resource)}"
        for statement in statements(role)
        for action in listed(statement["Action"])
        for resource in listed(statement["Resource"])
    }


def test_every_function_stands_in_the_table() -> None:
    assert set(MAY) == {function.name for function in functions(load())} == set(properties("AWS::Lambda::Function"))


@each_function
def test_a_function_may_do_what_the_table_says_and_nothing_else(function: str) -> None:
    assert allowed(role_of(function)) == MAY[function]


@each_function
def test_a_function_has_no_policy_of_aws_but_those_for_logs_traces_and_streams(function: str) -> None:
    theirs = {each.partition(":policy/")[2] for each in role_of(function)["ManagedPolicyArns"] if isinstance(each, str)}
    follows_a_stream = function in {
        target(each["FunctionName"]) for each in properties("AWS::Lambda::EventSourceMapping").values()
    }

    assert theirs == MANAGED | (MANAGED_OF_A_STREAM if follows_a_stream else set())


@pytest.mark.parametrize("function", [each.name for each in functions(load()) if each.routes])
def test_no_function_that_users_call_can_delete_an_item_or_read_a_whole_table(function: str) -> None:
    actions = {entry.partition(" ")[0] for entry in allowed(role_of(function))}

    assert actions & {"dynamodb:DeleteItem", "dynamodb:Scan"} == set()


def test_no_statement_allows_every_action_or_every_resource() -> None:
    roles = properties("AWS::IAM::Role").values()
    entries = {entry for role in roles for entry in allowed(role)}
    wide = {entry for entry in entries if "*" in entry}

    assert wide == EMBED, "only models are named by pattern: their versions are not ours to know"


def test_every_model_that_the_adapter_knows_may_be_asked_and_only_where_bedrock_is_chosen() -> None:
    [statement] = properties("AWS::IAM::ManagedPolicy")["Embeds"]["PolicyDocument"]["Statement"]
    families = [model.rpartition("foundation-model/")[2].rstrip(":*") for model in MODELS if "foundation-model/" in model]

    assert statement["Effect"] == {"Fn::If": ["UsesBedrock", "Allow", "Deny"]}
    for model in FORMATS:
        assert any(model.startswith(family) for family in families), model


def test_every_other_statement_allows() -> None:
    effects = {
        name: [statement["Effect"] for statement in each["PolicyDocument"]["Statement"]]
        for name, each in properties("AWS::IAM::ManagedPolicy").items()
        if name != "Embeds"
    }

    assert effects
    assert all(set(each) == {"Allow"} for each in effects.values()), effects


def test_no_policy_is_left_that_nobody_has() -> None:
    had = {
        target(each)
        for role in properties("AWS::IAM::Role").values()
        for each in role.get("ManagedPolicyArns", [])
        if isinstance(each, dict)
    }

    assert had == set(resources("AWS::IAM::ManagedPolicy"))


def test_a_role_serves_one_service() -> None:
    principals = {
        name: [each["Principal"]["Service"] for each in role["AssumeRolePolicyDocument"]["Statement"]]
        for name, role in properties("AWS::IAM::Role").items()
    }
    schedules = {target(each["Target"]["RoleArn"]) for each in properties("AWS::Scheduler::Schedule").values()}

    for name, services in principals.items():
        assert services == [["scheduler.amazonaws.com"] if name in schedules else ["lambda.amazonaws.com"]], name


def test_only_the_gateway_may_call_a_function_from_outside() -> None:
    granted = {(each["Action"], each["Principal"]) for each in properties("AWS::Lambda::Permission").values()}

    assert granted == {("lambda:InvokeFunction", "apigateway.amazonaws.com")}
