"""The page of insight, its tables as CSV, and the decisions of a period as CSV."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlencode

from flask import Response, request

from moderation.desk import presenting
from moderation.desk.door import blueprint, page, staff_page
from moderation.desk.forms import asked
from moderation.desk.insight.charts import Plot, Series, columns
from moderation.desk.insight.period import Period, Span, read_period, slots
from moderation.desk.insight.tables import Kind, Table, tables
from moderation.desk.spreadsheet import download
from moderation.domain.site import Site
from moderation.domain.staff import Principal, Scope
from moderation.domain.tally import HIGHEST
from moderation.errors import Invalid, NotFound
from moderation.gate import principal
from moderation.labels import LABELS
from moderation.schemas.fields import rfc3339
from moderation.services import audit, exports, insight
from moderation.services.exports import Line, Position
from moderation.services.insight import Insight, Now, Wanted
from moderation.wiring import Wiring, wired

EXPORTED_AT_ONCE = 1000


@dataclass(frozen=True, slots=True)
class Looked:
    """All that a page or a table of it is made from."""

    period: Period
    site_id: str | None
    label: str
    sites: list[Site]
    seen: Insight
    waiting: Now
    tables: Mapping[str, Table]


@blueprint.get("/insight")
@staff_page(Scope.QUEUE)
def show_insight() -> Response:
    """How the work goes."""
    found = _look()
    now, hours = wired().clock(), found.period.past(wired().clock()).total_seconds() / 3600
    flow = found.seen.flow
    return page(
        "desk/insight.html",
        found=found,
        spans=list(Span),
        labels=[HIGHEST, *LABELS],
        decided_per_hour=(flow.approved + flow.rejected) / hours if hours else None,
        flow_plot=_flow_plot(found.tables["flow"], found.period),
        bands_plot=_bands_plot(found.tables["bands"]),
        tiles=_tiles(found.seen),
        zone=presenting.zone().key,
        address=lambda path="/desk/insight", **changed: _address(found, path, **changed),
        duration=presenting.duration,
        short_hour=presenting.short_hour,
        written=written,
        now=now,
    )


@blueprint.get("/insight/<name>.csv")
@staff_page(Scope.QUEUE)
def download_table(name: str) -> Response:
    """One of the page's tables."""
    table = _look().tables.get(name)
    if table is None:
        raise NotFound
    return download(f"insight-{name}", table.head, table.plain_rows())


@blueprint.get("/insight/decisions.csv")
@staff_page(Scope.EXPORT)
def download_decisions() -> Response:
    """Every decision of the period, as long as that file may be; noted in the audit log."""
    wiring, who = wired(), principal()
    period, site_id = _asked()
    wanted = Wanted(period.since, period.until, site_id)
    with wiring.database.write() as session:
        insight.site_ids_of(session, who, site_id)
        audit.record(
            session,
            who,
            "decisions.exported",
            "site",
            site_id or "all",
            now=wiring.clock(),
            site_id=site_id,
            since=rfc3339(wanted.since),
            until=rfc3339(wanted.until),
        )
    return download("decisions", DECISION_COLUMNS, _decision_rows(wiring, who, wanted))


# --- What is asked for ------------------------------------------------------------------------


def _asked() -> tuple[Period, str | None]:
    period = read_period(request.args, now=wired().clock(), zone=presenting.zone())
    return period, asked("site") or None


def _look() -> Looked:
    wiring, who, zone = wired(), principal(), presenting.zone()
    now = wiring.clock()
    period, site_id = _asked()
    label = request.args.get("label") or HIGHEST
    if label not in (HIGHEST, *LABELS):
        raise Invalid(errors={"label": ["There is no such label"]})
    with wiring.database.read() as session:
        seen = insight.insight(session, who, Wanted(period.since, period.until, site_id))
        waiting = insight.waiting(session, who, site_id, now=now)
        sites = insight.sites_seen(session, who)
    flows = slots(seen.hours, period, now=now, zone=zone)
    made = tables(seen, waiting, flows, period, sites, label, now=now)
    return Looked(period, site_id, label, sites, seen, waiting, made)


def _address(found: Looked, path: str, **changed: str | None) -> str:
    """An address that asks for the same, but for what is changed; None leaves a field out."""
    span = found.period.span
    fields = {"period": span, "site": found.site_id, "label": found.label}
    if span is Span.OWN:
        fields |= {"since": found.period.first.isoformat(), "until": found.period.last.isoformat()}
    kept = {name: value for name, value in (fields | changed).items() if value}
    return f"{path}?{urlencode(kept)}"


def _tiles(seen: Insight) -> dict[str, str | None]:
    def within(share: float) -> str | None:
        seconds = seen.waits.within_s(share)
        return None if seconds is None else presenting.duration(timedelta(seconds=seconds))

    return {"median": within(0.5) or "–", "ninetieth": within(0.9)}


# --- Plots ------------------------------------------------------------------------------------


def _flow_plot(table: Table, period: Period) -> Plot:
    kind = Kind.HOUR if period.by_hours else Kind.DAY
    short = presenting.short_hour if period.by_hours else presenting.short_day
    assert table.columns[0].kind is kind
    return columns(
        [short(row[0]) for row in table.rows],
        [
            Series("approved", [row[2] for row in table.rows]),
            Series("rejected", [row[3] for row in table.rows]),
            Series("by-policy", [row[4] for row in table.rows]),
        ],
        line=[row[1] for row in table.rows],
        say=presenting.short_number,
    )


def _bands_plot(table: Table) -> Plot | None:
    if not table.rows:
        return None
    shares = [row[3] or 0.0 for row in table.rows]
    names = [row[0].partition("–")[0] for row in table.rows]
    return columns(names, [Series("rejected", shares)], top=1.0, say=presenting.percent)


def written(kind: Kind, value: Any) -> Any:
    """A value of a table as people read it."""
    if value is None:
        return "–"
    write = {
        Kind.COUNT: presenting.number,
        Kind.SHARE: presenting.percent,
        Kind.DURATION: presenting.duration,
        Kind.HOUR: presenting.exact,
        Kind.DAY: presenting.day,
    }.get(kind)
    return write(value) if write else value


# --- Decisions --------------------------------------------------------------------------------

DECISION_COLUMNS = (
    *("decision_id", "created_at", "site", "article", "comment_id", "action", "decided_by"),
    *("actor", "actor_name", "previous_status", "status", "version", "reason", "note"),
    *("batch_id", "undoes", "rule", "policy", "policy_version", "model_version", *LABELS),
)
"""Names as the API has them: this file is for programs as much as for people."""


def _decision_rows(wiring: Wiring, who: Principal, wanted: Wanted) -> Iterator[list[Any]]:
    after: Position | None = None
    while True:
        # A transaction a page: a slow download must hold none.
        with wiring.database.read() as session:
            lines = exports.decisions(session, who, wanted, after=after, limit=EXPORTED_AT_ONCE)
        yield from map(_decision_row, lines)
        if len(lines) < EXPORTED_AT_ONCE:
            return
        after = _position(lines[-1])


def _position(line: Line) -> tuple[datetime, str]:
    return line.decision.created_at, line.decision.id


def _decision_row(line: Line) -> list[Any]:
    d, j = line.decision, line.judgement
    scores = (j.scores if j else None) or {}
    return [
        *(d.id, rfc3339(d.created_at), line.site.name, line.article.external_id, d.comment_id),
        *(d.action, d.decided_by, d.actor, d.actor_name, d.previous_status, d.status, d.version),
        *(d.reason, d.note, d.batch_id, d.undoes),
        *((j.rule, j.policy, j.policy_version, j.model_version) if j else (None,) * 4),
        *(scores.get(label) for label in LABELS),
    ]
