"""Who comes in, and what they may touch."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from backend.audit.model import Action
from backend.kit.errors import (
    EndUserMissingError,
    ForbiddenError,
    MalformedRequestError,
    MemorySyncError,
    ProjectNotFoundError,
    ProjectRequiredError,
    TableUnavailableError,
    UnauthorizedError,
)
from backend.kit.problems import document
from backend.tenancy.access import MOST_BESIDE, Access, Credentials
from backend.tenancy.keys import mint
from backend.tenancy.model import MOST_COMPAT_PROJECTS, Caller, Permission, ScopeMode
from backend.tenancy.refusal import Refusal, reason_of
from backend.tenancy.scope import Environment, user_scope

if TYPE_CHECKING:
    from tests.unit.tenancy.conftest import World


def enter(world: World, key: str, project: str | None = None, tenant: str | None = None, user: str | None = None) -> Caller:
    return world.access.authenticate(Credentials(api_key=key, project_id=project, tenant_id=tenant, end_user_id=user))


def refusal(access: Access, credentials: Credentials) -> UnauthorizedError:
    with pytest.raises(UnauthorizedError) as refused:
        access.authenticate(credentials)
    return refused.value


def told(error: MemorySyncError) -> dict[str, object]:
    return document(error, instance="/", request_id="1")


def test_a_key_lets_its_holder_in_with_what_it_is_bound_to(world: World) -> None:
    key = world.key()

    caller = enter(world, key.text, project="support", tenant="acme", user="u1")

    assert (caller.tenant_id, caller.project_id, caller.environment) == ("acme", "support", Environment.LIVE)
    assert (caller.key_id, caller.actor) == (key.record.public_id, f"key:{key.record.public_id}")
    assert caller.scopes == {Permission.MEMORY_ALL}
    assert caller.acting_for() == "u1"


def test_every_bad_key_gets_the_same_answer(world: World) -> None:
    revoked, expired = (
        world.key(),
        world.tenancy.create_key(
            "acme", "k", Environment.LIVE, [Permission.MEMORY_ALL], expires_at=world.clock.now() + timedelta(seconds=1)
        ),
    )
    world.tenancy.revoke_key("acme", revoked.record.public_id)
    world.clock.advance(seconds=1)
    good = world.key().text
    unknown = mint(Environment.LIVE, world.random_bytes)
    bad = {
        Refusal.KEY_MALFORMED: good[:-1],
        Refusal.KEY_UNKNOWN: unknown.text,
        Refusal.KEY_REVOKED: revoked.text,
        Refusal.KEY_EXPIRED: expired.text,
    }

    answers = {reason: refusal(world.access, Credentials(api_key=text, project_id="nothing")) for reason, text in bad.items()}
    answers[Refusal.NO_CREDENTIALS] = refusal(world.access, Credentials())

    assert len({str(told(error)) for error in answers.values()}) == 1
    assert {reason: reason_of(error) for reason, error in answers.items()} == {reason: reason for reason in answers}


def test_the_secret_of_another_key_does_not_open_this_one(world: World) -> None:
    one, two = world.key(), world.key()
    mixed = two.text.replace(two.record.public_id, one.record.public_id)

    assert reason_of(refusal(world.access, Credentials(api_key=mixed))) is Refusal.KEY_MALFORMED


def test_a_key_made_for_the_public_id_of_another_is_refused(world: World) -> None:
    key = world.key()
    digits = "0123456789abcdefghjkmnpqrstvwxyz"
    number = 0
    for character in key.record.public_id:
        number = number * 32 + digits.index(character)
    forged = mint(Environment.LIVE, lambda count: number.to_bytes(10) if count == 10 else b"\1" * count)

    assert forged.public_id == key.record.public_id
    assert reason_of(refusal(world.access, Credentials(api_key=forged.text))) is Refusal.KEY_UNKNOWN


def test_a_revoked_key_is_refused_within_five_seconds_by_a_process_that_knew_it(world: World) -> None:
    key = world.key("support")
    enter(world, key.text)
    world.tenancy.revoke_key("acme", key.record.public_id)

    world.clock.advance(seconds=4.999)
    enter(world, key.text)
    world.clock.advance(seconds=0.001)
    assert reason_of(refusal(world.access, Credentials(api_key=key.text))) is Refusal.KEY_REVOKED
    assert reason_of(refusal(world.another_process(), Credentials(api_key=key.text))) is Refusal.KEY_REVOKED


def test_a_key_expires_at_once_also_where_it_is_remembered(world: World) -> None:
    expires_at = world.clock.now() + timedelta(seconds=2)
    key = world.tenancy.create_key("acme", "k", Environment.LIVE, [Permission.MEMORY_ALL], expires_at=expires_at)
    enter(world, key.text)

    world.clock.advance(seconds=2)
    assert reason_of(refusal(world.access, Credentials(api_key=key.text))) is Refusal.KEY_EXPIRED


def test_many_requests_within_five_seconds_cost_one_lookup_each(world: World) -> None:
    key = world.key("support")
    world.store.calls.clear()

    for _ in range(50):
        enter(world, key.text)

    assert world.store.calls == {"key": 1, "tenant": 1, "project": 1}


def test_what_is_not_there_is_remembered_too(world: World) -> None:
    key, unknown = world.key(), mint(Environment.LIVE, world.random_bytes)
    world.store.calls.clear()

    for _ in range(5):
        refusal(world.access, Credentials(api_key=unknown.text))
        with pytest.raises(ProjectNotFoundError):
            enter(world, key.text, project="nothing")

    assert world.store.calls == {"key": 2, "tenant": 1, "project": 1}


def test_a_clock_that_is_set_back_does_not_keep_a_revoked_key_alive(world: World) -> None:
    key = world.key()
    enter(world, key.text)
    world.tenancy.revoke_key("acme", key.record.public_id)

    world.clock.advance(hours=-1)

    refusal(world.access, Credentials(api_key=key.text))


def test_a_table_that_does_not_answer_is_not_a_bad_key(world: World) -> None:
    key = world.key()
    world.store.down = True
    with pytest.raises(TableUnavailableError):
        enter(world, key.text)

    world.store.down = False
    assert enter(world, key.text).tenant_id == "acme"


def test_a_suspended_tenant_is_locked_out_within_five_seconds(world: World) -> None:
    key = world.key()
    enter(world, key.text)
    world.tenancy.set_suspended("acme", suspended=True)
    world.clock.advance(seconds=5)

    with pytest.raises(ForbiddenError):
        enter(world, key.text)


def test_the_header_of_another_tenant_is_forbidden_whether_it_exists_or_not(world: World) -> None:
    world.tenancy.create_tenant("Rival", tenant_id="rival")
    key = world.key()

    answers = []
    for tenant in ("rival", "nobody"):
        with pytest.raises(ForbiddenError) as refused:
            enter(world, key.text, tenant=tenant)
        answers.append(told(refused.value))

    assert answers[0] == answers[1]


def test_no_project_but_the_tenants_own_live_ones_is_found_and_none_can_be_told_apart(world: World) -> None:
    world.tenancy.create_tenant("Rival", tenant_id="rival")
    world.tenancy.create_project("rival", "Secret", "secret")
    world.tenancy.create_project("acme", "Old", "old")
    world.tenancy.set_archived("acme", "old", archived=True)
    key = world.key()

    answers = []
    for project in ("secret", "old", "nothing", "-", "../support", "é"):
        with pytest.raises(ProjectNotFoundError) as refused:
            enter(world, key.text, project=project)
        answers.append(told(refused.value))

    assert all(answer == answers[0] for answer in answers)


def test_a_locked_key_is_forbidden_every_other_project_whether_it_exists_or_not(world: World) -> None:
    world.tenancy.create_project("acme", "Sales", "sales")
    key = world.key("support")

    answers = []
    for project in ("sales", "nothing"):
        with pytest.raises(ForbiddenError) as refused:
            enter(world, key.text, project=project)
        answers.append(told(refused.value))

    assert answers[0] == answers[1]
    assert enter(world, key.text).project_id == "support"
    assert enter(world, key.text, project="support").project_id == "support"


def test_a_key_of_an_archived_project_finds_nothing(world: World) -> None:
    key = world.key("support")
    world.tenancy.set_archived("acme", "support", archived=True)

    with pytest.raises(ProjectNotFoundError):
        enter(world, key.text)


def test_a_key_and_a_token_at_once_are_refused_before_either_is_looked_at(world: World) -> None:
    with pytest.raises(MalformedRequestError):
        world.access.authenticate(Credentials(api_key="x", bearer="y"))


def test_with_a_project_the_scope_is_the_end_users_memories_in_it(world: World) -> None:
    caller = enter(world, world.key("support").text, user="u1")

    assert world.access.scope_for(caller, caller.acting_for()) == user_scope("acme", "support", Environment.LIVE, "u1")


def test_a_strict_tenant_names_the_header_that_is_missing(world: World) -> None:
    caller = enter(world, world.key().text, user="u1")

    with pytest.raises(ProjectRequiredError) as refused:
        world.access.scope_for(caller, "u1")

    assert refused.value.faults[0].pointer == "header:X-Project-ID"
    assert not caller.project_missing


def test_a_compat_tenant_reads_all_of_its_live_projects_and_none_and_writes_to_none(world: World) -> None:
    world.tenancy.create_project("acme", "Old", "old")
    world.tenancy.create_project("acme", "Sales", "sales")
    world.tenancy.set_archived("acme", "old", archived=True)
    world.tenancy.set_scope_mode("acme", ScopeMode.COMPAT)
    caller = enter(world, world.key().text, user="u1")

    scope = world.access.scope_for(caller, "u1")

    assert scope.keys == tuple(user_scope("acme", project, Environment.LIVE, "u1").home for project in (None, "sales", "support"))
    assert scope.home == user_scope("acme", None, Environment.LIVE, "u1").home
    assert scope.project_id is None
    assert caller.project_missing


def test_a_compat_scope_never_holds_another_users_or_tenants_memories(world: World) -> None:
    world.tenancy.create_tenant("Rival", tenant_id="rival")
    world.tenancy.create_project("rival", "Secret", "secret")
    world.tenancy.set_scope_mode("acme", ScopeMode.COMPAT)
    caller = enter(world, world.key().text)

    for key in world.access.scope_for(caller, "u1").keys:
        assert key.startswith("acme#")
        assert key.endswith("#live#USER#u1")


def test_a_missing_project_leaves_a_warning_that_holds_no_end_user_id(world: World) -> None:
    world.tenancy.set_scope_mode("acme", ScopeMode.COMPAT)
    caller = enter(world, world.key().text)

    world.access.scope_for(caller, "anna@example.com")

    (entry,) = [each for each in world.entries() if each.action is Action.MISSING_SCOPE]
    assert (entry.actor, entry.tenant_id, entry.environment) == (caller.actor, "acme", "live")
    assert "anna" not in repr(entry)


def test_the_same_warning_is_not_written_again_for_a_minute(world: World) -> None:
    world.tenancy.set_scope_mode("acme", ScopeMode.COMPAT)
    caller = enter(world, world.key().text)
    for user in ("u1", "u1", "u2"):
        world.access.scope_for(caller, user)
    world.clock.advance(seconds=60)
    world.access.scope_for(caller, "u1")

    assert [each.action for each in world.entries()].count(Action.MISSING_SCOPE) == 3


def test_a_compat_request_without_its_warning_is_not_answered(world: World) -> None:
    world.tenancy.set_scope_mode("acme", ScopeMode.COMPAT)
    caller = enter(world, world.key().text)
    world.audit.down = True

    with pytest.raises(TableUnavailableError):
        world.access.scope_for(caller, "u1")
    world.audit.down = False
    world.access.scope_for(caller, "u1")

    assert [each.action for each in world.entries()].count(Action.MISSING_SCOPE) == 1


def test_too_many_projects_are_refused_rather_than_read_in_part(world: World) -> None:
    for number in range(MOST_COMPAT_PROJECTS):
        world.tenancy.create_project("acme", "More", f"p{number}")
    # Two operators at once can pass the limit that each of them keeps.
    world.store.change_tenant("acme", scope_mode=ScopeMode.COMPAT)
    caller = enter(world, world.key().text)

    with pytest.raises(ProjectRequiredError):
        world.access.scope_for(caller, "u1")


def test_keys_of_different_environments_never_share_a_scope(world: World) -> None:
    homes = set()
    for environment in Environment:
        key = world.tenancy.create_key("acme", "k", environment, [Permission.MEMORY_ALL], project_id="support")
        homes.add(world.access.scope_for(enter(world, key.text), "u1").home)

    assert len(homes) == len(Environment)


def test_nobody_named_is_an_error_of_its_own(world: World) -> None:
    with pytest.raises(EndUserMissingError):
        enter(world, world.key("support").text).acting_for()


def test_credentials_do_not_show_in_their_repr() -> None:
    assert "secret" not in repr(Credentials(api_key="secret", bearer="secret"))


def test_beside_its_own_project_a_free_key_may_read_the_tenants_other_live_ones(world: World) -> None:
    for project in ("sales", "old"):
        world.tenancy.create_project("acme", project, project)
    world.tenancy.set_archived("acme", "old", archived=True)
    caller = enter(world, world.key().text, project="support", user="u1")

    assert world.access.beside(caller, "u1") == (user_scope("acme", "sales", Environment.LIVE, "u1"), True)


def test_beside_a_bound_key_there_is_nothing(world: World) -> None:
    world.tenancy.create_project("acme", "Sales", "sales")
    bound = enter(world, world.key("support").text, user="u1")

    assert bound.is_bound
    assert world.access.beside(bound, "u1") == (None, True)


def test_a_compat_tenants_place_without_a_project_is_beside_its_projects(world: World) -> None:
    world.tenancy.set_scope_mode("acme", ScopeMode.COMPAT)
    key = world.key().text

    scope, is_all = world.access.beside(enter(world, key, project="support", user="u1"), "u1")

    assert (scope, is_all) == (user_scope("acme", None, Environment.LIVE, "u1"), True)
    assert world.access.beside(enter(world, key, user="u1"), "u1") == (None, True)


def test_of_many_projects_some_are_looked_at_and_that_is_said(world: World) -> None:
    for number in range(MOST_BESIDE + 1):
        world.tenancy.create_project("acme", f"P{number}", f"p{number}")

    scope, is_all = world.access.beside(enter(world, world.key().text, project="support", user="u1"), "u1")

    assert scope
    assert (len(scope.keys), is_all) == (MOST_BESIDE, False)
