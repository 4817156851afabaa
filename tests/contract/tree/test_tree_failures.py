"""Everything that happens without somebody waiting for it: tried how often, kept where, told to whom."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from backend.kit.observability import SERVICE
from backend.usage.model import COUNTED_FOR, GONE_FOR, REMEMBERED
from tests.contract.tree.chosen_template import chosen_properties
from tests.contract.tree.rendered_template import properties, resources, target
from tests.support.tables import template

Json = dict[str, Any]

ROOT = Path(__file__).parents[3]
SOURCE = "AWS::Lambda::EventSourceMapping"
SCHEDULE = "AWS::Scheduler::Schedule"
ASYNC_INVOCATION = "AWS::Lambda::EventInvokeConfig"
QUEUE = "AWS::SQS::Queue"
ALARM = "AWS::CloudWatch::Alarm"
WAITING = "ApproximateNumberOfMessagesVisible"
AGE = "ApproximateAgeOfOldestMessage"
TWO_WEEKS = 14 * 24 * 3600
REQUEST = "request"

# The metrics that AWS documents, with the dimension and what it must name. Anything else would never raise an alarm.
METRICS = {
    ("AWS/SQS", WAITING): ("QueueName", "AWS::SQS::Queue"),
    ("AWS/SQS", AGE): ("QueueName", "AWS::SQS::Queue"),
    ("AWS/Lambda", "Errors"): ("FunctionName", "AWS::Lambda::Function"),
    ("AWS/Lambda", "IteratorAge"): ("FunctionName", "AWS::Lambda::Function"),
    ("AWS/ApiGateway", "5xx"): ("ApiId", "AWS::ApiGatewayV2::Api"),
}
# Those of a domain stand under two dimensions: its name, and the account that has it.
METRICS_OF_A_DOMAIN = {"ClusterStatus.red", "FreeStorageSpace", "JVMMemoryPressure", "5xx"}

OURS = "MemorySync"
DOMAINS = "AWS/ES"

each_alarm = pytest.mark.parametrize(
    "alarm", [name for name, each in properties(ALARM).items() if each["Namespace"] not in {OURS, DOMAINS}]
)
each_alarm_of_ours = pytest.mark.parametrize(
    "alarm", [name for name, each in properties(ALARM).items() if each["Namespace"] == OURS]
)


def watched_by(alarm: Json) -> str:
    [dimension] = alarm["Dimensions"]
    return target(dimension["Value"])


def watched(metric: str) -> set[str]:
    """Return which resources of the template an alarm watches under this metric; a domain's are looked at below."""
    alarms = [alarm for alarm in properties(ALARM).values() if alarm["Namespace"] != DOMAINS]
    return {watched_by(alarm) for alarm in alarms if alarm["MetricName"] == metric}


def sources_in(kind: str) -> dict[str, Json]:
    """Return what wakes functions out of this kind of thing, by its name."""
    return {name: each for name, each in properties(SOURCE).items() if target(each["EventSourceArn"]) in properties(kind)}


def streams() -> dict[str, Json]:
    return sources_in("AWS::DynamoDB::Table")


def queues_that_are_worked_off() -> set[str]:
    return {target(each["EventSourceArn"]) for each in sources_in(QUEUE).values()}


def queues_that_keep_what_failed() -> set[str]:
    return set(properties(QUEUE)) - queues_that_are_worked_off()


def streaming() -> set[str]:
    return {target(each["FunctionName"]) for each in streams().values()}


def queueing() -> set[str]:
    return {target(each["FunctionName"]) for each in sources_in(QUEUE).values()}


def scheduled() -> set[str]:
    return {target(each["Target"]["Arn"]) for each in properties(SCHEDULE).values()}


def test_what_runs_without_a_caller_is_known() -> None:
    assert streaming() == {"ProjectChanges"}
    assert queueing() == {"CountUsage"}
    assert len(streams()) + len(sources_in(QUEUE)) == len(properties(SOURCE))
    assert scheduled() == {"SweepPending", "RepairEmbeddings", "RemoveExpired", "RunJobs", "PurgeTombstones"}


def test_a_stream_batch_is_tried_a_known_number_of_times_and_then_kept() -> None:
    for name, each in streams().items():
        assert 0 < each["MaximumRetryAttempts"] <= 10, name
        assert 0 < each["MaximumRecordAgeInSeconds"] <= 24 * 3600, name
        assert target(each["DestinationConfig"]["OnFailure"]["Destination"]) in properties(QUEUE), name


def test_one_bad_row_does_not_take_its_batch_along() -> None:
    for name, each in streams().items():
        assert each["BisectBatchOnFunctionError"] is True, name
        assert each["FunctionResponseTypes"] == ["ReportBatchItemFailures"], name


def test_the_stream_wakes_nobody_for_markers_and_guards() -> None:
    [source] = streams().values()
    [each] = source["FilterCriteria"]["Filters"]

    assert target(source["EventSourceArn"]) == "MemoriesTable"
    assert each["Pattern"] == '{"eventName":["INSERT","MODIFY"],"dynamodb":{"Keys":{"sk":{"S":["ROW"]}}}}'


def test_a_message_that_fails_comes_again_without_its_batch_and_is_kept_in_the_end() -> None:
    for name, each in sources_in(QUEUE).items():
        queue = properties(QUEUE)[target(each["EventSourceArn"])]
        timeout = properties("AWS::Lambda::Function")[target(each["FunctionName"])]["Timeout"]

        assert each["FunctionResponseTypes"] == ["ReportBatchItemFailures"], name
        assert 3 <= queue["RedrivePolicy"]["maxReceiveCount"] <= 10, name
        assert target(queue["RedrivePolicy"]["deadLetterTargetArn"]) in queues_that_keep_what_failed(), name
        # AWS Lambda Developer Guide, "Creating and configuring an Amazon SQS event source mapping".
        assert queue["VisibilityTimeout"] >= 6 * timeout + each["MaximumBatchingWindowInSeconds"], name
        # What was moved keeps its age, and must have time left where it is moved to.
        assert queue["MessageRetentionPeriod"] <= TWO_WEEKS / 2, name


def test_runs_that_count_the_same_memory_at_once_do_not_make_it_forget_what_each_counted() -> None:
    [each] = sources_in(QUEUE).values()

    assert each["BatchSize"] * each["ScalingConfig"]["MaximumConcurrency"] <= REMEMBERED


def test_what_is_counted_late_is_counted_before_it_counts_as_too_late() -> None:
    oldest = max(each["MessageRetentionPeriod"] for each in properties(QUEUE).values())

    assert oldest <= COUNTED_FOR.total_seconds() < GONE_FOR.total_seconds()


def test_a_scheduled_run_that_cannot_be_started_is_kept() -> None:
    for name, each in properties(SCHEDULE).items():
        assert "MaximumRetryAttempts" in each["Target"]["RetryPolicy"], name
        assert target(each["Target"]["DeadLetterConfig"]["Arn"]) in properties(QUEUE), name


def test_a_scheduled_run_that_fails_is_kept_and_left_to_the_next() -> None:
    configured = {target(each["FunctionName"]): each for each in properties(ASYNC_INVOCATION).values()}

    assert set(configured) == scheduled()
    for name, each in configured.items():
        assert each["MaximumRetryAttempts"] == 0, name
        assert target(each["DestinationConfig"]["OnFailure"]["Destination"]) in properties(QUEUE), name


def test_what_was_kept_waits_two_weeks_for_somebody() -> None:
    kept = {properties(QUEUE)[name]["MessageRetentionPeriod"] for name in queues_that_keep_what_failed()}

    assert kept == {TWO_WEEKS}


def test_the_first_message_in_a_queue_of_what_failed_raises_an_alarm() -> None:
    assert watched(WAITING) == queues_that_keep_what_failed()
    for name, alarm in properties(ALARM).items():
        if alarm["MetricName"] == WAITING:
            assert (alarm["ComparisonOperator"], alarm["Threshold"]) == ("GreaterThanThreshold", 0), name
            assert (alarm["Period"], alarm["EvaluationPeriods"]) == (60, 1), name


def test_a_queue_that_is_not_worked_off_raises_an_alarm() -> None:
    assert watched(AGE) == queues_that_are_worked_off()


def test_a_stream_that_falls_behind_raises_an_alarm() -> None:
    assert watched("IteratorAge") == streaming()


def test_what_runs_every_minute_and_keeps_failing_raises_an_alarm_of_its_own() -> None:
    # A run that fails once a day is seen by the queue that keeps it.
    often = [each for each in properties(SCHEDULE).values() if each["ScheduleExpression"] == "rate(1 minute)"]

    assert watched("Errors") == {target(each["Target"]["Arn"]) for each in often}


def test_an_api_that_answers_5xx_raises_an_alarm() -> None:
    assert watched("5xx") == set(properties("AWS::ApiGatewayV2::Api"))


@pytest.mark.parametrize(
    ("choice", "domain"),
    [
        ("own domain", "SearchDomain"),
        ("three nodes", "SearchDomain"),
        ("given domain", "SearchDomainName"),
        ("given cluster", None),
        ("one machine", None),
    ],
)
def test_a_domain_that_is_called_raises_an_alarm_before_searches_fail(choice: str, domain: str | None) -> None:
    alarms = [each for each in chosen_properties(choice, ALARM).values() if each["Namespace"] == DOMAINS]

    assert {each["MetricName"] for each in alarms} == (METRICS_OF_A_DOMAIN if domain else set())
    for each in alarms:
        dimensions = {one["Name"]: one["Value"] for one in each["Dimensions"]}
        assert dimensions == {"DomainName": {"Ref": domain}, "ClientId": {"Ref": "AWS::AccountId"}}


@each_alarm
def test_an_alarm_watches_a_metric_that_exists_of_a_resource_that_exists(alarm: str) -> None:
    found = properties(ALARM)[alarm]
    dimension, kind = METRICS[found["Namespace"], found["MetricName"]]

    assert [each["Name"] for each in found["Dimensions"]] == [dimension]
    assert watched_by(found) in resources(kind)


@each_alarm_of_ours
def test_an_alarm_of_our_own_watches_what_a_task_or_a_request_counts_in_its_log_line(alarm: str) -> None:
    found = properties(ALARM)[alarm]
    dimensions = {each["Name"]: each["Value"] for each in found["Dimensions"]}
    sources = "".join(path.read_text() for path in (ROOT / "shared/backend").rglob("*.py"))
    handlers = {each["Handler"] for each in properties("AWS::Lambda::Function").values()}

    assert f'observability.count("{found["MetricName"]}"' in sources
    assert set(dimensions) == {"kind", "service"}
    assert dimensions["service"] == SERVICE
    assert dimensions["kind"] == REQUEST or f"{dimensions['kind']}.handler" in handlers


def test_operators_find_each_alarm_in_their_page() -> None:
    page = (ROOT / "docs/operations.md").read_text()

    assert [name for name in properties(ALARM) if f"| `{name}` |" not in page] == []


@pytest.mark.parametrize("alarm", properties(ALARM))
def test_an_alarm_says_what_is_wrong_and_tells_the_topic_that_is_given(alarm: str) -> None:
    found = properties(ALARM)[alarm]

    assert found["AlarmDescription"].endswith(".")
    assert found["AlarmActions"] == {"Fn::If": ["HasAlarmTopic", [{"Ref": "AlarmTopic"}], {"Ref": "AWS::NoValue"}]}
    assert found["TreatMissingData"] == "notBreaching"


def test_a_function_has_time_for_the_work_that_nobody_waits_for() -> None:
    everybody = template()["Globals"]["Function"]["Timeout"]

    for name in streaming() | queueing() | scheduled():
        assert properties("AWS::Lambda::Function")[name]["Timeout"] > everybody, name
