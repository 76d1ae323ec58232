"""Which time a page of insight is about, in the time zone of whoever looks."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum
from zoneinfo import ZoneInfo

from moderation.domain.tally import HOUR, hour_of
from moderation.errors import Invalid
from moderation.services.insight import Flow

MAX_DAYS = 366
HOURLY_UP_TO = timedelta(hours=49)
"""Longer periods are shown by days."""


class Span(StrEnum):
    DAY = "24h"
    WEEK = "7d"
    MONTH = "30d"
    OWN = "own"


DAYS = {Span.WEEK: 7, Span.MONTH: 30}


@dataclass(frozen=True, slots=True)
class Period:
    """From ``since`` on and before ``until``, full hours in UTC; from ``first`` to ``last`` day."""

    span: Span
    since: datetime
    until: datetime
    first: date
    last: date

    @property
    def by_hours(self) -> bool:
        return self.until - self.since <= HOURLY_UP_TO

    def past(self, now: datetime) -> timedelta:
        """How much of it is over."""
        return max(min(self.until, now) - self.since, timedelta())


def read_period(args: Mapping[str, str], *, now: datetime, zone: ZoneInfo) -> Period:
    """The period that an address asks for: ``period``, and for a range of one's own its days.

    Raises:
        Invalid: no such period, no dates, or the wrong way round, or more than a year.
    """
    try:
        span = Span(args.get("period") or Span.DAY)
    except ValueError:
        names = ", ".join(Span)
        raise Invalid(errors={"period": [f"There are: {names}"]}) from None
    end_of_now = hour_of(now) + HOUR
    today = now.astimezone(zone).date()
    if span is Span.DAY:
        since = end_of_now - timedelta(hours=24)
        return Period(span, since, end_of_now, since.astimezone(zone).date(), today)
    if span is Span.OWN and not (args.get("since") or args.get("until")):
        first = last = today
    elif span is Span.OWN:
        first, last = _day(args, "since"), _day(args, "until")
    else:
        first, last = today - timedelta(days=DAYS[span] - 1), today
    if first > last:
        raise Invalid(errors={"until": ["The last day comes before the first"]})
    if (last - first).days >= MAX_DAYS:
        raise Invalid(errors={"until": [f"At most {MAX_DAYS} days at once"]})
    after = last + timedelta(days=1) if last < date.max else last
    return Period(span, _midnight(first, zone), _midnight(after, zone), first, last)


def slots(
    hours: Mapping[datetime, Flow], period: Period, *, now: datetime, zone: ZoneInfo
) -> list[tuple[datetime, Flow]]:
    """The hours or days of a period up to now, each with what happened; local times."""
    found: dict[datetime, Flow] = {}
    hour = period.since
    while hour < min(period.until, hour_of(now) + HOUR):
        # Hours by UTC: where clocks are put back, the same local hour comes twice.
        start = hour
        if not period.by_hours:
            # Days, or of zones that are off by half an hour those of the first full hour.
            start = datetime.combine(hour.astimezone(zone).date(), time(), zone)
        found[start] = found.get(start, Flow()) + hours.get(hour, Flow())
        hour += HOUR
    return [(start.astimezone(zone), flow) for start, flow in found.items()]


def _day(args: Mapping[str, str], name: str) -> date:
    try:
        day = date.fromisoformat(args.get(name) or "")
    except ValueError:
        raise Invalid(errors={name: ["Expected a day like 2026-11-24"]}) from None
    if not 1970 <= day.year < 9999:
        raise Invalid(errors={name: ["Expected a day since 1970"]})
    return day


def _midnight(day: date, zone: ZoneInfo) -> datetime:
    """The first full hour of a day, in UTC."""
    start = datetime.combine(day, time(), zone).astimezone(UTC)
    return start if start == hour_of(start) else hour_of(start) + HOUR
