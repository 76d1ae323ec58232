"""Authors and sanctions over HTTP: what staff see and do, and what a refused author is told."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest
from checked_client import CheckedClient, Refusal
from factories import Service, SiteKit, Token, comment_json

from moderation.domain.staff import Scope
from moderation.schemas.fields import rfc3339

AUTHORS = "/api/v1/authors"


@pytest.fixture
def author(client: CheckedClient, service: Service, site: SiteKit) -> str:
    """The id of Ada, a reader with one waiting comment."""
    comment = client.queued(site, jwt=site.jwt())
    return service.comment(comment["id"]).author_id


def impose(client: CheckedClient, token: Token, author: str, **told: Any) -> dict[str, Any]:
    given = {"kind": "ban", "reason": "Threats"} | told
    answer = client.post(f"{AUTHORS}/{author}/sanctions", json=given, headers=token.headers)
    assert answer.status_code == 201, answer.text
    return answer.json


def look(client: CheckedClient, token: Token, author: str) -> dict[str, Any]:
    answer = client.get(f"{AUTHORS}/{author}", headers=token.headers)
    assert answer.status_code == 200, answer.text
    return answer.json


def test_an_author_is_shown_with_their_record(
    client: CheckedClient, service: Service, site: SiteKit, token: Token, author: str
) -> None:
    client.approved(site, jwt=site.jwt())
    shown = look(client, token, author)
    assert (shown["name"], shown["kind"], shown["site_id"]) == ("Ada", "reader", site.id)
    assert (shown["standing"], shown["sanctions"], shown["notes"]) == (None, [], [])
    assert shown["records"]["ever"] == {
        "posted": 2,
        "pending": 0,
        "queued": 1,
        "approved": 1,
        "rejected": 0,
        "withdrawn": 0,
        "rejected_share": 0.0,
    }


def test_a_sanction_is_imposed_seen_and_lifted(
    client: CheckedClient, service: Service, token: Token, author: str
) -> None:
    until = rfc3339(service.clock() + timedelta(days=3))
    made = impose(client, token, author, kind="suspend", ends_at=until, note="Third time")
    assert (made["state"], made["ends_at"], made["note"]) == ("in_force", until, "Third time")
    assert look(client, token, author)["standing"] == {
        "kind": "suspend",
        "reason": "Threats",
        "ends_at": until,
        "sanction_id": made["id"],
    }
    lifted = client.delete(f"{AUTHORS}/{author}/sanctions/{made['id']}", headers=token.headers)
    assert lifted.status_code == 200
    assert (lifted.json["state"], lifted.json["lifted_by"]) == ("lifted", made["created_by"])
    shown = look(client, token, author)
    assert (shown["standing"], [s["state"] for s in shown["sanctions"]]) == (None, ["lifted"])


def test_a_suspended_reader_is_told_until_when(
    client: CheckedClient,
    service: Service,
    site: SiteKit,
    token: Token,
    author: str,
    refused: Refusal,
) -> None:
    until = service.clock() + timedelta(days=3)
    impose(client, token, author, kind="suspend", ends_at=rfc3339(until))
    answer = refused(
        "POST",
        "/api/v1/comments",
        json=comment_json(author=None),
        headers=site.headers(Authorization=f"Bearer {site.jwt()}"),
        code="author_suspended",
        status=403,
    )
    assert datetime.fromisoformat(answer.json["until"]) == until
    assert "Threats" in answer.json["detail"]
    # Guests of that name, and other readers, go on.
    client.post_comment(site, author={"name": "Ada"})
    client.post_comment(site, jwt=site.jwt(sub="reader-2"))
    service.clock.advance(days=3)
    client.post_comment(site, jwt=site.jwt())


def test_a_banned_guest_may_neither_post_nor_edit_and_may_withdraw(
    client: CheckedClient, service: Service, site: SiteKit, token: Token, refused: Refusal
) -> None:
    posted = client.queued(site, author={"name": "Grace"})
    impose(client, token, service.comment(posted["id"]).author_id)
    told = {"code": "author_banned", "status": 403}
    refused("POST", "/api/v1/comments", json=comment_json(), headers=site.headers(), **told)
    headers = site.headers(X_Receipt=posted["receipt"])
    own = f"/api/v1/comments/{posted['id']}"
    answer = refused("PATCH", own, json={"body": "Another body"}, headers=headers, **told)
    assert "until" not in answer.json
    # The name in other letters is the same guest; another name is another one.
    shouting = comment_json(author={"name": "GRACE"})
    refused("POST", "/api/v1/comments", json=shouting, headers=site.headers(), **told)
    client.post_comment(site, author={"name": "Alan"})
    assert client.delete(own, headers=headers).status_code == 204


def test_looking_takes_the_scope_queue_and_sanctions_the_scope_decisions(
    client: CheckedClient, service: Service, token: Token, author: str, refused: Refusal
) -> None:
    looker, decider = service.make_token(Scope.QUEUE), service.make_token(Scope.DECISIONS)
    made = impose(client, decider, author)
    look(client, looker, author)
    lacks = {"code": "missing_scope", "status": 403}
    refused("GET", f"{AUTHORS}/{author}", headers=decider.headers, **lacks)
    body = {"kind": "ban", "reason": "Threats"}
    path = f"{AUTHORS}/{author}/sanctions"
    refused("POST", path, json=body, headers=looker.headers, **lacks)
    refused("DELETE", f"{path}/{made['id']}", headers=looker.headers, **lacks)
    refused("POST", path, json=body, code="sign_in_required", status=401)


def test_of_another_site_and_of_nobody_nothing_is_told(
    client: CheckedClient, service: Service, foreign: SiteKit, author: str, refused: Refusal
) -> None:
    elsewhere = service.make_token(site_ids=[foreign.id])
    body = {"kind": "ban", "reason": "Threats"}
    for token, author_id in ((elsewhere, author), (service.make_token(), "nobody")):
        told = {"headers": token.headers, "code": "unknown_author", "status": 404}
        refused("GET", f"{AUTHORS}/{author_id}", **told)
        refused("POST", f"{AUTHORS}/{author_id}/sanctions", json=body, **told)
        refused("DELETE", f"{AUTHORS}/{author_id}/sanctions/x", **told)
    told = {"code": "unknown_sanction", "status": 404}
    headers = service.make_token().headers
    refused("DELETE", f"{AUTHORS}/{author}/sanctions/x", headers=headers, **told)


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"kind": "exile"}, "kind"),
        ({"kind": None}, "kind"),
        ({"reason": ""}, "reason"),
        ({"reason": None}, "reason"),
        ({"reason": "x" * 101}, "reason"),
        ({"reason": "a bell \x07"}, "reason"),
        ({"kind": "suspend"}, "ends_at"),
        ({"ends_at": "tomorrow"}, "ends_at"),
        ({"ends_at": "2020-01-01T00:00:00Z"}, "ends_at"),
        ({"ends_at": "2999-01-01T00:00:00Z"}, "ends_at"),
        ({"note": "x" * 2001}, "note"),
        ({"note": "half \ud800"}, "note"),
        ({"colour": "red"}, "colour"),
    ],
)
def test_what_is_not_right_is_named(
    token: Token, author: str, refused: Refusal, changes: dict[str, Any], field: str
) -> None:
    answer = refused(
        "POST",
        f"{AUTHORS}/{author}/sanctions",
        json={"kind": "ban", "reason": "Threats"} | changes,
        headers=token.headers,
        code="invalid_input",
        status=422,
    )
    assert set(answer.json["errors"]) == {field}
