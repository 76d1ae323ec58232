"""Signing in step by step: password, second factor, a password of one's own."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from desk_client import Desk
from factories import PASSWORD, Authenticator, Service
from flask import Flask

from moderation.desk.sign_in import HALF_LIFETIME
from moderation.domain.staff import Staff
from moderation.services import passwords
from moderation.web import create_app

MONA = "mona@news.example"
NEW = "a new long password"
CHOSEN = {"new_password": NEW, "new_password_again": NEW}
CODE = "/desk/sign-in/code"
CHOOSE = "/desk/sign-in/password"


def is_in(desk: Desk) -> bool:
    return desk.get("/desk/queue").status_code == 200


@pytest.fixture
def authenticator(service: Service) -> Authenticator:
    """Of Mona, who has a second factor."""
    return service.make_second_factor(service.make_staff(MONA))


# --- Password -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("email", "password"),
    [
        (MONA, "wrong password"),
        ("nobody@news.example", PASSWORD),
        ("closed@news.example", PASSWORD),
        (MONA, ""),
        (f"{MONA}\x00", PASSWORD),
        (MONA, f"{PASSWORD}\x00"),
        ("x" * 5000, "y" * 5000),
    ],
)
def test_it_fails_alike_whatever_is_wrong(
    stranger: Desk, service: Service, email: str, password: str
) -> None:
    service.make_staff(MONA)
    service.close_account(service.make_staff("closed@news.example"))
    before = service.snapshot()
    answer = stranger.sign_in(email, password)
    assert answer.status_code == 401
    assert "E-mail and password do not match." in answer.text
    assert service.snapshot() == before
    assert not is_in(stranger)


def test_signing_in_anew_ends_the_session_this_browser_had(
    moderator: Desk, app: Flask, service: Service
) -> None:
    thief = Desk(app)
    thief.client.set_cookie("moderation", moderator.client.get_cookie("moderation").value)
    assert is_in(thief)
    assert moderator.sign_in(MONA).status_code == 303
    assert is_in(moderator)
    assert not is_in(thief)


# --- A one-time password ------------------------------------------------------------------------


def test_a_one_time_password_must_be_replaced(stranger: Desk, service: Service, app: Flask) -> None:
    service.make_staff(MONA, one_time=True)
    answer = stranger.sign_in(MONA, next="/desk/queue?view=mine")
    assert answer.location == CHOOSE
    assert not is_in(stranger)
    assert "Choose a password" in stranger.get(CHOOSE).text
    for wrong, told in (
        ({"new_password": "short", "new_password_again": "short"}, "12 to 256 characters"),
        ({"new_password": NEW, "new_password_again": NEW + "!"}, "not the same as above"),
        ({}, "12 to 256 characters"),
    ):
        answer = stranger.post(CHOOSE, wrong)
        assert answer.status_code == 422
        assert told in answer.text
    assert not is_in(stranger)
    answer = stranger.post(CHOOSE, CHOSEN)
    assert answer.location == "/desk/queue?view=mine"
    assert is_in(stranger)
    assert Desk(app).sign_in(MONA).status_code == 401
    assert Desk(app).sign_in(MONA, NEW).location == "/desk/queue"


def test_the_one_time_password_itself_may_not_be_kept(stranger: Desk, service: Service) -> None:
    service.make_staff(MONA, one_time=True)
    stranger.sign_in(MONA)
    same = {"new_password": PASSWORD, "new_password_again": PASSWORD}
    assert stranger.post(CHOOSE, same).status_code == 422
    assert not is_in(stranger)


# --- Second factor ------------------------------------------------------------------------------


def test_the_password_alone_lets_nobody_in_who_has_a_second_factor(
    stranger: Desk, authenticator: Authenticator
) -> None:
    answer = stranger.sign_in(MONA, next="/desk/queue?view=mine")
    assert answer.location == CODE
    assert not is_in(stranger)
    assert "six digits" in stranger.get(CODE).text
    # The other step is not a way round it.
    assert stranger.post(CHOOSE, CHOSEN).location == "/desk/sign-in"
    stranger.sign_in(MONA, next="/desk/queue?view=mine")
    assert stranger.post(CODE, {"code": authenticator.code()}).location == "/desk/queue?view=mine"
    assert is_in(stranger)


@pytest.mark.parametrize("code", ["", "000000", "12345", "１２３４５６", "x\x00", "a" * 4000, "-"])
def test_a_wrong_code_lets_nobody_in(
    stranger: Desk, service: Service, authenticator: Authenticator, code: str
) -> None:
    if code in {authenticator.code(n) for n in (-1, 0, 1)}:
        service.clock.advance(minutes=5)
    stranger.sign_in(MONA)
    before = service.snapshot()
    answer = stranger.post(CODE, {"code": code})
    assert answer.status_code == 401
    assert "This code is not right" in answer.text
    assert service.snapshot() == before
    assert not is_in(stranger)
    assert stranger.post(CODE, {"code": authenticator.code()}).status_code == 303


@pytest.mark.parametrize(("steps", "is_taken"), [(-2, False), (-1, True), (1, True), (2, False)])
def test_a_clock_may_be_off_by_one_step(
    stranger: Desk, service: Service, authenticator: Authenticator, steps: int, is_taken: bool
) -> None:
    service.clock.advance(minutes=5)
    stranger.sign_in(MONA)
    stranger.post(CODE, {"code": authenticator.code(steps)})
    assert is_in(stranger) is is_taken


def test_a_code_is_good_once(
    stranger: Desk, service: Service, authenticator: Authenticator, app: Flask
) -> None:
    seen = authenticator.code()
    stranger.sign_in(MONA)
    assert stranger.post(CODE, {"code": f" {seen[:3]} {seen[3:]}"}).status_code == 303
    onlooker = Desk(app)
    onlooker.sign_in(MONA)
    assert onlooker.post(CODE, {"code": seen}).status_code == 401
    # Nor is one from before it.
    assert onlooker.post(CODE, {"code": authenticator.code(-1)}).status_code == 401
    service.clock.advance(seconds=30)
    assert onlooker.post(CODE, {"code": seen}).status_code == 401
    assert onlooker.post(CODE, {"code": authenticator.code()}).status_code == 303


def test_a_recovery_code_stands_in_once(
    stranger: Desk, authenticator: Authenticator, app: Flask
) -> None:
    code, other = authenticator.recovery_codes[:2]
    stranger.sign_in(MONA)
    typed = code.upper().replace("-", " ")
    assert stranger.post(CODE, {"code": typed}).status_code == 303
    assert "9 are left" in stranger.get("/desk/queue").text
    again = Desk(app)
    again.sign_in(MONA)
    assert again.post(CODE, {"code": code}).status_code == 401
    assert again.post(CODE, {"code": other}).status_code == 303


def test_a_recovery_code_is_good_for_its_owner_only(
    stranger: Desk, service: Service, authenticator: Authenticator
) -> None:
    other = service.make_second_factor(service.make_staff("carl@news.example"))
    stranger.sign_in(MONA)
    assert stranger.post(CODE, {"code": other.recovery_codes[0]}).status_code == 401


def test_codes_and_secret_cannot_be_read_from_the_database(
    service: Service, authenticator: Authenticator
) -> None:
    stored = str(service.snapshot())
    assert authenticator.secret not in stored
    assert not [code for code in authenticator.recovery_codes if code in stored]


def test_a_one_time_password_and_a_second_factor(
    stranger: Desk, service: Service, app: Flask
) -> None:
    authenticator = service.make_second_factor(service.make_staff(MONA, one_time=True))
    assert stranger.sign_in(MONA).location == CODE
    assert stranger.post(CHOOSE, CHOSEN).status_code == 403 or not is_in(stranger)
    stranger.sign_in(MONA)
    assert stranger.post(CODE, {"code": authenticator.code()}).location == CHOOSE
    assert not is_in(stranger)
    assert stranger.post(CHOOSE, CHOSEN).location == "/desk/queue"
    assert is_in(stranger)


def test_half_signed_in_lasts_for_minutes_only(
    stranger: Desk, service: Service, authenticator: Authenticator
) -> None:
    stranger.sign_in(MONA)
    service.clock.now += HALF_LIFETIME
    assert stranger.get(CODE).status_code == 200
    service.clock.advance(seconds=1)
    assert stranger.get(CODE).location == "/desk/sign-in"
    assert stranger.post(CODE, {"code": authenticator.code()}).location == "/desk/sign-in"
    assert not is_in(stranger)


def test_what_changes_between_the_steps_counts(
    stranger: Desk, service: Service, authenticator: Authenticator
) -> None:
    stranger.sign_in(MONA)
    with service.database.write() as session:
        person = session.query(Staff).one()
        person.password_hash = passwords.hashed(NEW)
    answer = stranger.post(CODE, {"code": authenticator.code()})
    assert answer.location == "/desk/sign-in"
    assert not is_in(stranger)


def test_the_steps_need_the_first(stranger: Desk, service: Service) -> None:
    for path in (CODE, CHOOSE):
        assert stranger.get(path).location == "/desk/sign-in"
        assert stranger.post(path, {**CHOSEN, "code": "000000"}).location == "/desk/sign-in"


# --- Too many attempts --------------------------------------------------------------------------


@pytest.fixture
def limited(tmp_path: Any) -> Any:
    """An installation of its own that counts, each browser at the address one says."""
    service = Service(
        tmp_path,
        rate_limits="on",
        rate_limit_sign_in="100/hour",
        rate_limit_account="3/hour",
        rate_limit_second_factor="2/hour",
    )
    app = create_app(service.wiring)
    yield service, lambda: Desk(app)
    service.close()


Limited = tuple[Service, Callable[[], Desk]]


def attempt(desk: Desk, number: int, password: str, email: str = MONA) -> int:
    fields = {"email": email, "password": password, "csrf_token": desk.csrf()}
    at = {"REMOTE_ADDR": f"198.51.100.{number}"}
    return desk.client.post("/desk/sign-in", data=fields, environ_overrides=at).status_code


def test_an_account_is_tried_only_so_often_from_wherever(limited: Limited) -> None:
    service, browser = limited
    service.make_staff(MONA)
    service.make_staff("carl@news.example")
    tried = [attempt(browser(), number, "wrong password") for number in range(4)]
    assert tried == [401, 401, 401, 429]
    # Nor does the right one tell that it is right.
    assert attempt(browser(), 9, PASSWORD) == 429
    assert attempt(browser(), 9, PASSWORD, f" {MONA.upper()}") == 429
    assert attempt(browser(), 9, PASSWORD, "carl@news.example") == 303


def test_nobody_is_locked_out_of_a_browser_they_know(limited: Limited) -> None:
    service, browser = limited
    service.make_staff(MONA)
    known = browser()
    assert attempt(known, 1, PASSWORD) == 303
    known.post("/desk/sign-out")
    while attempt(browser(), 2, "wrong password") != 429:
        pass
    assert attempt(browser(), 3, PASSWORD) == 429
    assert attempt(known, 1, PASSWORD) == 303
    # The known browser has a limit too, or taking its cookie would be worth the trouble.
    known.post("/desk/sign-out")
    assert [attempt(known, 1, "wrong password") for _ in range(3)][-1] == 429


def test_a_mark_we_did_not_sign_marks_nothing(limited: Limited) -> None:
    service, browser = limited
    service.make_staff(MONA)
    forged = browser()
    assert attempt(forged, 1, PASSWORD) == 303
    value = forged.client.get_cookie("moderation-device").value
    body, _, mac = value.rpartition(".")
    while attempt(browser(), 2, "wrong password") != 429:
        pass
    thief = browser()
    thief.client.set_cookie("moderation-device", f"{body}x.{mac}")
    assert attempt(thief, 3, PASSWORD) == 429


def test_codes_are_tried_only_so_often(limited: Limited) -> None:
    service, browser = limited
    authenticator = service.make_second_factor(service.make_staff(MONA))
    thief = browser()
    assert attempt(thief, 1, PASSWORD) == 303
    answers = [thief.post(CODE, {"code": "not-a-code"}).status_code for _ in range(3)]
    assert answers == [401, 401, 429]
    assert thief.post(CODE, {"code": authenticator.code()}).status_code == 429
    assert not is_in(thief)
