"""What all pages of the desk promise: who gets in, forms that are ours, errors people can read."""

from __future__ import annotations

from typing import Any

import pytest
from desk_client import Desk
from factories import Service
from flask import Flask

from moderation.domain.staff import Staff
from moderation.domain.staff_session import StaffSession

JSON = {"Accept": "application/json"}


def test_who_is_not_signed_in_is_sent_to_sign_in_and_comes_back(
    stranger: Desk, service: Service
) -> None:
    service.make_staff("mona@news.example")
    sent = stranger.get("/desk/queue?view=waiting")
    assert (sent.status_code, sent.location) == (
        303,
        "/desk/sign-in?next=/desk/queue?view%3Dwaiting",
    )
    came = stranger.sign_in("mona@news.example", next="/desk/queue?view=waiting")
    assert (came.status_code, came.location) == (303, "/desk/queue?view=waiting")
    assert stranger.get("/desk/queue?view=waiting").status_code == 200


def test_a_script_that_is_not_signed_in_hears_the_problem(stranger: Desk) -> None:
    answer = stranger.get("/desk/queue", headers=JSON)
    assert answer.status_code == 401
    assert answer.json["type"].endswith("#sign_in_required")


@pytest.mark.parametrize(
    "elsewhere",
    [
        "https://evil.example/desk",
        "//evil.example/desk",
        "/\\evil.example",
        "/desk\\@evil.example",
        "/deskevil",
        "//[/desk/queue",
        "javascript:alert(1)",
        "/desk/\nqueue",
        "",
    ],
)
def test_nobody_is_sent_elsewhere_after_signing_in(
    stranger: Desk, service: Service, elsewhere: str
) -> None:
    service.make_staff("mona@news.example")
    assert stranger.sign_in("mona@news.example", next=elsewhere).location == "/desk/queue"


def test_signing_out_ends_the_session_and_not_only_the_cookie(
    moderator: Desk, app: Flask, service: Service
) -> None:
    cookie = moderator.client.get_cookie("moderation")
    assert cookie is not None
    assert moderator.post("/desk/sign-out").status_code == 303
    assert moderator.get("/desk/queue").status_code == 303
    thief = Desk(app)
    thief.client.set_cookie("moderation", cookie.value)
    assert thief.get("/desk/queue").location.startswith("/desk/sign-in")


def test_a_session_in_use_ends_all_the_same_when_it_is_old(
    moderator: Desk, service: Service
) -> None:
    for _ in range(service.wiring.settings.desk_session_lifetime_h // 8 - 1):
        service.clock.advance(hours=8)
        assert moderator.get("/desk/queue").status_code == 200
    service.clock.advance(hours=8)
    assert moderator.get("/desk/queue").status_code == 303


def test_a_session_ends_when_it_was_not_used(moderator: Desk, service: Service) -> None:
    service.clock.advance(hours=service.wiring.settings.desk_session_idle_h)
    assert moderator.get("/desk/queue").status_code == 303


def test_a_closed_account_is_out_at_once(moderator: Desk, service: Service) -> None:
    with service.database.read() as session:
        [row] = session.query(StaffSession).all()
    with service.database.write() as session:
        session.get_one(Staff, row.staff_id).is_active = False
    assert moderator.get("/desk/queue").status_code == 303


@pytest.mark.parametrize("token", ["", "nonsense"])
def test_a_form_that_is_not_ours_changes_nothing(
    moderator: Desk, service: Service, token: str
) -> None:
    before = service.snapshot()
    answer = moderator.post("/desk/sign-out", csrf=token or " ")
    assert answer.status_code == 403
    assert "open for too long" in answer.text
    assert service.snapshot() == before


def test_signing_in_from_elsewhere_is_refused(stranger: Desk, service: Service) -> None:
    """Else somebody could be signed in to an account that is not theirs, without noticing."""
    service.make_staff("mona@news.example")
    fields = {"email": "mona@news.example", "password": "correct horse battery"}
    assert stranger.client.post("/desk/sign-in", data=fields).status_code == 403


def test_the_interface_takes_the_cookie_too(moderator: Desk, site: Any) -> None:
    assert moderator.get("/api/v1/queue").status_code == 200
    wanted = {"limit": 1}
    refused = moderator.client.post("/api/v1/queue/claims", json=wanted)
    assert refused.status_code == 403
    assert refused.json["type"].endswith("#form_expired")
    headers = {"X-CSRFToken": moderator.csrf()}
    done = moderator.client.post("/api/v1/queue/claims", json=wanted, headers=headers)
    assert done.status_code == 200


def test_public_answers_carry_no_cookie(stranger: Desk, site: Any) -> None:
    for path in ("/", "/healthz", "/api/v1/counts?article_id=a"):
        answer = stranger.get(path, headers={"X-Site-Key": site.key})
        assert "Set-Cookie" not in answer.headers
        assert "Cookie" not in answer.headers.get("Vary", "")


def test_the_cookie_is_kept_from_scripts_and_other_sites(stranger: Desk) -> None:
    told = stranger.get("/desk/sign-in").headers["Set-Cookie"]
    assert "HttpOnly" in told
    assert "SameSite=Lax" in told
    assert "Secure" not in told
    secure = stranger.get("/desk/sign-in", base_url="https://localhost").headers["Set-Cookie"]
    assert secure.startswith("__Host-moderation=")
    assert "; Secure" in secure
    assert "Path=/" in secure


def test_a_page_that_is_none_says_so(moderator: Desk) -> None:
    answer = moderator.get("/desk/nonsense")
    assert answer.status_code == 404
    assert "There is no such page." in answer.text
    assert answer.headers["Content-Security-Policy"].startswith("default-src 'none'")


def test_it_speaks_the_language_the_browser_asks_for(stranger: Desk) -> None:
    german = stranger.get("/desk/sign-in", headers={"Accept-Language": "de-AT, en;q=0.5"})
    assert '<html lang="de">' in german.text
    assert "Passwort" in german.text
    other = stranger.get("/desk/sign-in", headers={"Accept-Language": "fi"})
    assert '<html lang="en">' in other.text
