"""The rules of callers, scopes and ids."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backend.kit.errors import EndUserMismatchError, EndUserMissingError, ScopeDeniedError, ValidationFailedError
from backend.tenancy.model import Caller, Permission, ScopeMode, is_end_user_id, is_fetchable, is_id, is_name, narrowed
from backend.tenancy.scope import Environment, user_scope

PERMISSIONS = st.frozensets(st.sampled_from(Permission))


def caller(**changes: Any) -> Caller:
    facts: dict[str, Any] = {
        "tenant_id": "acme",
        "environment": Environment.LIVE,
        "scopes": frozenset({Permission.MEMORY_ALL}),
        "scope_mode": ScopeMode.STRICT,
        "actor": "key:1",
    }
    return Caller(**facts | changes)


@pytest.mark.parametrize(
    ("held", "needed", "enough"),
    [
        (Permission.MEMORY_READ, Permission.MEMORY_READ, True),
        (Permission.MEMORY_READ, Permission.MEMORY_ADD, False),
        (Permission.MEMORY_ADD, Permission.MEMORY_DELETE, False),
        (Permission.MEMORY_ALL, Permission.MEMORY_DELETE, True),
        (Permission.MEMORY_READ, Permission.MEMORY_ALL, False),
        (Permission.INTEGRATIONS_ALL, Permission.MEMORY_READ, False),
        (Permission.ORG_ALL, Permission.ORG_CROSS_PROJECT_READ, True),
        (Permission.ORG_CROSS_PROJECT_READ, Permission.ORG_ALL, False),
    ],
)
def test_a_scope_is_enough_for_itself_and_a_star_for_its_area(held: Permission, needed: Permission, enough: bool) -> None:
    assert held.covers(needed) is enough


def test_what_the_scopes_do_not_cover_is_denied_by_its_name() -> None:
    reader = caller(scopes=frozenset({Permission.MEMORY_READ}))
    reader.require(Permission.MEMORY_READ)

    with pytest.raises(ScopeDeniedError) as denied:
        reader.require(Permission.MEMORY_ADD)

    assert denied.value.facts == {"required_scope": "memory:add"}


@given(PERMISSIONS, PERMISSIONS, st.sampled_from(Permission))
def test_narrowed_scopes_cover_exactly_what_both_lists_cover(
    most: frozenset[Permission], asked: frozenset[Permission], needed: Permission
) -> None:
    both = all(any(held.covers(needed) for held in each) for each in (most, asked))

    assert any(held.covers(needed) for held in narrowed(most, asked)) is both


def test_the_end_user_of_the_header_or_of_the_body_is_the_end_user() -> None:
    assert caller(end_user_id="u1").acting_for() == "u1"
    assert caller().acting_for("u1") == "u1"
    assert caller().acting_for(17) == "17"
    assert caller(end_user_id="17").acting_for(17) == "17"


def test_two_different_end_users_are_refused_and_neither_is_quoted() -> None:
    with pytest.raises(EndUserMismatchError) as refused:
        caller(end_user_id="anna@example.com").acting_for("bert@example.com")

    assert "example" not in str(refused.value) + str(refused.value.faults)


def test_nobody_is_not_an_end_user() -> None:
    with pytest.raises(EndUserMissingError) as refused:
        caller().acting_for()

    assert "X-End-User-ID" in refused.value.faults[0].pointer


@pytest.mark.parametrize("text", ["", " ", " u1", "u1 ", "u\n1", "u\x00", "\ud800", "x" * 257, "é" * 129])
def test_an_id_that_nobody_can_have_is_refused_in_the_body(text: str) -> None:
    with pytest.raises(ValidationFailedError) as refused:
        caller().acting_for(text)

    assert refused.value.faults[0].pointer == "/user_id"


@given(st.text(max_size=300))
def test_every_end_user_id_that_is_accepted_fits_into_a_partition_key(text: str) -> None:
    if is_end_user_id(text):
        scope = user_scope("t" * 64, "p" * 64, Environment.LIVE, text)
        assert len(f"P#{'t' * 64}#{scope.home}#999".encode()) <= 2048


def test_an_end_user_id_of_256_bytes_of_any_script_is_accepted() -> None:
    assert is_end_user_id("é" * 128)
    assert is_end_user_id("user|auth0|5f7c8e:7")
    assert is_end_user_id("José Núñez")


@pytest.mark.parametrize("text", ["acme", "a", "0-1_2.3", "A" * 64])
def test_plain_ids_are_ids(text: str) -> None:
    assert is_id(text)


@pytest.mark.parametrize("text", ["", "-", "_world", "a#b", "a b", "é", "a" * 65, "a\n", "../x", "a/b"])
def test_reserved_and_structured_ids_are_not(text: str) -> None:
    assert not is_id(text)


def test_names_are_for_people_and_have_an_end() -> None:
    assert is_name("Ácme & Söhne")
    assert not any(map(is_name, ["", "  ", "a\nb", "x" * 201]))


@pytest.mark.parametrize(
    ("url", "local", "fetchable"),
    [
        ("https://issuer.example/jwks.json", False, True),
        ("https://issuer.example:8443/jwks", False, True),
        ("http://issuer.example/jwks", True, False),
        ("http://127.0.0.1:8000/jwks", True, True),
        ("http://127.0.0.1:8000/jwks", False, False),
        ("http://[::1]:8000/jwks", True, True),
        ("http://127.0.0.1.evil.example/jwks", True, False),
        ("http://127.0.0.1@evil.example/jwks", True, False),
        ("https://user:word@issuer.example/", False, False),
        ("https://issuer.example:0/", False, False),
        ("https://issuer.example:99999/", False, False),
        ("https:///jwks", False, False),
        ("https://[::1/", False, False),
        ("https://issuer.exämple/", False, False),
        ("https://issuer.example/\n", False, False),
        ("file:///etc/passwd", True, False),
        ("", True, False),
    ],
)
def test_keys_are_fetched_over_https_or_from_this_machine_on_the_local_stage(url: str, local: bool, fetchable: bool) -> None:
    assert is_fetchable(url, loopback_http=local) is fetchable


def test_only_a_compat_caller_without_a_project_is_warned() -> None:
    assert caller(scope_mode=ScopeMode.COMPAT).project_missing
    assert not caller(scope_mode=ScopeMode.COMPAT, project_id="p").project_missing
    assert not caller().project_missing
