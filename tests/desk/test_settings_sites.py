"""Sites at the desk: made, changed, their secret, their reasons; all without a script."""

from __future__ import annotations

import re
from collections.abc import Callable

import jwt
import pytest
from desk_client import Desk
from factories import Service, SiteKit, comment_json
from sqlalchemy import select
from werkzeug.test import TestResponse

from moderation.domain.audit import AuditEntry
from moderation.domain.reason import DEFAULT_REASONS
from moderation.domain.site import Site
from moderation.domain.staff import Role
from moderation.services import sites

PATH = "/desk/settings/sites"
FORM = {
    "name": "Gazette",
    "origins": "https://gazette.example\nhttps://www.gazette.example",
    "policy": "assisted",
    "edit_window_min": "2.5",
    "guests_allowed": "on",
}


def site_named(service: Service, name: str) -> Site:
    with service.database.read() as session:
        return session.scalars(select(Site).where(Site.name == name)).one()


def acts(service: Service) -> list[tuple[str, dict]]:
    with service.database.read() as session:
        entries = session.scalars(select(AuditEntry).order_by(AuditEntry.id))
        return [(e.act, e.detail) for e in entries if e.subject_kind == "site"]


def secret_in(page: TestResponse) -> str:
    return re.search(r'id="sso-secret">([0-9a-f]{64})<', page.text)[1]


def test_a_site_is_made_and_its_secret_shown_once(service: Service, admin: Desk) -> None:
    made = admin.post(f"{PATH}/new", FORM)
    assert made.status_code == 201
    site = site_named(service, "Gazette")
    assert site.origins == ["https://gazette.example", "https://www.gazette.example"]
    assert (site.policy, site.edit_window_s) == ("assisted", 150)
    assert (site.guests_allowed, site.creates_articles) == (True, False)
    secret = secret_in(made)
    assert service.wiring.keyring.unseal(site.sealed_sso_secret) == secret
    again = admin.get(f"{PATH}/{site.id}").text
    assert secret not in again
    assert site.site_key in again
    assert "Gazette" in admin.get(PATH).text
    [(act, detail)] = acts(service)
    assert act == "site.created"
    assert secret not in str(detail)


@pytest.mark.parametrize(
    ("changed", "told"),
    [
        ({"name": " "}, "The name is empty"),
        ({"name": "Gaz\x00ette"}, "control character"),
        ({"origins": "https://a\x00b.example"}, "These are no origins"),
        ({"origins": "gazette.example"}, "is not an origin"),
        ({"policy": "lenient"}, "There is no policy"),
        ({"edit_window_min": "soon"}, "Minutes, from 0 to 10080"),
        ({"edit_window_min": "-1"}, "Minutes, from 0 to 10080"),
        ({"edit_window_min": "nan"}, "Minutes, from 0 to 10080"),
    ],
)
@pytest.mark.parametrize("new", [True, False])
def test_what_is_wrong_is_told_and_what_was_typed_is_kept(
    service: Service, site: SiteKit, admin: Desk, changed: dict[str, str], told: str, new: bool
) -> None:
    before = service.snapshot()
    page = admin.post(f"{PATH}/{'new' if new else site.id}", {**FORM, **changed})
    assert page.status_code == 422
    assert told in page.text
    assert "https://www.gazette.example" in page.text or "origins" in changed
    assert service.snapshot() == before


def test_changing_says_what_was_changed(service: Service, site: SiteKit, admin: Desk) -> None:
    assert admin.post(f"{PATH}/{site.id}", FORM).status_code == 303
    [(act, detail)] = acts(service)
    assert act == "site.changed"
    assert detail["changed"]["policy"] == "assisted"
    assert "Saved." in admin.get(f"{PATH}/{site.id}").text
    admin.post(f"{PATH}/{site.id}", FORM)
    assert len(acts(service)) == 1, "nothing was changed the second time"


def test_a_new_secret_ends_the_old_one(service: Service, site: SiteKit, admin: Desk) -> None:
    def posted_with(secret: str) -> int:
        claims = {"sub": "r", "name": "Ria", "exp": int(service.clock().timestamp()) + 600}
        headers = site.headers(
            Authorization=f"Bearer {jwt.encode(claims, secret, algorithm='HS256')}"
        )
        body = comment_json(author=None)
        return admin.client.post("/api/v1/comments", json=body, headers=headers).status_code

    assert posted_with(site.sso_secret) == 202
    assert admin.post(f"{PATH}/{site.id}/secret").status_code == 303
    assert posted_with(site.sso_secret) == 202, "the box was not ticked"
    secret = secret_in(admin.post(f"{PATH}/{site.id}/secret", {"sure": "yes"}))
    assert posted_with(site.sso_secret) == 401
    assert posted_with(secret) == 202
    [(act, detail)] = acts(service)
    assert act == "site.secret_rotated"
    assert secret not in str(detail)


def test_an_admin_of_some_sites_sees_those(
    service: Service, site: SiteKit, desk_of: Callable[..., Desk]
) -> None:
    other = service.make_site()
    local = desk_of("lo@news.example", Role.ADMIN, site_ids=[site.id])
    listed = local.get(PATH).text
    assert site.key in listed
    assert other.key not in listed
    before = service.snapshot()
    assert local.get(f"{PATH}/{other.id}").status_code == 404
    for act in ("", "/secret", "/reasons"):
        answer = local.post(f"{PATH}/{other.id}{act}", {**FORM, "sure": "yes", "code": "a"})
        assert answer.status_code == 404
    assert local.post(f"{PATH}/new", FORM).status_code == 403
    assert service.snapshot() == before


# --- Reasons ------------------------------------------------------------------------------------


def rows(*given: tuple[str, str, str, str, str]) -> dict[str, list[str]]:
    names = ("order", "code", "name", "statement", "key")
    return {name: [row[at] for row in given] for at, name in enumerate(names)}


def codes(service: Service, site: SiteKit) -> list[str]:
    with service.database.read() as session:
        return [one.code for one in sites.reasons(sites.by_id(session, site.id))]


def test_reasons_are_saved_in_the_order_of_their_numbers(
    service: Service, site: SiteKit, admin: Desk
) -> None:
    page = admin.get(f"{PATH}/{site.id}/reasons").text
    assert "These are the defaults" in page
    assert "Against our rules" in page
    form = rows(
        ("3", "rude", "Rude", "Please say it kindly.", "r"),
        ("1", "spam", "Advert", "We take no adverts.", "A"),
        ("2", "", "", "", ""),
        ("2", "libel", "Libel", "It accuses somebody.", ""),
    )
    assert admin.post(f"{PATH}/{site.id}/reasons", form).status_code == 303
    assert codes(service, site) == ["spam", "libel", "rude"]
    page = admin.get(f"{PATH}/{site.id}/reasons").text
    assert "These are the defaults" not in page
    assert 'value="We take no adverts."' in page
    [(act, detail)] = acts(service)
    assert (act, detail["codes"]) == ("site.reasons_changed", ["spam", "libel", "rude"])
    admin.post(f"{PATH}/{site.id}/reasons", {**form, "act": "defaults"})
    assert codes(service, site) == [reason.code for reason in DEFAULT_REASONS]


def test_a_wrong_list_is_told_and_kept(service: Service, site: SiteKit, admin: Desk) -> None:
    before = service.snapshot()
    form = rows(("1", "rude", "Rude", "Kindly.", "r"), ("2", "rude", "Curt", "Longer.", "c"))
    page = admin.post(f"{PATH}/{site.id}/reasons", form)
    assert page.status_code == 422
    assert "the code &#39;rude&#39; is there twice" in page.text
    assert 'value="Longer."' in page.text
    assert service.snapshot() == before
    assert admin.post(f"{PATH}/{site.id}/reasons", {}).status_code == 422
