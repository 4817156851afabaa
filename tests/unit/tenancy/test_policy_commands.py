"""How operators say what is done with what a tenant is told."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from backend.audit.model import Action
from backend.kit.errors import Fault, TableUnavailableError, TenantNotFoundError, ValidationFailedError
from backend.tenancy.model import MEMORY_SETTING
from backend.tenancy.operations import perform

if TYPE_CHECKING:
    from tests.unit.tenancy.conftest import World

DEFAULTS = {
    "extraction": "rules",
    "on_conflict": "newest",
    "trusted_sources": [],
    "secrets": "block",
    "personal_data": "allow",
    "injection": "quarantine",
    "stale_after_days": 90,
}
CHOSEN = {
    "extraction": "llm",
    "on_conflict": "most_trusted_source",
    "trusted_sources": ["crm", "chat"],
    "stale_after_days": 30,
}


def put(world: World, policy: Any, tenant_id: str = "acme") -> dict[str, Any]:
    return perform(world.tenancy, {"action": "set_memory_policy", "tenant_id": tenant_id, "policy": policy})


def show(world: World, tenant_id: str = "acme") -> dict[str, Any]:
    return perform(world.tenancy, {"action": "show_memory_policy", "tenant_id": tenant_id})


def faults(world: World, policy: Any) -> tuple[Fault, ...]:
    with pytest.raises(ValidationFailedError) as refused:
        put(world, policy)
    return refused.value.faults


def test_a_tenant_that_has_set_nothing_has_the_defaults(world: World) -> None:
    assert show(world) == {"tenant_id": "acme", "policy": DEFAULTS, "unreadable": []}


def test_what_is_set_is_shown_with_the_defaults_of_what_is_not(world: World) -> None:
    world.tenancy.create_tenant("Rival", tenant_id="rival")
    answer = put(world, CHOSEN)

    assert answer == show(world) == {"tenant_id": "acme", "policy": {**DEFAULTS, **CHOSEN}, "unreadable": []}
    assert show(world, "rival")["policy"] == DEFAULTS


def test_a_policy_is_replaced_as_a_whole(world: World) -> None:
    put(world, CHOSEN)
    put(world, {"personal_data": "redact"})

    assert show(world)["policy"] == {**DEFAULTS, "personal_data": "redact"}


def test_what_is_left_out_is_not_stored_so_that_it_follows_the_defaults_of_later_releases(world: World) -> None:
    put(world, {"personal_data": "redact"})

    assert world.store.setting("acme", MEMORY_SETTING) == {"personal_data": "redact"}


def test_a_change_is_in_the_audit_log_with_what_was_chosen_and_without_names_that_people_gave(world: World) -> None:
    put(world, CHOSEN)

    entry = world.entries()[-1]
    assert (entry.action, entry.target, entry.actor) == (Action.SETTING_CHANGED, "setting:memory", "operator")
    assert entry.details == {
        "extraction": "llm",
        "on_conflict": "most_trusted_source",
        "trusted_sources": 2,
        "stale_after_days": "30",
    }


def test_setting_what_is_set_leaves_no_entry_and_refused_values_leave_none(world: World) -> None:
    put(world, CHOSEN)
    before = world.entries()

    put(world, CHOSEN)
    faults(world, {"secrets": "shout"})

    assert world.entries() == before


def test_no_policy_changes_without_its_entry(world: World) -> None:
    world.audit.down = True
    with pytest.raises(TableUnavailableError):
        put(world, CHOSEN)

    assert show(world)["policy"] == DEFAULTS


@pytest.mark.parametrize(
    ("policy", "pointer", "cure"),
    [
        ({"extraction": "verbatim"}, "/policy/extraction", "'rules' or 'llm'"),
        ({"on_conflict": "oldest"}, "/policy/on_conflict", "'newest', 'most_trusted_source', 'highest_confidence' or 'ask'"),
        ({"secrets": None}, "/policy/secrets", "'allow', 'redact', 'block' or 'quarantine'"),
        ({"personal_data": True}, "/policy/personal_data", "'allow', 'redact', 'block' or 'quarantine'"),
        ({"injection": "redact"}, "/policy/injection", "'allow', 'block' or 'quarantine'"),
        ({"trusted_sources": "crm"}, "/policy/trusted_sources", "list"),
        ({"trusted_sources": ["crm", 7]}, "/policy/trusted_sources/1", "string"),
        ({"trusted_sources": [""]}, "/policy/trusted_sources/0", "at least 1 character"),
        ({"trusted_sources": ["crm", "crm"]}, "/policy/trusted_sources", "once"),
        ({"trusted_sources": [str(each) for each in range(51)]}, "/policy/trusted_sources", "at most 50"),
        ({"on_conflict": "most_trusted_source"}, "/policy/trusted_sources", "at least one source"),
        ({"stale_after_days": 0}, "/policy/stale_after_days", "greater than or equal to 1"),
        ({"stale_after_days": 36_501}, "/policy/stale_after_days", "less than or equal to 36500"),
        ({"stale_after_days": "90"}, "/policy/stale_after_days", "integer"),
        ({"a/b~c": 1}, "/policy/a~1b~0c", "There is no such member; there are extraction, on_conflict"),
    ],
)
def test_a_value_that_is_not_allowed_is_named_with_its_cure(world: World, policy: Any, pointer: str, cure: str) -> None:
    [fault] = faults(world, policy)

    assert fault.pointer == pointer
    assert cure in fault.detail
    assert show(world)["policy"] == DEFAULTS


def test_all_wrong_members_are_named_at_once(world: World) -> None:
    found = faults(world, {"secrets": "shout", "colour": "red", "injection": []})

    assert {each.pointer for each in found} == {"/policy/secrets", "/policy/colour", "/policy/injection"}


@pytest.mark.parametrize("policy", [None, [], "rules"])
def test_a_policy_is_an_object(world: World, policy: Any) -> None:
    [fault] = faults(world, policy)

    assert fault.pointer == "/policy"


def test_a_tenant_that_is_not_there_has_no_policy(world: World) -> None:
    with pytest.raises(TenantNotFoundError):
        put(world, CHOSEN, "nobody")
    with pytest.raises(TenantNotFoundError):
        show(world, "nobody")


def test_a_policy_that_cannot_be_read_is_shown_as_the_strictest_and_can_be_replaced(world: World) -> None:
    world.store.damage_setting("acme", MEMORY_SETTING)
    shown = show(world)
    assert shown["policy"]["on_conflict"] == "ask"
    assert shown["policy"]["personal_data"] == "block"
    assert shown["unreadable"] == sorted(DEFAULTS)

    assert put(world, {}) == {"tenant_id": "acme", "policy": DEFAULTS, "unreadable": []}
    assert show(world)["unreadable"] == []
