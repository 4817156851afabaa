"""Histories of users, functions, outages and faults: what was acknowledged stays true, and in the end nobody could tell that
anything had ever gone wrong.

Every run has a twin that does the same without faults. One history is written per run, and the checker alone judges it.
`MEMORYSYNC_FAULT_RUNS` says how many runs there are.
"""

from __future__ import annotations

import os
from collections import Counter
from random import Random
from typing import Any

from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as some
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule, run_state_machine_as_test

from backend.memories.projection import TOMBSTONES_LAST
from tests.integration.faults.checker import Checker
from tests.integration.faults.clients import Clients, Plan, settled_rows
from tests.integration.faults.deployment import Deployment
from tests.integration.faults.history import Add, Ask, End, Forget, Get, ListAll, Place
from tests.integration.faults.pictures import FakeIndexes, projected
from tests.support.faults import Fault
from tests.unit.memories.samples import ACME, NEIGHBOUR, RIVAL

RUNS = int(os.environ.get("MEMORYSYNC_FAULT_RUNS", "60"))
STEPS = 50
USERS = (ACME, NEIGHBOUR, RIVAL)
LASTING = ("The ferry leaves at nine.", "The bakery closes on Mondays.", "Paul plays the oboe.")
PASSING = "Rain is forecast."
TEXTS = (*LASTING, PASSING)
CLAIM_ENDS = 31
INDEXES = FakeIndexes()
TOTAL: Counter[str] = Counter()

faults = some.sampled_from([*[fault for fault in Fault if fault is not Fault.NONE], Fault.LEFT_OVER])
lasting = some.sampled_from(
    [*[Fault.NONE] * 8, Fault.THROTTLED, Fault.CONFLICT, Fault.LOST, Fault.UNANSWERED, *[Fault.LEFT_OVER] * 4]
)
faults_here_and_there = some.dictionaries(some.integers(0, 9), faults, max_size=4)
# Seven attempts the seam makes; a fault that outlasts them all, and is over then, is seen by whoever made the call.
bursts = some.builds(lambda first, fault: dict.fromkeys(range(first, first + 7), fault), some.integers(0, 4), faults)
plans = some.builds(Plan, faults=faults_here_and_there | bursts, lasting=lasting)
troubles = some.lists(plans, max_size=3)
users = some.sampled_from(USERS)
meanwhile = some.lists(some.sampled_from(["deliver", "sweep", "repair", "nothing"]), max_size=2)


class Memories(RuleBasedStateMachine):
    """A deployment where things go wrong, beside one where nothing does."""

    def __init__(self) -> None:
        super().__init__()
        self.subject = Clients(Deployment(INDEXES.new()))
        clock = self.subject.deployment.clock
        self.twin = Clients(Deployment(INDEXES.new(), clock))
        self.clock = clock
        self.adds: list[Add] = []
        self.ids: list[str] = []
        self.twins: dict[str, str] = {}
        self.late: list[dict[str, Any]] = []
        self.uncertain: set[Place] = set()
        self.purged_before = clock.now() - TOMBSTONES_LAST
        self.numbers = 0

    @initialize()
    def begin(self) -> None:
        """Let everybody have some memories, so that every batch has several items."""
        for scope in USERS:
            self._send_add(Add(self._number(), scope, LASTING[:2], keyed=True), [], [], gives_up=False)

    # What users do

    @rule(
        scope=users,
        lines=some.lists(some.sampled_from(LASTING), min_size=2, max_size=3) | some.sampled_from(TEXTS).map(lambda line: [line]),
        keyed=some.booleans(),
        deduplicate=some.sampled_from([True, True, True, False]),
        hours=some.sampled_from([None, 5]),
        trouble=troubles,
        between=meanwhile,
        gives_up=some.sampled_from([False] * 9 + [True]),
    )
    def add(  # noqa: PLR0913 - one word for each thing that an add can be
        self,
        *,
        scope: Any,
        lines: list[str],
        keyed: bool,
        deduplicate: bool,
        hours: int | None,
        trouble: list[Plan],
        between: list[str],
        gives_up: bool,
    ) -> None:
        # A fact that passes may do so at a moment between the two runs; so only one of them ever does.
        minutes = hours * 60 if hours and lines == [PASSING] else None
        asked = Add(self._number(), scope, tuple(lines), keyed, deduplicate, minutes)
        self.adds.append(asked)
        self._send_add(asked, trouble, between, gives_up)

    @precondition(lambda self: self.adds)
    @rule(which=some.integers(0, 99), trouble=troubles, between=meanwhile)
    def add_again(self, which: int, trouble: list[Plan], between: list[str]) -> None:
        """Send an earlier add once more, under its key if it has one."""
        asked = self.adds[which % len(self.adds)]
        if not asked.keyed:
            asked = Add(self._number(), asked.scope, asked.lines, keyed=False, deduplicate=True)
        self._send_add(asked, trouble, between, gives_up=False)

    @precondition(lambda self: self.ids)
    @rule(
        which=some.integers(0, 99),
        stranger=some.sampled_from([False, False, False, True]),
        keyed=some.booleans(),
        trouble=troubles,
        between=meanwhile,
        gives_up=some.sampled_from([False] * 9 + [True]),
    )
    def forget(  # noqa: PLR0913 - one word for each thing that a forget can be
        self, *, which: int, stranger: bool, keyed: bool, trouble: list[Plan], between: list[str], gives_up: bool
    ) -> None:
        memory_id = self.ids[which % len(self.ids)]
        row = next(row for row in self.subject.deployment.rows() if row.memory_id == memory_id)
        scope = next(each for each in USERS if (each.home == row.scope_key) is not stranger)
        asked = Forget(self._number(), scope, memory_id, keyed)
        if not self._sent(asked, trouble, between, gives_up):
            self.uncertain.add((row.scope_key, row.text))
        elif memory_id in self.twins:
            self.twin.attempt(Forget(asked.number, scope, self.twins[memory_id], keyed))

    @precondition(lambda self: self.ids)
    @rule(which=some.integers(0, 99), scope=users, plan=plans)
    def get(self, which: int, scope: Any, plan: Plan) -> None:
        self.subject.attempt(Get(scope, self.ids[which % len(self.ids)]), plan)

    @rule(scope=users, limit=some.integers(1, 5), plan=plans)
    def list_all(self, scope: Any, limit: int, plan: Plan) -> None:
        self.subject.attempt(ListAll(scope, limit), plan)

    @rule(scope=users, text=some.sampled_from(TEXTS), plan=some.just(Plan()) | plans)
    def ask(self, scope: Any, text: str, plan: Plan) -> None:
        self.subject.attempt(Ask(scope, text), plan)

    # What happens by itself

    @rule(random=some.randoms(use_true_random=False), plan=plans)
    def deliver(self, random: Random, plan: Plan) -> None:
        """Deliver stream records none to three times, in any order, some of them later."""
        self._deliver(random, plan)

    @rule(what=some.sampled_from(["sweep", "repair", "purge"]), plan=plans)
    def schedule(self, what: str, plan: Plan) -> None:
        self._scheduled(what, plan)

    @rule(embedder=some.booleans(), index=some.booleans(), lag=some.booleans())
    def outage(self, embedder: bool, index: bool, lag: bool) -> None:
        """Let embedder, index and global indexes be down, or behind, or up again."""
        deployment = self.subject.deployment
        deployment.embedder.down = embedder
        deployment.index.down = index  # type: ignore[attr-defined] # the fake's
        if lag:
            deployment.service.let_indexes_lag()
        else:
            deployment.service.let_indexes_catch_up()

    @rule(hours=some.sampled_from([1, 1, 5, 30, 400]))
    def hours_pass(self, hours: int) -> None:
        self.clock.advance(hours=hours)

    # The end

    def teardown(self) -> None:
        deployment = self.subject.deployment
        self.outage(embedder=False, index=False, lag=False)
        deployment.project(self.late)
        deployment.quiet()
        self.twin.deployment.quiet()
        for scope in USERS:
            self.subject.attempt(ListAll(scope, 3))
            for text in TEXTS:
                self.subject.attempt(Ask(scope, text))
        for asked in self.adds:
            if asked.keyed:
                self.subject.attempt(asked)
        deployment.quiet()
        TOTAL.update(runs=1, events=len(self.subject.history.events), faults=self.subject.history.faults)

        assert Checker().read(self.subject.history) == []
        assert Checker().read(self.twin.history) == []
        assert settled_rows(deployment, self.uncertain) == settled_rows(self.twin.deployment, self.uncertain)
        for each in (deployment, self.twin.deployment):
            self._index_is_that_of_the_rows(each)
            assert [item for item in each.items() if item["pk"].startswith("P#")] == []
            assert each.parked == []

    def _index_is_that_of_the_rows(self, deployment: Deployment) -> None:
        """Assert that the index holds what the rows say; tombstones that a purge could take may be there or not."""
        shown, rows = set(INDEXES.contents(deployment.index)), deployment.rows()
        lasting = [row for row in rows if row.forgotten_at is None or row.forgotten_at > self.purged_before]
        assert set(projected(INDEXES, lasting)) <= shown <= set(projected(INDEXES, rows))

    def _send_add(self, asked: Add, trouble: list[Plan], between: list[str], gives_up: bool) -> None:
        # Without a key and without the guard every attempt may store a memory of its own.
        repeats = not asked.keyed and not asked.deduplicate
        if (repeats and trouble) or asked.ttl_minutes:
            self.uncertain.update(asked.places)
        if not self._sent(asked, trouble, between, gives_up):
            self.uncertain.update(asked.places)
            return
        mine, other = self.subject.history.events[-1], self.twin.attempt(asked)
        self.ids += [told.memory_id for told in mine.told if told.memory_id not in self.ids]
        if other.end is End.DONE:
            self.twins.update((told.memory_id, twin.memory_id) for told, twin in zip(mine.told, other.told, strict=False))

    def _sent(self, asked: Add | Forget, trouble: list[Plan], between: list[str], gives_up: bool) -> bool:
        """Send until it is answered, or given up after the troubled attempts; the answer is the last event then."""
        waits = iter(between)
        for plan in [*trouble, *([] if gives_up and trouble else [None] * 3)]:
            event = self.subject.attempt(asked, plan)
            if event.end is End.DONE or (event.end is not End.UNKNOWN and event.why != "RequestInFlightError"):
                return True
            self.clock.advance(seconds=CLAIM_ENDS)
            self._scheduled(next(waits, "nothing"), None)
        return False

    def _scheduled(self, what: str, plan: Plan | None) -> None:
        deployment = self.subject.deployment
        if what == "deliver":
            self._deliver(Random(0), plan)  # noqa: S311 - an order is no secret
        elif what == "purge":
            self.purged_before = self.clock.now() - TOMBSTONES_LAST
            self.subject.work(what, lambda: deployment.invoke("index.purge_tombstones", {}), plan)
            self.twin.work(what, lambda: self.twin.deployment.invoke("index.purge_tombstones", {}))
        elif what != "nothing":
            self.subject.work(what, getattr(deployment, what), plan)

    def _deliver(self, random: Random, plan: Plan | None) -> None:
        self.twin.work("stream", self.twin.deployment.project)
        records = [*self.late, *self.subject.deployment.taken()]
        self.late = [record for record in records if random.random() < 0.3]
        batch = [record for record in records for _ in range(random.randint(0, 3))]
        random.shuffle(batch)
        self.subject.work("stream", lambda: self.subject.deployment.project(batch), plan)

    def _number(self) -> int:
        self.numbers += 1
        return self.numbers


def test_whatever_goes_wrong_what_was_acknowledged_is_true_and_the_end_is_that_of_a_run_without_faults() -> None:
    run_state_machine_as_test(
        Memories,
        settings=settings(
            max_examples=RUNS,
            stateful_step_count=STEPS,
            deadline=None,
            derandomize=RUNS <= 100,
            database=None,
            # What a failure has in common is of no use here, and takes minutes.
            phases=[Phase.generate, Phase.shrink],
            suppress_health_check=list(HealthCheck),
        ),
    )

    assert TOTAL["runs"] >= RUNS
    assert TOTAL["faults"] > TOTAL["runs"]
    print(f"{TOTAL['runs']} runs, {TOTAL['events']} attempts, {TOTAL['faults']} faults")  # noqa: T201 - the figures of the run
