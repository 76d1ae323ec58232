"""The page of insight and its spreadsheets, as browsers get them."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from desk_client import Desk
from factories import Service, SiteKit, comment_json
from sqlalchemy import select
from werkzeug.test import TestResponse

from moderation.desk.insight import pages
from moderation.desk.insight.charts import HEIGHT, WIDTH, Series, columns
from moderation.desk.insight.period import Span, read_period, slots
from moderation.desk.spreadsheet import cell
from moderation.domain.audit import AuditEntry
from moderation.domain.decision import Decision
from moderation.domain.staff import Role, Staff
from moderation.errors import Invalid
from moderation.services.insight import Flow

TABLES = ["waiting", "ages", "flow", "waits", "agreement", "bands", "overturned", "reasons"]
TABLES += ["articles", "people"]

BERLIN, KOLKATA = ZoneInfo("Europe/Berlin"), ZoneInfo("Asia/Kolkata")
NOW = datetime(2026, 11, 24, 15, 20, tzinfo=UTC)


def post(service: Service, desk: Desk, site: SiteKit, body: str = "fine", **more: object) -> str:
    answer = desk.client.post(
        "/api/v1/comments", json=comment_json(body, **more), headers=site.headers()
    )
    assert answer.status_code == 202
    service.judge_all()
    return answer.json["id"]


def decide(service: Service, desk: Desk, comment_id: str, action: str, **more: str) -> None:
    order = {
        "comment_id": comment_id,
        "action": action,
        "version": service.comment(comment_id).version,
    }
    answer = desk.client.post(
        "/api/v1/decisions",
        json={"decisions": [order | more]},
        headers={"X-CSRFToken": desk.csrf()},
    )
    assert answer.json["results"][0]["ok"], answer.json


def read_csv(response: TestResponse) -> list[list[str]]:
    assert response.status_code == 200
    assert response.mimetype == "text/csv"
    text = response.data.decode("utf-8-sig")
    assert response.data.startswith(b"\xef\xbb\xbf")
    return list(csv.reader(io.StringIO(text)))


# --- The page -----------------------------------------------------------------------------------


def test_an_empty_installation_has_a_page_all_the_same(moderator: Desk) -> None:
    for span in Span:
        answer = moderator.get(f"/desk/insight?period={span}")
        assert answer.status_code == 200
        assert "Nothing in this period." in answer.text
        assert "The queue is empty" in answer.text


def test_the_page_tells_what_happened(service: Service, moderator: Desk, site: SiteKit) -> None:
    first, second = post(service, moderator, site), post(service, moderator, site, "rude")
    post(service, moderator, site, article={"title": "Ferries", "url": "https://news.example/f"})
    service.clock.advance(minutes=12)
    decide(service, moderator, first, "approve")
    decide(service, moderator, second, "reject", reason="insult")
    text = moderator.get("/desk/insight").text
    assert "<dd>1</dd>" in text  # waits
    assert "<dd>3</dd>" in text  # came in
    assert "100%" in text
    assert "Insult" in text
    assert "3 comments came in. Moderators approved 1 and rejected 1; policy decided 0." in text
    # Each plot has a name, a description, and its numbers.
    for svg in re.findall(r"<svg[^>]*role=\"img\".*?</svg>", text, re.DOTALL):
        title, desc = re.search(r'aria-labelledby="(\S+) (\S+)"', svg).groups()
        assert f'<title id="{title}">' in svg
        assert f'<desc id="{desc}">' in svg
    assert text.count('role="img"') == text.count("<figure") == text.count("</figure>") == 2
    assert text.count("<details>") == 2
    assert "style=" not in text


def test_what_readers_and_colleagues_write_is_text(
    service: Service, moderator: Desk, site: SiteKit
) -> None:
    comment_id = post(
        service, moderator, site, article={"title": "<b>x</b>", "url": "https://n.example/"}
    )
    decide(service, moderator, comment_id, "reject", reason="<i>rude</i>")
    text = moderator.get("/desk/insight").text
    assert "&lt;b&gt;x" in text
    assert "&lt;i&gt;rude" in text
    assert "<b>x" not in text


def test_each_sees_themselves_and_admins_see_all(
    service: Service, moderator: Desk, admin: Desk, site: SiteKit
) -> None:
    decide(service, moderator, post(service, moderator, site), "approve")
    decide(service, admin, post(service, admin, site), "reject")
    own = read_csv(moderator.get("/desk/insight/people.csv"))
    assert own[1:] == [["mona", "1", "0", "0", "0"], ["The whole team", "1", "1", "0", "0"]]
    every = read_csv(admin.get("/desk/insight/people.csv"))
    assert [row[0] for row in every[1:]] == ["ada", "mona", "The whole team"]


def test_of_one_site_only(
    service: Service, desk_of: Callable[..., Desk], admin: Desk, site: SiteKit
) -> None:
    other = service.make_site(name="Herald")
    post(service, admin, site)
    post(service, admin, other)
    assert "<dd>2</dd>" in admin.get("/desk/insight").text
    assert "<dd>1</dd>" in admin.get(f"/desk/insight?site={other.id}").text
    only = desk_of("otto@news.example", site_ids=[other.id])
    assert "<dd>1</dd>" in only.get("/desk/insight").text
    for path in ("/desk/insight", "/desk/insight/flow.csv"):
        assert only.get(f"{path}?site={site.id}").status_code == 404
        assert only.get(f"{path}?site=nonsense").status_code == 404


@pytest.mark.parametrize(
    "asked",
    [
        "period=1y",
        "period=own&since=2026-02-30&until=2026-03-01",
        "period=own&since=2026-03-01",
        "period=own&since=2026-03-02&until=2026-03-01",
        "period=own&since=2020-01-01&until=2026-03-01",
        "period=own&since=0001-01-01&until=0001-01-02",
        "period=own&since=9999-12-30&until=9999-12-31",
        "label=beauty",
    ],
)
def test_what_cannot_be_shown_is_said(moderator: Desk, asked: str) -> None:
    assert moderator.get(f"/desk/insight?{asked}").status_code == 422
    assert moderator.get(f"/desk/insight/flow.csv?{asked}").status_code == 422


def test_times_are_those_of_whoever_looks(service: Service, moderator: Desk, site: SiteKit) -> None:
    service.clock.now = NOW
    post(service, moderator, site)
    assert "time zone UTC" in moderator.get("/desk/insight").text
    with service.database.write() as session:
        person = session.scalars(select(Staff)).one()
        person.preferences = {**person.preferences, "time_zone": "Asia/Kolkata"}
    text = moderator.get("/desk/insight").text
    assert "time zone Asia/Kolkata" in text
    last = read_csv(moderator.get("/desk/insight/flow.csv"))[-1]
    assert last == ["2026-11-24T20:30:00+05:30", "1", "0", "0", "0"]


def test_strangers_sign_in_first(stranger: Desk) -> None:
    for path in ("/desk/insight", "/desk/insight/flow.csv", "/desk/insight/decisions.csv"):
        answer = stranger.get(path)
        assert answer.status_code == 303
        assert "/desk/sign-in" in answer.location


def test_busy_articles_lead_to_their_page(service: Service, moderator: Desk, site: SiteKit) -> None:
    post(service, moderator, site)
    [link] = re.findall(r'href="(/desk/articles/[^"?]+)"', moderator.get("/desk/insight").text)
    assert moderator.get(link).status_code == 200


# --- Periods ------------------------------------------------------------------------------------


def test_a_week_is_seven_days_of_the_zone() -> None:
    week = read_period({"period": "7d"}, now=NOW, zone=BERLIN)
    assert week.since == datetime(2026, 11, 17, 23, tzinfo=UTC)
    hours = {week.since: Flow(arrived=1), NOW.replace(minute=0): Flow(arrived=2)}
    days = slots(hours, week, now=NOW, zone=BERLIN)
    assert [(at.date().day, flow.arrived) for at, flow in days] == [
        (18, 1), (19, 0), (20, 0), (21, 0), (22, 0), (23, 0), (24, 2)
    ]  # fmt: skip


def test_a_day_has_every_hour_once_even_when_clocks_are_put_back() -> None:
    asked = {"period": "own", "since": "2026-10-25", "until": "2026-10-25"}
    day = read_period(asked, now=NOW, zone=BERLIN)
    hours = slots({}, day, now=NOW, zone=BERLIN)
    assert len(hours) == 25
    assert [at.hour for at, _ in hours[:5]] == [0, 1, 2, 2, 3]


def test_days_off_by_half_an_hour_begin_with_their_first_full_hour() -> None:
    asked = {"period": "own", "since": "2026-11-01", "until": "2026-11-03"}
    period = read_period(asked, now=NOW, zone=KOLKATA)
    assert period.since == datetime(2026, 10, 31, 19, tzinfo=UTC)
    assert [at.day for at, _ in slots({}, period, now=NOW, zone=KOLKATA)] == [1, 2, 3]


def test_24_hours_end_with_the_present_one() -> None:
    period = read_period({}, now=NOW, zone=BERLIN)
    assert (period.since, period.until) == (
        datetime(2026, 11, 23, 16, tzinfo=UTC),
        datetime(2026, 11, 24, 16, tzinfo=UTC),
    )
    assert period.past(NOW) == timedelta(hours=23, minutes=20)
    assert len(slots({}, period, now=NOW, zone=BERLIN)) == 24


def test_a_year_at_most() -> None:
    asked = {"period": "own", "since": "2025-01-01", "until": "2026-01-01"}
    assert (read_period(asked, now=NOW, zone=BERLIN).last.year) == 2026
    with pytest.raises(Invalid):
        read_period(asked | {"until": "2026-01-02"}, now=NOW, zone=BERLIN)


# --- Plots --------------------------------------------------------------------------------------


def test_columns_are_stacked_and_stay_in_their_picture() -> None:
    plot = columns(
        [str(n) for n in range(30)],
        [Series("approved", [3.0] * 30), Series("rejected", [0.0, *[4.0] * 29])],
        line=[7.0] * 30,
    )
    assert len(plot.bars) == 59  # nothing is drawn for nothing
    below, above = (bar for bar in plot.bars if bar.place == 1)
    assert above.y + above.height == pytest.approx(below.y)
    assert below.y + below.height == pytest.approx(plot.bottom)
    assert plot.line[1][1] == pytest.approx(above.y)
    for bar in plot.bars:
        assert 0 <= bar.x < bar.x + bar.width <= WIDTH
        assert 0 <= bar.y < bar.y + bar.height <= HEIGHT
    assert len(plot.across) <= 8
    assert [tick.text for tick in plot.upright] == ["0", "2", "4", "6", "8"]


@pytest.mark.parametrize("highest", [0, 1, 2, 3, 7, 10, 11, 99, 100, 101, 1400, 10**7])
def test_the_upright_axis_ends_at_or_above_the_highest_value(highest: int) -> None:
    plot = columns(["a"], [Series("approved", [highest])])
    values = [int(tick.text) for tick in plot.upright]
    assert values[0] == 0
    assert values[-1] >= highest
    assert len(set(values)) == len(values) <= 6


# --- Spreadsheets -------------------------------------------------------------------------------


@pytest.mark.parametrize("name", TABLES)
def test_each_table_is_a_spreadsheet(
    service: Service, moderator: Desk, site: SiteKit, name: str
) -> None:
    decide(service, moderator, post(service, moderator, site, "rude"), "reject", reason="spam")
    answer = moderator.get(f"/desk/insight/{name}.csv")
    assert f"insight-{name}.csv" in answer.headers["Content-Disposition"]
    head, *rows = read_csv(answer)
    assert rows
    assert {len(row) for row in rows} == {len(head)}
    assert f"/desk/insight/{name}.csv" in moderator.get("/desk/insight").text or name == "waiting"


def test_a_table_that_is_none(moderator: Desk) -> None:
    assert moderator.get("/desk/insight/nonsense.csv").status_code == 404


@pytest.mark.parametrize(
    ("value", "written"),
    [
        ("=1+1", "'=1+1"),
        ("+1", "'+1"),
        ("-1", "'-1"),
        ("@SUM(A1)", "'@SUM(A1)"),
        ("\t=1", "'\t=1"),
        ("  =1", "'  =1"),
        ("＝1", "'＝1"),
        ("a=1", "a=1"),
        ("", ""),
        (None, ""),
        (-1, -1),
        (0.5, 0.5),
    ],
)
def test_no_cell_is_a_formula(value: object, written: object) -> None:
    assert cell(value) == written


def test_reasons_that_are_formulas_are_not_run(
    service: Service, moderator: Desk, site: SiteKit
) -> None:
    comment_id = post(service, moderator, site)
    decide(service, moderator, comment_id, "reject", reason="=HYPERLINK(0)")
    assert read_csv(moderator.get("/desk/insight/reasons.csv"))[1][0] == "'=HYPERLINK(0)"


def test_every_decision_of_the_period_page_by_page(
    service: Service, admin: Desk, site: SiteKit, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pages, "EXPORTED_AT_ONCE", 3)
    for number in range(4):
        comment_id = post(service, admin, site, f"rude {number}")
        decide(service, admin, comment_id, "reject", reason="insult", note="=1\nsecond line")
    old = service.clock.now
    head, *rows = read_csv(admin.get("/desk/insight/decisions.csv"))
    with service.database.read() as session:
        stored = list(
            session.scalars(select(Decision.id).order_by(Decision.created_at, Decision.id))
        )
    assert [row[0] for row in rows] == stored
    told = dict(zip(head, rows[-1], strict=True))
    assert (told["action"], told["reason"], told["note"]) == (
        "reject",
        "insult",
        "'=1\nsecond line",
    )
    assert told["actor_name"] == "ada"
    assert float(told["toxicity"]) == pytest.approx(0.6)
    service.clock.advance(days=3)
    admin.sign_in("ada@news.example")
    assert read_csv(admin.get("/desk/insight/decisions.csv")) == [head]
    day = old.date().isoformat()
    asked = f"period=own&since={day}&until={day}"
    assert len(read_csv(admin.get(f"/desk/insight/decisions.csv?{asked}"))) == 9


def test_the_export_is_for_those_who_may_and_is_noted(
    service: Service, moderator: Desk, admin: Desk, desk_of: Callable[..., Desk], site: SiteKit
) -> None:
    assert moderator.get("/desk/insight/decisions.csv").status_code == 403
    assert "decisions.csv" not in moderator.get("/desk/insight").text
    assert "decisions.csv" in admin.get("/desk/insight").text

    other = service.make_site(name="Herald")
    post(service, admin, site)
    post(service, admin, other)
    read_csv(admin.get(f"/desk/insight/decisions.csv?site={site.id}"))
    with service.database.read() as session:
        entry = session.scalars(select(AuditEntry)).one()
    assert (entry.act, entry.subject_id, entry.actor_name) == ("decisions.exported", site.id, "ada")

    only = desk_of("olga@news.example", Role.ADMIN, site_ids=[other.id])
    rows = read_csv(only.get("/desk/insight/decisions.csv"))[1:]
    assert [row[2] for row in rows] == ["Herald"]
    assert only.get(f"/desk/insight/decisions.csv?site={site.id}").status_code == 404
