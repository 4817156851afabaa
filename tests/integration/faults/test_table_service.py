"""The small DynamoDB that histories run on keeps the contracts that moto keeps."""

# ruff: noqa: F403 - the imported functions are the tests

from __future__ import annotations

from collections.abc import Callable, Sequence

import pytest

from backend.encryption.fake import FakeSeals
from backend.kit.clock import FakeClock
from backend.kit.dynamodb import Put, Seam, Table, TransactionCanceledError, attribute, transact
from backend.kit.errors import InternalError
from backend.kit.ids import UlidIds
from backend.memories.documents import documents_of
from backend.memories.model import (
    Memory,
)
from backend.memories.outcomes import (
    CLAIM_LASTS,
    Claim,
)
from backend.memories.requests import DynamoRequestLog
from backend.memories.store import DynamoMemoryStore
from backend.tenancy.fake import FakeSecrets
from backend.tenancy.pepper import TenantMacs
from backend.usage.store import DynamoUsageStore
from tests.contract.kit.test_kit_dynamodb_table import *
from tests.contract.memories.test_memory_store import *
from tests.contract.memories.test_memory_store_pending import *
from tests.contract.memories.test_request_log import *
from tests.integration.faults.table_service import TableService
from tests.support.executors import AtOnce
from tests.support.tables import REGION
from tests.unit.memories.samples import keyed

# These speak words that the product does not (IN, if_not_exists), or make moto's tables by themselves.
del (
    test_one_attribute_in_condition_and_update_does_not_get_in_its_own_way,  # noqa: F821 - imported with the others
    test_a_number_counts_up_from_nothing_or_from_where_it_is,  # noqa: F821 - as above
    test_a_table_of_one_key_is_used_with_one_key,  # noqa: F821 - as above
    test_a_transaction_reaches_over_tables,  # noqa: F821 - as above
    test_a_record_is_kept_a_day_and_an_adds_as_long_as_its_memory,  # noqa: F821 - as above
    test_two_who_find_the_same_died_attempt_do_not_both_take_it_over,  # noqa: F821 - as above
)


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def service(clock: FakeClock) -> TableService:
    return TableService(clock)


@pytest.fixture
def seam(service: TableService, clock: FakeClock) -> Seam:
    seam = Seam(clock, REGION)
    seam._client = service  # type: ignore[assignment] # stands for botocore's client
    return seam


@pytest.fixture
def table(seam: Seam) -> Table:
    return Table("MemoriesTable", seam)


@pytest.fixture
def store(table: Table, clock: FakeClock) -> DynamoMemoryStore:
    usages = DynamoUsageStore(Table("UsageTable", table.seam))
    ids, executor = UlidIds(clock), AtOnce()
    return DynamoMemoryStore(table, TenantMacs(FakeSecrets()), FakeSeals(), clock, ids, usages=usages, executor=executor)


@pytest.fixture
def fill(store: DynamoMemoryStore) -> Callable[[Sequence[Memory]], None]:
    def add(memories: Sequence[Memory]) -> None:
        for each in memories:
            store.add(each, documents_of(each), guarded=False)

    return add


@pytest.fixture
def log(seam: Seam, clock: FakeClock) -> DynamoRequestLog:
    return DynamoRequestLog(Table("IdempotencyTable", seam), UlidIds(clock), clock)


def test_a_token_is_remembered_for_ten_minutes(table: Table, clock: FakeClock) -> None:
    def once(value: int = 1) -> None:
        transact(table.seam, [Put(table, {"pk": "p", "sk": "s", "n": value}, attribute("pk").does_not_exist())], "token")

    once()
    once()
    with pytest.raises(InternalError):
        once(2)
    clock.advance(minutes=10)

    with pytest.raises(TransactionCanceledError):
        once()


def test_what_is_left_over_of_a_batch_is_not_there_until_it_is_sent_again(table: Table, service: TableService) -> None:
    items = [{"pk": "p", "sk": f"{number}"} for number in range(5)]
    writes = [{"PutRequest": {"Item": {"pk": {"S": "p"}, "sk": {"S": item["sk"]}}}} for item in items]
    service.takes_half = True

    answer = service._make_api_call("BatchWriteItem", {"RequestItems": {"MemoriesTable": writes}})

    assert answer["UnprocessedItems"] == {"MemoriesTable": writes[2:]}
    assert len(service.rows["MemoriesTable"]) == 2
    service.takes_half = True
    table.put_many(items)
    assert len(service.rows["MemoriesTable"]) == 5
    service.takes_half = True
    assert len(table.get_many([("p", item["sk"]) for item in items])) == 5


def test_what_is_left_over_of_statements_is_there_until_it_is_sent_again(table: Table, service: TableService) -> None:
    keys = [("p", f"{number}") for number in range(5)]
    table.put_many([{"pk": pk, "sk": sk, "n": int(sk) // 4} for pk, sk in keys])
    before = len(service.changes)
    service.takes_half = True

    table.delete_many_if("n", dict.fromkeys(keys, 0))

    assert [item["sk"] for item in table.query("p").items] == ["4"]
    # A statement that does nothing leaves no record.
    assert len(service.changes) == before + 4


def test_of_a_batch_of_one_nothing_is_taken_and_nothing_is_read(table: Table, service: TableService) -> None:
    service.takes_half = True
    put = {"PutRequest": {"Item": {"pk": {"S": "p"}, "sk": {"S": "s"}}}}
    answer = service._make_api_call("BatchWriteItem", {"RequestItems": {"MemoriesTable": [put]}})

    assert (answer["UnprocessedItems"], service.rows["MemoriesTable"]) == ({"MemoriesTable": [put]}, {})

    table.put({"pk": "p", "sk": "s"})
    service.takes_half = True
    keys = {"Keys": [{"pk": {"S": "p"}, "sk": {"S": "s"}}]}
    read = service._make_api_call("BatchGetItem", {"RequestItems": {"MemoriesTable": keys}})

    assert read == {"Responses": {"MemoriesTable": []}, "UnprocessedKeys": {"MemoriesTable": keys}}


def test_an_index_that_lags_shows_what_was_there(table: Table, service: TableService) -> None:
    table.put({"pk": "p", "sk": "s", "due_pk": "d", "due_sk": "1"})
    service.let_indexes_lag()
    table.put({"pk": "p", "sk": "t", "due_pk": "d", "due_sk": "2"})

    assert [item["sk"] for item in table.query("d", index="due").items] == ["s"]
    service.let_indexes_catch_up()
    assert [item["sk"] for item in table.query("d", index="due").items] == ["s", "t"]


def test_only_what_changed_is_told(table: Table, service: TableService) -> None:
    table.put({"pk": "p", "sk": "s", "n": 1})
    table.put({"pk": "p", "sk": "s", "n": 1})
    table.delete("p", "s")
    table.delete("p", "s")

    assert service.changes == [("MemoriesTable", {"pk": {"S": "p"}, "sk": {"S": "s"}})] * 2


def test_a_claim_that_is_taken_over_says_so(log: DynamoRequestLog, clock: FakeClock) -> None:
    first = log.claim("acme", keyed(), clock.now())
    heir = log.claim("acme", keyed(), clock.now() + CLAIM_LASTS)

    assert isinstance(first, Claim)
    assert isinstance(heir, Claim)
    assert (first.resumed, heir.resumed) == (False, True)
