"""What each function may do, written down here a second time: whoever gives a function more has to say so twice."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from infrastructure.template import functions, load
from tests.contract.tree.chosen_template import CHOICES, chosen_properties
from tests.contract.tree.rendered_template import properties, target
from tests.contract.tree.written_rights import ANY_MODEL, DOMAIN_OF, INDEX, MAY, PROFILE, WITH_A_DOMAIN, WITH_A_MODEL

Json = dict[str, Any]

# SAM adds these to every function (logs, traces), and to one that a stream or queue wakes. AWS keeps them; their resource is *.
MANAGED = {"service-role/AWSLambdaBasicExecutionRole", "AWSXrayWriteOnlyAccess"}
MANAGED_OF_A_SOURCE = {
    "AWS::DynamoDB::Table": "service-role/AWSLambdaDynamoDBExecutionRole",
    "AWS::SQS::Queue": "service-role/AWSLambdaSQSQueueExecutionRole",
}

DOMAINS = "arn:${AWS::Partition}:es:${AWS::Region}:${AWS::AccountId}:domain/"

each_function = pytest.mark.parametrize("function", MAY)
each_choice = pytest.mark.parametrize("choice", CHOICES)


def may(function: str, choice: str) -> set[str]:
    domain = DOMAIN_OF[choice]
    entries = {each.format(domain) for each in WITH_A_DOMAIN.get(function, set())} if domain else set()
    return MAY[function] | entries | WITH_A_MODEL.get(choice, {}).get(function, set())


def role_of(function: str, choice: str) -> Json:
    return chosen_properties(choice, "AWS::IAM::Role")[target(properties("AWS::Lambda::Function")[function]["Role"])]


def statements(role: Json, choice: str) -> Iterator[Json]:
    """Yield the statements of the role's own policies and of ours that it has."""
    documents = [policy["PolicyDocument"] for policy in role.get("Policies", [])]
    ours = [each for each in role.get("ManagedPolicyArns", []) if isinstance(each, dict)]
    documents += [chosen_properties(choice, "AWS::IAM::ManagedPolicy")[target(each)]["PolicyDocument"] for each in ours]
    for document in documents:
        yield from document["Statement"]


def listed(value: object) -> list[Any]:
    return value if isinstance(value, list) else [value]


def place(resource: object) -> str:
    """Return the resource's logical id, with what follows it for a part of one; a pattern as it is written."""
    if isinstance(resource, dict) and isinstance(resource.get("Fn::Sub"), list):
        text, [(name, value)] = resource["Fn::Sub"][0], resource["Fn::Sub"][1].items()
        return str(text).removeprefix(DOMAINS).replace(f"${{{name}}}", named_by(value))
    if isinstance(resource, dict) and "Fn::Sub" in resource:
        text = str(resource["Fn::Sub"])
        return text.replace("${MemoriesTable.Arn}", "MemoriesTable").replace("${StateTable.Arn}", "StateTable")
    if isinstance(resource, str):
        return resource
    return target(resource)


def named_by(value: object) -> str:
    """Return the resource or parameter that a variable of a text is: of a parameter, what stands behind `bedrock:`."""
    if isinstance(value, dict) and "Fn::Select" in value:
        [number, parts] = value["Fn::Select"]
        separator, source = parts["Fn::Split"]
        text = source["Fn::Sub"]
        parameter = text.removeprefix("${").removesuffix(f"}}{separator}")
        assert (number, separator, text) == (1, "bedrock:", f"${{{parameter}}}bedrock:")
        return str(parameter)
    return target(value)


def allowed(role: Json, choice: str) -> set[str]:
    return {
        f"{action} {place(resource)}"
        for statement in statements(role, choice)
        for action in listed(statement["Action"])
        for resource in listed(statement["Resource"])
    }


def test_every_function_stands_in_the_table() -> None:
    assert set(MAY) == {function.name for function in functions(load())} == set(properties("AWS::Lambda::Function"))


def test_only_functions_stand_in_the_tables_of_what_comes_with_a_choice() -> None:
    assert set(WITH_A_DOMAIN).union(*WITH_A_MODEL.values()) <= set(MAY)
    assert set(DOMAIN_OF) == set(CHOICES) >= set(WITH_A_MODEL)


@each_choice
@each_function
def test_a_function_may_do_what_the_table_says_and_nothing_else(function: str, choice: str) -> None:
    assert allowed(role_of(function, choice), choice) == may(function, choice)


@each_function
def test_a_function_has_no_policy_of_aws_but_those_for_logs_traces_streams_and_queues(function: str) -> None:
    role = role_of(function, "own domain")
    theirs = {each.partition(":policy/")[2] for each in role["ManagedPolicyArns"] if isinstance(each, str)}
    followed = {
        target(each["EventSourceArn"])
        for each in properties("AWS::Lambda::EventSourceMapping").values()
        if target(each["FunctionName"]) == function
    }

    assert theirs == MANAGED | {needed for kind, needed in MANAGED_OF_A_SOURCE.items() if followed & set(properties(kind))}


@pytest.mark.parametrize("function", [each.name for each in functions(load()) if each.routes])
def test_no_function_that_users_call_can_delete_an_item_or_read_a_whole_table_but_what_deletes_conversations_and_states(
    function: str,
) -> None:
    entries = allowed(role_of(function, "own domain"), "own domain")
    found = {entry for entry in entries if entry.partition(" ")[0] in {"dynamodb:DeleteItem", "dynamodb:Scan"}}

    assert found == ({"dynamodb:DeleteItem StateTable"} if function in {"DeleteHistory", "DeleteState"} else set())


@pytest.mark.parametrize("function", [each.name for each in functions(load()) if each.routes])
def test_who_deletes_conversations_and_states_can_write_no_memory(function: str) -> None:
    entries = allowed(role_of(function, "own domain"), "own domain")

    if "dynamodb:DeleteItem StateTable" in entries:
        assert not [entry for entry in entries if entry.endswith(" MemoriesTable")]


def test_no_function_can_make_or_drop_an_index_or_move_an_alias() -> None:
    entries = {entry for function in MAY for entry in allowed(role_of(function, "own domain"), "own domain")}

    assert {entry for entry in entries if entry.startswith("es:")} == {each.format("SearchDomain") for each in INDEX}
    assert not any(entry.endswith(("_aliases", "/*")) or "ESHttpPut" in entry or "ESHttpDelete" in entry for entry in entries)


def test_no_statement_allows_every_action_or_every_resource() -> None:
    roles = {choice: chosen_properties(choice, "AWS::IAM::Role").values() for choice in CHOICES}
    entries = {entry for choice in CHOICES for role in roles[choice] for entry in allowed(role, choice)}
    wide = {entry for entry in entries if "*" in entry}

    # Where a profile hands a call on to is not ours to know; names of indexes have the model and the mapping's version in them.
    assert wide == {ANY_MODEL} | {f"es:ESHttpPost {domain}/memories-*" for domain in ("SearchDomain", "SearchDomainName")}


@pytest.mark.parametrize(
    ("policy", "choice", "parameter"),
    [("Embeds", "bedrock", "EmbeddingProvider"), ("AsksLanguageModel", "language model on bedrock", "LanguageModel")],
)
def test_a_model_is_asked_by_its_name_or_through_the_profile_of_that_name_and_no_other(
    policy: str, choice: str, parameter: str
) -> None:
    named, through = chosen_properties(choice, "AWS::IAM::ManagedPolicy")[policy]["PolicyDocument"]["Statement"]

    assert "Condition" not in named
    assert f"bedrock:InvokeModel {place(through['Resource'])}" == ANY_MODEL
    assert list(through["Condition"]) == ["ArnEquals"]
    [(key, profile)] = through["Condition"]["ArnEquals"].items()
    assert (key, place(profile)) == ("bedrock:InferenceProfileArn", PROFILE.replace("{}", parameter))


@each_choice
def test_every_statement_allows(choice: str) -> None:
    effects = {
        name: [statement["Effect"] for statement in each["PolicyDocument"]["Statement"]]
        for name, each in chosen_properties(choice, "AWS::IAM::ManagedPolicy").items()
    }

    assert effects
    assert all(set(each) == {"Allow"} for each in effects.values()), effects


@each_choice
def test_no_policy_is_left_that_nobody_has(choice: str) -> None:
    had = {
        target(each)
        for role in chosen_properties(choice, "AWS::IAM::Role").values()
        for each in role.get("ManagedPolicyArns", [])
        if isinstance(each, dict)
    }

    assert had == set(chosen_properties(choice, "AWS::IAM::ManagedPolicy"))


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
