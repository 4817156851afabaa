"""A small world: one tenant, its operator, and the door."""

from __future__ import annotations

import hashlib
import itertools
from dataclasses import dataclass, field

import pytest

from backend.audit.fake import FakeAuditLog
from backend.audit.model import AuditEntry
from backend.kit.clock import FakeClock
from backend.kit.errors import DependencyUnavailableError
from backend.kit.ids import FakeIds
from backend.memories.policy_schema import PolicyForm
from backend.tenancy.access import Access
from backend.tenancy.fake import FakeSecrets, FakeTenancyStore
from backend.tenancy.model import MEMORY_SETTING, Permission
from backend.tenancy.scope import Environment
from backend.tenancy.service import NewKey, Tenancy
from backend.tenancy.tokens import JwtTokens


class FakeFetcher:
    """Documents by address; what is not there does not answer."""

    def __init__(self) -> None:
        self.documents: dict[str, str] = {}
        self.asked: list[str] = []

    def fetch(self, url: str) -> str:
        self.asked.append(url)
        if url not in self.documents:
            raise DependencyUnavailableError
        return self.documents[url]


class CountedBytes:
    """Randomness that never repeats and is the same each time."""

    def __init__(self) -> None:
        self._count = itertools.count()

    def __call__(self, count: int) -> bytes:
        return hashlib.shake_256(str(next(self._count)).encode()).digest(count)


@dataclass
class World:
    clock: FakeClock = field(default_factory=FakeClock)
    ids: FakeIds = field(default_factory=FakeIds)
    store: FakeTenancyStore = field(default_factory=FakeTenancyStore)
    secrets: FakeSecrets = field(default_factory=FakeSecrets)
    audit: FakeAuditLog = field(default_factory=FakeAuditLog)
    fetcher: FakeFetcher = field(default_factory=FakeFetcher)
    random_bytes: CountedBytes = field(default_factory=CountedBytes)

    def __post_init__(self) -> None:
        self.tokens = JwtTokens(self.store, self.fetcher, self.clock)
        self.tenancy = Tenancy(
            store=self.store,
            secrets=self.secrets,
            tokens=self.tokens,
            audit=self.audit,
            clock=self.clock,
            ids=self.ids,
            random_bytes=self.random_bytes,
            settings={MEMORY_SETTING: PolicyForm()},
        )
        self.access = self.another_process()
        self.tenancy.create_tenant("Acme", tenant_id="acme")
        self.tenancy.create_project("acme", "Support", "support")

    def another_process(self) -> Access:
        """Return the door as another process has it, with nothing remembered."""
        return Access(
            store=self.store,
            secrets=self.secrets,
            tokens=JwtTokens(self.store, self.fetcher, self.clock),
            audit=self.audit,
            clock=self.clock,
            ids=self.ids,
        )

    def key(self, project_id: str | None = None, tenant_id: str = "acme") -> NewKey:
        return self.tenancy.create_key(tenant_id, "server", Environment.LIVE, [Permission.MEMORY_ALL], project_id=project_id)

    def entries(self, tenant_id: str = "acme") -> list[AuditEntry]:
        return list(self.audit.entries(tenant_id, self.clock.now().date().isoformat()))


@pytest.fixture
def world() -> World:
    return World()
