"""Spans of time as people count them: from the first moment of a day, week, month, quarter or year to the next one's."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from backend.extraction.model import EventTime, Precision

MONTHS_IN = {Precision.MONTH: 1, Precision.QUARTER: 3, Precision.YEAR: 12}
_DAYS_IN = {Precision.DAY: 1, Precision.WEEK: 7}
_SMALLER = {Precision.MINUTE: timedelta(minutes=1), Precision.HOUR: timedelta(hours=1)}


def window(moment: datetime, precision: Precision) -> EventTime | None:
    """Return the span of this precision that holds the moment, in UTC, by the calendar of the moment's own time zone.

    Weeks begin on Monday (ISO 8601). None beyond the years that a date can hold.
    """
    try:
        start = _start(moment, precision)
        if precision in MONTHS_IN:
            end = months_later(start, MONTHS_IN[precision])
        elif precision in _DAYS_IN:
            end = start + timedelta(days=_DAYS_IN[precision])
        else:
            end = start + _SMALLER[precision]
        return EventTime(start.astimezone(UTC), end.astimezone(UTC), precision)
    except (ValueError, OverflowError):
        return None


def months_later(moment: datetime, months: int) -> datetime:
    """Return the same day so many months later, or that month's last. Raises `ValueError` beyond the years of a date."""
    year, month = divmod(moment.year * 12 + moment.month - 1 + months, 12)
    day = moment.day
    while True:
        try:
            return moment.replace(year=year, month=month + 1, day=day)
        except ValueError:
            if day <= 28:  # noqa: PLR2004 - every month has so many days: then it is the year that does not exist
                raise
            day -= 1


def _start(moment: datetime, precision: Precision) -> datetime:
    if precision is Precision.MINUTE:
        return moment.replace(second=0, microsecond=0)
    day = moment.replace(hour=0, minute=0, second=0, microsecond=0)
    starts = {
        Precision.HOUR: day.replace(hour=moment.hour),
        Precision.DAY: day,
        Precision.MONTH: day.replace(day=1),
        Precision.QUARTER: day.replace(month=day.month - (day.month - 1) % 3, day=1),
        Precision.YEAR: day.replace(month=1, day=1),
    }
    return starts[precision] if precision in starts else day - timedelta(days=day.weekday())
