"""Every memory that a query returns is counted, once, soon after; what is forgotten is not counted any more."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

from backend.kit.clock import to_rfc3339
from backend.usage.messages import message_of
from backend.usage.model import Access
from tests.journeys.conftest import User, settled
from tests.support.faulty_proxy import function_environment
from tests.support.waiting import until


def used(user: User, memory_id: str) -> tuple[int, str | None]:
    body = user.call("GET", f"/memory/{memory_id}").json()
    return body["access_count"], body["last_accessed"]


def send(user: User, access: Access, times: int = 1) -> None:
    """Put word of an access into the queue, as often as SQS may deliver it."""
    sqs, url = user.stack.client("sqs"), user.stack.outputs()["AccessesUrl"]
    for _ in range(times):
        sqs.send_message(QueueUrl=url, MessageBody=message_of(access))


def usage_item(user: User, memory_id: str) -> dict[str, Any] | None:
    key = {"pk": {"S": f"U#{user.tenant_id}#{memory_id}"}, "sk": {"S": "U"}}
    table = user.stack.outputs()["UsageTableName"]
    found: dict[str, Any] = user.stack.client("dynamodb").get_item(TableName=table, Key=key, ConsistentRead=True)
    return found.get("Item")


def test_a_memory_shows_how_often_queries_returned_it_and_when_last(user: User) -> None:
    asked = user.add("Her puppy is called Biscuit.")["id"]
    other = user.add("Rent is due on the first.")["id"]
    assert (used(user, asked), used(user, other)) == ((0, None), (0, None))
    begin = user.call("GET", f"/memory/{asked}").json()["created_at"]

    first = user.ask("What is the name of the dog?", k=1)
    until(lambda: used(user, asked)[0] == 1)
    second = user.ask("What is the name of the dog?", k=1)
    until(lambda: used(user, asked)[0] == 2)

    assert [(each["id"], each["access_count"], each["last_accessed"]) for each in first] == [(asked, 0, None)]
    assert [(each["id"], each["access_count"]) for each in second] == [(asked, 1)]
    assert begin <= second[0]["last_accessed"] < str(used(user, asked)[1])
    assert used(user, other) == (0, None)
    listed = {each["id"]: (each["access_count"], each["last_accessed"]) for each in user.all()}
    assert listed == {asked: used(user, asked), other: (0, None)}
    assert user.call("GET", f"/memory/{asked}").headers["etag"] == '"r1"', "being found is no edit"


def test_word_of_an_access_that_is_delivered_three_times_counts_once(user: User) -> None:
    memory = user.add("The dentist moved the appointment.")["id"]
    late = Access("acc_late", user.tenant_id, (memory,), datetime.now(UTC))
    early = Access("acc_early", user.tenant_id, (memory,), late.at - timedelta(days=1))

    send(user, late, times=3)
    send(user, early, times=3)
    send(user, late)
    user.ask("dentist")

    until(lambda: used(user, memory)[0] >= 3)
    send(user, Access("acc_end", user.tenant_id, (memory,), early.at))
    until(lambda: used(user, memory)[0] >= 4)
    count, latest = used(user, memory)
    assert count == 4
    assert latest is not None
    assert latest >= to_rfc3339(late.at)


def test_of_a_forgotten_memory_no_count_is_left_and_late_word_brings_none_back(user: User) -> None:
    kept = user.add("My locker has the number 12.")["id"]
    gone = user.add("My locker had the number 7.")["id"]
    user.ask("Which number has the locker?")
    until(lambda: used(user, kept)[0] == used(user, gone)[0] == 1)

    assert user.call("DELETE", f"/memory/{gone}").status_code == 200
    until(partial(settled, user, gone))
    left = usage_item(user, gone)
    send(user, Access("acc_late", user.tenant_id, (gone, kept), datetime.now(UTC)))
    until(lambda: used(user, kept)[0] == 2)

    assert left is not None
    assert set(left) == {"pk", "sk", "schema_version", "gone", "ttl"}
    assert usage_item(user, gone) == left
    assert user.call("GET", f"/memory/{gone}").status_code == 404


def test_a_query_is_answered_while_nobody_takes_word_of_it(user: User) -> None:
    memory = user.add("The harbour closes at noon.")["id"]

    with function_environment(user.stack, "QueryMemories", ACCESS_QUEUE="http://127.0.0.1:9/none"):
        assert [each["id"] for each in user.ask("harbour")] == [memory]
    user.ask("harbour")

    until(lambda: used(user, memory)[0] >= 1)
    assert used(user, memory)[0] == 1
