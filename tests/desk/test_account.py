"""One's own account: preferences, password, second factor, sessions."""

from __future__ import annotations

import re
from collections.abc import Callable
from html import unescape
from urllib.parse import unquote

import pyotp
import pytest
from desk_client import Desk
from factories import PASSWORD, Service
from flask import Flask
from sqlalchemy import select

from moderation.domain.audit import AuditEntry
from moderation.domain.staff import Scope, Staff
from moderation.domain.staff_session import StaffSession

MONA = "mona@news.example"
NEW = "a new long password"
FACTOR = "/desk/account/second-factor"
CHANGE = {"password": PASSWORD, "new_password": NEW, "new_password_again": NEW}


def acts(service: Service) -> list[str]:
    with service.database.read() as session:
        return list(session.scalars(select(AuditEntry.act).order_by(AuditEntry.id)))


def me(service: Service) -> Staff:
    with service.database.read() as session:
        return session.scalars(select(Staff).where(Staff.email == MONA)).one()


# --- Name and preferences -----------------------------------------------------------------------


def test_name_and_preferences_are_kept(moderator: Desk, service: Service) -> None:
    wanted = {"name": "  Mona  Lisa ", "language": "de", "time_zone": "Europe/Berlin", "veil": "on"}
    assert moderator.post("/desk/account", wanted).status_code == 303
    page = moderator.get("/desk/account").text
    assert '<html lang="de">' in page
    assert "Mona Lisa" in page
    assert me(service).preferences == {
        "language": "de",
        "time_zone": "Europe/Berlin",
        "veil": True,
        "shortcuts": False,
    }
    # As the browser asks for, and in no zone there is.
    moderator.post("/desk/account", {"name": "Mona", "language": "", "time_zone": "Mars/Base"})
    assert me(service).preferences == {"veil": False, "shortcuts": False}


@pytest.mark.parametrize("name", ["", "   ", "x" * 201, "a\x00b", "a\u202eb"])
def test_what_is_no_name_changes_nothing(moderator: Desk, service: Service, name: str) -> None:
    before = service.snapshot()
    answer = moderator.post("/desk/account", {"name": name, "language": "de"})
    assert answer.status_code == 422
    assert 'aria-invalid="true"' in answer.text
    assert service.snapshot() == before


# --- Password -----------------------------------------------------------------------------------


def test_a_new_password_ends_what_the_old_one_began(
    moderator: Desk, service: Service, app: Flask
) -> None:
    elsewhere = Desk(app)
    elsewhere.sign_in(MONA)
    signed_in = app.test_client().post("/api/v1/tokens", json={"email": MONA, "password": PASSWORD})
    by_password = {"Authorization": f"Bearer {signed_in.json['token']}"}
    made = service.make_token(Scope.QUEUE, staff=me(service))
    assert moderator.post("/desk/account/password", CHANGE).status_code == 303

    assert moderator.get("/desk/queue").status_code == 200
    assert elsewhere.get("/desk/queue").status_code == 303
    assert elsewhere.get("/api/v1/queue", headers=by_password).status_code == 401
    assert elsewhere.get("/api/v1/queue", headers=made.headers).status_code == 200
    assert Desk(app).sign_in(MONA).status_code == 401
    assert Desk(app).sign_in(MONA, NEW).status_code == 303
    assert acts(service) == ["staff.password_changed"]


@pytest.mark.parametrize(
    ("changed", "told"),
    [
        ({"password": "not it at all"}, "not the right password"),
        ({"new_password": "short", "new_password_again": "short"}, "12 to 256"),
        ({"new_password": "x" * 257, "new_password_again": "x" * 257}, "12 to 256"),
        ({"new_password_again": "another"}, "not the same as above"),
        ({"new_password": PASSWORD, "new_password_again": PASSWORD}, "differs from the old"),
        ({"new_password": NEW + "\x00", "new_password_again": NEW + "\x00"}, "cannot be kept"),
    ],
)
def test_a_change_that_is_not_right_changes_nothing(
    moderator: Desk, service: Service, changed: dict[str, str], told: str
) -> None:
    before = service.snapshot()
    answer = moderator.post("/desk/account/password", CHANGE | changed)
    assert answer.status_code == 422
    assert told in answer.text
    assert service.snapshot() == before


# --- Second factor ------------------------------------------------------------------------------


def secret_on(page: str) -> str:
    found = re.search(r'<code class="key">([A-Z2-7 ]+)</code>', page)
    assert found, page
    return found[1].replace(" ", "")


def codes_on(page: str) -> list[str]:
    found = re.search(r'<pre class="codes copied"><code>([^<]+)</code></pre>', page)
    assert found, page
    return found[1].split()


def set_up(desk: Desk) -> str:
    assert desk.post(FACTOR, {"password": PASSWORD}).status_code == 303
    return secret_on(desk.get(FACTOR).text)


def test_a_second_factor_is_set_up_with_password_and_code(
    moderator: Desk, service: Service, app: Flask
) -> None:
    assert moderator.post(FACTOR, {"password": "not it at all"}).status_code == 422
    secret = set_up(moderator)
    page = moderator.get(FACTOR).text
    uri = unescape(re.search(r'href="(otpauth:[^"]+)"', page)[1])
    assert pyotp.parse_uri(uri).secret == secret
    assert (pyotp.parse_uri(uri).name, pyotp.parse_uri(uri).issuer) == (MONA, "Moderation")
    assert "<svg" in page
    assert "style=" not in page

    # Not before a code was right: a picture that was never scanned must lock nobody out.
    assert Desk(app).sign_in(MONA).location == "/desk/queue"
    wrong = moderator.post(f"{FACTOR}/confirm", {"code": "abcdef"})
    assert wrong.status_code == 422
    assert secret_on(wrong.text) == secret

    shown = moderator.post(f"{FACTOR}/confirm", {"code": pyotp.TOTP(secret).at(service.clock.now)})
    codes = codes_on(shown.text)
    assert len(set(codes)) == 10
    download = unquote(re.search(r'href="data:text/plain;charset=utf-8,([^"]+)"', shown.text)[1])
    assert download.split() == codes
    assert shown.headers["Cache-Control"] == "no-store"
    assert Desk(app).sign_in(MONA).location == "/desk/sign-in/code"
    # Neither the secret nor the codes are shown again.
    again = moderator.get(FACTOR).text
    assert secret not in again
    assert codes[0] not in again
    assert "10 recovery codes are left" in again
    assert acts(service) == ["staff.second_factor_on"]


def test_giving_up_leaves_nothing(moderator: Desk, service: Service) -> None:
    first = set_up(moderator)
    assert moderator.post(f"{FACTOR}/off").status_code == 303
    assert "otpauth:" not in moderator.get(FACTOR).text
    assert set_up(moderator) != first


@pytest.fixture
def guarded(service: Service, app: Flask) -> Desk:
    """Mona, signed in with her second factor."""
    authenticator = service.make_second_factor(service.make_staff(MONA))
    desk = Desk(app)
    desk.sign_in(MONA)
    assert desk.post("/desk/sign-in/code", {"code": authenticator.code()}).status_code == 303
    return desk


def test_switching_it_off_needs_the_password(guarded: Desk, service: Service, app: Flask) -> None:
    for path in ("/off", "/recovery-codes"):
        before = service.snapshot()
        assert guarded.post(FACTOR + path, {"password": "not it at all"}).status_code == 422
        assert guarded.post(FACTOR + path).status_code == 422
        assert service.snapshot() == before
    assert guarded.post(f"{FACTOR}/off", {"password": PASSWORD}).status_code == 303
    assert Desk(app).sign_in(MONA).location == "/desk/queue"
    assert acts(service) == ["staff.second_factor_off"]


def test_one_that_is_on_is_not_set_up_over(guarded: Desk, service: Service) -> None:
    before = service.snapshot()
    guarded.post(FACTOR, {"password": PASSWORD})
    assert guarded.post(f"{FACTOR}/confirm", {"code": "123456"}).status_code == 422
    assert service.snapshot() == before


def test_new_recovery_codes_replace_the_former(guarded: Desk, service: Service, app: Flask) -> None:
    shown = guarded.post(f"{FACTOR}/recovery-codes", {"password": PASSWORD}).text
    codes = codes_on(shown)
    desk = Desk(app)
    desk.sign_in(MONA)
    assert desk.post("/desk/sign-in/code", {"code": codes[0]}).status_code == 303
    assert "9 recovery codes are left" in guarded.get(FACTOR).text


# --- Sessions -----------------------------------------------------------------------------------


def sessions_on(desk: Desk) -> list[str]:
    return re.findall(r'action="/desk/account/sessions/(\w+)/end"', desk.get("/desk/account").text)


def test_sessions_are_listed_and_ended(moderator: Desk, app: Flask, service: Service) -> None:
    phone = Desk(app)
    agent = "Mozilla/5.0 (iPhone; CPU iPhone OS 19_0 like Mac OS X) FxiOS/150.0 Safari/605.1.15"
    service.clock.advance(minutes=5)
    phone.post(
        "/desk/sign-in", {"email": MONA, "password": PASSWORD}, headers={"User-Agent": agent}
    )
    assert "Firefox on iPhone" in moderator.get("/desk/account").text
    [theirs, mine] = sorted(sessions_on(moderator), reverse=True)
    assert moderator.post(f"/desk/account/sessions/{theirs}/end").status_code == 303
    assert phone.get("/desk/queue").status_code == 303
    assert sessions_on(moderator) == [mine]
    # Ending this one is signing out.
    moderator.post(f"/desk/account/sessions/{mine}/end")
    assert moderator.get("/desk/queue").status_code == 303


def test_all_others_are_ended_at_once(moderator: Desk, app: Flask) -> None:
    others = [Desk(app) for _ in range(2)]
    for other in others:
        other.sign_in(MONA)
    moderator.post("/desk/account/sessions/end-others")
    assert [other.get("/desk/queue").status_code for other in others] == [303, 303]
    assert moderator.get("/desk/queue").status_code == 200


def test_nobody_ends_the_sessions_of_others(
    moderator: Desk, desk_of: Callable[..., Desk], service: Service
) -> None:
    other = desk_of("carl@news.example")
    with service.database.read() as session:
        rows = session.scalars(select(StaffSession)).all()
    before = service.snapshot()
    for session_id in [row.id for row in rows if row.staff_id != me(service).id] + ["nonsense"]:
        assert moderator.post(f"/desk/account/sessions/{session_id}/end").status_code == 404
    assert service.snapshot() == before
    assert other.get("/desk/queue").status_code == 200


def test_sessions_that_are_over_are_not_listed(moderator: Desk, service: Service) -> None:
    service.clock.advance(hours=service.wiring.settings.desk_session_idle_h)
    moderator.sign_in(MONA)
    assert len(sessions_on(moderator)) == 1
