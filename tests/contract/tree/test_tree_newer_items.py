"""Items that a newer release wrote, met by this one: each reader refuses them, and whatever it would have done is left."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from backend.audit.model import Action, AuditEntry
from backend.audit.store import DynamoAuditLog
from backend.encryption.model import KeyState, WrappedKey
from backend.encryption.store import DynamoKeyStore
from backend.jobs.model import Job, Kind
from backend.jobs.store import DynamoJobStore
from backend.kit.clock import FakeClock
from backend.kit.dynamodb import Table
from backend.kit.errors import NewerReleaseError
from backend.kit.ids import UlidIds
from backend.state.model import Owner, State
from backend.state.store import DynamoStateStore
from backend.tenancy.items import DIRECTORY
from backend.tenancy.model import ApiKeyRecord, Permission, Project, ScopeMode, Tenant, TokenIssuer
from backend.tenancy.pepper import TenantMacs
from backend.tenancy.scope import Environment
from backend.tenancy.store import DynamoTenancyStore
from backend.transcripts.model import Message, Session, View
from backend.transcripts.store import DynamoTranscriptStore
from backend.turns.model import Turn
from backend.turns.store import DynamoTurnStore
from backend.usage.model import Tally, Usage
from backend.usage.store import DynamoUsageStore
from tests.support.sealing import FixedSecrets, sealer
from tests.support.tables import aws, table_definitions, template_table
from tests.unit.memories.samples import ACME

NOW = datetime(2026, 1, 5, 9, tzinfo=UTC)
DAY = f"{NOW:%Y-%m-%d}"
SESSION, OWNER = Session.of(ACME, "s1"), Owner.of(ACME)
SAID = [Message("user", "Hello.")]
STATE = State(("plans",), "lisbon", {"days": 4}, "v1", NOW, NOW)
TENANT = Tenant("acme", "Acme", ScopeMode.STRICT, NOW)
ISSUER = TokenIssuer(
    "https://login.example", "acme", "memorysync", Environment.LIVE, frozenset({Permission.MEMORY_READ}), jwks="{}"
)
API_KEY = ApiKeyRecord("p1", "acme", "Key", Environment.LIVE, frozenset({Permission.MEMORY_READ}), NOW, "mac")
DATA_KEY = WrappedKey("acme", 1, b"one", KeyState.ACTIVE, NOW)
JOB = Job(f"job_{1:026d}", "acme", Kind.REFRESH, "t1", "key:1", NOW, NOW, due_at=NOW)
TALLY = ("acme", "mem_a"), Tally(Usage(1, NOW), (b"12345678",), 1)
ENTRY = AuditEntry(f"aud_{1:026d}", "acme", NOW, "operator", Action.TENANT_CREATED, "acme")


class World:
    """Every store on tables of its own."""

    def __init__(self) -> None:
        ids, macs = UlidIds(FakeClock(NOW)), TenantMacs(FixedSecrets())
        tables = {name: template_table(name) for name in table_definitions()}
        self.tables: dict[str, Table] = tables
        self.tenancy = DynamoTenancyStore(tables["TenancyTable"], ids)
        self.audit = DynamoAuditLog(tables["AuditTable"], lambda _: b"k" * 32, ids)
        self.jobs = DynamoJobStore(tables["MemoriesTable"], ids)
        self.keys = DynamoKeyStore(tables["MemoriesTable"], ids)
        self.states = DynamoStateStore(tables["StateTable"], macs, sealer(), ids)
        self.transcripts = DynamoTranscriptStore(tables["StateTable"], macs, sealer(), ids)
        self.turns = DynamoTurnStore(tables["StateTable"])
        self.usages = DynamoUsageStore(tables["UsageTable"])

    def items(self) -> list[tuple[Table, dict[str, Any]]]:
        return [(table, item) for table in self.tables.values() for item in table.scan().items]

    def newer(self) -> None:
        """Let a newer release have written everything that names its form."""
        for table, item in self.items():
            if "schema_version" in item:
                table.put({**item, "schema_version": item["schema_version"] + 1})


@dataclass(frozen=True)
class Case:
    """What is stored, and a reader or writer of it."""

    module: str
    store: Callable[[World], object]
    meet: Callable[[World], object]


def with_tenant(store: Callable[[World], object]) -> Callable[[World], object]:
    def stored(world: World) -> None:
        world.tenancy.add_tenant(TENANT)
        store(world)

    return stored


def append(world: World) -> object:
    return world.transcripts.append(SESSION, SAID, NOW)


def add_project(world: World) -> None:
    world.tenancy.add_project(Project("acme", "main", "Main", NOW))


CASES = {
    "a tenant": Case("tenancy", with_tenant(id), lambda world: world.tenancy.tenant("acme")),
    "the tenants": Case("tenancy", with_tenant(id), lambda world: world.tenancy.tenants()),
    "a project": Case("tenancy", with_tenant(add_project), lambda world: world.tenancy.project("acme", "main")),
    "the projects": Case("tenancy", with_tenant(add_project), lambda world: world.tenancy.projects("acme")),
    "an API key": Case(
        "tenancy", with_tenant(lambda world: world.tenancy.add_key(API_KEY)), lambda world: world.tenancy.key("p1")
    ),
    "an issuer": Case(
        "tenancy", with_tenant(lambda world: world.tenancy.put_issuer(ISSUER)), lambda world: world.tenancy.issuer(ISSUER.issuer)
    ),
    "a setting": Case(
        "tenancy",
        with_tenant(lambda world: world.tenancy.put_setting("acme", "memory", {})),
        lambda world: world.tenancy.setting("acme", "memory"),
    ),
    "the audit log": Case("audit", lambda world: world.audit.record(ENTRY), lambda world: world.audit.entries("acme", DAY)),
    "a job": Case("jobs", lambda world: world.jobs.begin(JOB), lambda world: world.jobs.get("acme", JOB.job_id)),
    "a job begun again": Case("jobs", lambda world: world.jobs.begin(JOB), lambda world: world.jobs.begin(JOB)),
    "the data key": Case("encryption", lambda world: world.keys.add(DATA_KEY), lambda world: world.keys.current("acme")),
    "the data keys": Case("encryption", lambda world: world.keys.add(DATA_KEY), lambda world: world.keys.all("acme")),
    "a state": Case(
        "state", lambda world: world.states.put(OWNER, STATE, None), lambda world: world.states.get(OWNER, ("plans",), "lisbon")
    ),
    "the states": Case(
        "state",
        lambda world: world.states.put(OWNER, STATE, None),
        lambda world: world.states.states(OWNER, (), None, 9, below=True),
    ),
    "a conversation": Case("transcripts", append, lambda world: world.transcripts.page(SESSION, View(9), None)),
    "a conversation that goes on": Case("transcripts", append, append),
    "a conversation that is cleared": Case("transcripts", append, lambda world: world.transcripts.clear(SESSION, NOW)),
    "a turn": Case(
        "turns",
        lambda world: world.turns.put("acme", ACME.home, Turn("turn_1", "s1", 1, 2, (), {}, NOW)),
        lambda world: world.turns.get(ACME.home, "turn_1", NOW + timedelta(days=1)),
    ),
    "a tally": Case("usage", lambda world: world.usages.put(*TALLY), lambda world: world.usages.tallies([TALLY[0]])),
    "the usage of memories": Case(
        "usage", lambda world: world.usages.put(*TALLY), lambda world: world.usages.get_many("acme", ["mem_a"])
    ),
}
each_case = pytest.mark.parametrize("case", CASES.values(), ids=CASES)


@pytest.fixture
def world() -> Iterator[World]:
    with aws():
        yield World()


@each_case
def test_an_item_of_a_newer_release_is_refused_and_left_as_it_is(world: World, case: Case) -> None:
    case.store(world)
    world.newer()
    before = [item for _, item in world.items()]

    with pytest.raises(NewerReleaseError) as refused:
        case.meet(world)

    assert refused.value.retry_after == 60
    assert [item for _, item in world.items()] == before
    assert any(item["pk"] != DIRECTORY for item in before)


def test_every_feature_that_writes_the_form_of_its_items_looks_at_it() -> None:
    backend = Path(__file__).parents[3] / "shared" / "backend"
    writing = {path.parent.name for path in backend.rglob("*.py") if "SCHEMA_VERSION = " in path.read_text()}

    # What memories do stands in tests/contract/memories/test_newer_release.py; marks of what is gone are read by nobody.
    assert writing - {"memories", "kit"} == {case.module for case in CASES.values()}
