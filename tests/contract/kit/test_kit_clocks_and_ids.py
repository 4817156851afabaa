"""What a clock and a maker of ids promise, real and fake."""

from __future__ import annotations

from datetime import UTC, timedelta

import pytest

from backend.kit.clock import Clock, FakeClock, SystemClock
from backend.kit.ids import FakeIds, Ids, UlidIds

CROCKFORD = set("0123456789ABCDEFGHJKMNPQRSTVWXYZ")


@pytest.fixture(params=[SystemClock, FakeClock])
def clock(request: pytest.FixtureRequest) -> Clock:
    """A clock of each kind."""
    made: Clock = request.param()
    return made


@pytest.fixture(params=["ulid", "fake"])
def ids(request: pytest.FixtureRequest) -> Ids:
    """A maker of ids of each kind."""
    return UlidIds(FakeClock()) if request.param == "ulid" else FakeIds()


def test_a_clock_tells_the_time_in_utc(clock: Clock) -> None:
    assert clock.now().tzinfo is UTC


def test_a_clock_never_goes_back(clock: Clock) -> None:
    assert clock.now() <= clock.now()


def test_a_clock_has_moved_on_after_it_slept(clock: Clock) -> None:
    before = clock.now()
    clock.sleep(0.001)

    assert clock.now() - before >= timedelta(milliseconds=1)


def test_a_new_id_has_its_prefix_and_26_characters_that_nobody_misreads(ids: Ids) -> None:
    prefix, _, rest = ids.new("mem").partition("_")

    assert prefix == "mem"
    assert len(rest) == 26
    assert set(rest) <= CROCKFORD


def test_new_ids_differ(ids: Ids) -> None:
    assert len({ids.new("mem") for _ in range(200)}) == 200


def test_a_derived_id_is_repeated_by_the_same_origin_and_parts_alone(ids: Ids) -> None:
    origin, other = ids.new("clm"), ids.new("clm")

    assert ids.derived("mem", origin, "0") == ids.derived("mem", origin, "0")
    assert len({ids.derived("mem", origin, "0"), ids.derived("mem", origin, "1"), ids.derived("mem", other, "0")}) == 3


def test_a_derived_id_looks_like_a_new_one(ids: Ids) -> None:
    prefix, _, rest = ids.derived("ev", ids.new("clm"), "0").partition("_")

    assert prefix == "ev"
    assert len(rest) == 26
    assert set(rest) <= CROCKFORD
