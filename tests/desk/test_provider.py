"""Signing in through an identity provider, against a small one that really answers."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from desk_client import Desk
from factories import Service
from issuer import CLIENT_ID, CLIENT_SECRET, Issuer, running_issuer
from sqlalchemy import select

from moderation.desk.provider import ATTEMPT_LIFETIME
from moderation.domain.audit import AuditEntry
from moderation.domain.staff import OPERATOR, Role, Staff
from moderation.services import identities, invitations
from moderation.settings import SettingsError
from moderation.web import create_app

MONA = "mona@news.example"
START = "/desk/sign-in/provider"


@pytest.fixture
def issuer() -> Iterator[Issuer]:
    with running_issuer() as issuer:
        yield issuer


@pytest.fixture
def service(database_url: str, tmp_path: Path, issuer: Issuer) -> Iterator[Service]:
    """An installation that knows the provider."""
    service = Service(
        tmp_path,
        database_url=database_url,
        oidc_issuer=issuer.url,
        oidc_client_id=CLIENT_ID,
        oidc_client_secret=CLIENT_SECRET,
        oidc_name="Newsroom ID",
    )
    service.wipe()
    yield service
    service.close()


@pytest.fixture
def browser(service: Service) -> Callable[[], Desk]:
    app = create_app(service.wiring)
    return lambda: Desk(app)


@pytest.fixture
def desk(browser: Callable[[], Desk]) -> Desk:
    return browser()


def go(desk: Desk, issuer: Issuer, wanted: str = "/desk/queue") -> Any:
    """Sign in there and come back; the answer to that."""
    sent = desk.get(f"{START}?next={wanted}")
    assert sent.status_code == 303, sent.text
    return desk.get(f"{START}/return?{issuer.browser_comes(sent.location)}")


def is_in(desk: Desk) -> bool:
    return desk.get("/desk/queue").status_code == 200


def is_refused(answer: Any, service: Service, desk: Desk) -> None:
    assert answer.status_code == 401
    assert "You could not be signed in this way" in answer.text
    assert not is_in(desk)
    with service.database.read() as session:
        assert session.query(AuditEntry).count() == 0


def staff(service: Service, email: str = MONA) -> Staff | None:
    with service.database.read() as session:
        return session.scalars(select(Staff).where(Staff.email == email)).one_or_none()


# --- Who gets in --------------------------------------------------------------------------------


def test_who_has_an_account_gets_in(desk: Desk, service: Service, issuer: Issuer) -> None:
    service.make_staff(MONA)
    assert "Sign in with Newsroom ID" in desk.get("/desk/sign-in").text
    answer = go(desk, issuer, "/desk/queue%3Fview%3Dmine")
    assert (answer.status_code, answer.location) == (303, "/desk/queue?view=mine")
    assert is_in(desk)
    assert issuer.asked["response_type"] == "code"
    assert set(issuer.asked["scope"].split()) == {"openid", "email", "profile"}
    assert issuer.asked["redirect_uri"] == f"http://localhost{START}/return"
    assert len(issuer.asked["nonce"]) >= 16


def test_neither_second_factor_nor_one_time_password_is_asked_for_here(
    desk: Desk, service: Service, issuer: Issuer
) -> None:
    """The provider vouches for who they are, and asks for factors of its own."""
    service.make_second_factor(service.make_staff(MONA, one_time=True))
    assert go(desk, issuer).location == "/desk/queue"
    assert is_in(desk)


def test_who_is_invited_gets_the_account_they_were_invited_to(
    desk: Desk, service: Service, issuer: Issuer
) -> None:
    site = service.make_site()
    with service.database.write() as session:
        new = invitations.invite(
            session,
            OPERATOR,
            email=MONA,
            role=Role.ADMIN,
            site_ids=[site.id],
            now=service.clock(),
            lifetime=ATTEMPT_LIFETIME,
        )
    assert go(desk, issuer).status_code == 303
    made = staff(service)
    assert (made.name, made.role, made.site_ids) == ("Mona", Role.ADMIN, [site.id])
    with service.database.read() as session:
        assert invitations.find_for(session, MONA, now=service.clock()) is None
    desk.post("/desk/sign-out")
    # They have no password, and none opens the account.
    for password in ("", "correct horse battery"):
        assert desk.sign_in(MONA, password).status_code == 401
    go(desk, issuer)
    assert "have no password here" in desk.get("/desk/account").text
    assert new.row.email == MONA


def test_a_stranger_does_not_get_in(desk: Desk, service: Service, issuer: Issuer) -> None:
    is_refused(go(desk, issuer), service, desk)
    assert staff(service) is None


def test_an_address_that_only_looks_like_anothers_in_lower_case_opens_nothing(
    desk: Desk, service: Service, issuer: Issuer
) -> None:
    service.make_staff("kim@news.example")
    issuer.claims = {"email": "\N{KELVIN SIGN}im@news.example"}
    is_refused(go(desk, issuer), service, desk)


def test_who_has_no_name_that_can_be_shown_is_called_by_their_address(
    desk: Desk, service: Service, issuer: Issuer
) -> None:
    with service.database.write() as session:
        invitations.invite(
            session,
            OPERATOR,
            email=MONA,
            role=Role.MODERATOR,
            site_ids=None,
            now=service.clock(),
            lifetime=ATTEMPT_LIFETIME,
        )
    issuer.claims = {"email": MONA, "name": "\N{ZERO WIDTH JOINER}"}
    assert go(desk, issuer).status_code == 303
    assert staff(service).name == "mona"


@pytest.mark.parametrize(("email", "gets_in"), [(MONA, True), ("x@evil-news.example", False)])
def test_strangers_of_a_domain_that_is_named_become_moderators(
    service: Service, tmp_path: Path, issuer: Issuer, email: str, gets_in: bool
) -> None:
    own = Service(
        tmp_path / "own",
        oidc_issuer=issuer.url,
        oidc_client_id=CLIENT_ID,
        oidc_client_secret=CLIENT_SECRET,
        oidc_new_staff_domains="press.example News.example",
    )
    issuer.claims = {"email": email}
    desk = Desk(create_app(own.wiring))
    go(desk, issuer)
    assert is_in(desk) is gets_in
    if gets_in:
        assert (staff(own).role, staff(own).site_ids) == (Role.MODERATOR, None)
    own.close()


def test_a_closed_account_stays_closed(desk: Desk, service: Service, issuer: Issuer) -> None:
    person = service.make_staff(MONA)
    service.close_account(person)
    is_refused(go(desk, issuer), service, desk)


def test_a_closed_account_stays_closed_to_whom_it_knows(
    desk: Desk, service: Service, issuer: Issuer
) -> None:
    person = service.make_staff(MONA)
    go(desk, issuer)
    service.close_account(person)
    assert go(desk, issuer).status_code == 401
    assert not is_in(desk)


# --- Whose account it is ------------------------------------------------------------------------


def test_an_account_belongs_to_an_identity_and_not_to_an_address(
    desk: Desk, browser: Callable[[], Desk], service: Service, issuer: Issuer
) -> None:
    service.make_staff(MONA)
    go(desk, issuer)
    # Mona marries, and keeps her account; her old address is given to somebody else.
    issuer.claims = {"email": "mona.new@news.example"}
    again = browser()
    assert go(again, issuer).status_code == 303
    issuer.claims = {"sub": "subject-2"}
    other = browser()
    assert go(other, issuer).status_code == 401
    assert not is_in(other)
    with service.database.write() as session:
        identities.unbind(session, OPERATOR, session.query(Staff).one(), now=service.clock())
    assert go(other, issuer).status_code == 303
    assert is_in(other)


# --- What the provider says must be right -------------------------------------------------------


@pytest.mark.parametrize(
    "claims",
    [
        {"nonce": "another"},
        {"nonce": None},
        {"iss": "https://login.evil.example"},
        {"iss": None},
        {"aud": "another client"},
        {"aud": ["another client"], "azp": CLIENT_ID},
        {"aud": [CLIENT_ID, "another client"], "azp": "another client"},
        {"aud": None},
        {"exp": int(time.time()) - 3600},
        {"exp": None},
        {"sub": None},
        {"iat": int(time.time()) + 3600},
        {"email_verified": False},
        {"email_verified": None},
        {"email_verified": "yes"},
        {"email": None},
        {"email": "no address"},
        {"email": ["mona@news.example"]},
        {"email": "mona@news.example\x00"},
    ],
    ids=str,
)
def test_a_token_that_says_something_else_lets_nobody_in(
    desk: Desk, service: Service, issuer: Issuer, claims: dict[str, Any]
) -> None:
    service.make_staff(MONA)
    issuer.claims = claims
    is_refused(go(desk, issuer), service, desk)


@pytest.mark.parametrize("how", ["another key", "the secret", "none"])
def test_a_token_the_provider_did_not_sign_lets_nobody_in(
    desk: Desk, service: Service, issuer: Issuer, how: str
) -> None:
    service.make_staff(MONA)
    if how == "another key":
        issuer.sign_by_another_key()
    elif how == "the secret":
        issuer.sign_with_the_secret()
    else:
        issuer.algorithm = "none"
    is_refused(go(desk, issuer), service, desk)


def test_a_new_key_of_the_provider_is_fetched(
    desk: Desk, browser: Callable[[], Desk], service: Service, issuer: Issuer
) -> None:
    service.make_staff(MONA)
    go(desk, issuer)
    issuer.change_key()
    assert go(browser(), issuer).status_code == 303


def test_an_address_may_be_told_when_asked_for(
    desk: Desk, service: Service, issuer: Issuer
) -> None:
    service.make_staff(MONA)
    issuer.claims = {"email": None, "email_verified": None}
    issuer.userinfo = {"sub": "somebody else", "email": MONA, "email_verified": True}
    is_refused(go(desk, issuer), service, desk)
    issuer.userinfo["sub"] = "subject-1"
    assert go(desk, issuer).status_code == 303
    assert is_in(desk)


# --- The way there and back ---------------------------------------------------------------------


def test_only_the_browser_that_began_comes_back(
    desk: Desk, browser: Callable[[], Desk], service: Service, issuer: Issuer
) -> None:
    service.make_staff(MONA)
    query = issuer.browser_comes(desk.get(START).location)
    victim = browser()
    is_refused(victim.get(f"{START}/return?{query}"), service, victim)
    # Not even one that began another sign-in.
    victim.get(START)
    is_refused(victim.get(f"{START}/return?{query}"), service, victim)
    assert desk.get(f"{START}/return?{query}").status_code == 303


def test_coming_back_counts_once_and_for_a_while(
    desk: Desk, browser: Callable[[], Desk], service: Service, issuer: Issuer
) -> None:
    service.make_staff(MONA)
    query = issuer.browser_comes(desk.get(START).location)
    assert desk.get(f"{START}/return?{query}").status_code == 303
    desk.post("/desk/sign-out")
    assert desk.get(f"{START}/return?{query}").status_code == 401
    slow = browser()
    query = issuer.browser_comes(slow.get(START).location)
    service.clock.now += ATTEMPT_LIFETIME
    service.clock.advance(seconds=1)
    assert slow.get(f"{START}/return?{query}").status_code == 401


@pytest.mark.parametrize(
    "query", ["", "error=access_denied&state=x", "code=a-code", "state=\u00e9&code=x"]
)
def test_coming_back_with_nothing_good(
    desk: Desk, service: Service, issuer: Issuer, query: str
) -> None:
    service.make_staff(MONA)
    issuer.browser_comes(desk.get(START).location)
    is_refused(desk.get(f"{START}/return?{query}"), service, desk)


def test_a_code_the_provider_does_not_take(desk: Desk, service: Service, issuer: Issuer) -> None:
    service.make_staff(MONA)
    issuer.code_is_good = False
    is_refused(go(desk, issuer), service, desk)


# --- When it does not answer --------------------------------------------------------------------


@pytest.mark.parametrize(
    "discovery",
    [{"issuer": "https://login.evil.example"}, {"token_endpoint": None}, None],
    ids=["another issuer", "no endpoint", "down"],
)
def test_without_the_provider_passwords_go_on(
    desk: Desk, service: Service, issuer: Issuer, discovery: dict[str, Any] | None
) -> None:
    service.make_staff(MONA)
    issuer.is_down = discovery is None
    issuer.discovery = discovery or {}
    answer = desk.get(START)
    assert answer.status_code == 503
    assert "The identity provider does not answer" in answer.text
    assert 'name="password"' in answer.text
    assert desk.sign_in(MONA).status_code == 303
    # Once it answers, it is used.
    issuer.is_down, issuer.discovery = False, {}
    assert go(desk, issuer).status_code == 303


def test_it_may_go_away_in_between(desk: Desk, service: Service, issuer: Issuer) -> None:
    service.make_staff(MONA)
    query = issuer.browser_comes(desk.get(START).location)
    issuer.is_down = True
    answer = desk.get(f"{START}/return?{query}")
    assert answer.status_code in (401, 503)
    assert not is_in(desk)


# --- Without one --------------------------------------------------------------------------------


def test_without_a_provider_nothing_leads_to_one(tmp_path: Path) -> None:
    plain = Service(tmp_path)
    desk = Desk(create_app(plain.wiring))
    assert START not in desk.get("/desk/sign-in").text
    assert desk.get(START).status_code == 404
    assert desk.get(f"{START}/return").status_code == 404
    plain.close()


def test_a_provider_that_knows_us_under_no_name_is_told_of_at_the_start(tmp_path: Path) -> None:
    plain = Service(tmp_path, oidc_issuer="https://login.example")
    with pytest.raises(SettingsError, match="oidc_client_id"):
        create_app(plain.wiring)
    plain.close()
