"""The tables of the page: the same for reading, for screen readers beside a plot, and as CSV."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from itertools import pairwise
from typing import Any

from moderation.desk.insight.period import Period
from moderation.desk.text import say
from moderation.domain.reason import find
from moderation.domain.site import Site
from moderation.services.insight import AGES, Band, Flow, Insight, Now

MINUTE, HOUR, DAY = 60, 3600, 86_400
WAITS_S = (0, MINUTE, 5 * MINUTE, 15 * MINUTE, HOUR, 4 * HOUR, DAY, float("inf"))
"""Where the table of waits parts them; each is one of ``domain.tally.WAIT_EDGES_S``."""

MAX_REASONS = 15


class Kind(StrEnum):
    """How the values of a column are written."""

    TEXT = "text"
    COUNT = "count"
    SHARE = "share"
    """A share of 0..1, or None where there is nothing to be a share of."""
    DURATION = "duration"
    """A timedelta, or None."""
    HOUR = "hour"
    DAY = "day"


@dataclass(frozen=True, slots=True)
class Column:
    name: str
    """Its head is ``insight.column.NAME`` of the catalogue."""
    kind: Kind = Kind.COUNT

    @property
    def head(self) -> str:
        return say(f"insight.column.{self.name}")

    @property
    def is_number(self) -> bool:
        return self.kind in (Kind.COUNT, Kind.SHARE, Kind.DURATION)


@dataclass(frozen=True, slots=True)
class Table:
    """``bar``: the column whose values are also drawn, as bars; every row has all columns.

    ``links``: where the first cell of each row leads, for tables that have such places.
    """

    name: str
    columns: Sequence[Column]
    rows: Sequence[Sequence[Any]]
    bar: str | None = None
    links: Sequence[str] = ()

    @property
    def head(self) -> list[str]:
        """The heads for a spreadsheet, which writes durations in seconds."""
        return [
            say("insight.in_seconds", what=column.head)
            if column.kind is Kind.DURATION
            else column.head
            for column in self.columns
        ]

    def plain_rows(self) -> Iterable[list[Any]]:
        """The rows for a spreadsheet: times in RFC 3339, durations in seconds."""
        for row in self.rows:
            yield [_plain(column.kind, v) for column, v in zip(self.columns, row, strict=True)]

    def share_of_most(self, row: Sequence[Any]) -> float:
        """How long the bar of a row is, 0..1."""
        place = [column.name for column in self.columns].index(self.bar)
        most = max((other[place] for other in self.rows), default=0)
        return row[place] / most if most else 0.0


def _plain(kind: Kind, value: Any) -> Any:
    if isinstance(value, timedelta):
        return round(value.total_seconds())
    if kind is Kind.SHARE and value is not None:
        return round(value, 4)
    if kind is Kind.DAY:
        return value.date().isoformat()
    return value.isoformat() if isinstance(value, datetime) else value


# --- One for each subject ---------------------------------------------------------------------


def tables(
    seen: Insight,
    waiting: Now,
    flows: Sequence[tuple[datetime, Flow]],
    period: Period,
    sites: Sequence[Site],
    label: str,
    *,
    now: datetime,
) -> dict[str, Table]:
    """Name -> table. Args: ``flows`` as ``period.slots`` gives them, ``label`` of the bands."""
    made = [
        _waiting(waiting, now),
        _ages(waiting),
        _flow(flows, period),
        _waits(seen),
        _agreement(seen),
        _bands(seen.bands.get(label, ())),
        _overturned(seen),
        _reasons(seen, sites),
        _articles(seen, sites),
        _people(seen),
    ]
    return {table.name: table for table in made}


def _waiting(waiting: Now, now: datetime) -> Table:
    def age(moment: datetime | None) -> timedelta | None:
        return max(now - moment, timedelta()) if moment else None

    return Table(
        "waiting",
        [
            Column("site", Kind.TEXT),
            Column("waiting"),
            Column("median_age", Kind.DURATION),
            Column("oldest_age", Kind.DURATION),
        ],
        [
            (one.site.name, one.number, age(one.median), age(one.oldest))
            for one in sorted(waiting.sites, key=lambda one: -one.number)
            if one.site
        ],
        bar="waiting",
    )


def _ages(waiting: Now) -> Table:
    names = [say(f"insight.age.{place}") for place in range(len(AGES) + 1)]
    return Table(
        "ages",
        [Column("age", Kind.TEXT), Column("waiting")],
        list(zip(names, waiting.ages, strict=True)),
        bar="waiting",
    )


def _flow(flows: Sequence[tuple[datetime, Flow]], period: Period) -> Table:
    return Table(
        "flow",
        [
            Column("hour", Kind.HOUR) if period.by_hours else Column("day", Kind.DAY),
            Column("arrived"),
            Column("approved"),
            Column("rejected"),
            Column("by_policy"),
        ],
        [(at, f.arrived, f.approved, f.rejected, f.by_policy) for at, f in flows],
    )


def _waits(seen: Insight) -> Table:
    edges = list(pairwise(WAITS_S))
    return Table(
        "waits",
        [Column("wait", Kind.TEXT), Column("decided"), Column("share", Kind.SHARE)],
        [
            (say(f"insight.wait.{place}"), n, n / seen.waits.number if seen.waits.number else None)
            for place, (low, high) in enumerate(edges)
            for n in [seen.waits.between(low, high)]
        ],
        bar="decided",
    )


def _agreement(seen: Insight) -> Table:
    told = seen.agreement
    return Table(
        "agreement",
        [Column("suggested", Kind.TEXT), Column("approved"), Column("rejected")],
        [
            (say("insight.suggested.clear"), told.approved_clear, told.rejected_clear),
            (say("insight.suggested.high"), told.approved_high, told.rejected_high),
        ],
    )


def _bands(bands: Sequence[Band]) -> Table:
    return Table(
        "bands",
        [
            Column("score", Kind.TEXT),
            Column("approved"),
            Column("rejected"),
            Column("share_rejected", Kind.SHARE),
        ],
        [(f"{b.low:.1f}–{b.high:.1f}", b.approved, b.rejected, b.share) for b in bands],
    )


def _overturned(seen: Insight) -> Table:
    return Table(
        "overturned",
        [
            Column("verdict", Kind.TEXT),
            Column("decisions"),
            Column("by_another"),
            Column("share", Kind.SHARE),
            Column("by_themselves"),
        ],
        [
            (
                say(f"insight.verdict.{one.decided_by}_{one.action}"),
                one.number,
                one.by_another,
                one.share,
                one.by_themselves,
            )
            for one in seen.overturned
        ],
    )


def _reasons(seen: Insight, sites: Sequence[Site]) -> Table:
    named: dict[str, int] = {}
    for code, number in seen.reasons:
        name = _reason_name(code, sites)
        named[name] = named.get(name, 0) + number
    rows = sorted(named.items(), key=lambda row: -row[1])
    rest = sum(number for _, number in rows[MAX_REASONS:])
    if rest:
        rows = [*rows[:MAX_REASONS], (say("insight.other_reasons"), rest)]
    total = sum(named.values())
    return Table(
        "reasons",
        [Column("reason", Kind.TEXT), Column("rejected"), Column("share", Kind.SHARE)],
        [(name, number, number / total) for name, number in rows],
        bar="rejected",
    )


def _reason_name(code: str, sites: Sequence[Site]) -> str:
    if not code:
        return say("insight.no_reason")
    found = (find(site.reasons, code) for site in sites)
    return next((reason.name for reason in found if reason), code)


def _articles(seen: Insight, sites: Sequence[Site]) -> Table:
    names: Mapping[str, str] = {site.id: site.name for site in sites}
    several = len(sites) > 1
    columns = [Column("article", Kind.TEXT), Column("arrived"), Column("rejected")]
    return Table(
        "articles",
        [*columns, Column("site", Kind.TEXT)] if several else columns,
        [
            (
                one.article.title or one.article.external_id,
                one.arrived,
                one.rejected,
                *([names.get(one.article.site_id, "")] if several else []),
            )
            for one in seen.articles
        ],
        bar="arrived",
        links=[f"/desk/articles/{one.article.id}" for one in seen.articles],
    )


def _people(seen: Insight) -> Table:
    team = (say("insight.team"), seen.team)
    people = [*((p.name or say("insight.somebody_gone"), p) for p in seen.people), team]
    return Table(
        "people",
        [
            Column("person", Kind.TEXT),
            Column("approved"),
            Column("rejected"),
            Column("undone"),
            Column("overturned"),
        ],
        [(name, p.approved, p.rejected, p.undone, p.overturned) for name, p in people],
    )
