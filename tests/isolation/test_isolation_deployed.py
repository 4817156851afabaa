"""The same matrix on the deployed local stack: the real gateway, roles, processes and index, and what they leave in logs."""

from __future__ import annotations

from collections.abc import Iterator

import httpx
import pytest

from infrastructure.local.stack import Stack
from tests.isolation.callers import Kind
from tests.isolation.canaries import canaries_in
from tests.isolation.cells import Cell, cells
from tests.isolation.checks import gossip
from tests.isolation.conftest import FEW, WHOLE
from tests.isolation.document import Operation, operations
from tests.isolation.matrix import Matrix
from tests.isolation.oracle import NAMELESS, READ_ONLY, RULES, Shape
from tests.isolation.over_http import OverHttp
from tests.isolation.owners import USER_WORD
from tests.isolation.probes import PROBING, targets_of
from tests.isolation.selection import cut
from tests.isolation.test_isolation_matrix import OWN
from tests.isolation.world import World

pytestmark = [pytest.mark.journey, pytest.mark.xdist_group("isolation-stack")]


@pytest.fixture(scope="module")
def deployed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[OverHttp]:
    running = Stack(state=tmp_path_factory.mktemp("isolation") / "state").with_free_ports()
    running.start()
    try:
        running.deploy()
        with httpx.Client(base_url=running.url, timeout=40) as client:
            yield OverHttp(running, client)
    finally:
        running.stop()


@pytest.fixture(scope="module")
def neighbours(deployed: OverHttp) -> Iterator[World]:
    world = World.seeded(deployed)
    yield world
    world.intact()


@pytest.fixture
def matrix(neighbours: World) -> Matrix:
    return Matrix(neighbours)


@pytest.mark.parametrize("operation", operations(), ids=lambda operation: operation.route)
def test_everybody_gets_only_what_is_theirs_over_http(matrix: Matrix, operation: Operation) -> None:
    # Every cell is tried in this process; here a share of them, so that the whole ends within the hour.
    chosen = {kind: [*cells(operation, kind, FEW)] for kind in Kind} if WHOLE else _by_kind(operation)
    rule = RULES[operation.name]
    for kind, tried in chosen.items():
        seen = matrix.walk(tried)
        expected, found = OWN[rule.shape][kind], seen.count["own"]
        # What is the caller's own is tried whole where it is only read.
        is_whole = WHOLE and rule.shape in NAMELESS | READ_ONLY
        assert found == expected if is_whole else (found > 0) == (expected > 0), (kind, seen.count)
        print(f"isolation over HTTP {operation.route} {kind}: {seen.calls} cells, {dict(sorted(seen.count.items()))}")  # noqa: T201 - what was walked


@pytest.mark.parametrize("operation", operations(), ids=lambda operation: operation.route)
def test_names_and_things_of_others_change_nothing_over_http(matrix: Matrix, operation: Operation) -> None:
    if RULES[operation.name].shape is Shape.BEGIN:
        pytest.skip("Whether a job is still at work changes from minute to minute here; in this process it does not.")
    # Two kinds of callers, each on every other operation; in this process all four are tried on every one.
    turn = operations().index(operation) % 2
    for caller in PROBING if WHOLE else PROBING[turn : turn + 1]:
        targets = targets_of(caller, whole=WHOLE)
        tried = matrix.probe(operation, caller, targets if WHOLE else targets[:1], one_by_one=False)
        assert tried >= (5 if operation.public else 10)


def test_logs_metrics_tables_and_index_hold_nobodys_words(deployed: OverHttp, neighbours: World) -> None:
    Matrix(neighbours).walk(cut(operations())[::8])

    logs = dict(deployed.logs())
    assert sum(text.count('"duration_ms"') for text in logs.values()) > 100
    for name, text in logs.items():
        assert gossip(neighbours, text) == [], name
    for metric in deployed.metrics():
        assert not canaries_in(str(metric))
        assert USER_WORD not in str(metric)


def test_only_rows_and_markers_hold_what_users_said(deployed: OverHttp, neighbours: World) -> None:
    items = {table: [*deployed.items(f"{table}Table")] for table in ("Memories", "Idempotency", "Tenancy", "Audit")}
    assert all(items.values())
    for table in ("Idempotency", "Tenancy", "Audit"):
        # Idempotency keys are words of users too: they stand there as MACs.
        assert gossip(neighbours, str(items[table])) == [], table
    keys = [str([value for name, value in item.items() if name.endswith(("pk", "sk"))]) for item in items["Memories"]]
    assert not canaries_in(*keys)
    files = deployed.index_bytes()
    assert len(files) > 10_000
    assert not any(word.encode() in files or word.lower().encode() in files for word in neighbours.words)


def test_no_text_and_no_metadata_stands_in_a_table_in_the_clear(deployed: OverHttp, neighbours: World) -> None:
    held = "".join(str(item) for item in deployed.items("MemoriesTable"))
    rows = [row for states in neighbours.rows.values() for row in states.values()]

    assert [row for row in rows for field in ("text", "metadata") if row.canary(field) in held] == []
    # What filters ask for is not sealed: such a word would be seen.
    assert all(row.canary("source") in held for row in rows)


def _by_kind(operation: Operation) -> dict[Kind, list[Cell]]:
    few = [cell for cell in cut(operations()) if cell.operation == operation]
    return {kind: [cell for cell in few if cell.caller.kind is kind] for kind in Kind}
