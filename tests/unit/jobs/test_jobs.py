"""Jobs are done page by page, by one worker at a time, whatever dies in between."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime

import pytest

from backend.jobs.fake import FakeJobStore
from backend.jobs.model import LEASE, MOST_FAILURES, PAUSE, Counts, Job, JobState, Kind, Step
from backend.jobs.service import PAGES_A_TURN, SECONDS_A_TURN, Jobs, target_of
from backend.kit.clock import FakeClock
from backend.kit.deadline import deadline
from backend.kit.errors import (
    IdempotencyKeyReusedError,
    IndexUnavailableError,
    JobAlreadyRunningError,
    JobNotFoundError,
    NewerReleaseError,
    TableUnavailableError,
)
from backend.kit.ids import FakeIds
from backend.memories.fake_requests import FakeRequestLog
from backend.memories.outcomes import Claim, Done
from backend.tenancy.scope import Scope
from tests.unit.memories.samples import ACME, NEIGHBOUR, OTHER_PROJECT, RIVAL, keyed


@dataclass
class Counting:
    """A worker of so many pages; `strike` is called before each."""

    pages: int = 3
    strike: Callable[[int], None] = lambda _: None
    done: list[int] = field(default_factory=list)

    def step(self, job: Job) -> Step:
        """Do one page."""
        at = int(job.cursor["at"]) if job.cursor else 0
        self.strike(len(self.done))
        self.done.append(at)
        return Step(Counts(changed=2, skipped=1), {"at": str(at + 1)} if at + 1 < self.pages else None)


class World:
    """Jobs on fakes."""

    def __init__(self) -> None:
        self.clock = FakeClock()
        self.store = FakeJobStore()
        self.worker = Counting()
        self.ids = FakeIds()
        self.requests = FakeRequestLog(self.ids)
        self.jobs = self.process()

    def process(self, worker: Counting | None = None) -> Jobs:
        """Return the use cases of another process."""
        workers = {Kind.REFRESH: lambda: worker or self.worker}
        return Jobs(store=self.store, requests=self.requests, workers=workers, clock=self.clock, ids=self.ids)

    def begin(self, scope: Scope = ACME) -> Job:
        """Begin a refresh, and let a moment pass: what is due now is not due before now."""
        job, replayed = self.jobs.refresh(scope, (), None, "key:1")
        assert not replayed
        self.clock.advance(seconds=1)
        return job

    def now(self, job: Job) -> Job:
        """Return the job as it is now."""
        found = self.store.get(job.tenant_id, job.job_id)
        assert found is not None
        return found


@pytest.fixture
def world() -> World:
    return World()


def test_a_job_is_queued_then_done_page_by_page(world: World) -> None:
    job = world.begin()
    assert (job.state, job.counts.seen) == (JobState.QUEUED, 0)

    assert world.jobs.run() == 3

    done = world.jobs.state(ACME, job.job_id)
    assert (done.state, done.counts, done.counts.seen) == (JobState.SUCCEEDED, Counts(6, 3, 0), 9)
    assert (done.started_at, done.finished_at) == (world.clock.now(), world.clock.now())
    assert world.worker.done == [0, 1, 2]
    assert world.jobs.run() == 0


@pytest.mark.parametrize("scope", [NEIGHBOUR, OTHER_PROJECT, RIVAL])
def test_nobody_else_learns_of_a_job(world: World, scope: Scope) -> None:
    job = world.begin()

    with pytest.raises(JobNotFoundError):
        world.jobs.state(scope, job.job_id)


def test_a_job_of_another_kind_is_no_refresh(world: World) -> None:
    job = world.begin()
    other = Job("job_x", "acme", Kind.REENCRYPT, target_of(ACME), "key:1", job.created_at, job.created_at, job.due_at)
    world.store.begin(other)

    with pytest.raises(JobNotFoundError):
        world.jobs.state(ACME, "job_x")


def test_a_second_refresh_is_told_of_the_first_until_it_has_finished(world: World) -> None:
    first = world.begin()

    with pytest.raises(JobAlreadyRunningError) as refused:
        world.begin()

    assert refused.value.job_id == first.job_id
    assert world.begin(NEIGHBOUR).job_id != first.job_id
    world.jobs.run()
    assert world.begin().job_id != first.job_id


def test_a_keyed_request_begins_one_job_and_shows_it_as_it_is_later(world: World) -> None:
    job, replayed = world.jobs.refresh(ACME, ("mem_1", "mem_1"), keyed(), "key:1")
    assert (replayed, job.memory_ids) == (False, ("mem_1",))
    world.clock.advance(seconds=1)
    world.jobs.run()

    again, replayed = world.jobs.refresh(ACME, ("mem_1", "mem_1"), keyed(), "key:1")

    assert (again.job_id, again.state, replayed) == (job.job_id, JobState.SUCCEEDED, True)
    with pytest.raises(IdempotencyKeyReusedError):
        world.jobs.refresh(ACME, (), keyed(body="another"), "key:1")


def test_a_keyed_request_that_was_refused_may_be_sent_again(world: World) -> None:
    first = world.begin()
    with pytest.raises(JobAlreadyRunningError):
        world.jobs.refresh(ACME, (), keyed(), "key:1")
    world.jobs.run()

    again, replayed = world.jobs.refresh(ACME, (), keyed(), "key:1")

    assert (again.job_id != first.job_id, replayed) == (True, False)


def test_a_request_that_died_after_storing_the_job_finds_it_again(world: World) -> None:
    class Dying(FakeRequestLog):
        dead = True

        def complete(self, claim: Claim, done: Done, *, keep_forever: bool, now: datetime) -> Done:
            if self.dead:
                raise SystemExit
            return super().complete(claim, done, keep_forever=keep_forever, now=now)

    log = Dying(world.ids)
    jobs = Jobs(store=world.store, requests=log, workers={}, clock=world.clock, ids=world.ids)
    with pytest.raises(SystemExit):
        jobs.refresh(ACME, (), keyed(), "key:1")
    [stored] = world.store._jobs.values()
    world.clock.advance(minutes=1)
    log.dead = False

    again, _ = jobs.refresh(ACME, (), keyed(), "key:1")

    assert again.job_id == stored.job_id


@pytest.mark.parametrize("at", [0, 1, 2])
def test_a_worker_that_dies_leaves_the_job_to_the_next_when_its_lease_is_over(world: World, at: int) -> None:
    job = world.begin()

    def die(page: int) -> None:
        if page == at:
            raise SystemExit

    with pytest.raises(SystemExit):
        world.process(Counting(strike=die)).run()
    assert world.jobs.run() == 0, "the dead worker's lease still runs"
    world.clock.advance(seconds=LEASE.total_seconds() + 1)

    world.jobs.run()

    assert world.worker.done == list(range(at, 3))
    assert (world.now(job).state, world.now(job).counts.seen) == (JobState.SUCCEEDED, 9)


def test_a_worker_that_lost_its_lease_stops_at_its_next_page(world: World) -> None:
    job = world.begin()
    slow = Counting()

    def overtaken(page: int) -> None:
        if page == 1:
            world.clock.advance(seconds=LEASE.total_seconds() + 1)
            world.jobs.run()

    slow.strike = overtaken
    world.process(slow).run()

    assert slow.done == [0, 1]
    assert world.worker.done == [1, 2]
    assert world.now(job).counts.seen == 9


class LateIndex(FakeJobStore):
    """A store whose list of what is due is behind: it names every open job."""

    def due(self, before: datetime, limit: int) -> list[tuple[str, str]]:
        """Name them."""
        del before
        return [(each.tenant_id, each.job_id) for each in self._jobs.values() if each.is_open][:limit]


def test_a_job_that_is_listed_as_due_though_somebody_has_it_is_left_to_them(world: World) -> None:
    world.store = LateIndex()
    world.jobs = world.process()
    job = world.begin()
    taken = job.taken(world.clock.now(), "another")
    assert world.store.save(taken)

    assert world.jobs.run() == 0
    assert (world.worker.done, world.now(job)) == ([], taken)


def test_of_two_workers_that_read_a_job_at_once_one_does_it(world: World) -> None:
    class Both(FakeJobStore):
        met = False

        def get(self, tenant_id: str, job_id: str) -> Job | None:
            found = super().get(tenant_id, job_id)
            if found and found.state is JobState.QUEUED and not self.met:
                self.met = True
                assert self.save(found.taken(world.clock.now(), "another"))
            return found

    world.store = Both()
    world.jobs = world.process()
    job = world.begin()

    assert world.jobs.run() == 0
    assert world.worker.done == []
    assert world.now(job).state is JobState.RUNNING


def test_what_does_not_answer_is_asked_again_a_minute_later_and_never_given_up(world: World) -> None:
    job = world.begin()

    def down(_: int) -> None:
        raise IndexUnavailableError

    world.worker.strike = down
    for _ in range(MOST_FAILURES + 2):
        world.jobs.run()
        assert world.now(job).state is JobState.RUNNING
        assert world.now(job).due_at == world.clock.now() + PAUSE
        world.clock.advance(seconds=PAUSE.total_seconds() + 1)

    world.worker.strike = lambda _: None
    world.jobs.run()
    assert world.now(job).state is JobState.SUCCEEDED


def test_a_page_that_keeps_failing_ends_the_job_with_the_errors_name_and_no_word_of_it(world: World) -> None:
    job = world.begin()

    def fail(_: int) -> None:
        msg = "canary: a user's text"
        raise ValueError(msg)

    world.worker.strike = fail
    for tried in range(1, MOST_FAILURES + 1):
        world.jobs.run()
        assert world.now(job).failures == tried
        world.clock.advance(seconds=PAUSE.total_seconds() + 1)

    assert (world.now(job).state, world.now(job).reason) == (JobState.FAILED, "ValueError")
    assert "canary" not in repr(world.now(job))
    assert world.begin().job_id != job.job_id


def test_a_page_that_succeeds_after_failures_wipes_them_out(world: World) -> None:
    job = world.begin()

    def fail_once(page: int) -> None:
        if page == 0 and world.now(job).failures == 0:
            raise ValueError

    world.worker.strike = fail_once
    world.jobs.run()
    assert (world.now(job).failures, world.now(job).reason) == (1, "ValueError")
    world.clock.advance(seconds=PAUSE.total_seconds() + 1)

    world.jobs.run()
    assert (world.now(job).state, world.now(job).failures, world.now(job).reason) == (JobState.SUCCEEDED, 0, None)


def test_a_long_job_lets_the_others_have_their_turn(world: World) -> None:
    world.worker.pages = PAGES_A_TURN + 5
    long, short = world.begin(), world.begin(NEIGHBOUR)

    world.jobs.run()

    assert [world.now(each).counts.changed for each in (long, short)] == [2 * PAGES_A_TURN] * 2
    world.clock.advance(seconds=1)
    world.jobs.run()
    assert {world.now(each).state for each in (long, short)} == {JobState.SUCCEEDED}


def test_a_job_of_slow_pages_holds_no_other_up(world: World) -> None:
    world.worker.pages = PAGES_A_TURN
    slow, other = world.begin(), world.begin(NEIGHBOUR)
    now = 0.0

    def slowly(page: int) -> None:
        nonlocal now
        now += SECONDS_A_TURN / 2 if page < PAGES_A_TURN else 0

    world.worker.strike = slowly
    with deadline(60, timer=lambda: now):
        assert world.jobs.run() == 3 + 3

    assert [world.now(each).cursor for each in (slow, other)] == [{"at": "3"}] * 2


def test_no_page_is_begun_that_may_not_end_in_time_and_the_job_is_free_at_once(world: World) -> None:
    job = world.begin()
    now = 0.0

    def late(page: int) -> None:
        nonlocal now
        now += 35 * page

    world.worker.strike = late
    with deadline(60, timer=lambda: now):
        assert world.jobs.run() == 2

    assert (world.now(job).cursor, world.now(job).due_at) == ({"at": "2"}, world.clock.now())
    world.clock.advance(seconds=1)
    world.worker.strike = lambda _: None
    assert world.jobs.run() == 1


def test_a_table_that_is_down_fails_the_run_and_loses_nothing(world: World) -> None:
    job = world.begin()
    world.store.down = True
    with pytest.raises(TableUnavailableError):
        world.jobs.run()

    world.store.down = False
    world.jobs.run()
    assert world.now(job).state is JobState.SUCCEEDED


def test_a_job_of_a_newer_release_is_left_and_holds_up_no_other(world: World) -> None:
    class Newer(FakeJobStore):
        newer = ""

        def get(self, tenant_id: str, job_id: str) -> Job | None:
            if job_id == self.newer:
                raise NewerReleaseError
            return super().get(tenant_id, job_id)

    world.store = store = Newer()
    world.jobs = world.process()
    newer, other = world.begin(), world.begin(NEIGHBOUR)
    store.newer = newer.job_id

    assert world.process().run() > 0

    assert world.now(other).state is JobState.SUCCEEDED
    store.newer = ""
    assert world.now(newer) == newer
