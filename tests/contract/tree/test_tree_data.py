"""What holds data: its keys, its encryption, and that it stays when the stack goes."""

from __future__ import annotations

from typing import Any

import pytest

from tests.contract.tree.rendered_template import properties, resources, target

Schema = list[tuple[str, str]]

PAIR: Schema = [("pk", "HASH"), ("sk", "RANGE")]
KEYS: dict[str, Schema] = {
    "MemoriesTable": PAIR,
    "UsageTable": PAIR,
    "StateTable": PAIR,
    "IdempotencyTable": [("pk", "HASH")],
    "TenancyTable": PAIR,
    "AuditTable": PAIR,
}
INDEXES: dict[str, Schema] = {
    "list": [("list_pk", "HASH"), ("list_sk", "RANGE")],
    "due": [("due_pk", "HASH"), ("due_sk", "RANGE")],
    "link": [("link_pk", "HASH"), ("link_sk", "RANGE")],
}
HOLDS_DATA = (
    "AWS::DynamoDB::Table",
    "AWS::KMS::Key",
    "AWS::OpenSearchService::Domain",
    "AWS::S3::Bucket",
    "AWS::SecretsManager::Secret",
)

each_table = pytest.mark.parametrize("table", KEYS)


def keys_of(schema: list[dict[str, str]]) -> Schema:
    return [(key["AttributeName"], key["KeyType"]) for key in schema]


def table_of(name: str) -> dict[str, Any]:
    return properties("AWS::DynamoDB::Table")[name]


def test_the_tables_are_those_of_the_data_model() -> None:
    assert set(properties("AWS::DynamoDB::Table")) == set(KEYS)


@each_table
def test_a_table_has_its_keys_and_they_are_texts(table: str) -> None:
    found = table_of(table)
    used = {name for name, _ in KEYS[table]}
    used |= {name for index in found.get("GlobalSecondaryIndexes", []) for name, _ in keys_of(index["KeySchema"])}

    assert keys_of(found["KeySchema"]) == KEYS[table]
    assert {each["AttributeName"]: each["AttributeType"] for each in found["AttributeDefinitions"]} == dict.fromkeys(used, "S")


def test_the_memories_have_three_indexes_that_hold_keys_only_and_the_states_one_of_them() -> None:
    indexes = table_of("MemoriesTable")["GlobalSecondaryIndexes"]

    assert {each["IndexName"]: keys_of(each["KeySchema"]) for each in indexes} == INDEXES
    assert [each["Projection"] for each in indexes] == [{"ProjectionType": "KEYS_ONLY"}] * len(INDEXES)
    [due] = table_of("StateTable")["GlobalSecondaryIndexes"]
    assert due == next(each for each in indexes if each["IndexName"] == "due")
    assert [name for name in KEYS if "GlobalSecondaryIndexes" in table_of(name)] == ["MemoriesTable", "StateTable"]


def test_the_stream_of_the_memories_carries_keys_and_never_text() -> None:
    assert table_of("MemoriesTable")["StreamSpecification"] == {"StreamViewType": "KEYS_ONLY"}
    assert [name for name in KEYS if "StreamSpecification" in table_of(name)] == ["MemoriesTable"]


def test_only_idempotency_records_marks_of_what_was_deleted_and_of_forgotten_counts_vanish_by_themselves() -> None:
    lifetimes = {name: table_of(name)["TimeToLiveSpecification"] for name in KEYS if "TimeToLiveSpecification" in table_of(name)}

    assert lifetimes == {
        name: {"AttributeName": "ttl", "Enabled": True} for name in ("IdempotencyTable", "StateTable", "UsageTable")
    }


@each_table
def test_a_table_is_paid_by_use_and_can_be_brought_back_to_any_second(table: str) -> None:
    assert table_of(table)["BillingMode"] == "PAY_PER_REQUEST"
    assert table_of(table)["PointInTimeRecoverySpecification"] == {"PointInTimeRecoveryEnabled": True}


@each_table
def test_a_table_is_encrypted_under_our_own_key(table: str) -> None:
    encryption = table_of(table)["SSESpecification"]

    assert (encryption["SSEEnabled"], encryption["SSEType"]) == (True, "KMS")
    assert target(encryption["KMSMasterKeyId"]) == "DataKey"


def test_queues_and_secrets_are_encrypted_under_our_own_key() -> None:
    for kind, field in (("AWS::SQS::Queue", "KmsMasterKeyId"), ("AWS::SecretsManager::Secret", "KmsKeyId")):
        found = properties(kind)
        assert found
        assert {target(each[field]) for each in found.values()} == {"DataKey"}


def test_the_key_is_replaced_every_year() -> None:
    assert [each["EnableKeyRotation"] for each in properties("AWS::KMS::Key").values()] == [True]


def test_what_holds_data_stays_when_the_stack_goes_or_replaces_it() -> None:
    holding = resources(*HOLDS_DATA)

    assert set(holding) == {*KEYS, "DataKey", "Pepper", "SearchDomain"}
    for name, resource in holding.items():
        assert resource.get("DeletionPolicy") == "RetainExceptOnCreate", name
        assert resource.get("UpdateReplacePolicy") == "Retain", name


def test_nothing_has_a_fixed_name_so_that_two_stacks_fit_into_one_account() -> None:
    named = {
        name
        for name, resource in resources().items()
        for field in (
            "TableName",
            "QueueName",
            "Name",
            "AlarmName",
            "FunctionName",
            "RoleName",
            "ManagedPolicyName",
            "LogGroupName",
            "DomainName",
        )
        if isinstance(resource.get("Properties", {}).get(field), str)
    }

    assert named == set()


def test_logs_are_kept_as_long_as_the_parameter_says_and_nothing_writes_elsewhere() -> None:
    assert properties("AWS::Logs::LogGroup") == {
        "Logs": {"RetentionInDays": {"Ref": "LogRetentionDays"}, "KmsKeyId": {"Fn::GetAtt": ["DataKey", "Arn"]}}
    }
    for name, function in properties("AWS::Lambda::Function").items():
        assert function["LoggingConfig"] == {"LogFormat": "JSON", "LogGroup": {"Ref": "Logs"}}, name
    for name, stage in properties("AWS::ApiGatewayV2::Stage").items():
        assert target(stage["AccessLogSettings"]["DestinationArn"]) == "Logs", name


def test_the_gateways_log_tells_no_path_and_no_query_of_a_user() -> None:
    [stage] = properties("AWS::ApiGatewayV2::Stage").values()
    written = stage["AccessLogSettings"]["Format"]

    assert "$context.routeKey" in written
    assert [secret for secret in ("$context.path", "$context.http", "$request", "querystring") if secret in written] == []
