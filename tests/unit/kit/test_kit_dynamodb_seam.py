"""The seam under planned faults: what is tried again, what is not, and what is said in the end."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator, Mapping
from itertools import pairwise
from typing import Any

import pytest
from botocore.exceptions import (
    ConnectionClosedError,
    HTTPClientError,
    NoCredentialsError,
    ProxyConnectionError,
    SSLError,
)

from backend.kit import observability
from backend.kit.clock import FakeClock
from backend.kit.deadline import deadline
from backend.kit.dynamodb import (
    ConditionFailedError,
    Put,
    Seam,
    Table,
    TableLimitError,
    TransactionCanceledError,
    Update,
    attribute,
    set_to,
    transact,
)
from backend.kit.dynamodb.seam import FIRST_WAIT_SECONDS, LONGEST_WAIT_SECONDS, MAX_ATTEMPTS, READ_SECONDS
from backend.kit.errors import (
    DeadlineExceededError,
    InternalError,
    OutcomeUnknownError,
    TableUnavailableError,
    ThrottledError,
)
from tests.support.faults import (
    ADDRESS,
    FINE,
    PlannedFaults,
    Step,
    cancelled,
    no_answer,
    no_connection,
    plan,
    refused,
    slow_connection,
    throttled,
)
from tests.support.logs import log_lines
from tests.support.tables import REGION, aws, moto_table

IS_NEW = attribute("pk").does_not_exist()
ITEM = {"pk": "p", "sk": "s", "n": 1}
WORDS = "my sister's diagnosis"
THROTTLES = [
    "ThrottlingException",
    "ProvisionedThroughputExceededException",
    "RequestLimitExceeded",
    "TransactionConflictException",
    "TransactionInProgressException",
]


@pytest.fixture(autouse=True)
def _aws() -> Iterator[None]:
    with aws():
        yield


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


def table(clock: FakeClock, faults: PlannedFaults) -> Table:
    return moto_table("MemoriesTable", clock, faults)


def stored() -> dict[str, Any] | None:
    """Return what is really there."""
    return moto_table("MemoriesTable").get("p", "s")


def timed(clock: FakeClock, seconds: float) -> Any:
    """Return a deadline on the fake clock."""
    return deadline(seconds, lambda: clock.now().timestamp())


# Throttles


@pytest.mark.parametrize("code", THROTTLES)
def test_a_call_that_is_throttled_is_sent_again_until_it_is_taken(clock: FakeClock, code: str) -> None:
    faults = plan(refused(code), refused(code), refused(code))
    table(clock, faults).put(ITEM, IS_NEW)

    assert faults.operations == ["PutItem"] * 4
    assert stored() == ITEM
    assert len(clock.slept) == 3


def test_a_table_that_goes_on_refusing_is_given_up_after_a_bounded_number_of_tries(clock: FakeClock) -> None:
    faults = plan(*(throttled() for _ in range(50)))
    with pytest.raises(ThrottledError) as error:
        table(clock, faults).put(ITEM)

    assert len(faults.sent) == MAX_ATTEMPTS
    assert error.value.retry_after == 1
    assert stored() is None


def test_waits_grow_stay_under_their_bound_and_differ_from_time_to_time(clock: FakeClock) -> None:
    for _ in range(20):
        with pytest.raises(ThrottledError):
            table(clock, plan(*(throttled() for _ in range(MAX_ATTEMPTS)))).get("p", "s")
    waits = [clock.slept[start : start + MAX_ATTEMPTS - 1] for start in range(0, len(clock.slept), MAX_ATTEMPTS - 1)]

    assert len(waits) == 20
    for wait in waits:
        assert all(0 <= each <= min(LONGEST_WAIT_SECONDS, FIRST_WAIT_SECONDS * 2**number) for number, each in enumerate(wait))
    assert len({tuple(wait) for wait in waits}) == 20
    longest = [max(column) for column in zip(*waits, strict=True)]
    assert all(later > earlier for earlier, later in pairwise(longest[::2]))


def test_a_throttled_query_is_sent_again_as_it_was(clock: FakeClock) -> None:
    faults = plan(throttled(), throttled())
    table(clock, faults).query("p", where=attribute("sk").startswith("s"), limit=3, consistent=True)

    assert faults.sent[0] == faults.sent[1] == faults.sent[2]


# Transactions


def write(target: Table, token: str = "token") -> None:
    transact(target.seam, [Put(target, ITEM, IS_NEW), Put(target, {"pk": "q", "sk": "s"})], token)


def test_a_transaction_that_meets_another_on_the_same_rows_is_sent_again(clock: FakeClock) -> None:
    faults = plan(cancelled("TransactionConflict", "None"), cancelled("None", "TransactionConflict"))
    write(table(clock, faults))

    assert len(faults.sent) == 3
    assert stored() == ITEM


@pytest.mark.parametrize("code", ["ThrottlingError", "ProvisionedThroughputExceeded", "TransactionConflict"])
def test_rows_that_stay_busy_are_given_up_and_nothing_is_written(clock: FakeClock, code: str) -> None:
    faults = plan(*(cancelled(code, "None") for _ in range(50)))
    with pytest.raises(ThrottledError):
        write(table(clock, faults))

    assert len(faults.sent) == MAX_ATTEMPTS
    assert stored() is None


def test_a_condition_that_failed_is_final_also_beside_a_conflict(clock: FakeClock) -> None:
    faults = plan(cancelled("ConditionalCheckFailed", "TransactionConflict"))
    with pytest.raises(TransactionCanceledError) as error:
        write(table(clock, faults))

    assert len(faults.sent) == 1
    assert [reason.code for reason in error.value.reasons if reason] == ["ConditionalCheckFailed", "TransactionConflict"]
    assert [reason.condition_failed for reason in error.value.reasons if reason] == [True, False]


@pytest.mark.parametrize("code", ["ValidationError", "ItemCollectionSizeLimitExceeded", "AccessDenied"])
def test_a_transaction_refused_for_our_fault_says_so_and_is_not_sent_again(clock: FakeClock, code: str) -> None:
    faults = plan(cancelled(code, "TransactionConflict"))
    with pytest.raises(InternalError, match=code):
        write(table(clock, faults))

    assert len(faults.sent) == 1


def test_a_transaction_without_an_answer_is_sent_again_under_the_same_token(clock: FakeClock) -> None:
    # The first attempt is lost before it arrives: the emulator applies a repeated token twice, the service once.
    faults = plan(no_answer(), refused("InternalServerError", 500))
    write(table(clock, faults), token="one-token")

    assert [arguments["ClientRequestToken"] for _, arguments in faults.sent] == ["one-token"] * 3
    assert faults.sent[0] == faults.sent[2]
    assert stored() == ITEM


# Calls without an answer

READS: dict[str, Any] = {
    "GetItem": lambda target: target.get("p", "s"),
    "BatchGetItem": lambda target: target.get_many([("p", "s")]),
    "Query": lambda target: target.query("p"),
}
ONCE_ONLY: dict[str, Any] = {
    "PutItem": lambda target: target.put(ITEM, IS_NEW),
    "DeleteItem": lambda target: target.delete("p", "s", condition=attribute("pk").does_not_exist()),
    "UpdateItem": lambda target: target.update("p", "s", actions=[set_to("n", 1)], condition=IS_NEW),
    "UpdateItem without condition": lambda target: target.update("p", "s", actions=[attribute("n").add(1)]),
}
HARMLESS_TWICE: dict[str, Any] = {
    "PutItem": lambda target: target.put(ITEM),
    "DeleteItem": lambda target: target.delete("p", "s"),
    "BatchWriteItem": lambda target: target.put_many([ITEM]),
    "TransactWriteItems": lambda target: transact(target.seam, [Put(target, ITEM)], "token"),
}
SILENCES = [
    no_answer,
    lambda: ConnectionClosedError(endpoint_url=ADDRESS),
    lambda: HTTPClientError(error="broken"),
    lambda: SSLError(endpoint_url=ADDRESS, error="broken"),
    lambda: refused("InternalServerError", 500),
    lambda: refused("ServiceUnavailable", 503),
    lambda: refused("SomethingNew", 502),
]


@pytest.mark.parametrize("silence", SILENCES)
@pytest.mark.parametrize("read", READS)
def test_a_read_without_an_answer_is_sent_again(clock: FakeClock, read: str, silence: Any) -> None:
    faults = plan(silence(), Step(after=silence()))
    READS[read](table(clock, faults))

    assert faults.operations == [read] * 3


@pytest.mark.parametrize("read", READS)
def test_a_table_that_never_answers_a_read_is_unavailable(clock: FakeClock, read: str) -> None:
    faults = plan(*(no_answer() for _ in range(50)))
    with pytest.raises(TableUnavailableError):
        READS[read](table(clock, faults))

    assert len(faults.sent) == MAX_ATTEMPTS


@pytest.mark.parametrize("silence", SILENCES)
@pytest.mark.parametrize("write", ONCE_ONLY)
def test_a_write_that_must_not_happen_twice_is_sent_once_and_its_outcome_is_unknown(
    clock: FakeClock, write: str, silence: Any
) -> None:
    faults = plan(silence())
    with pytest.raises(OutcomeUnknownError) as error:
        ONCE_ONLY[write](table(clock, faults))

    assert len(faults.sent) == 1
    assert clock.slept == []
    assert error.value.retry_after == 2


def test_an_unknown_outcome_may_well_be_that_it_happened(clock: FakeClock) -> None:
    with pytest.raises(OutcomeUnknownError):
        table(clock, plan(Step(after=no_answer()))).put(ITEM, IS_NEW)

    assert stored() == ITEM


@pytest.mark.parametrize("silence", SILENCES)
@pytest.mark.parametrize("write", HARMLESS_TWICE)
def test_a_write_that_is_harmless_twice_is_sent_again(clock: FakeClock, write: str, silence: Any) -> None:
    faults = plan(silence(), silence())
    HARMLESS_TWICE[write](table(clock, faults))

    assert faults.operations == [write] * 3


@pytest.mark.parametrize("write", HARMLESS_TWICE)
def test_a_harmless_write_that_is_never_answered_has_an_unknown_outcome(clock: FakeClock, write: str) -> None:
    faults = plan(*(no_answer() for _ in range(50)))
    with pytest.raises(OutcomeUnknownError):
        HARMLESS_TWICE[write](table(clock, faults))

    assert len(faults.sent) == MAX_ATTEMPTS


@pytest.mark.parametrize("later", [throttled, no_connection, slow_connection])
def test_what_is_refused_later_does_not_undo_what_may_have_happened_before(clock: FakeClock, later: Any) -> None:
    """A throttle says "not done" of its own attempt only: the first may have been done."""
    faults = plan(Step(after=no_answer()), *(later() for _ in range(50)))
    with pytest.raises(OutcomeUnknownError):
        table(clock, faults).put(ITEM)

    assert stored() == ITEM


def test_a_doubt_that_a_later_attempt_settles_is_forgotten(clock: FakeClock) -> None:
    table(clock, plan(Step(after=no_answer()), throttled())).put(ITEM)

    assert stored() == ITEM


# Connections


@pytest.mark.parametrize("failure", [no_connection, slow_connection, lambda: ProxyConnectionError(proxy_url=ADDRESS)])
@pytest.mark.parametrize("call", [*READS.values(), *ONCE_ONLY.values(), *HARMLESS_TWICE.values()])
def test_a_connection_that_was_never_made_is_tried_again_whatever_the_call(clock: FakeClock, failure: Any, call: Any) -> None:
    faults = plan(failure(), failure())
    call(table(clock, faults))

    assert len(faults.sent) == 3


@pytest.mark.parametrize("failure", [no_connection, slow_connection])
def test_a_table_that_cannot_be_reached_is_unavailable(clock: FakeClock, failure: Any) -> None:
    faults = plan(*(failure() for _ in range(50)))
    with pytest.raises(TableUnavailableError):
        table(clock, faults).put(ITEM, IS_NEW)

    assert len(faults.sent) == MAX_ATTEMPTS


def test_a_port_where_nothing_listens_is_an_unavailable_table(clock: FakeClock) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
        # Bound and not listening: the connection is refused, and nobody else gets the port meanwhile.
        with pytest.raises(TableUnavailableError):
            Table("T", Seam(clock, REGION, f"http://127.0.0.1:{port}")).get("p", "s")

    assert len(clock.slept) == MAX_ATTEMPTS - 1


def test_a_server_that_hangs_up_is_asked_by_the_seam_alone_and_not_by_the_library_again(clock: FakeClock) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        asked = []

        def hang_up() -> None:
            while True:
                try:
                    connection, _ = server.accept()
                except OSError:
                    return
                with connection:
                    asked.append(len(connection.recv(65536)))

        thread = threading.Thread(target=hang_up)
        thread.start()
        try:
            remote = Table("T", Seam(clock, REGION, f"http://127.0.0.1:{server.getsockname()[1]}"))
            with pytest.raises(OutcomeUnknownError):
                remote.put(ITEM, IS_NEW)
            assert len(asked) == 1
            with pytest.raises(TableUnavailableError):
                remote.get("p", "s")
            assert len(asked) == 1 + MAX_ATTEMPTS
        finally:
            server.shutdown(socket.SHUT_RDWR)
            thread.join()


# Our own faults


@pytest.mark.parametrize(
    "code",
    ["AccessDeniedException", "ValidationException", "ResourceNotFoundException", "IdempotentParameterMismatchException", ""],
)
def test_a_refusal_that_is_our_fault_is_an_internal_error_and_is_not_sent_again(clock: FakeClock, code: str) -> None:
    faults = plan(refused(code))
    with pytest.raises(InternalError, match=rf"^PutItem was refused: {code}$"):
        table(clock, faults).put(ITEM)

    assert len(faults.sent) == 1


def test_a_call_without_credentials_is_an_internal_error_and_not_an_unknown_outcome(clock: FakeClock) -> None:
    faults = plan(NoCredentialsError())
    with pytest.raises(InternalError, match="NoCredentialsError"):
        table(clock, faults).put(ITEM)

    assert len(faults.sent) == 1


def test_a_call_beyond_a_limit_is_never_sent(clock: FakeClock) -> None:
    faults = plan()
    with pytest.raises(TableLimitError):
        table(clock, faults).put({**ITEM, "t": "x" * 500_000})

    assert faults.sent == []


# Leftovers


def left_over(share: int) -> Step:
    """Keep the last so many of a batch for the next time, as a busy service does."""

    def change(arguments: Mapping[str, Any], answer: dict[str, Any]) -> dict[str, Any]:
        ((name, asked),) = arguments["RequestItems"].items()
        if "Keys" in asked:
            kept = asked["Keys"][-share:]
            found = [item for item in answer["Responses"][name] if {"pk": item["pk"], "sk": item["sk"]} not in kept]
            return {**answer, "Responses": {name: found}, "UnprocessedKeys": {name: {**asked, "Keys": kept}}}
        for write in asked[-share:]:
            moto_table("MemoriesTable").delete(*(write["PutRequest"]["Item"][key]["S"] for key in ("pk", "sk")))
        return {**answer, "UnprocessedItems": {name: asked[-share:]}}

    return Step(change=change)


def many(count: int) -> list[dict[str, Any]]:
    return [{"pk": "p", "sk": f"{number:03d}"} for number in range(count)]


def read_all() -> list[dict[str, Any]]:
    return moto_table("MemoriesTable").query("p", consistent=True).items


def test_items_that_a_batch_write_left_over_are_sent_again_alone_until_none_is_left(clock: FakeClock) -> None:
    faults = plan(left_over(20), left_over(8), left_over(1))
    table(clock, faults).put_many(many(25))

    assert [len(arguments["RequestItems"]["MemoriesTable"]) for _, arguments in faults.sent] == [25, 20, 8, 1]
    assert read_all() == many(25)
    assert len(clock.slept) == 3


def test_keys_that_a_batch_get_left_over_are_asked_for_again_and_nothing_is_missing_or_double(clock: FakeClock) -> None:
    moto_table("MemoriesTable").put_many(many(60))
    faults = plan(left_over(40), FINE, operation="BatchGetItem")
    found = table(clock, faults).get_many([("p", item["sk"]) for item in many(60)])

    assert sorted(found, key=lambda item: item["sk"]) == many(60)
    assert [arguments["RequestItems"]["MemoriesTable"]["ConsistentRead"] for _, arguments in faults.sent] == [True, True]


def test_leftovers_and_throttles_may_come_together(clock: FakeClock) -> None:
    faults = plan(throttled(), left_over(10), throttled(), throttled(), left_over(2))
    table(clock, faults).put_many(many(25))

    assert read_all() == many(25)


def test_a_batch_that_is_never_wholly_taken_fails_loudly_after_a_bounded_number_of_tries(clock: FakeClock) -> None:
    faults = plan(*(left_over(5) for _ in range(50)))
    with pytest.raises(ThrottledError) as error:
        table(clock, faults).put_many(many(25))

    assert len(faults.sent) == MAX_ATTEMPTS
    assert len(clock.slept) == MAX_ATTEMPTS - 1
    assert error.value.retry_after == 1
    assert read_all() == many(20)


# The deadline


def test_no_call_begins_when_the_time_is_used_up(clock: FakeClock) -> None:
    faults = plan()
    with timed(clock, 0), pytest.raises(DeadlineExceededError):
        table(clock, faults).get("p", "s")

    assert faults.sent == []


def test_tries_and_waits_end_with_the_time_of_the_request(clock: FakeClock) -> None:
    faults = plan(*(throttled() for _ in range(50)))
    start = clock.now()
    with timed(clock, 0.05), pytest.raises((DeadlineExceededError, ThrottledError)):
        table(clock, faults).put(ITEM)

    assert (clock.now() - start).total_seconds() <= 0.0500001


def test_a_table_that_hangs_is_not_asked_again_when_another_wait_would_outlast_the_request(clock: FakeClock) -> None:
    class Hanging(PlannedFaults):
        """Each attempt takes as long as one may."""

        def before(self, operation: str, arguments: Mapping[str, Any]) -> None:
            super(Hanging, self).before(operation, arguments)
            clock.advance(seconds=READ_SECONDS)
            raise no_answer()

    start = clock.now()
    with timed(clock, 25), pytest.raises(TableUnavailableError):
        table(clock, Hanging()).get("p", "s")

    assert (clock.now() - start).total_seconds() <= 25


def test_a_write_that_may_have_happened_is_not_called_lost_when_the_time_is_used_up(clock: FakeClock) -> None:
    class Slow(PlannedFaults):
        """The second attempt is throttled, late."""

        def before(self, operation: str, arguments: Mapping[str, Any]) -> None:
            super(Slow, self).before(operation, arguments)
            if len(self.sent) == 2:
                clock.advance(seconds=100)
                raise throttled()

    with timed(clock, 25), pytest.raises(OutcomeUnknownError):
        table(clock, Slow([Step(after=no_answer())])).put(ITEM)

    assert stored() == ITEM


# What the log learns


def test_calls_tries_and_units_are_counted_for_the_request(clock: FakeClock) -> None:
    faults = plan(throttled(), FINE, no_answer())
    with log_lines() as log, observability.recording("request", "r"):
        target = table(clock, faults)
        target.put_many(many(2))
        target.get("p", "000")
        target.get("p", "001", consistent=False)

    (line,) = log.lines()
    assert line["dynamodb_calls"] == len(faults.sent) == 5
    assert line["dynamodb_units"] > 0
    assert "dynamodb_leftovers" not in line


def test_leftovers_are_counted_for_the_request(clock: FakeClock) -> None:
    with log_lines() as log, observability.recording("request", "r"):
        table(clock, plan(left_over(5), left_over(1))).put_many(many(9))

    assert log.lines()[0]["dynamodb_leftovers"] == 2


def test_units_of_one_and_of_several_tables_are_summed(clock: FakeClock) -> None:
    def consumed(capacity: Any) -> Step:
        return Step(change=lambda _, answer: {**answer, "ConsumedCapacity": capacity})

    with log_lines() as log, observability.recording("request", "r"):
        target = table(
            clock,
            plan(consumed({"CapacityUnits": 1.5}), consumed([{"CapacityUnits": 2}, {"CapacityUnits": 4.0}]), consumed(None)),
        )
        for _ in range(3):
            target.get("p", "s")

    assert log.lines()[0]["dynamodb_units"] == 7.5


def test_every_call_asks_for_what_it_costs(clock: FakeClock) -> None:
    faults = plan()
    target = table(clock, faults)
    for call in (*READS.values(), *HARMLESS_TWICE.values()):
        call(target)

    assert {arguments["ReturnConsumedCapacity"] for _, arguments in faults.sent} == {"TOTAL"}


def test_no_library_writes_what_is_stored_into_a_log_however_low_its_level(clock: FakeClock) -> None:
    with log_lines() as log:
        target = table(clock, plan(no_answer()))
        target.put({**ITEM, "text": WORDS})
        target.get("p", "s")
        with pytest.raises(ConditionFailedError):
            target.put({**ITEM, "text": WORDS}, IS_NEW)
        with pytest.raises(TransactionCanceledError):
            transact(target.seam, [Update(target, ("p", "s"), [set_to("text", WORDS)], IS_NEW)], "token")

    assert WORDS not in log.text()


def test_an_error_never_says_what_was_stored(clock: FakeClock) -> None:
    target = table(clock, plan())
    target.put({**ITEM, "text": WORDS})
    with pytest.raises(ConditionFailedError) as condition:
        target.put({**ITEM, "text": WORDS}, IS_NEW)
    with pytest.raises(TransactionCanceledError) as transaction:
        transact(target.seam, [Put(target, {**ITEM, "text": WORDS}, IS_NEW)], "token")

    assert WORDS not in str(condition.value) + repr(condition.value.args)
    assert WORDS not in str(transaction.value) + repr(transaction.value.args)
