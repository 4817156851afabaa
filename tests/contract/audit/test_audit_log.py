"""What every audit log promises."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from backend.audit.fake import FakeAuditLog
from backend.audit.model import SHARDS, Action, AuditEntry, ChainReport, chain_name, first_shard
from backend.audit.ports import AuditLog
from backend.audit.store import DynamoAuditLog
from backend.kit.clock import FakeClock
from backend.kit.dynamodb import Table, set_to
from backend.kit.errors import ThrottledError
from backend.kit.ids import UlidIds
from tests.support.tables import aws, create_table, engine, template_seam, template_table

NOW = datetime(2026, 1, 5, 23, 59, 59, 999_000, tzinfo=UTC)
DAY = "2026-01-05"
KEYS = {"acme": b"a" * 32, "rival": b"r" * 32}


def entry_of(number: int = 1, **changes: Any) -> AuditEntry:
    facts: dict[str, Any] = {
        "entry_id": f"aud_{number:026d}",
        "tenant_id": "acme",
        "at": NOW,
        "actor": "key:0123456789abcdef",
        "action": Action.MISSING_SCOPE,
        "target": "tenant:acme",
    }
    return AuditEntry(**facts | changes)


@pytest.fixture(scope="module")
def tables() -> Iterator[Callable[[], Table]]:
    """Return a way to make an empty table; one stand-in for the module, since starting it is what takes the time."""
    with aws():

        def make() -> Table:
            create_table("AuditTable")
            return template_table("AuditTable")

        yield make


@pytest.fixture
def table(tables: Callable[[], Table]) -> Table:
    return tables()


@pytest.fixture(params=["fake", engine()])
def log(request: pytest.FixtureRequest) -> AuditLog:
    if request.param == "fake":
        return FakeAuditLog()
    return stored(request.getfixturevalue("table"))


def stored(table: Table) -> DynamoAuditLog:
    return DynamoAuditLog(table, KEYS.__getitem__, UlidIds(FakeClock()))


def reports(log: AuditLog, tenant: str = "acme", day: str = DAY) -> list[ChainReport]:
    return [log.verify(tenant, day, shard) for shard in range(SHARDS)]


def test_an_entry_is_read_back_as_it_was_recorded(log: AuditLog) -> None:
    whole = entry_of(1, project_id="support", environment="live", details={"end_user_mac": "ab", "count": 3})
    bare = entry_of(2)
    for entry in (bare, whole):
        log.record(entry)

    assert log.entries("acme", DAY) == [whole, bare]


def test_every_entry_of_a_day_is_in_exactly_one_chain_that_holds(log: AuditLog) -> None:
    for number in range(40):
        log.record(entry_of(number))

    assert [entry.entry_id for entry in log.entries("acme", DAY)] == [f"aud_{number:026d}" for number in range(40)]
    assert sum(report.count for report in reports(log)) == 40
    assert all(report.intact for report in reports(log))
    assert sum(report.count > 0 for report in reports(log)) > 1


def test_days_are_those_of_utc_and_tenants_are_apart(log: AuditLog) -> None:
    log.record(entry_of(1))
    log.record(entry_of(2, at=NOW + timedelta(milliseconds=1)))
    log.record(entry_of(3, tenant_id="rival"))

    assert [entry.entry_id[-1] for entry in log.entries("acme", DAY)] == ["1"]
    assert [entry.entry_id[-1] for entry in log.entries("acme", "2026-01-06")] == ["2"]
    assert [entry.entry_id[-1] for entry in log.entries("rival", DAY)] == ["3"]


def test_a_chain_that_was_never_begun_is_intact_and_empty(log: AuditLog) -> None:
    assert reports(log) == [ChainReport(0)] * SHARDS
    assert not log.entries("acme", DAY)


# What follows is about the table: who can write to it, and who meets whom there.

SAME_CHAIN = [number for number in range(100) if first_shard(f"aud_{number:026d}") == 0][:5]
CHAIN = chain_name("acme", DAY, 0)


@dataclass(frozen=True)
class Tampering:
    act: Callable[[Table], None]
    broken_at: int


def changed(name: str, value: object, number: int = 2) -> Callable[[Table], None]:
    key = entry_of(SAME_CHAIN[number]).entry_id
    return lambda table: void(table.update(CHAIN, key, actions=[set_to(name, value)]))


def void(_: object) -> None:
    """Let a value go."""


def moved(table: Table) -> None:
    item = table.get(CHAIN, entry_of(SAME_CHAIN[2]).entry_id)
    assert item is not None
    table.delete(CHAIN, item["sk"])
    table.put(item | {"sk": "aud_x"})


def copied(table: Table) -> None:
    """Carry a whole chain over to another shard."""
    for item in table.query(CHAIN, consistent=True).items:
        table.put(item | {"pk": chain_name("acme", DAY, 1)})
        table.delete(CHAIN, item["sk"])


def cut(table: Table) -> None:
    """Take the last link away and set the head back to the one before."""
    last, before = (table.get(CHAIN, entry_of(SAME_CHAIN[number]).entry_id) for number in (4, 3))
    assert last is not None
    assert before is not None
    table.delete(CHAIN, last["sk"])
    table.update(CHAIN, "HEAD", actions=[set_to("mac", before["mac"]), set_to("count", 3)])


@pytest.mark.parametrize(
    "tampering",
    [
        Tampering(changed("actor", "operator"), 3),
        Tampering(changed("at", "2026-01-05T00:00:00.000Z"), 3),
        Tampering(changed("details", {"x": 1}), 3),
        Tampering(changed("project_id", "support"), 3),
        Tampering(changed("tenant_id", "rival", 0), 1),
        Tampering(changed("sequence", 9), 3),
        Tampering(changed("mac", "0" * 64), 3),
        Tampering(changed("previous", "0" * 64), 3),
        Tampering(lambda table: table.delete(CHAIN, entry_of(SAME_CHAIN[0]).entry_id), 1),
        Tampering(lambda table: table.delete(CHAIN, entry_of(SAME_CHAIN[4]).entry_id), 5),
        Tampering(lambda table: table.delete(CHAIN, "HEAD"), 1),
        Tampering(lambda table: void(table.update(CHAIN, "HEAD", actions=[set_to("count", 4)])), 5),
        Tampering(moved, 3),
        Tampering(cut, 4),
    ],
)
def test_whatever_is_changed_in_the_table_shows(table: Table, tampering: Tampering) -> None:
    log = stored(table)
    for number in SAME_CHAIN:
        log.record(entry_of(number))
    assert log.verify("acme", DAY, 0) == ChainReport(5)

    tampering.act(table)

    assert log.verify("acme", DAY, 0).broken_at == tampering.broken_at


def test_a_chain_cannot_stand_in_for_another(table: Table) -> None:
    log = stored(table)
    for number in SAME_CHAIN:
        log.record(entry_of(number))

    copied(table)

    assert log.verify("acme", DAY, 1).broken_at == 1


def test_whoever_writes_the_table_without_the_key_cannot_forge_a_link(table: Table) -> None:
    log = stored(table)
    log.record(entry_of(SAME_CHAIN[0]))
    forger = DynamoAuditLog(table, lambda _: b"guessed" * 5, UlidIds(FakeClock()))

    forger.record(entry_of(SAME_CHAIN[1]))

    assert log.verify("acme", DAY, 0).broken_at == 2


def test_recording_an_entry_again_after_a_lost_answer_leaves_it_once(table: Table) -> None:
    log = stored(table)

    log.record(entry_of(1))
    log.record(entry_of(1))

    assert len(log.entries("acme", DAY)) == 1
    assert all(report.intact for report in reports(log))


class Races:
    """Faults that let another writer in between a read of the head and the write that follows it, a number of times."""

    def __init__(self, rival: Callable[[], None], times: int) -> None:
        self._rival = rival
        self.left = times
        self._inside = False

    def before(self, operation: str, arguments: Any) -> None:
        del arguments
        if operation == "TransactWriteItems" and self.left and not self._inside:
            self.left -= 1
            self._inside = True
            self._rival()
            self._inside = False

    def after(self, operation: str, arguments: Any, answer: dict[str, Any]) -> dict[str, Any]:
        del operation, arguments
        return answer


@pytest.mark.parametrize(("times", "taken"), [(1, True), (SHARDS - 1, True), (SHARDS, False)])
def test_the_loser_of_a_race_goes_to_another_chain_until_all_were_tried(table: Table, times: int, taken: bool) -> None:
    log, moves = stored(table), iter(range(1000))

    def rival() -> None:
        for shard in range(SHARDS):
            table.update(
                chain_name("acme", DAY, shard), "HEAD", actions=[set_to("count", 1), set_to("mac", f"{next(moves):064d}")]
            )

    racing = Table(table.name, template_seam(faults=Races(rival, times)))
    before = len(log.entries("acme", DAY))
    racer = stored(racing)

    if taken:
        racer.record(entry_of(1))
    else:
        with pytest.raises(ThrottledError):
            racer.record(entry_of(1))

    assert len(log.entries("acme", DAY)) - before == taken


def test_an_entry_that_comes_while_a_chain_is_verified_is_no_break(table: Table) -> None:
    log = stored(table)
    log.record(entry_of(SAME_CHAIN[0]))

    class Late:
        """Faults that append a link while the chain is read."""

        done = False

        def before(self, operation: str, arguments: Any) -> None:
            del arguments
            if operation == "Query" and not self.done:
                self.done = True
                log.record(entry_of(SAME_CHAIN[1]))

        def after(self, operation: str, arguments: Any, answer: dict[str, Any]) -> dict[str, Any]:
            del operation, arguments
            return answer

    reader = stored(Table(table.name, template_seam(faults=Late())))
    assert reader.verify("acme", DAY, 0) == ChainReport(1)
    assert log.verify("acme", DAY, 0) == ChainReport(2)
