from collections.abc import Iterator
from typing import Any

import pytest
from ministack.services import dynamodb, lambda_svc

from infrastructure.local.patches import stream_retries
from infrastructure.local.patches.patcher import Patcher
from infrastructure.local.patches.stream_retries import Streams

Json = dict[str, Any]
ACCOUNT, REGION, TABLE = "000000000000", "us-east-1", "streamed"
START = 1_000_000.0


class Projector:
    """Stands in for the function: fails as the test says, and remembers what it was given."""

    def __init__(self) -> None:
        self.poison: set[str] = set()
        self.raises = False
        self.batches: list[list[str]] = []

    def execute(self, _function: Json, event: Json) -> Json:
        keys = [record["dynamodb"]["Keys"]["pk"]["S"] for record in event["Records"]]
        self.batches.append(keys)
        bad = [record for record, key in zip(event["Records"], keys, strict=True) if key in self.poison]
        if self.raises and bad:
            return {"error": True, "body": {"errorType": "ValueError"}}
        return {"body": {"batchItemFailures": [{"itemIdentifier": record["dynamodb"]["SequenceNumber"]} for record in bad]}}


class World:
    """A table with a stream, a mapping, a function, and a clock that stands still."""

    def __init__(self, patcher: Patcher) -> None:
        self.now = START
        self.projector = Projector()
        self.dropped: list[tuple[str, list[str]]] = []
        self.streams = Streams(lambda: self.now)
        patcher.attribute(lambda_svc, "_execute_function", self.projector.execute)
        patcher.attribute(lambda_svc, "_send_ddb_stream_failure_record", self._drop)
        patcher.attribute(dynamodb, "_trim_stream_records", lambda *_, **__: None)
        keys = [{"AttributeName": "pk", "KeyType": "HASH"}]
        request = {
            "TableName": TABLE,
            "KeySchema": keys,
            "AttributeDefinitions": [{"AttributeName": "pk", "AttributeType": "S"}],
            "BillingMode": "PAY_PER_REQUEST",
            "StreamSpecification": {"StreamEnabled": True, "StreamViewType": "KEYS_ONLY"},
        }
        assert dynamodb._create_table(request)[0] == 200
        self.mapping: Json = {
            "UUID": "mapping",
            "EventSourceArn": dynamodb._tables[TABLE]["LatestStreamArn"],
            "FunctionName": "projector",
            "StartingPosition": "TRIM_HORIZON",
            "BatchSize": 10,
            "FunctionResponseTypes": ["ReportBatchItemFailures"],
        }
        lambda_svc._esms["mapping"] = self.mapping
        lambda_svc._functions["projector"] = {"config": {"FunctionName": "projector", "Version": "$LATEST"}}

    def _drop(self, _mapping: Json, _function: Json, batch: list[Json], _arn: str, _result: Json, why: str) -> None:
        self.dropped.append((why, [record["dynamodb"]["Keys"]["pk"]["S"] for record in batch]))

    def put(self, *keys: str) -> None:
        for key in keys:
            assert dynamodb._put_item({"TableName": TABLE, "Item": {"pk": {"S": key}}})[0] == 200

    def poll(self, times: int = 1) -> list[list[str]]:
        """Poll, a pause apart, and return the batches that the function got."""
        before = len(self.projector.batches)
        for _ in range(times):
            self.streams.poll()
            self.now += stream_retries.PAUSE_SECONDS
        return self.projector.batches[before:]


@pytest.fixture
def world(patcher: Patcher) -> Iterator[World]:
    yield World(patcher)
    dynamodb._delete_table({"TableName": TABLE})
    lambda_svc._esms.pop("mapping")
    lambda_svc._functions.pop("projector")
    lambda_svc._dynamodb_stream_positions.pop("mapping", None)


def test_the_stock_emulator_takes_a_failed_record_for_done(world: World) -> None:
    world.projector.poison = {"bad"}
    world.put("a", "bad", "b")

    lambda_svc._poll_dynamodb_streams()
    lambda_svc._poll_dynamodb_streams()

    assert world.projector.batches == [["a", "bad", "b"]]


def test_a_batch_that_succeeds_is_delivered_once(world: World) -> None:
    world.put("a", "b")
    assert world.poll(3) == [["a", "b"]]
    world.put("c")
    assert world.poll(3) == [["c"]]


def test_from_the_first_failed_record_on_the_batch_is_tried_again(world: World) -> None:
    world.projector.poison = {"bad"}
    world.put("a", "bad", "b")

    assert world.poll(2) == [["a", "bad", "b"], ["bad", "b"]]
    world.projector.poison.clear()
    assert world.poll(2) == [["bad", "b"]]


def test_between_two_attempts_there_is_a_pause(world: World) -> None:
    world.projector.poison = {"bad"}
    world.put("bad")
    world.streams.poll()
    world.streams.poll()

    assert len(world.projector.batches) == 1


def test_attempts_are_bounded_and_then_the_batch_goes_to_the_destination(world: World) -> None:
    world.mapping["MaximumRetryAttempts"] = 2
    world.projector.poison = {"bad"}
    world.put("a", "bad", "b")

    assert world.poll(6) == [["a", "bad", "b"], ["bad", "b"], ["bad", "b"]]
    assert world.dropped == [("RetryAttemptsExhausted", ["bad", "b"])]
    world.put("next")
    assert world.poll() == [["next"]]


def test_without_a_bound_a_batch_that_raises_is_tried_for_ever(world: World) -> None:
    world.projector.poison, world.projector.raises = {"bad"}, True
    world.put("a", "bad")

    assert world.poll(50) == [["a", "bad"]] * 50
    assert world.dropped == []


def test_bisection_isolates_the_record_that_raises(world: World) -> None:
    world.mapping |= {"MaximumRetryAttempts": 1, "BisectBatchOnFunctionError": True}
    world.projector.poison, world.projector.raises = {"bad"}, True
    world.put("a", "b", "bad", "c")

    delivered = world.poll(12)

    assert world.dropped == [("RetryAttemptsExhausted", ["bad"])]
    assert {key for batch in delivered if "bad" not in batch for key in batch} == {"a", "b", "c"}


def test_a_record_that_is_too_old_is_given_up(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    world.mapping["MaximumRecordAgeInSeconds"] = 60
    world.projector.poison, world.projector.raises = {"bad"}, True
    world.put("bad")
    written = dynamodb.stream_live_records(TABLE)[0]["dynamodb"]["ApproximateCreationDateTime"]
    monkeypatch.setattr(world, "now", float(written) + 61)

    world.poll(2)

    assert world.dropped == [("MaxRecordAgeExceeded", ["bad"])]


def test_an_answer_that_names_a_record_that_was_not_sent_fails_the_whole_batch(world: World) -> None:
    batch = [{"dynamodb": {"SequenceNumber": str(number)}} for number in range(3)]
    answer = {"body": {"batchItemFailures": [{"itemIdentifier": "2"}, {"itemIdentifier": "unknown"}]}}

    assert stream_retries.first_failure(answer, batch, batch, reports=True) == 0
    assert stream_retries.first_failure(answer, batch, batch, reports=False) is None
    assert world.dropped == []


def test_records_that_the_filter_refuses_are_passed_over(world: World) -> None:
    world.mapping["FilterCriteria"] = {"Filters": [{"Pattern": '{"dynamodb":{"Keys":{"pk":{"S":["wanted"]}}}}'}]}
    world.put("other", "wanted", "another")

    assert world.poll(3) == [["wanted"]]


def test_a_mapping_that_is_off_gets_nothing_and_starts_where_it_says(world: World) -> None:
    world.mapping |= {"Enabled": False, "StartingPosition": "LATEST"}
    world.put("early")
    assert world.poll() == []

    world.mapping["Enabled"] = True
    assert world.poll() == []
    world.put("late")
    assert world.poll() == [["late"]]
