"""What operators can rely on."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from backend.audit.model import SHARDS, Action
from backend.kit.clock import from_rfc3339
from backend.kit.errors import (
    ConflictError,
    KeyNotFoundError,
    ProjectNotFoundError,
    TableUnavailableError,
    TenantNotFoundError,
    ValidationFailedError,
)
from backend.tenancy.model import MEMORY_SETTING, MOST_COMPAT_PROJECTS, Permission, ScopeMode, TokenIssuer
from backend.tenancy.scope import Environment

if TYPE_CHECKING:
    from tests.unit.tenancy.conftest import World

READ = [Permission.MEMORY_READ]


def issuer(**changes: str | None) -> TokenIssuer:
    facts: dict[str, Any] = {"issuer": "https://issuer.example", "tenant_id": "acme", "audience": "memories"}
    facts |= {"jwks_url": "https://issuer.example/jwks.json", "jwks": None, **changes}
    return TokenIssuer(environment=Environment.LIVE, scopes=frozenset(READ), **facts)


def test_a_new_tenant_is_strict_and_has_an_id(world: World) -> None:
    tenant = world.tenancy.create_tenant("Rival")

    assert tenant.scope_mode is ScopeMode.STRICT
    assert tenant.tenant_id.startswith("ten_")
    assert tenant in world.tenancy.list_tenants()


def test_creating_the_same_again_returns_what_is_there(world: World) -> None:
    tenant = world.tenancy.list_tenants()[0]
    project = world.tenancy.list_projects("acme")[0]
    world.clock.advance(hours=1)

    assert world.tenancy.create_tenant("Acme", tenant_id="acme") == tenant
    assert world.tenancy.create_project("acme", "Support", "support") == project
    assert len(world.entries()) == 2


def test_creating_something_else_under_a_taken_id_is_a_conflict(world: World) -> None:
    with pytest.raises(ConflictError):
        world.tenancy.create_tenant("Acne", tenant_id="acme")
    with pytest.raises(ConflictError):
        world.tenancy.create_tenant("Acme", ScopeMode.COMPAT, tenant_id="acme")
    with pytest.raises(ConflictError):
        world.tenancy.create_project("acme", "Sales", "support")


def test_two_tenants_may_have_projects_of_the_same_id(world: World) -> None:
    world.tenancy.create_tenant("Rival", tenant_id="rival")
    world.tenancy.create_project("rival", "Sales", "support")

    assert [each.name for each in world.tenancy.list_projects("acme")] == ["Support"]
    assert [each.name for each in world.tenancy.list_projects("rival")] == ["Sales"]


def test_a_key_is_shown_once_and_only_its_mac_is_kept(world: World) -> None:
    new = world.key("support")

    (record,) = world.tenancy.list_keys("acme")
    assert record == new.record
    assert record.project_id == "support"
    secret = new.text.split("_")[3]
    assert secret not in repr(record) + repr(new) + record.mac + repr(world.entries())


def test_a_key_expires_at_a_whole_millisecond_to_come(world: World) -> None:
    now = world.clock.now()
    new = world.tenancy.create_key("acme", "k", Environment.DEV, READ, expires_at=now + timedelta(microseconds=2500))

    assert new.record.expires_at == now + timedelta(milliseconds=2)
    assert new.text.startswith("ms_dev_")
    with pytest.raises(ValidationFailedError):
        world.tenancy.create_key("acme", "k", Environment.DEV, READ, expires_at=now)


def test_a_key_needs_a_tenant_a_live_project_a_name_and_a_scope(world: World) -> None:
    world.tenancy.create_project("acme", "Old", "old")
    world.tenancy.set_archived("acme", "old", archived=True)

    with pytest.raises(TenantNotFoundError):
        world.key(tenant_id="nobody")
    with pytest.raises(ProjectNotFoundError):
        world.key("nothing")
    with pytest.raises(ProjectNotFoundError):
        world.key("old")
    with pytest.raises(ValidationFailedError):
        world.tenancy.create_key("acme", "", Environment.LIVE, READ)
    with pytest.raises(ValidationFailedError):
        world.tenancy.create_key("acme", "k", Environment.LIVE, [])
    assert not world.tenancy.list_keys("acme")


def test_a_revoked_key_keeps_the_moment_it_was_revoked(world: World) -> None:
    key = world.key()
    first = world.tenancy.revoke_key("acme", key.record.public_id)
    world.clock.advance(hours=1)

    assert world.tenancy.revoke_key("acme", key.record.public_id) == first
    assert [each.action for each in world.entries()].count(Action.KEY_REVOKED) == 1


def test_a_tenant_cannot_revoke_the_key_of_another(world: World) -> None:
    world.tenancy.create_tenant("Rival", tenant_id="rival")
    key = world.key()

    with pytest.raises(KeyNotFoundError):
        world.tenancy.revoke_key("rival", key.record.public_id)
    with pytest.raises(KeyNotFoundError):
        world.tenancy.revoke_key("acme", "0" * 16)


def test_lists_of_a_tenant_that_is_not_there_are_refused(world: World) -> None:
    reads: list[Callable[[str], object]] = [
        world.tenancy.list_projects,
        world.tenancy.list_keys,
        world.tenancy.list_issuers,
    ]
    for read in reads:
        with pytest.raises(TenantNotFoundError):
            read("nobody")
    with pytest.raises(TenantNotFoundError):
        world.tenancy.set_scope_mode("nobody", ScopeMode.COMPAT)
    with pytest.raises(TenantNotFoundError):
        world.tenancy.create_project("nobody", "Sales", "sales")
    with pytest.raises(ProjectNotFoundError):
        world.tenancy.set_archived("acme", "nothing", archived=True)


@pytest.mark.parametrize("bad", ["_world", "-", "a b", "", "x" * 65])
def test_ids_that_would_break_a_key_are_refused(world: World, bad: str) -> None:
    with pytest.raises(ValidationFailedError):
        world.tenancy.create_tenant("Bad", tenant_id=bad)
    with pytest.raises(ValidationFailedError):
        world.tenancy.create_project("acme", "Bad", project_id=bad)


def test_compat_mode_has_room_for_fifty_live_projects(world: World) -> None:
    for number in range(MOST_COMPAT_PROJECTS):
        world.tenancy.create_project("acme", "More", f"p{number}")
    with pytest.raises(ConflictError):
        world.tenancy.set_scope_mode("acme", ScopeMode.COMPAT)

    world.tenancy.set_archived("acme", "support", archived=True)
    assert world.tenancy.set_scope_mode("acme", ScopeMode.COMPAT).scope_mode is ScopeMode.COMPAT
    with pytest.raises(ConflictError):
        world.tenancy.create_project("acme", "One more", "more")
    with pytest.raises(ConflictError):
        world.tenancy.set_archived("acme", "support", archived=False)

    world.tenancy.set_scope_mode("acme", ScopeMode.STRICT)
    assert not world.tenancy.set_archived("acme", "support", archived=False).archived


def test_changing_what_is_so_already_leaves_no_entry(world: World) -> None:
    before = world.entries()

    world.tenancy.set_scope_mode("acme", ScopeMode.STRICT)
    world.tenancy.set_suspended("acme", suspended=False)
    world.tenancy.set_archived("acme", "support", archived=False)
    world.tenancy.remove_issuer("acme", "https://nobody.example")

    assert world.entries() == before


def test_every_change_leaves_an_entry_in_a_chain_that_holds(world: World) -> None:
    key = world.key("support")
    world.tenancy.revoke_key("acme", key.record.public_id)
    world.tenancy.configure_issuer(issuer())
    world.tenancy.remove_issuer("acme", "https://issuer.example")
    world.tenancy.set_suspended("acme", suspended=True)
    world.tenancy.set_suspended("acme", suspended=False)
    world.tenancy.set_archived("acme", "support", archived=True)
    world.tenancy.set_archived("acme", "support", archived=False)
    world.tenancy.set_scope_mode("acme", ScopeMode.COMPAT)
    world.tenancy.set_setting("acme", MEMORY_SETTING, {"secrets": "redact"})

    entries = world.entries()
    of_callers = {Action.MISSING_SCOPE, Action.DATA_KEY_ROTATED, Action.DECRYPTION_FAILED}
    assert {each.action for each in entries} == set(Action) - of_callers
    assert {each.actor for each in entries} == {"operator"}
    day = world.clock.now().date().isoformat()
    assert all(world.audit.verify("acme", day, shard).intact for shard in range(SHARDS))


def test_no_change_happens_without_its_entry(world: World) -> None:
    world.audit.down = True

    with pytest.raises(TableUnavailableError):
        world.key()

    world.audit.down = False
    assert not world.tenancy.list_keys("acme")


def test_an_issuer_speaks_for_one_tenant_and_may_be_replaced_by_it(world: World) -> None:
    world.tenancy.create_tenant("Rival", tenant_id="rival")
    world.tenancy.configure_issuer(issuer())
    world.tenancy.configure_issuer(issuer(audience="other"))

    with pytest.raises(ConflictError):
        world.tenancy.configure_issuer(issuer(tenant_id="rival"))
    world.tenancy.remove_issuer("rival", "https://issuer.example")
    assert [each.audience for each in world.tenancy.list_issuers("acme")] == ["other"]


@pytest.mark.parametrize(
    ("changes", "pointer"),
    [
        ({"issuer": ""}, "/issuer"),
        ({"audience": ""}, "/audience"),
        ({"jwks_url": None}, "/jwks"),
        ({"jwks": '{"keys": []}'}, "/jwks"),
        ({"jwks_url": None, "jwks": '{"keys": []}'}, "/jwks"),
        ({"jwks_url": None, "jwks": "no JSON"}, "/jwks"),
        ({"jwks_url": "http://issuer.example/jwks.json"}, "/jwks_url"),
        ({"jwks_url": "http://127.0.0.1/jwks.json"}, "/jwks_url"),
    ],
)
def test_an_issuer_that_could_never_work_is_refused(world: World, changes: dict[str, str | None], pointer: str) -> None:
    with pytest.raises(ValidationFailedError) as refused:
        world.tenancy.configure_issuer(issuer(**changes))

    assert refused.value.faults[0].pointer == pointer


def test_what_is_created_counts_time_to_the_millisecond(world: World) -> None:
    world.clock.advance(microseconds=1234)

    assert world.tenancy.create_tenant("Rival").created_at == from_rfc3339("2026-01-05T09:00:00.001Z")
