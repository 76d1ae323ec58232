"""Rate limits: per author, per address and on signing in, with the wait in ``Retry-After``."""

from __future__ import annotations

from typing import Any

import pytest
from checked_client import CheckedClient
from factories import PASSWORD, SiteKit, comment_json
from werkzeug.test import TestResponse

COMMENTS = "/api/v1/comments"
HOUR_S = 3600


def post(client: CheckedClient, site: SiteKit, *, at: str = "192.0.2.1", **told: Any):
    headers = site.headers()
    if key := told.pop("key", None):
        headers["Idempotency-Key"] = key
    if reader := told.pop("jwt", None):
        headers["Authorization"] = f"Bearer {reader}"
    return client.post(
        COMMENTS,
        json=comment_json(**told),
        headers=headers,
        environ_overrides={"REMOTE_ADDR": at},
    )


def is_limited(response: TestResponse) -> None:
    assert response.status_code == 429
    assert response.json["type"] == "/docs/problems#rate_limited"
    assert 0 < int(response.headers["Retry-After"]) <= HOUR_S
    assert f"in {response.headers['Retry-After']} seconds" in response.json["detail"]


@pytest.fixture
def limited(custom: Any) -> CheckedClient:
    return custom(
        rate_limits="on",
        rate_limit_author="2/hour",
        rate_limit_address="4/hour",
        rate_limit_sign_in="3/hour",
    )


def test_an_author_posts_no_more_than_the_limit(limited: CheckedClient) -> None:
    site = limited.service.make_site()
    assert [post(limited, site).status_code for _ in range(2)] == [202, 202]
    before = limited.service.snapshot()
    is_limited(post(limited, site))
    assert limited.service.snapshot() == before
    # Somebody else, elsewhere, and the same person on another site are not meant.
    assert post(limited, site, author={"name": "Hopper"}).status_code == 202
    assert post(limited, limited.service.make_site()).status_code == 202


def test_a_reader_is_the_same_from_every_address(limited: CheckedClient) -> None:
    site = limited.service.make_site()
    reader = site.jwt()
    for at in ("192.0.2.1", "192.0.2.2"):
        assert post(limited, site, jwt=reader, at=at).status_code == 202
    is_limited(post(limited, site, jwt=reader, at="192.0.2.3"))


def test_an_address_posts_no_more_than_the_limit(limited: CheckedClient) -> None:
    site = limited.service.make_site()
    for number in range(4):
        assert post(limited, site, author={"name": f"Guest {number}"}).status_code == 202
    is_limited(post(limited, site, author={"name": "Guest 5"}))
    assert post(limited, site, author={"name": "Guest 5"}, at="192.0.2.9").status_code == 202


def test_edits_count_for_the_address(limited: CheckedClient) -> None:
    site = limited.service.make_site()
    comment = post(limited, site).json
    edit = {
        "headers": site.headers(X_Receipt=comment["receipt"]),
        "environ_overrides": {"REMOTE_ADDR": "192.0.2.1"},
    }
    for number in range(3):
        edited = limited.patch(f"{COMMENTS}/{comment['id']}", json={"body": f"{number}"}, **edit)
        assert edited.status_code == 200
    before = limited.service.snapshot()
    is_limited(limited.patch(f"{COMMENTS}/{comment['id']}", json={"body": "again"}, **edit))
    assert limited.service.snapshot() == before


def test_a_repetition_over_another_network_is_the_same_request(limited: CheckedClient) -> None:
    site = limited.service.make_site()
    first = post(limited, site, key="k", at="192.0.2.1")
    again = post(limited, site, key="k", at="198.51.100.7")
    assert (again.status_code, again.json) == (202, first.json)


def test_repetitions_and_refusals_are_not_counted(limited: CheckedClient) -> None:
    site = limited.service.make_site()
    for _ in range(6):
        assert post(limited, site, key="key-1").status_code == 202
        assert post(limited, site, body="a" * 301).status_code == 422
    assert post(limited, site, key="key-2").status_code == 202
    is_limited(post(limited, site, key="key-3"))
    assert post(limited, site, key="key-1").status_code == 202


def test_an_authors_limit_does_not_use_up_the_addresss(limited: CheckedClient) -> None:
    """Who is refused as an author posts nothing; their neighbours at that address still may."""
    site = limited.service.make_site()
    for _ in range(6):
        post(limited, site)
    assert post(limited, site, author={"name": "Neighbour"}).status_code == 202


def test_reading_is_not_limited(limited: CheckedClient) -> None:
    site = limited.service.make_site()
    for _ in range(8):
        answer = limited.get(f"{COMMENTS}?article_id=a", headers=site.headers())
        assert answer.status_code == 200


def test_signing_in_is_limited_per_address(limited: CheckedClient) -> None:
    staff = limited.service.make_staff()

    def sign_in(password: str, at: str = "192.0.2.1") -> TestResponse:
        return limited.post(
            "/api/v1/tokens",
            json={"email": staff.email, "password": password},
            environ_overrides={"REMOTE_ADDR": at},
        )

    assert [sign_in("wrong password").status_code for _ in range(3)] == [401] * 3
    before = limited.service.snapshot()
    is_limited(sign_in(PASSWORD))
    assert limited.service.snapshot() == before
    assert sign_in(PASSWORD, at="192.0.2.2").status_code == 201


def test_limits_can_be_turned_off(custom: Any) -> None:
    client = custom(rate_limits="off", rate_limit_author="1/hour", rate_limit_address="1/hour")
    site = client.service.make_site()
    assert {post(client, site).status_code for _ in range(4)} == {202}


def test_behind_a_proxy_the_readers_address_counts(custom: Any) -> None:
    client = custom(rate_limits="on", rate_limit_address="1/hour", trusted_proxies=1)
    site = client.service.make_site()

    def via_proxy(forwarded: str) -> int:
        headers = site.headers(X_Forwarded_For=forwarded)
        return client.post(COMMENTS, json=comment_json(), headers=headers).status_code

    assert via_proxy("198.51.100.1") == 202
    assert via_proxy("198.51.100.2") == 202
    # What a reader writes into the header themselves stands before what the proxy adds.
    assert via_proxy("203.0.113.9, 198.51.100.1") == 429
