"""The audit log's page and its file."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Callable
from html import unescape

import pytest
from desk_client import Desk
from factories import Service

from moderation.domain.staff import Principal, Role
from moderation.services import audit

COLIN = Principal("staff:c", "Colin", frozenset())
DORA = Principal("staff:d", "Dora", frozenset())


def note(service: Service, by: Principal, act: str, subject_id: str, **told: object) -> None:
    kind = act.partition(".")[0]
    with service.database.write() as session:
        audit.record(session, by, act, kind, subject_id, now=service.clock(), **told)
    service.clock.advance(minutes=1)


def rows(admin: Desk, query: str = "") -> list[dict[str, str]]:
    """The file's rows."""
    answer = admin.get(f"/desk/settings/audit.csv{query}")
    assert answer.mimetype == "text/csv"
    return list(csv.DictReader(io.StringIO(answer.text.removeprefix("\ufeff"))))


def acts(admin: Desk, query: str = "") -> list[str]:
    """What the page tells, over all its pages."""
    found, path = [], f"/desk/settings/audit{query}"
    while path:
        html = admin.get(path).text
        body = html.partition("<tbody>")[2].partition("</tbody>")[0]
        found += [unescape(cells[2]) for cells in _cells(body)]
        more = re.search(r'rel="next" href="([^"]+)"', html)
        path = unescape(more[1]) if more else ""
    return found


def _cells(body: str) -> list[list[str]]:
    return [
        [re.sub(r"<[^>]+>", "", cell).strip() for cell in re.findall(r"<td.*?</td>", row, re.S)]
        for row in re.findall(r"<tr>.*?</tr>", body, re.S)
    ]


def test_it_tells_who_did_what_the_latest_first(admin: Desk, service: Service) -> None:
    note(service, COLIN, "author.suspended", "a" * 32, author="<Ada>", reason="Insults")
    note(service, DORA, "site.changed", "b" * 32, changed={"policy": ["strict", "open"]})
    note(service, DORA, "oddity.of_later", "c")
    assert acts(admin) == ["oddity.of_later", "changed", "suspended"]
    html = admin.get("/desk/settings/audit").text
    assert "Colin" in html
    assert f'<a href="/desk/authors/{"a" * 32}"><bdi>&lt;Ada&gt;</bdi></a>' in html
    assert "Insults" in html
    assert "{&#34;policy&#34;: [&#34;strict&#34;, &#34;open&#34;]}" in html


def test_it_is_asked_for_by_person_and_by_subject_and_goes_on_over_pages(
    admin: Desk, service: Service
) -> None:
    for number in range(60):
        note(service, COLIN if number % 2 else DORA, "author.banned", str(number))
    note(service, COLIN, "site.created", "s")
    assert acts(admin) == ["created", *["banned"] * 60]
    assert acts(admin, "?actor=staff:c") == ["created", *["banned"] * 30]
    assert acts(admin, "?actor=staff:c&subject_kind=site") == ["created"]
    assert acts(admin, "?subject_kind=author&subject_id=7") == ["banned"]
    assert acts(admin, "?actor=nobody") == []
    assert [row["subject_id"] for row in rows(admin, "?actor=staff:d")] == [
        str(number) for number in range(58, -1, -2)
    ]


def test_the_file_holds_all_of_an_entry_and_no_formula(admin: Desk, service: Service) -> None:
    evil = Principal("staff:e", "=1+1", frozenset())
    at = service.clock()
    note(service, evil, "author.banned", "x", author="Zoë", ends_at=None)
    [row] = rows(admin)
    assert row["actor_name"] == "'=1+1"
    assert json.loads(row["detail"]) == {"author": "Zoë", "ends_at": None}
    assert row["time"] == at.isoformat().replace("+00:00", "Z")


def test_an_admin_of_some_sites_reads_of_those_and_of_the_whole(
    desk_of: Callable[..., Desk], service: Service
) -> None:
    site, other = service.make_site(), service.make_site()
    note(service, COLIN, "author.banned", "1", site_id=site.id)
    note(service, COLIN, "author.trusted", "2", site_id=other.id)
    note(service, COLIN, "staff.invited", "3")
    admin = desk_of("eve@news.example", Role.ADMIN, site_ids=[site.id])
    assert acts(admin) == ["invited", "banned"]
    assert [row["subject_id"] for row in rows(admin)] == ["3", "1"]


@pytest.mark.parametrize("path", ["/desk/settings/audit", "/desk/settings/audit.csv"])
def test_moderators_do_not_read_it(moderator: Desk, path: str) -> None:
    assert moderator.get(path).status_code == 403


def test_a_cursor_that_is_none_is_refused(admin: Desk) -> None:
    assert admin.get("/desk/settings/audit?cursor=nonsense").status_code == 400
    assert admin.get("/desk/settings/audit?actor=%00").status_code == 422
