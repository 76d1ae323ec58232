"""Staff: signing in for a token, what tokens may do, and where."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest
from checked_client import CheckedClient
from factories import PASSWORD, Service, SiteKit, Token
from sqlalchemy import select
from werkzeug.test import TestResponse

from moderation.domain.staff import ROLE_SCOPES, ApiToken, Role, Scope, Staff
from moderation.services import admission, passwords

TOKENS = "/api/v1/tokens"
NEW_PASSWORD = "another long password"


def sign_in(client: CheckedClient, email: str, password: str, **more: str) -> TestResponse:
    return client.post(TOKENS, json={"email": email, "password": password} | more)


def bearer(answer: TestResponse) -> dict[str, str]:
    return {"Authorization": f"Bearer {answer.json['token']}"}


@pytest.mark.parametrize("role", list(Role))
def test_signing_in_gives_a_token_with_what_the_role_allows(
    client: CheckedClient, service: Service, site: SiteKit, role: Role
) -> None:
    service.make_staff("Ada@News.example", role)
    answer = sign_in(client, " ada@news.EXAMPLE ", PASSWORD)
    assert answer.status_code == 201
    assert set(answer.json["scopes"]) == set(ROLE_SCOPES[role])
    expires = datetime.fromisoformat(answer.json["expires_at"])
    assert expires - service.clock() == timedelta(hours=12)

    headers = bearer(answer)
    assert client.get("/api/v1/queue", headers=headers).status_code == 200
    sites = client.get("/api/v1/sites", headers=headers).status_code
    assert sites == (200 if role is Role.ADMIN else 403)

    # Only a hash of it is kept, and none of the password can be read.
    stored = str(service.snapshot())
    assert answer.json["token"].startswith("mod_")
    assert answer.json["token"] not in stored
    assert PASSWORD not in stored
    assert "$argon2id$" in stored

    service.clock.advance(hours=12)
    expired = client.get("/api/v1/queue", headers=headers)
    assert (expired.status_code, expired.json["type"]) == (401, "/docs/problems#expired_token")


def test_signing_in_fails_alike_whatever_is_wrong(
    client: CheckedClient, service: Service, refused: Any
) -> None:
    closed, person = service.make_staff(), service.make_staff()
    service.close_account(closed)
    answers = [
        refused(
            "POST", TOKENS, json={"email": email, "password": password}, code="sign_in_failed",
            status=401,
        ).json
        for email, password in (
            ("nobody@news.example", PASSWORD),
            (person.email, "wrong password"),
            (closed.email, PASSWORD),
            ("no address", "x"),
        )
    ]  # fmt: skip
    told = [{name: a[name] for name in ("title", "detail")} for a in answers]
    assert all(one == told[0] for one in told)


@pytest.mark.parametrize(
    "given",
    [
        {},
        {"email": "a@b"},
        {"email": "a@b", "password": ""},
        {"email": "a@b", "password": 17},
        {"email": "a@b", "password": "x" * 257},
        {"email": "a@b", "password": "x\x00"},
        {"email": "a\x00@b", "password": "x"},
        {"email": ["a@b"], "password": "x"},
        {"email": "a@b", "password": "x", "role": "admin"},
    ],
    ids=lambda given: str(given)[:60],
)
def test_a_sign_in_that_is_wrong_as_a_whole(refused: Any, given: dict[str, Any]) -> None:
    refused("POST", TOKENS, json=given, code="invalid_input", status=422)


def test_a_one_time_password_must_be_replaced(
    client: CheckedClient, service: Service, refused: Any
) -> None:
    email = service.make_staff(one_time=True).email
    given = {"email": email, "password": PASSWORD}
    asked = refused("POST", TOKENS, json=given, code="password_change_required", status=403)
    assert "new_password" in asked.json["detail"]
    for bad in ("too short", PASSWORD):
        refused(
            "POST", TOKENS, json=given | {"new_password": bad}, code="invalid_input", status=422
        )
    assert sign_in(client, email, PASSWORD, new_password=NEW_PASSWORD).status_code == 201
    assert sign_in(client, email, PASSWORD).status_code == 401
    assert sign_in(client, email, NEW_PASSWORD).status_code == 201


def test_a_wrong_password_does_not_change_it(
    client: CheckedClient, service: Service, refused: Any
) -> None:
    email = service.make_staff(one_time=True).email
    refused(
        "POST", TOKENS, json={"email": email, "password": "x", "new_password": NEW_PASSWORD},
        code="sign_in_failed", status=401,
    )  # fmt: skip


def test_trying_passwords_holds_up_nobody_who_writes(
    service: Service, refused: Any, client: CheckedClient
) -> None:
    """Hashing is slow on purpose, and SQLite has one writer at a time."""
    person = service.make_staff(one_time=True)
    with service.database.write():
        for given, code, status in (
            ({"email": person.email, "password": "wrong password"}, "sign_in_failed", 401),
            ({"email": "nobody@news.example", "password": PASSWORD}, "sign_in_failed", 401),
            ({"email": person.email, "password": PASSWORD}, "password_change_required", 403),
        ):
            refused("POST", TOKENS, json=given, code=code, status=status)


def test_a_password_that_changes_meanwhile_is_not_the_right_one_any_more(
    client: CheckedClient, service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    person = service.make_staff()
    check = admission.check_password

    def changed_meanwhile(*args: Any, **kwargs: Any) -> admission.CheckedPassword:
        checked = check(*args, **kwargs)
        with service.database.write() as session:
            session.get_one(Staff, person.id).password_hash = passwords.hashed(NEW_PASSWORD)
        return checked

    monkeypatch.setattr(admission, "check_password", changed_meanwhile)
    assert sign_in(client, person.email, PASSWORD).json["type"].endswith("#sign_in_failed")


def test_a_very_long_address_signs_in(client: CheckedClient, service: Service) -> None:
    person = service.make_staff("a" * 300 + "@news.example")
    assert sign_in(client, person.email, PASSWORD).status_code == 201


def test_signing_out_ends_this_token_only(client: CheckedClient, service: Service) -> None:
    email = service.make_staff().email
    here, elsewhere = sign_in(client, email, PASSWORD), sign_in(client, email, PASSWORD)
    assert client.delete(f"{TOKENS}/current", headers=bearer(here)).status_code == 204
    assert client.get("/api/v1/queue", headers=bearer(here)).status_code == 401
    assert client.get("/api/v1/queue", headers=bearer(elsewhere)).status_code == 200


def test_what_is_taken_from_the_person_is_taken_from_their_tokens(
    client: CheckedClient, service: Service, site: SiteKit
) -> None:
    other = service.make_site()
    person = service.make_staff(role=Role.ADMIN)
    token = service.make_token(Scope.SITES, Scope.QUEUE, staff=person)
    assert client.get(f"/api/v1/sites/{other.id}", headers=token.headers).status_code == 200
    with service.database.write() as session:
        session.get_one(Staff, person.id).site_ids = [site.id]
    assert client.get(f"/api/v1/sites/{other.id}", headers=token.headers).status_code == 404
    assert client.get(f"/api/v1/sites/{site.id}", headers=token.headers).status_code == 200
    with service.database.write() as session:
        session.get_one(Staff, person.id).role = Role.MODERATOR
    assert client.get(f"/api/v1/sites/{site.id}", headers=token.headers).status_code == 403


def test_a_token_for_sites_its_owner_does_not_have_sees_nothing(
    client: CheckedClient, service: Service, site: SiteKit
) -> None:
    other = service.make_site()
    person = service.make_staff(role=Role.ADMIN, site_ids=[site.id])
    token = service.make_token(Scope.SITES, staff=person, site_ids=[other.id])
    assert client.get("/api/v1/sites", headers=token.headers).json["items"] == []


def test_the_scope_admin_opens_every_door(client: CheckedClient, service: Service) -> None:
    admin = service.make_token(Scope.ADMIN)
    for url in ("/api/v1/queue", "/api/v1/sites"):
        assert client.get(url, headers=admin.headers).status_code == 200


def test_the_last_use_of_a_token_is_noted_by_the_minute(
    client: CheckedClient, service: Service, token: Token
) -> None:
    def last_used() -> datetime | None:
        with service.database.read() as session:
            return session.scalar(select(ApiToken.last_used_at).where(ApiToken.id == token.id))

    assert last_used() is None
    noted = []
    for seconds in (0, 59, 1, 3600):
        service.clock.advance(seconds=seconds)
        client.get("/api/v1/queue", headers=token.headers)
        noted.append(last_used())
    start = service.clock.now - timedelta(seconds=3660)
    assert noted == [start, start, start + timedelta(minutes=1), service.clock.now]
    # Even where the scope is missing, somebody used it.
    other = service.make_token(Scope.EXPORT)
    client.get("/api/v1/queue", headers=other.headers)
    with service.database.read() as session:
        used = session.scalar(select(ApiToken.last_used_at).where(ApiToken.id == other.id))
    assert used == service.clock.now


def test_who_is_asked_for_a_token_is_told_how(client: CheckedClient) -> None:
    answer = client.get("/api/v1/queue")
    assert answer.headers["WWW-Authenticate"] == "Bearer"
    assert "Authorization: Bearer" in answer.json["detail"]


# --- Second factor ------------------------------------------------------------------------------


def test_a_second_factor_is_asked_for_here_too(
    client: CheckedClient, service: Service, refused: Any
) -> None:
    person = service.make_staff()
    authenticator = service.make_second_factor(person)
    given = {"email": person.email, "password": PASSWORD}
    asked = refused("POST", TOKENS, json=given, code="second_factor_required", status=403)
    assert '"code"' in asked.json["detail"]
    for wrong in ("000000x", "x\u202e", "a" * 40):
        refused(
            "POST", TOKENS, json=given | {"code": wrong}, code="second_factor_failed", status=401
        )
    # Who does not know the password hears nothing of it.
    wrong = given | {"password": "wrong password", "code": authenticator.code()}
    refused("POST", TOKENS, json=wrong, code="sign_in_failed", status=401)

    code = authenticator.code()
    assert sign_in(client, **given, code=code).status_code == 201
    refused("POST", TOKENS, json=given | {"code": code}, code="second_factor_failed", status=401)
    recovery = authenticator.recovery_codes[0]
    assert sign_in(client, **given, code=recovery).status_code == 201
    refused(
        "POST", TOKENS, json=given | {"code": recovery}, code="second_factor_failed", status=401
    )


def test_a_code_without_a_second_factor_is_no_harm(client: CheckedClient, service: Service) -> None:
    person = service.make_staff()
    assert sign_in(client, person.email, PASSWORD, code="123456").status_code == 201


def test_a_refused_change_of_password_uses_up_no_code(
    client: CheckedClient, service: Service, refused: Any
) -> None:
    person = service.make_staff(one_time=True)
    authenticator = service.make_second_factor(person)
    given = {"email": person.email, "password": PASSWORD, "code": authenticator.code()}
    refused("POST", TOKENS, json=given, code="password_change_required", status=403)
    assert sign_in(client, **given, new_password=NEW_PASSWORD).status_code == 201


def test_a_new_password_ends_what_the_old_one_began(
    client: CheckedClient, service: Service
) -> None:
    person = service.make_staff()
    before = bearer(sign_in(client, person.email, PASSWORD))
    made = service.make_token(staff=person)
    now = bearer(sign_in(client, person.email, PASSWORD, new_password=NEW_PASSWORD))
    codes = [
        client.get("/api/v1/queue", headers=headers).status_code
        for headers in (before, made.headers, now)
    ]
    assert codes == [401, 200, 200]
