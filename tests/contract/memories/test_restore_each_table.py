"""Every table of the template comes back from its backup; a conversation goes on behind what came back."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from backend.kit.clock import FakeClock
from backend.kit.deletion_marks import GONE
from backend.kit.dynamodb import Item, Table
from backend.kit.errors import PreconditionFailedError
from backend.kit.ids import UlidIds
from backend.state.model import Owner, State
from backend.state.store import DynamoStateStore
from backend.tenancy.model import Permission, ScopeMode, Tenant, TokenIssuer
from backend.tenancy.pepper import TenantMacs
from backend.tenancy.scope import Environment
from backend.tenancy.store import DynamoTenancyStore
from backend.transcripts.model import Message, Session, View
from backend.transcripts.store import DynamoTranscriptStore
from infrastructure.restore import restore
from tests.support.sealing import FixedSecrets, sealer
from tests.support.tables import aws, create_table, table_definitions, template, template_seam, template_table
from tests.unit.memories.samples import ACME

HOUR = timedelta(hours=1)
NOW = datetime(2026, 1, 5, 9, tzinfo=UTC)
PAGE = Path(__file__).parents[3] / "docs/operations.md"
BACKUP = "RestoredTable"
SESSION = Session.of(ACME, "s1")
OWNER = Owner.of(ACME)
ISSUER = TokenIssuer(
    issuer="https://issuer.example",
    tenant_id="acme",
    audience="memories",
    environment=Environment.LIVE,
    scopes=frozenset({Permission.MEMORY_READ}),
    jwks='{"keys": []}',
)

each_table = pytest.mark.parametrize("name", table_definitions())


@pytest.fixture(autouse=True)
def cloud() -> Iterator[None]:
    with aws():
        yield
        # An engine of its own keeps it for the next test.
        client: Any = template_seam().client
        if BACKUP in client.list_tables()["TableNames"]:
            client.delete_table(TableName=BACKUP)


def everything(table: Table) -> list[Item]:
    """Return all items of a table, however short its pages are."""
    found: list[Item] = []
    page = table.scan()
    while page.next_key:
        found += page.items
        page = table.scan(start=page.next_key)
    return found + page.items


def backed_up(name: str) -> Table:
    """Return a copy of a table as it is now."""
    seam = template_seam()
    client: Any = seam.client
    client.create_table(**{**table_definitions()[name], "TableName": BACKUP})
    copy = Table(BACKUP, seam)
    copy.put_many(everything(template_table(name)))
    return copy


def items_like(name: str) -> list[Item]:
    """Return a few items with the keys of a table and of its indexes."""
    definition = table_definitions()[name]
    indexed = [each["AttributeName"] for each in definition["AttributeDefinitions"]]
    return [{**{each: f"{each}#{number}" for each in indexed}, "of": number} for number in range(3)]


def lose(table: Table) -> Table:
    """Return the table without anything but its marks."""
    table.delete_many([(each["pk"], each["sk"]) for each in everything(table) if not each["pk"].startswith(GONE)])
    return table


class Kept:
    """What stands in the table of conversations and states."""

    def __init__(self) -> None:
        macs, seals = TenantMacs(FixedSecrets()), sealer()
        self.said = DynamoTranscriptStore(template_table("StateTable"), macs, seals, UlidIds(FakeClock()))
        self.values = DynamoStateStore(template_table("StateTable"), macs, seals, UlidIds(FakeClock()))

    def say(self, *contents: str, at: datetime = NOW, append_id: str | None = None) -> None:
        self.said.append(SESSION, [Message("user", each) for each in contents], at, append_id)

    def told(self) -> list[tuple[int, str]]:
        page = self.said.page(SESSION, View(200), None)
        return [(each.sequence, each.message.content) for each in page.entries if each.message]


@pytest.fixture
def kept(cloud: None) -> Kept:
    del cloud
    return Kept()


def state(days: int, version: str, at: datetime) -> State:
    return State(("plans",), "lisbon", {"days": days}, version, NOW, at)


@each_table
def test_a_table_that_lost_everything_gets_it_back(name: str) -> None:
    template_table(name).put_many(items_like(name))
    backup = backed_up(name)
    create_table(name)

    counts = restore(backup, template_table(name))

    assert sorted(everything(template_table(name)), key=lambda each: each["of"]) == items_like(name)
    assert counts == {"written": 3}


@each_table
def test_what_the_live_table_has_is_left_as_it_is(name: str) -> None:
    template_table(name).put_many(items_like(name))
    backup = backed_up(name)
    since = [{**each, "of": each["of"] + 10} for each in items_like(name)]
    template_table(name).put_many(since)

    assert restore(backup, template_table(name)) == {"kept": 3}
    assert sorted(everything(template_table(name)), key=lambda each: each["of"]) == since


@each_table
def test_operators_find_a_table_by_an_output_and_in_the_page(name: str) -> None:
    [output] = [key for key, each in template()["Outputs"].items() if each["Value"] == {"Ref": name}]
    _, _, section = PAGE.read_text().partition("## Restore from backup")

    assert output == f"{name}Name"
    assert re.search(rf"`{output}`", section.partition("\n## ")[0]), f"docs/operations.md does not say what comes of {name}"


def test_a_lost_conversation_comes_back_and_goes_on(kept: Kept) -> None:
    kept.say("one", "two")
    backup = backed_up("StateTable")
    create_table("StateTable")

    restore(backup, template_table("StateTable"))
    kept.say("three")

    assert kept.told() == [(1, "one"), (2, "two"), (3, "three")]


def test_one_that_began_anew_since_goes_on_behind_what_comes_back(kept: Kept) -> None:
    kept.say("one", "two", "three")
    backup = backed_up("StateTable")
    create_table("StateTable")
    kept.say("new", at=NOW + timedelta(days=1))

    for _ in range(2):
        restore(backup, template_table("StateTable"))
    kept.say("next", at=NOW + timedelta(days=2))

    assert kept.told() == [(1, "new"), (2, "two"), (3, "three"), (4, "next")]


def test_one_that_has_grown_since_keeps_what_was_said(kept: Kept) -> None:
    kept.say("one")
    backup = backed_up("StateTable")
    kept.say("two")

    restore(backup, template_table("StateTable"))
    kept.say("three")

    assert kept.told() == [(1, "one"), (2, "two"), (3, "three")]


def test_a_lost_value_comes_back_and_one_that_was_put_since_stays(kept: Kept) -> None:
    kept.values.put(OWNER, state(4, "v1", NOW), None)
    kept.values.put(OWNER, State(("plans",), "porto", {"days": 1}, "v1", NOW, NOW), None)
    backup = backed_up("StateTable")
    create_table("StateTable")
    kept.values.put(OWNER, state(5, "v2", NOW + timedelta(days=1)), None)

    restore(backup, template_table("StateTable"))

    found = [kept.values.get(OWNER, ("plans",), key) for key in ("lisbon", "porto")]
    assert [each.value for each in found if each] == [{"days": 5}, {"days": 1}]


def test_a_message_that_was_deleted_since_stays_deleted(kept: Kept) -> None:
    kept.say("one", "two", "three")
    backup = backed_up("StateTable")
    kept.said.remove(SESSION, 2, NOW + HOUR)

    counts = restore(backup, template_table("StateTable"))

    assert kept.told() == [(1, "one"), (3, "three")]
    assert counts == {"kept": 4}


def test_a_conversation_that_was_deleted_since_stays_deleted_and_what_began_anew_stays(kept: Kept) -> None:
    kept.say("one", "two", append_id="app_1")
    backup = backed_up("StateTable")
    kept.said.clear(SESSION, NOW + HOUR)
    kept.say("new", at=NOW + 2 * HOUR)

    restore(backup, template_table("StateTable"))

    assert kept.told() == [(1, "new")]
    assert len(everything(template_table("StateTable"))) == 3, "the mark, the session and its message"


def test_what_was_said_and_put_after_a_deletion_comes_back(kept: Kept) -> None:
    kept.say("one")
    kept.values.put(OWNER, state(4, "v1", NOW), None)
    kept.said.clear(SESSION, NOW + HOUR)
    assert kept.values.remove(OWNER, ("plans",), "lisbon", NOW + HOUR)
    kept.say("new", at=NOW + 2 * HOUR)
    kept.values.put(OWNER, state(5, "v2", NOW + 2 * HOUR), None)
    backup = backed_up("StateTable")
    live = lose(template_table("StateTable"))

    restore(backup, live)

    found = kept.values.get(OWNER, ("plans",), "lisbon")
    assert kept.told() == [(1, "new")]
    assert found is not None
    assert found.value == {"days": 5}


def test_a_value_that_was_deleted_since_stays_deleted_and_one_that_was_not_comes_back(kept: Kept) -> None:
    for key in ("lisbon", "porto"):
        kept.values.put(OWNER, State(("plans",), key, {"days": 1}, "v1", NOW, NOW), None)
    backup = backed_up("StateTable")
    assert kept.values.remove(OWNER, ("plans",), "lisbon", NOW + HOUR)
    live = lose(template_table("StateTable"))

    counts = restore(backup, live)

    assert [kept.values.get(OWNER, ("plans",), key) is None for key in ("lisbon", "porto")] == [True, False]
    assert counts == {"written": 1, "kept": 1}


def test_what_was_written_by_a_clock_ahead_of_the_one_that_deletes_stays_deleted(kept: Kept) -> None:
    kept.say("one", at=NOW + HOUR)
    kept.values.put(OWNER, state(4, "v1", NOW + HOUR), None)
    backup = backed_up("StateTable")
    assert kept.said.remove(SESSION, 1, NOW)
    assert kept.values.remove(OWNER, ("plans",), "lisbon", NOW)

    restore(backup, lose(template_table("StateTable")))

    assert kept.told() == []
    assert kept.values.get(OWNER, ("plans",), "lisbon") is None


def test_a_removal_that_is_refused_leaves_no_mark(kept: Kept) -> None:
    kept.values.put(OWNER, state(4, "v1", NOW), None)

    with pytest.raises(PreconditionFailedError):
        kept.values.remove(OWNER, ("plans",), "lisbon", NOW - HOUR, frozenset({"v0"}))
    assert not kept.said.remove(SESSION, 1, NOW)

    assert not [each for each in everything(template_table("StateTable")) if each["pk"].startswith(GONE)]


def test_a_mark_holds_a_moment_and_goes_when_no_backup_reaches_back_so_far(kept: Kept) -> None:
    kept.say("one")
    kept.said.remove(SESSION, 1, NOW)

    [mark] = [each for each in everything(template_table("StateTable")) if each["pk"].startswith(GONE)]
    assert mark.keys() == {"pk", "sk", "schema_version", "deleted_at", "ttl"}
    assert datetime.fromtimestamp(mark["ttl"], UTC) == NOW + timedelta(days=36)


def test_an_issuer_that_was_removed_since_stays_so_unless_it_is_configured_again(cloud: None) -> None:
    del cloud
    table = template_table("TenancyTable")
    store = DynamoTenancyStore(table, UlidIds(FakeClock()))
    store.add_tenant(Tenant("acme", "Acme", ScopeMode.STRICT, NOW))
    store.put_issuer(ISSUER)
    backup = backed_up("TenancyTable")
    store.remove_issuer("acme", ISSUER.issuer, NOW)

    restore(backup, table)

    assert (store.issuer(ISSUER.issuer), store.issuers("acme")) == (None, [])
    store.put_issuer(ISSUER)
    lose(table)
    restore(backup, table)
    assert (store.issuer(ISSUER.issuer), store.issuers("acme")) == (ISSUER, [ISSUER])
