"""Operators learn that memories cannot be opened: how often from a count, which and why from the audit log."""

from __future__ import annotations

from dataclasses import replace

import pytest

from backend.audit.fake import FakeAuditLog
from backend.audit.model import Action, AuditEntry
from backend.encryption.fake import FakeSeals
from backend.kit import observability
from backend.kit.clock import FakeClock
from backend.kit.ids import FakeIds
from backend.memories.failures import DecryptionFailures
from backend.memories.model import REDACTED, Memory
from backend.tenancy.model import Caller, Permission, ScopeMode
from backend.tenancy.scope import Environment
from tests.unit.memories.samples import RIVAL, memory

CALLER = Caller("acme", Environment.LIVE, frozenset({Permission.MEMORY_ALL}), ScopeMode.STRICT, "key:1", "support", "u1")


class World:
    """The use case on fakes."""

    def __init__(self) -> None:
        self.clock = FakeClock()
        self.audit = FakeAuditLog()
        self.failures = self.process()

    def process(self) -> DecryptionFailures:
        """Return the use case of another process."""
        return DecryptionFailures(audit=self.audit, clock=self.clock, ids=FakeIds())

    def entries(self, tenant_id: str = "acme") -> list[AuditEntry]:
        """Return what was recorded today."""
        return list(self.audit.entries(tenant_id, self.clock.now().date().isoformat()))


@pytest.fixture
def world() -> World:
    return World()


def lost(number: int = 1, version: int = 1, **changes: object) -> Memory:
    seals = FakeSeals()
    seals.version = version
    sealed = seals.seal("acme", "place", b"x")
    plain = memory(number, text=REDACTED, unreadable=sealed, unreadable_for="expired")
    return replace(plain, **changes)  # type: ignore[arg-type]  # fields of a memory


def test_all_are_counted_and_the_first_of_a_key_version_is_recorded(world: World) -> None:
    with observability.recording("test", "r1") as record:
        world.failures.tell(CALLER, [lost(1), lost(2), lost(3, version=2)])

    assert record.counts["decryption_failed"] == 3
    first, second = world.entries()
    assert (first.action, first.actor, first.target) == (Action.DECRYPTION_FAILED, "key:1", f"memory:{lost(1).memory_id}")
    assert (first.project_id, first.environment) == ("support", "live")
    assert (first.details, second.details) == (
        {"key_version": 1, "reason": "expired"},
        {"key_version": 2, "reason": "expired"},
    )


def test_a_process_records_the_same_again_after_a_minute_and_not_before(world: World) -> None:
    for seconds in (0, 59, 1, 1):
        world.clock.advance(seconds=seconds)
        world.failures.tell(CALLER, [lost()])

    assert len(world.entries()) == 2
    world.process().tell(CALLER, [lost()])
    assert len(world.entries()) == 3


def test_each_tenant_has_entries_of_its_own(world: World) -> None:
    world.failures.tell(CALLER, [lost()])
    world.failures.tell(replace(CALLER, tenant_id="rival"), [lost(2, tenant_id=RIVAL.tenant_id)])

    assert [len(world.entries(tenant)) for tenant in ("acme", "rival")] == [1, 1]


def test_what_names_no_key_is_recorded_as_version_0(world: World) -> None:
    world.failures.tell(CALLER, [lost(unreadable=b"?", unreadable_for="damaged")])

    assert world.entries()[0].details == {"key_version": 0, "reason": "damaged"}
