"""A tenant's policy holds within five seconds, and nothing that is stored can make it fail or grow lax."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backend.extraction.model import Method
from backend.extraction.policy import ExtractionPolicy, GuardPolicy, Reaction
from backend.kit.clock import FakeClock
from backend.kit.errors import Fault, TableUnavailableError, ValidationFailedError
from backend.kit.observability import Record, recording
from backend.memories.policies import Policies
from backend.memories.policy import MemoryPolicy, Winner
from backend.memories.policy_ports import PolicySource
from backend.memories.policy_schema import STRICTEST, PolicyForm, PolicyMembers, read, strictest
from backend.tenancy.fake import FakeTenancyStore
from backend.tenancy.model import MEMORY_SETTING, ScopeMode, Tenant

NOW = datetime(2026, 1, 5, 9, 0, tzinfo=UTC)
WHOLE = {
    "extraction": "llm",
    "on_conflict": "most_trusted_source",
    "trusted_sources": ["crm", "chat"],
    "secrets": "redact",
    "personal_data": "quarantine",
    "injection": "block",
    "stale_after_days": 30,
}
ANY_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)
MEMBERS = list(PolicyMembers.model_fields)
VALUES = ANY_JSON | st.sampled_from([value for value in WHOLE.values() if isinstance(value, str)] + ["rules", "ask", "allow"])
STORED = st.dictionaries(st.sampled_from(MEMBERS) | st.text(max_size=8), VALUES, max_size=8)


@pytest.fixture
def store() -> FakeTenancyStore:
    store = FakeTenancyStore()
    for tenant_id in ("acme", "rival"):
        store.add_tenant(Tenant(tenant_id, tenant_id, ScopeMode.STRICT, NOW))
    return store


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def policies(store: FakeTenancyStore, clock: FakeClock) -> PolicySource:
    return Policies(store, clock)


def asked(policies: PolicySource, tenant_id: str = "acme") -> tuple[MemoryPolicy, Record]:
    """Return the policy, and what the request's line says of it."""
    with recording("request", "r1") as line:
        found = policies.of(tenant_id)
    return found, line


def checked(value: dict[str, Any]) -> tuple[Mapping[str, Any] | None, tuple[Fault, ...]]:
    """Return what would be stored, or why it is refused."""
    try:
        return PolicyForm().checked(value, "/policy"), ()
    except ValidationFailedError as refused:
        return None, refused.faults


def test_a_tenant_that_has_set_nothing_has_the_policy_that_the_rules_begin_with(policies: PolicySource) -> None:
    policy, line = asked(policies)

    assert policy == policies.of("nobody") == MemoryPolicy()
    assert (line.counts, line.facts) == ({}, {})


def test_every_member_is_what_the_rules_take(policies: PolicySource, store: FakeTenancyStore) -> None:
    store.put_setting("acme", MEMORY_SETTING, WHOLE)

    guards = GuardPolicy(secrets=Reaction.REDACT, personal=Reaction.QUARANTINE, injection=Reaction.BLOCK)
    assert policies.of("acme") == MemoryPolicy(
        ExtractionPolicy(Method.MODEL, guards), Winner.TRUSTED, ("crm", "chat"), timedelta(days=30)
    )
    assert policies.of("rival") == MemoryPolicy()


@pytest.mark.parametrize(
    ("member", "rule", "but"),
    [
        ("extraction", Method, {Method.VERBATIM}),
        ("on_conflict", Winner, set()),
        ("secrets", Reaction, set()),
        ("personal_data", Reaction, set()),
        ("injection", Reaction, {Reaction.REDACT}),
    ],
)
def test_everything_that_the_rules_know_can_be_set_and_what_makes_no_sense_cannot(member: str, rule: Any, but: Any) -> None:
    taken = {each for each in rule if checked({member: each.value, "trusted_sources": ["crm"]})[0]}

    assert taken == set(rule) - but


def test_a_change_holds_within_five_seconds_and_until_then_the_table_is_not_asked(
    policies: PolicySource, store: FakeTenancyStore, clock: FakeClock
) -> None:
    policies.of("acme")
    store.put_setting("acme", MEMORY_SETTING, WHOLE)
    clock.advance(seconds=4.9)
    assert policies.of("acme") == MemoryPolicy()
    assert store.calls["setting"] == 1

    clock.advance(seconds=0.1)
    assert policies.of("acme").winner is Winner.TRUSTED


def test_what_only_a_newer_release_knows_is_left_alone(policies: PolicySource, store: FakeTenancyStore) -> None:
    store.put_setting("acme", MEMORY_SETTING, {**WHOLE, "languages": ["pt"]})
    policy, line = asked(policies)

    assert policy.extraction.method is Method.MODEL
    assert (line.counts, line.facts) == ({}, {})


def test_a_value_that_cannot_be_read_counts_as_the_strictest_and_the_others_hold(
    policies: PolicySource, store: FakeTenancyStore
) -> None:
    store.put_setting("acme", MEMORY_SETTING, {**WHOLE, "on_conflict": "majority", "secrets": "shred"})
    policy, line = asked(policies)

    assert policy.winner is Winner.ASK
    assert policy.extraction.guards == GuardPolicy(Reaction.BLOCK, Reaction.QUARANTINE, Reaction.BLOCK)
    assert policy.trusted_sources == ("crm", "chat")
    assert line.counts == {"policy_unreadable": 1}
    assert line.facts == {"policy_strictest": "on_conflict,secrets"}


def test_every_request_under_an_unreadable_policy_says_so(policies: PolicySource, store: FakeTenancyStore) -> None:
    store.damage_setting("acme", MEMORY_SETTING)

    for _ in range(2):
        policy, line = asked(policies)
        guards = GuardPolicy(Reaction.BLOCK, Reaction.BLOCK, Reaction.QUARANTINE)
        assert policy == MemoryPolicy(ExtractionPolicy(Method.RULES, guards), Winner.ASK)
        assert line.counts == {"policy_unreadable": 1}
        assert line.facts == {"policy_strictest": ",".join(sorted(MEMBERS))}


def test_where_it_is_not_known_whom_a_tenant_trusts_a_person_decides(policies: PolicySource, store: FakeTenancyStore) -> None:
    store.put_setting("acme", MEMORY_SETTING, {**WHOLE, "trusted_sources": [7]})
    store.put_setting("rival", MEMORY_SETTING, {"on_conflict": "newest", "trusted_sources": [7]})

    assert policies.of("acme").winner is Winner.ASK
    assert policies.of("rival").winner is Winner.NEWEST


def test_a_table_that_does_not_answer_is_no_reason_to_guess(policies: PolicySource, store: FakeTenancyStore) -> None:
    store.down = True
    with pytest.raises(TableUnavailableError):
        policies.of("acme")

    store.down = False
    assert policies.of("acme") == MemoryPolicy()


@given(stored=STORED)
def test_whatever_is_stored_has_a_policy_and_what_is_readable_in_it_holds(stored: dict[str, Any]) -> None:
    members, unreadable = read(stored)

    shown = members.model_dump(mode="json")
    defaults = PolicyMembers().model_dump(mode="json")
    assert members.policy().winner.value == shown["on_conflict"]
    assert set(unreadable) <= set(stored) & set(MEMBERS)
    for name in MEMBERS:
        if name in unreadable:
            assert shown[name] == STRICTEST[name]
        elif (name, "trusted_sources" in unreadable) != ("on_conflict", True):
            assert shown[name] == stored.get(name, defaults[name])


@given(value=STORED)
def test_a_value_is_taken_and_read_back_whole_or_refused_by_the_names_of_its_members(value: dict[str, Any]) -> None:
    form = PolicyForm()
    kept, faults = checked(value)

    assert (kept is None) == bool(faults)
    assert all(each.pointer.startswith("/policy/") and each.detail for each in faults)
    if kept is not None:
        assert kept == value
        assert form.in_force(kept).unreadable == ()
        assert form.in_force(kept).value == {**form.in_force(None).value, **value}


def test_the_strictest_says_something_of_every_member_and_is_a_policy() -> None:
    assert set(STRICTEST) == set(MEMBERS)
    assert PolicyForm().checked(STRICTEST, "") == STRICTEST
    assert strictest()[0].model_dump(mode="json") == STRICTEST
