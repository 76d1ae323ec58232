"""Staff, invitations and tokens, as administrators change them at the desk."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable
from html import unescape

import pytest
from desk_client import Desk
from factories import PASSWORD, Service, SiteKit
from flask import Flask
from sqlalchemy import select

from moderation.domain.audit import AuditEntry
from moderation.domain.staff import OPERATOR, Role, Scope, Staff
from moderation.errors import LastAdmin
from moderation.services import accounts

MONA, ADA = "mona@news.example", "ada@news.example"
STAFF, INVITATIONS, TOKENS = (
    f"/desk/settings/{place}" for place in ("staff", "invitations", "tokens")
)
NEW = "a new long password"
ALL = {"reach": "every"}


def person(service: Service, email: str) -> Staff:
    with service.database.read() as session:
        return session.scalars(select(Staff).where(Staff.email == email)).one()


def at(service: Service, email: str) -> str:
    return f"{STAFF}/{person(service, email).id}"


def acts(service: Service) -> list[str]:
    with service.database.read() as session:
        return list(session.scalars(select(AuditEntry.act).order_by(AuditEntry.id)))


def secret_on(page: str) -> str:
    """What a page shows this once."""
    return unescape(re.search(r'<p class="copied"><code>([^<]+)</code></p>', page)[1])


@pytest.fixture
def limited_admin(desk_of: Callable[..., Desk], site: SiteKit) -> Desk:
    """Administers one site only."""
    return desk_of("lena@news.example", Role.ADMIN, site_ids=[site.id])


# --- Who may --------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", [STAFF, INVITATIONS, TOKENS])
def test_a_moderator_sees_and_changes_none_of_it(
    moderator: Desk, stranger: Desk, service: Service, path: str
) -> None:
    before = service.snapshot()
    assert moderator.get(path).status_code == 403
    assert stranger.get(path).status_code == 303
    given = {"email": "x@y.example", "role": "admin", "name": "x", "scope": "admin", **ALL}
    for target in (INVITATIONS, TOKENS, at(service, MONA)):
        assert moderator.post(target, given).status_code == 403
    for act in ("/password", "/close", "/reopen", "/second-factor", "/sessions/end"):
        assert moderator.post(at(service, MONA) + act).status_code == 403
    assert service.snapshot() == before


# --- Staff ----------------------------------------------------------------------------------------


def test_role_and_sites_are_changed_from_the_next_request_on(
    admin: Desk, moderator: Desk, service: Service, site: SiteKit
) -> None:
    assert moderator.get(STAFF).status_code == 403
    wanted = {"role": "admin", "reach": "some", "site": site.id}
    assert admin.post(at(service, MONA), wanted).status_code == 303
    changed = person(service, MONA)
    assert (changed.role, changed.site_ids) == (Role.ADMIN, [site.id])
    assert moderator.get(STAFF).status_code == 200
    assert admin.post(at(service, MONA), {"role": "moderator", **ALL}).status_code == 303
    assert person(service, MONA).site_ids is None
    assert moderator.get(STAFF).status_code == 403
    assert acts(service) == ["staff.changed", "staff.changed"]


@pytest.mark.parametrize(
    "wanted",
    [
        {"role": "king", "reach": "every"},
        {"reach": "every"},
        {"role": "admin", "reach": "some"},
        {"role": "admin", "reach": "every", "site": "x"},
        {"role": "admin", "reach": "some", "site": "nonsense"},
        {"role": "admin", "reach": "some", "site": "\x00"},
    ],
)
def test_what_is_no_role_or_site_changes_nothing(
    admin: Desk, moderator: Desk, service: Service, wanted: dict[str, str]
) -> None:
    before = service.snapshot()
    assert admin.post(at(service, MONA), wanted).status_code == 422
    assert service.snapshot() == before


def test_closing_ends_sessions_and_tokens_and_reopening_lets_in_again(
    admin: Desk, moderator: Desk, service: Service, app: Flask
) -> None:
    token = service.make_token(Scope.QUEUE, staff=person(service, MONA))
    assert admin.post(at(service, MONA) + "/close").status_code == 303
    assert moderator.get("/desk/queue").status_code == 303
    assert Desk(app).sign_in(MONA).status_code == 401
    assert admin.get("/api/v1/queue", headers=token.headers).status_code == 401
    assert "closed" in admin.get(STAFF).text

    assert admin.post(at(service, MONA) + "/reopen").status_code == 303
    assert Desk(app).sign_in(MONA).status_code == 303
    # What was ended stays ended.
    assert moderator.get("/desk/queue").status_code == 303
    assert admin.get("/api/v1/queue", headers=token.headers).status_code == 401
    assert acts(service) == ["staff.closed", "staff.reopened"]


def test_the_last_administrator_stays(admin: Desk, moderator: Desk, service: Service) -> None:
    mine = at(service, ADA)
    before = service.snapshot()
    for path, fields in (
        (mine + "/close", {}),
        (mine, {"role": "moderator", **ALL}),
    ):
        answer = admin.post(path, fields)
        assert answer.status_code == 409
        assert "Somebody must remain" in answer.text
    assert service.snapshot() == before
    admin.post(at(service, MONA), {"role": "admin", **ALL})
    assert admin.post(mine + "/close").status_code == 303


def test_the_last_administrator_of_every_site_stays_one_of_every_site(
    admin: Desk, limited_admin: Desk, service: Service, site: SiteKit
) -> None:
    answer = admin.post(at(service, ADA), {"role": "admin", "reach": "some", "site": site.id})
    assert answer.status_code == 409
    assert person(service, ADA).site_ids is None


@pytest.mark.parametrize("what", ["password", "second-factor"])
def test_a_desk_left_open_is_not_enough_to_take_over_its_account(
    admin: Desk, service: Service, what: str
) -> None:
    service.make_second_factor(person(service, ADA))
    before = service.snapshot(without=("staff_sessions",))
    assert admin.post(f"{at(service, ADA)}/{what}").status_code == 403
    assert service.snapshot(without=("staff_sessions",)) == before
    assert f"{at(service, ADA)}/{what}" not in admin.get(at(service, ADA)).text


def test_two_administrators_cannot_close_each_other_at_once(service: Service) -> None:
    both = [service.make_staff(role=Role.ADMIN) for _ in range(2)]
    start = threading.Barrier(2)
    failed: list[Exception] = []

    def close(staff: Staff) -> None:
        start.wait()
        try:
            with service.database.write() as session:
                accounts.close(session, OPERATOR, staff.id, now=service.clock())
        except LastAdmin as error:
            failed.append(error)

    threads = [threading.Thread(target=close, args=(staff,)) for staff in both]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(failed) == 1
    assert sorted(person(service, staff.email).is_active for staff in both) == [False, True]


def test_a_one_time_password_is_given(
    admin: Desk, moderator: Desk, service: Service, app: Flask
) -> None:
    shown = admin.post(at(service, MONA) + "/password")
    assert moderator.get("/desk/queue").status_code == 303
    assert Desk(app).sign_in(MONA).status_code == 401
    desk = Desk(app)
    assert desk.sign_in(MONA, secret_on(shown.text)).location == "/desk/sign-in/password"
    assert "once" not in admin.get(at(service, MONA)).text
    assert acts(service) == ["staff.password_reset"]


def test_a_lost_second_factor_is_switched_off(admin: Desk, service: Service, app: Flask) -> None:
    service.make_second_factor(service.make_staff(MONA))
    assert "second factor" in admin.get(STAFF).text
    assert admin.post(at(service, MONA) + "/second-factor").status_code == 303
    assert Desk(app).sign_in(MONA).location == "/desk/queue"
    assert acts(service) == ["staff.second_factor_reset"]


def test_a_colleague_is_signed_out(admin: Desk, moderator: Desk, service: Service) -> None:
    page = admin.get(at(service, MONA)).text
    [end] = re.findall(r'action="(/desk/settings/staff/\w+/sessions/\w+/end)"', page)
    assert admin.post(end).status_code == 303
    assert moderator.get("/desk/queue").status_code == 303
    moderator.sign_in(MONA)
    assert admin.post(at(service, MONA) + "/sessions/end").status_code == 303
    assert moderator.get("/desk/queue").status_code == 303
    assert acts(service) == ["staff.session_ended", "staff.signed_out"]


def test_who_administers_some_sites_reaches_no_further(
    limited_admin: Desk, admin: Desk, moderator: Desk, service: Service, site: SiteKit
) -> None:
    service.make_staff("near@news.example", site_ids=[site.id])
    other = service.make_site()
    before = service.snapshot()
    for email in (MONA, ADA):
        assert limited_admin.get(at(service, email)).status_code == 403
        for act in ("/password", "/close", "/second-factor", "/sessions/end"):
            assert limited_admin.post(at(service, email) + act).status_code == 403
    for wanted in ({"role": "admin", **ALL}, {"role": "admin", "reach": "some", "site": other.id}):
        assert limited_admin.post(at(service, "near@news.example"), wanted).status_code == 403
        invited = {"email": "new@news.example", **wanted}
        assert limited_admin.post(INVITATIONS, invited).status_code == 403
        made = {"name": "mine", "scope": "admin", **wanted}
        assert limited_admin.post(TOKENS, made).status_code == 403
    assert service.snapshot() == before
    wanted = {"role": "moderator", "reach": "some", "site": site.id}
    assert limited_admin.post(at(service, "near@news.example"), wanted).status_code == 303
    assert limited_admin.post(at(service, "near@news.example") + "/close").status_code == 303


def test_who_there_is_not_is_not_there(admin: Desk) -> None:
    assert admin.get(f"{STAFF}/nonsense").status_code == 404
    assert admin.post(f"{STAFF}/nonsense/close").status_code == 404


# --- Invitations ----------------------------------------------------------------------------------


def invite(admin: Desk, email: str = "new@news.example", role: str = "moderator", **more) -> str:
    """The path of the link."""
    shown = admin.post(INVITATIONS, {"email": email, "role": role, **(more or ALL)})
    assert shown.status_code == 200, shown.text
    link = secret_on(shown.text)
    assert link.startswith("http://localhost/desk/invitation?token=")
    return link.removeprefix("http://localhost")


ACCEPT = {"name": "Nora New", "new_password": NEW, "new_password_again": NEW}


def test_an_invitation_makes_an_account_once(
    admin: Desk, stranger: Desk, service: Service, site: SiteKit, app: Flask
) -> None:
    link = invite(admin, " New@News.example", "admin", reach="some", site=site.id)
    assert link.partition("=")[2] not in str(service.snapshot())
    # The secret leaves the address at once.
    assert stranger.get(link).location == "/desk/invitation"
    page = stranger.get("/desk/invitation")
    assert "new@news.example" in page.text
    assert "administrator" in page.text
    assert stranger.post("/desk/invitation", ACCEPT).location == "/desk/queue"
    assert "Welcome, Nora New" in stranger.get("/desk/queue").text

    made = person(service, "new@news.example")
    assert (made.name, made.role, made.site_ids) == ("Nora New", Role.ADMIN, [site.id])
    assert Desk(app).sign_in("new@news.example", NEW).status_code == 303
    late = Desk(app)
    late.get(link)
    assert late.get("/desk/invitation").status_code == 404
    assert late.post("/desk/invitation", ACCEPT).status_code == 404
    assert acts(service) == ["staff.invited", "staff.joined"]


@pytest.mark.parametrize(
    "changed",
    [{"name": " "}, {"name": "\x00"}, {"new_password": "short"}, {"new_password_again": "other"}],
)
def test_an_acceptance_that_is_not_right_can_be_mended(
    admin: Desk, stranger: Desk, service: Service, changed: dict[str, str]
) -> None:
    stranger.get(invite(admin))
    before = service.snapshot()
    answer = stranger.post("/desk/invitation", ACCEPT | changed)
    assert answer.status_code == 422
    assert 'aria-invalid="true"' in answer.text
    assert service.snapshot() == before
    assert stranger.post("/desk/invitation", ACCEPT).status_code == 303


def test_an_invitation_ends_by_time_by_hand_and_by_another(
    admin: Desk, stranger: Desk, service: Service
) -> None:
    def is_open(link: str) -> bool:
        stranger.get(link)
        return stranger.get("/desk/invitation").status_code == 200

    first = invite(admin)
    second = invite(admin)
    assert (is_open(first), is_open(second)) == (False, True)
    [revoke] = re.findall(r'action="([^"]+/revoke)"', admin.get(INVITATIONS).text)
    assert admin.post(revoke).status_code == 303
    assert not is_open(second)
    assert "/revoke" not in admin.get(INVITATIONS).text
    assert admin.post(revoke).status_code == 404
    third = invite(admin)
    service.clock.advance(hours=service.wiring.settings.invitation_lifetime_h)
    admin.sign_in(ADA)
    assert not is_open(third)
    assert "/revoke" not in admin.get(INVITATIONS).text


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"email": "no address"}, "not an e-mail address"),
        ({"email": ""}, "not an e-mail address"),
        ({"email": ADA}, "has an account already"),
        ({"email": "a\x00@b.example"}, "cannot be kept"),
        ({"email": "new@news.example", "role": "king"}, ""),
        ({"email": "new@news.example", "reach": "some"}, "at least one site"),
        ({"email": "new@news.example", "site": "x"}, "Both every site and single ones"),
    ],
)
def test_an_invitation_that_is_not_right_is_not_made(
    admin: Desk, service: Service, given: dict[str, str], told: str
) -> None:
    before = service.snapshot()
    answer = admin.post(INVITATIONS, {"role": "moderator", **ALL, **given})
    assert answer.status_code == 422
    assert told in answer.text
    assert service.snapshot() == before


def test_nobody_comes_in_without_an_invitation(stranger: Desk, service: Service) -> None:
    stranger.get("/desk/invitation?token=guess")
    before = service.snapshot()
    assert stranger.get("/desk/invitation").status_code == 404
    assert stranger.post("/desk/invitation", ACCEPT).status_code == 404
    assert service.snapshot() == before


# --- Tokens ---------------------------------------------------------------------------------------


def test_a_token_is_made_listed_and_revoked(admin: Desk, service: Service, site: SiteKit) -> None:
    wanted = {"name": " CMS ", "scope": ["queue", "export"], "reach": "some", "site": site.id}
    shown = admin.post(TOKENS, {**wanted, "days": "30"})
    text = secret_on(shown.text)
    assert text.startswith("mod_")
    assert text not in str(service.snapshot())
    headers = {"Authorization": f"Bearer {text}"}
    assert admin.client.get("/api/v1/queue", headers=headers).status_code == 200
    listed = admin.get(TOKENS).text
    assert "CMS" in listed
    assert text not in listed
    [revoke] = re.findall(r'action="([^"]+/revoke)"', listed)
    assert admin.post(revoke).status_code == 303
    assert admin.client.get("/api/v1/queue", headers=headers).status_code == 401
    assert "/revoke" not in admin.get(TOKENS).text
    assert acts(service) == ["token.made", "token.revoked"]


def test_a_token_ends_when_it_was_told_to(admin: Desk, service: Service) -> None:
    text = secret_on(admin.post(TOKENS, {"name": "x", "scope": "queue", "days": "30", **ALL}).text)
    service.clock.advance(days=30)
    headers = {"Authorization": f"Bearer {text}"}
    assert admin.client.get("/api/v1/queue", headers=headers).status_code == 401


@pytest.mark.parametrize(
    "given",
    [
        {"name": ""},
        {"name": "x" * 201},
        {"name": "\x00"},
        {"scope": ""},
        {"scope": "everything"},
        {"reach": "some"},
        {"reach": "some", "site": "nonsense"},
    ],
)
def test_a_token_that_is_not_right_is_not_made(
    admin: Desk, service: Service, given: dict[str, str]
) -> None:
    before = service.snapshot()
    answer = admin.post(TOKENS, {"name": "x", "scope": "queue", **ALL, **given})
    assert answer.status_code == 422
    assert service.snapshot() == before


def test_a_token_of_other_sites_is_neither_seen_nor_revoked(
    limited_admin: Desk, service: Service, site: SiteKit
) -> None:
    far = service.make_token()
    near = service.make_token(site_ids=[site.id])
    listed = limited_admin.get(TOKENS).text
    assert near.id in listed
    assert far.id not in listed
    before = service.snapshot()
    assert limited_admin.post(f"{TOKENS}/{far.id}/revoke").status_code == 404
    assert service.snapshot() == before
    assert limited_admin.post(f"{TOKENS}/{near.id}/revoke").status_code == 303


def test_sign_ins_of_people_are_not_listed_among_tokens(admin: Desk, app: Flask) -> None:
    app.test_client().post("/api/v1/tokens", json={"email": ADA, "password": PASSWORD})
    assert "sign-in of" not in admin.get(TOKENS).text
