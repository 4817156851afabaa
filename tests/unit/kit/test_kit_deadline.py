"""How much time is left."""

from __future__ import annotations

import contextvars
from concurrent.futures import ThreadPoolExecutor

import pytest

from backend.kit.clock import FakeClock
from backend.kit.deadline import REQUEST_SECONDS, check, deadline, remaining
from backend.kit.errors import DeadlineExceededError


def timer(clock: FakeClock) -> float:
    return clock.now().timestamp()


def test_outside_a_deadline_there_is_the_time_of_a_request() -> None:
    assert remaining() == REQUEST_SECONDS
    assert remaining(3) == 3
    check()


def test_the_time_left_shrinks_as_the_clock_runs(clock: FakeClock) -> None:
    with deadline(10, lambda: timer(clock)):
        clock.advance(seconds=4)
        assert remaining() == pytest.approx(6)


def test_used_up_time_is_none_and_never_negative(clock: FakeClock) -> None:
    with deadline(10, lambda: timer(clock)):
        clock.advance(seconds=11)
        assert remaining() == 0
        with pytest.raises(DeadlineExceededError) as error:
            check()

    assert error.value.retry_after == 1


def test_a_deadline_that_was_over_before_it_began_stops_at_once() -> None:
    with deadline(-3), pytest.raises(DeadlineExceededError):
        check()


def test_an_inner_deadline_cannot_give_more_than_the_outer_one_leaves(clock: FakeClock) -> None:
    with deadline(10, lambda: timer(clock)), deadline(60, lambda: timer(clock)):
        assert remaining() == pytest.approx(10)


def test_an_inner_deadline_may_give_less_and_ends_with_its_block(clock: FakeClock) -> None:
    with deadline(10, lambda: timer(clock)):
        with deadline(2, lambda: timer(clock)):
            assert remaining() == pytest.approx(2)
        assert remaining() == pytest.approx(10)
    assert remaining() == REQUEST_SECONDS


def test_a_deadline_goes_along_into_threads_that_take_the_context(clock: FakeClock) -> None:
    with deadline(10, lambda: timer(clock)), ThreadPoolExecutor(1) as threads:
        clock.advance(seconds=9)
        left = threads.submit(contextvars.copy_context().run, remaining).result()

    assert left == pytest.approx(1)


def test_a_deadline_of_the_machine_runs_by_itself() -> None:
    with deadline(5):
        first = remaining()
        assert 0 < remaining() <= first <= 5
