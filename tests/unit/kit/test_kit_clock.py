"""Moments as text and numbers."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backend.kit.clock import FakeClock, as_utc, epoch_ms, from_rfc3339, to_rfc3339

OFFSETS = st.integers(-1439, 1439).map(lambda minutes: timezone(timedelta(minutes=minutes)))
MOMENTS = st.datetimes(datetime(2, 1, 1), datetime(9998, 12, 31), timezones=OFFSETS)  # noqa: DTZ001 - hypothesis adds the zone


def test_a_moment_is_shown_in_utc_with_milliseconds_and_z() -> None:
    moment = datetime(2026, 3, 29, 2, 30, 0, 987654, tzinfo=timezone(timedelta(hours=2)))

    assert to_rfc3339(moment) == "2026-03-29T00:30:00.987Z"


def test_a_moment_without_offset_is_utc_wherever_the_machine_stands(monkeypatch: pytest.MonkeyPatch) -> None:
    import time  # noqa: PLC0415 - only this test moves the machine

    naive = datetime(2026, 7, 1, 12)  # noqa: DTZ001 - the point of the test
    monkeypatch.setenv("TZ", "Asia/Tokyo")
    time.tzset()
    try:
        shown, read, counted = to_rfc3339(naive), as_utc(naive), epoch_ms(naive)
    finally:
        monkeypatch.undo()
        time.tzset()

    assert shown == "2026-07-01T12:00:00.000Z"
    assert read == datetime(2026, 7, 1, 12, tzinfo=UTC)
    assert counted == epoch_ms(datetime(2026, 7, 1, 12, tzinfo=UTC))


@given(MOMENTS)
def test_a_moment_written_and_read_again_is_the_same_to_the_millisecond(moment: datetime) -> None:
    assert timedelta(0) <= moment - from_rfc3339(to_rfc3339(moment)) < timedelta(milliseconds=1)


@given(MOMENTS, MOMENTS)
def test_texts_of_moments_sort_as_the_moments_do(one: datetime, other: datetime) -> None:
    first, second = sorted((one, other))

    assert to_rfc3339(first) <= to_rfc3339(second)


@given(MOMENTS)
def test_milliseconds_since_1970_are_exact(moment: datetime) -> None:
    assert datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=epoch_ms(moment)) == from_rfc3339(to_rfc3339(moment))


@pytest.mark.parametrize("text", ["", "yesterday", "2026-13-01T00:00:00Z", "2026-01-01T25:00:00Z"])
def test_what_is_no_moment_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"month|isoformat|hour"):
        from_rfc3339(text)


def test_a_fake_clock_stands_still_until_it_is_moved() -> None:
    clock = FakeClock(datetime(2026, 1, 1, tzinfo=UTC))

    assert clock.now() == clock.now() == datetime(2026, 1, 1, tzinfo=UTC)
    clock.advance(days=7, seconds=1)
    assert clock.now() == datetime(2026, 1, 8, 0, 0, 1, tzinfo=UTC)


def test_a_fake_clock_remembers_how_long_it_slept() -> None:
    clock = FakeClock()
    start = clock.now()
    clock.sleep(60)
    clock.sleep(0.5)

    assert clock.slept == [60, 0.5]
    assert clock.now() - start == timedelta(seconds=60.5)
