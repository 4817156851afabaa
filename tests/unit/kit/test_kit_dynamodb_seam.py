"""The seam under planned faults: what is tried again, how often, and what it says and counts."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import pairwise
from typing import Any

import pytest
from botocore.exceptions import NoCredentialsError

from backend.kit import observability
from backend.kit.clock import FakeClock
from backend.kit.dynamodb import (
    Asked,
    ConditionFailedError,
    Put,
    Table,
    TableLimitError,
    TransactionCanceledError,
    Update,
    attribute,
    get_together,
    set_to,
    transact,
)
from backend.kit.dynamodb.seam import FIRST_WAIT_SECONDS, LONGEST_WAIT_SECONDS, MAX_ATTEMPTS, READ_SECONDS
from backend.kit.dynamodb.table import key_of
from backend.kit.errors import DeadlineExceededError, InternalError, OutcomeUnknownError, TableUnavailableError, ThrottledError
from tests.support.faults import FINE, PlannedFaults, Step, cancelled, no_answer, plan, refused, throttled
from tests.support.logs import log_lines
from tests.support.tables import fresh_token, template_seam, template_table
from tests.unit.kit.seam_cases import HARMLESS_TWICE, IS_NEW, ITEM, READS, stored, table, timed

pytestmark = pytest.mark.usefixtures("tables")
WORDS = "my sister's diagnosis"
THROTTLES = [
    "ThrottlingException",
    "ProvisionedThroughputExceededException",
    "RequestLimitExceeded",
    "TransactionConflictException",
    "TransactionInProgressException",
]


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


def write(target: Table) -> None:
    transact(target.seam, [Put(target, ITEM, IS_NEW), Put(target, {"pk": "q", "sk": "s"})], fresh_token())


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
    # The first attempts are lost before they arrive: moto applies a repeated token twice, the service once.
    faults = plan(no_answer(), refused("InternalServerError", 500))
    write(table(clock, faults))

    assert len(faults.sent) == 3
    assert len({arguments["ClientRequestToken"] for _, arguments in faults.sent}) == 1
    assert faults.sent[0] == faults.sent[2]
    assert stored() == ITEM


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
            found = [item for item in answer["Responses"][name] if key_of((item["pk"], item["sk"])) not in kept]
            return {**answer, "Responses": {name: found}, "UnprocessedKeys": {name: {**asked, "Keys": kept}}}
        for write in asked[-share:]:
            template_table("MemoriesTable").delete(*(write["PutRequest"]["Item"][key]["S"] for key in ("pk", "sk")))
        return {**answer, "UnprocessedItems": {name: asked[-share:]}}

    return Step(change=change)


def many(count: int) -> list[dict[str, Any]]:
    return [{"pk": "p", "sk": f"{number:03d}"} for number in range(count)]


def read_all() -> list[dict[str, Any]]:
    return template_table("MemoriesTable").query("p", consistent=True).items


def test_items_that_a_batch_write_left_over_are_sent_again_alone_until_none_is_left(clock: FakeClock) -> None:
    faults = plan(left_over(20), left_over(8), left_over(1))
    table(clock, faults).put_many(many(25))

    assert [len(arguments["RequestItems"]["MemoriesTable"]) for _, arguments in faults.sent] == [25, 20, 8, 1]
    assert read_all() == many(25)
    assert len(clock.slept) == 3


def test_keys_that_a_batch_get_left_over_are_asked_for_again_and_nothing_is_missing_or_double(clock: FakeClock) -> None:
    template_table("MemoriesTable").put_many(many(60))
    faults = plan(left_over(40), FINE, operation="BatchGetItem")
    found = table(clock, faults).get_many([("p", item["sk"]) for item in many(60)])

    assert sorted(found, key=lambda item: item["sk"]) == many(60)
    assert [arguments["RequestItems"]["MemoriesTable"]["ConsistentRead"] for _, arguments in faults.sent] == [True, True]


def test_of_keys_of_two_tables_each_may_leave_some_over(clock: FakeClock) -> None:
    memories, usage = template_table("MemoriesTable"), template_table("UsageTable")
    memories.put_many(many(20))
    usage.put_many(many(20))

    def halved(arguments: Mapping[str, Any], answer: dict[str, Any]) -> dict[str, Any]:
        asked = arguments["RequestItems"]
        kept = {name: {**each, "Keys": each["Keys"][1::2]} for name, each in asked.items() if each["Keys"][1::2]}
        left = {name: [key["sk"]["S"] for key in each["Keys"]] for name, each in kept.items()}
        found = answer["Responses"]
        taken = {name: [item for item in found[name] if item["sk"] not in left.get(name, [])] for name in asked}
        return {**answer, "Responses": taken, "UnprocessedKeys": kept}

    faults = plan(*[Step(change=halved)] * 5)
    keys = [("p", item["sk"]) for item in many(20)]
    seam = template_seam(clock, faults)
    found = get_together(seam, [Asked(memories, keys), Asked(usage, keys[:7], consistent=False)])

    assert [sorted(item["sk"] for item in each) for each in found] == [[sk for _, sk in keys], [sk for _, sk in keys[:7]]]
    sent = [arguments["RequestItems"] for _, arguments in faults.sent]
    assert {name: each["ConsistentRead"] for asked in sent for name, each in asked.items()} == {
        "MemoriesTable": True,
        "UsageTable": False,
    }
    assert [sum(len(each["Keys"]) for each in asked.values()) for asked in sent] == [27, 13, 6, 2, 1]


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
            super().before(operation, arguments)
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
            super().before(operation, arguments)
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
            transact(target.seam, [Update(target, ("p", "s"), [set_to("text", WORDS)], IS_NEW)], fresh_token())

    assert WORDS not in log.text()


def test_an_error_never_says_what_was_stored(clock: FakeClock) -> None:
    target = table(clock, plan())
    target.put({**ITEM, "text": WORDS})
    with pytest.raises(ConditionFailedError) as condition:
        target.put({**ITEM, "text": WORDS}, IS_NEW)
    with pytest.raises(TransactionCanceledError) as transaction:
        transact(target.seam, [Put(target, {**ITEM, "text": WORDS}, IS_NEW)], fresh_token())

    assert WORDS not in str(condition.value) + repr(condition.value.args)
    assert WORDS not in str(transaction.value) + repr(transaction.value.args)
