"""What every store of tenants, projects, keys and issuers promises."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from backend.kit.clock import FakeClock
from backend.kit.dynamodb import Table
from backend.kit.errors import ConflictError, KeyNotFoundError, ProjectNotFoundError, TenantNotFoundError
from backend.kit.ids import UlidIds
from backend.tenancy.fake import FakeTenancyStore
from backend.tenancy.model import ApiKeyRecord, Permission, Project, ScopeMode, Tenant, TokenIssuer
from backend.tenancy.ports import TenancyStore
from backend.tenancy.scope import Environment
from backend.tenancy.store import DynamoTenancyStore
from tests.support.tables import aws, create_table, engine, template_table

NOW = datetime(2026, 1, 5, 9, 0, 0, 123_000, tzinfo=UTC)
ACME = Tenant("acme", "Ácme & Söhne", ScopeMode.STRICT, NOW)
RIVAL = Tenant("rival", "Rival", ScopeMode.COMPAT, NOW)
SUPPORT = Project("acme", "support", "Support", NOW)
KEY = ApiKeyRecord(
    public_id="0123456789abcdef",
    tenant_id="acme",
    name="server",
    environment=Environment.LIVE,
    scopes=frozenset({Permission.MEMORY_READ, Permission.MEMORY_ADD}),
    created_at=NOW,
    mac="ab" * 32,
)
ISSUER = TokenIssuer(
    issuer="https://issuer.example",
    tenant_id="acme",
    audience="memories",
    environment=Environment.TEST,
    scopes=frozenset({Permission.MEMORY_READ}),
    jwks='{"keys": []}',
)


@pytest.fixture(scope="module")
def tables() -> Iterator[Callable[[], Table]]:
    """Return a way to make an empty table; one stand-in for the module, since starting it is what takes the time."""
    with aws():

        def make() -> Table:
            create_table("TenancyTable")
            return template_table("TenancyTable")

        yield make


@pytest.fixture(params=["fake", engine()])
def store(request: pytest.FixtureRequest, tables: Callable[[], Table]) -> TenancyStore:
    if request.param == "fake":
        return FakeTenancyStore()
    return DynamoTenancyStore(tables(), UlidIds(FakeClock()))


@pytest.fixture
def filled(store: TenancyStore) -> TenancyStore:
    for tenant in (RIVAL, ACME):
        store.add_tenant(tenant)
    return store


def test_a_tenant_is_read_back_as_it_was_stored(filled: TenancyStore) -> None:
    assert filled.tenant("acme") == ACME
    assert filled.tenant("nobody") is None
    assert filled.tenants() == [ACME, RIVAL]


def test_a_tenants_id_is_taken_once(filled: TenancyStore) -> None:
    with pytest.raises(ConflictError):
        filled.add_tenant(replace(ACME, name="Other"))
    with pytest.raises(ConflictError):
        filled.add_tenant(ACME)
    assert filled.tenants() == [ACME, RIVAL]


def test_a_change_of_a_tenant_changes_what_is_given_and_nothing_else(filled: TenancyStore) -> None:
    assert filled.change_tenant("acme") == ACME
    assert filled.change_tenant("acme", suspended=True) == replace(ACME, suspended=True)
    both = filled.change_tenant("acme", scope_mode=ScopeMode.COMPAT, suspended=False)

    assert both == replace(ACME, scope_mode=ScopeMode.COMPAT)
    assert filled.tenant("acme") == both
    assert filled.tenant("rival") == RIVAL


def test_a_tenant_that_is_not_there_cannot_be_changed_or_given_anything(store: TenancyStore) -> None:
    with pytest.raises(TenantNotFoundError):
        store.change_tenant("acme", suspended=True)
    with pytest.raises(TenantNotFoundError):
        store.change_tenant("acme")
    with pytest.raises(TenantNotFoundError):
        store.add_project(SUPPORT)
    with pytest.raises(TenantNotFoundError):
        store.add_key(KEY)
    with pytest.raises(TenantNotFoundError):
        store.put_issuer(ISSUER)

    assert not store.tenants()
    assert not store.projects("acme")
    assert store.key(KEY.public_id) is None
    assert store.issuer(ISSUER.issuer) is None


def test_projects_belong_to_their_tenant(filled: TenancyStore) -> None:
    theirs = replace(SUPPORT, tenant_id="rival", name="Theirs")
    sales = replace(SUPPORT, project_id="sales")
    for project in (SUPPORT, sales, theirs):
        filled.add_project(project)

    assert filled.project("acme", "support") == SUPPORT
    assert filled.project("rival", "support") == theirs
    assert filled.project("rival", "sales") is None
    assert filled.projects("acme") == [sales, SUPPORT]
    assert filled.projects("rival") == [theirs]
    assert filled.projects("nobody") == []


def test_a_projects_id_is_taken_once_in_its_tenant(filled: TenancyStore) -> None:
    filled.add_project(SUPPORT)

    with pytest.raises(ConflictError):
        filled.add_project(replace(SUPPORT, name="Other"))
    assert filled.project("acme", "support") == SUPPORT


def test_a_project_is_archived_and_restored(filled: TenancyStore) -> None:
    filled.add_project(SUPPORT)

    assert filled.change_project("acme", "support", archived=True) == replace(SUPPORT, archived=True)
    assert filled.project("acme", "support") == replace(SUPPORT, archived=True)
    assert filled.projects("acme") == [replace(SUPPORT, archived=True)]
    assert filled.change_project("acme", "support", archived=False) == SUPPORT
    for tenant, project in (("acme", "nothing"), ("rival", "support")):
        with pytest.raises(ProjectNotFoundError):
            filled.change_project(tenant, project, archived=True)
    assert filled.project("rival", "support") is None


@pytest.mark.parametrize("bound", [{}, {"project_id": "support", "expires_at": NOW + timedelta(days=1)}])
def test_a_key_is_read_back_as_it_was_stored(filled: TenancyStore, bound: dict[str, str | datetime]) -> None:
    record = replace(KEY, **bound)  # type: ignore[arg-type]  # the values are the fields'
    filled.add_key(record)

    assert filled.key(KEY.public_id) == record
    assert filled.keys("acme") == [record]
    assert filled.keys("rival") == []
    assert filled.key("f" * 16) is None


def test_a_public_id_is_taken_once_whoever_asks(filled: TenancyStore) -> None:
    filled.add_key(KEY)

    with pytest.raises(ConflictError):
        filled.add_key(replace(KEY, tenant_id="rival"))
    assert filled.key(KEY.public_id) == KEY
    assert filled.keys("rival") == []


def test_a_key_is_revoked_once_and_for_ever(filled: TenancyStore) -> None:
    other = replace(KEY, public_id="1" * 16)
    for record in (KEY, other):
        filled.add_key(record)

    revoked = filled.revoke_key("acme", KEY.public_id, NOW)

    assert revoked == replace(KEY, revoked_at=NOW)
    assert filled.key(KEY.public_id) == revoked
    assert filled.revoke_key("acme", KEY.public_id, NOW + timedelta(days=1)) == revoked
    assert filled.keys("acme") == [revoked, other]


def test_no_tenant_revokes_the_key_of_another(filled: TenancyStore) -> None:
    filled.add_key(KEY)

    for tenant, public_id in (("rival", KEY.public_id), ("acme", "f" * 16)):
        with pytest.raises(KeyNotFoundError):
            filled.revoke_key(tenant, public_id, NOW)
    assert filled.key(KEY.public_id) == KEY
    assert filled.key("f" * 16) is None


def test_more_keys_than_one_call_carries_are_all_listed(filled: TenancyStore) -> None:
    for number in range(101):
        filled.add_key(replace(KEY, public_id=f"{number:016d}"))

    assert [record.public_id for record in filled.keys("acme")] == [f"{number:016d}" for number in range(101)]


def test_an_issuer_is_found_by_its_exact_name(filled: TenancyStore) -> None:
    filled.put_issuer(ISSUER)

    assert filled.issuer(ISSUER.issuer) == ISSUER
    assert filled.issuer(ISSUER.issuer + "/") is None
    assert filled.issuers("acme") == [ISSUER]
    assert filled.issuers("rival") == []


def test_a_tenant_replaces_its_issuer_and_no_other_tenant_does(filled: TenancyStore) -> None:
    changed = replace(ISSUER, jwks=None, jwks_url="https://issuer.example/jwks.json", environment=Environment.LIVE)
    filled.put_issuer(ISSUER)
    filled.put_issuer(changed)
    with pytest.raises(ConflictError):
        filled.put_issuer(replace(ISSUER, tenant_id="rival"))

    assert filled.issuers("acme") == [changed]
    assert filled.issuers("rival") == []

    filled.put_issuer(ISSUER)
    assert filled.issuer(ISSUER.issuer) == ISSUER


def test_a_tenant_removes_its_own_issuer_only(filled: TenancyStore) -> None:
    filled.put_issuer(ISSUER)

    filled.remove_issuer("rival", ISSUER.issuer, NOW)
    assert filled.issuer(ISSUER.issuer) == ISSUER
    filled.remove_issuer("acme", ISSUER.issuer, NOW)
    filled.remove_issuer("acme", ISSUER.issuer, NOW)
    assert filled.issuer(ISSUER.issuer) is None
    assert filled.issuers("acme") == []

    filled.put_issuer(replace(ISSUER, tenant_id="rival"))
    assert [each.tenant_id for each in filled.issuers("rival")] == ["rival"]
