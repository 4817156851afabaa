"""What every store promises of settings."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import pytest

from backend.kit.clock import FakeClock
from backend.kit.dynamodb import Table
from backend.kit.errors import TenantNotFoundError
from backend.kit.ids import UlidIds
from backend.tenancy import items
from backend.tenancy.fake import FakeTenancyStore
from backend.tenancy.model import Project, ScopeMode, Tenant, UnreadableSettingError
from backend.tenancy.ports import TenancyStore
from backend.tenancy.store import DynamoTenancyStore
from tests.support.tables import aws, create_table, engine, template_table

NOW = datetime(2026, 1, 5, 9, 0, tzinfo=UTC)
VALUE: dict[str, Any] = {"secrets": "block", "sources": ["crm", "Büro"], "share": 1.0, "deep": {"none": None, "yes": True}}


@dataclass
class Stored:
    """A store, and a way past it."""

    store: TenancyStore
    damage: Callable[[str, str], None]


@pytest.fixture(scope="module")
def tables() -> Iterator[Callable[[], Table]]:
    """Return a way to make an empty table; one stand-in for the module, since starting it is what takes the time."""
    with aws():

        def make() -> Table:
            create_table("TenancyTable")
            return template_table("TenancyTable")

        yield make


@pytest.fixture(params=["fake", engine()])
def stored(request: pytest.FixtureRequest, tables: Callable[[], Table]) -> Stored:
    fake = FakeTenancyStore()
    found = Stored(fake, fake.damage_setting)
    if request.param != "fake":
        table = tables()

        def damage(tenant_id: str, name: str) -> None:
            pk, sk = items.setting_key(tenant_id, name)
            table.put({"pk": pk, "sk": sk, "value": "{"})

        found = Stored(DynamoTenancyStore(table, UlidIds(FakeClock())), damage)
    for tenant_id in ("acme", "rival"):
        found.store.add_tenant(Tenant(tenant_id, tenant_id.title(), ScopeMode.STRICT, NOW))
    return found


def test_a_setting_is_read_back_as_the_same_json(stored: Stored) -> None:
    stored.store.put_setting("acme", "memory", VALUE)

    found = stored.store.setting("acme", "memory")
    assert found == VALUE
    assert isinstance(found["share"], float)


def test_what_is_not_set_is_nothing(stored: Stored) -> None:
    stored.store.put_setting("acme", "memory", VALUE)

    assert stored.store.setting("acme", "other") is None
    assert stored.store.setting("rival", "memory") is None
    assert stored.store.setting("nobody", "memory") is None


def test_the_last_value_is_the_whole_value(stored: Stored) -> None:
    stored.store.put_setting("acme", "memory", VALUE)
    stored.store.put_setting("acme", "memory", {"secrets": "redact"})
    stored.store.put_setting("rival", "memory", {})

    assert stored.store.setting("acme", "memory") == {"secrets": "redact"}
    assert stored.store.setting("rival", "memory") == {}


def test_what_was_read_can_be_changed_without_changing_what_is_stored(stored: Stored) -> None:
    given = {"sources": ["crm"]}
    stored.store.put_setting("acme", "memory", given)
    given["sources"].append("chat")
    found = stored.store.setting("acme", "memory")
    assert found
    found["sources"].append("mail")

    assert stored.store.setting("acme", "memory") == {"sources": ["crm"]}


def test_a_tenant_that_is_not_there_sets_nothing(stored: Stored) -> None:
    with pytest.raises(TenantNotFoundError):
        stored.store.put_setting("nobody", "memory", VALUE)

    assert stored.store.setting("nobody", "memory") is None


def test_what_is_no_json_object_is_told_without_quoting_it_and_can_be_replaced(stored: Stored) -> None:
    stored.damage("acme", "memory")
    with pytest.raises(UnreadableSettingError) as refused:
        stored.store.setting("acme", "memory")
    assert refused.value.args == ()

    stored.store.put_setting("acme", "memory", VALUE)
    assert stored.store.setting("acme", "memory") == VALUE


def test_a_setting_is_no_project_key_or_issuer(stored: Stored) -> None:
    stored.store.put_setting("acme", "memory", VALUE)
    stored.store.add_project(Project("acme", "memory", "Memory", NOW))

    assert [each.project_id for each in stored.store.projects("acme")] == ["memory"]
    assert stored.store.keys("acme") == []
    assert stored.store.issuers("acme") == []
    assert [each.tenant_id for each in stored.store.tenants()] == ["acme", "rival"]


@pytest.mark.parametrize("value", [None, 7, "", "{", "[]", '"text"'])
def test_only_the_text_of_an_object_is_a_value(value: object) -> None:
    with pytest.raises(UnreadableSettingError):
        items.to_setting({"value": value})
