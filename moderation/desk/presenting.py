"""Times and numbers as people read them, in their language."""

from __future__ import annotations

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from babel import dates, numbers
from markupsafe import Markup

from moderation.desk.text import language
from moderation.gate import staff
from moderation.schemas.fields import rfc3339
from moderation.wiring import wired


def when(moment: datetime) -> Markup:
    """How long ago or ahead, as a ``<time>`` that tells the exact moment when pointed at."""
    ago = moment - wired().clock()
    words = dates.format_timedelta(ago, add_direction=True, locale=language())
    return _time(moment, words)


def exact(moment: datetime) -> Markup:
    """Date and time to the minute, in the reader's zone."""
    return _time(moment, _in_words(moment))


def day(moment: datetime) -> str:
    """The date alone, in the reader's zone."""
    return dates.format_date(moment.astimezone(zone()), "medium", locale=language())


def short_day(moment: datetime) -> str:
    """The day without its year, for where there is little room."""
    return dates.format_skeleton("MMMd", moment.astimezone(zone()), locale=language())


def short_hour(moment: datetime) -> str:
    """The time of the day alone."""
    return dates.format_time(moment.astimezone(zone()), "short", locale=language())


def duration(time: timedelta) -> str:
    """How long something took: 40 minutes, 3 hours."""
    return dates.format_timedelta(time, threshold=1.5, locale=language())


def number(value: float) -> str:
    return numbers.format_decimal(value, locale=language())


def short_number(value: float) -> str:
    """A large number in few characters: 25K."""
    return numbers.format_compact_decimal(value, fraction_digits=1, locale=language())


def percent(share: float) -> str:
    """``share`` of 0..1."""
    return numbers.format_percent(share, locale=language())


def zone() -> ZoneInfo:
    """The time zone somebody chose; UTC where nobody did."""
    signed_in = staff()
    chosen = signed_in.preferences.get("time_zone") if signed_in else None
    try:
        return ZoneInfo(chosen or "UTC")
    except (ZoneInfoNotFoundError, ValueError):
        return ZoneInfo("UTC")


def _in_words(moment: datetime) -> str:
    local = moment.astimezone(zone())
    words = dates.format_datetime(local, "medium", locale=language())
    return f"{words} {local.tzname()}"


def _time(moment: datetime, words: str) -> Markup:
    return Markup('<time datetime="{}" title="{}">{}</time>').format(
        rfc3339(moment), _in_words(moment), words
    )
