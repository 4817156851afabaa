"""Every table of the template comes back from its backup; a conversation goes on behind what came back."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from backend.kit.clock import FakeClock
from backend.kit.dynamodb import Item, Table
from backend.kit.ids import UlidIds
from backend.state.model import Owner, State
from backend.state.store import DynamoStateStore
from backend.tenancy.pepper import TenantMacs
from backend.transcripts.model import Message, Session, View
from backend.transcripts.store import DynamoTranscriptStore
from infrastructure.restore import restore
from tests.support.sealing import FixedSecrets, sealer
from tests.support.tables import aws, create_table, table_definitions, template, template_seam, template_table
from tests.unit.memories.samples import ACME

NOW = datetime(2026, 1, 5, 9, tzinfo=UTC)
PAGE = Path(__file__).parents[3] / "docs/operations.md"
BACKUP = "RestoredTable"
SESSION = Session.of(ACME, "s1")
OWNER = Owner.of(ACME)

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


class Kept:
    """What stands in the table of conversations and states."""

    def __init__(self) -> None:
        macs, seals = TenantMacs(FixedSecrets()), sealer()
        self.said = DynamoTranscriptStore(template_table("StateTable"), macs, seals, UlidIds(FakeClock()))
        self.values = DynamoStateStore(template_table("StateTable"), macs, seals)

    def say(self, *contents: str, at: datetime = NOW) -> None:
        self.said.append(SESSION, [Message("user", each) for each in contents], at)

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
