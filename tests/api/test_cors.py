"""Cross-origin requests (Fetch, CORS): a site's own pages get answers, others do not."""

from __future__ import annotations

import pytest
from checked_client import CheckedClient
from factories import ORIGIN, Service, SiteKit, comment_json

COMMENTS = "/api/v1/comments"
ALLOW_ORIGIN = "Access-Control-Allow-Origin"


def preflight(client: CheckedClient, url: str, origin: str, method: str = "POST"):
    return client.options(
        url,
        headers={
            "Origin": origin,
            "Access-Control-Request-Method": method,
            "Access-Control-Request-Headers": "content-type,x-site-key",
        },
    )


@pytest.mark.parametrize(
    ("url", "methods"),
    [
        (COMMENTS, {"GET", "POST"}),
        ("/api/v1/counts", {"GET"}),
        (f"{COMMENTS}/{'0' * 32}", {"GET", "PATCH", "DELETE"}),
    ],
)
def test_a_preflight_of_a_sites_page(
    client: CheckedClient, site: SiteKit, url: str, methods: set[str]
) -> None:
    response = preflight(client, url, ORIGIN)
    headers = response.headers
    assert response.status_code in (200, 204)
    assert headers[ALLOW_ORIGIN] == ORIGIN
    assert methods <= {m.strip() for m in headers["Access-Control-Allow-Methods"].split(",")}
    allowed = {name.strip().lower() for name in headers["Access-Control-Allow-Headers"].split(",")}
    assert {
        "authorization",
        "content-type",
        "idempotency-key",
        "x-receipt",
        "x-site-key",
    } <= allowed
    assert int(headers["Access-Control-Max-Age"]) > 0
    assert "Origin" in response.vary


@pytest.mark.parametrize("origin", ["https://evil.example", "null", "https://news.example:8443"])
def test_a_preflight_of_any_other_page(client: CheckedClient, site: SiteKit, origin: str) -> None:
    response = preflight(client, COMMENTS, origin)
    assert ALLOW_ORIGIN not in response.headers
    assert "Access-Control-Allow-Methods" not in response.headers


def test_an_answer_that_a_sites_page_may_read(client: CheckedClient, site: SiteKit) -> None:
    posted = client.post(COMMENTS, json=comment_json(), headers=site.headers(Origin=ORIGIN))
    listed = client.get(f"{COMMENTS}?article_id=a", headers=site.headers(Origin=ORIGIN))
    for response in (posted, listed):
        assert response.status_code in (200, 202)
        assert response.headers[ALLOW_ORIGIN] == ORIGIN
        assert "Access-Control-Allow-Credentials" not in response.headers
        exposed = response.headers["Access-Control-Expose-Headers"].lower()
        assert {"etag", "location", "retry-after", "x-request-id"} <= set(exposed.split(", "))
        assert "Origin" in response.vary


def test_an_answer_that_the_page_has_already(client: CheckedClient, site: SiteKit) -> None:
    url, headers = "/api/v1/counts?article_id=a", site.headers(Origin=ORIGIN)
    etag = client.get(url, headers=headers).headers["ETag"]
    unchanged = client.get(url, headers=headers | {"If-None-Match": etag})
    assert (unchanged.status_code, unchanged.headers[ALLOW_ORIGIN]) == (304, ORIGIN)


def test_errors_that_a_sites_page_may_read(client: CheckedClient, site: SiteKit) -> None:
    headers = site.headers(Origin=ORIGIN)
    for response, status in (
        (client.post(COMMENTS, json=comment_json("a" * 301), headers=headers), 422),
        (client.post(COMMENTS, data="no JSON", headers=headers), 415),
        (client.post(COMMENTS, json=comment_json("a" * 1_000_000), headers=headers), 413),
        (client.get(f"{COMMENTS}/{'0' * 32}", headers=headers), 404),
        # Even that its key is wrong, or the page's own script could not say so.
        (client.get(f"{COMMENTS}?article_id=a", headers={"Origin": ORIGIN}), 401),
    ):
        assert response.status_code == status
        assert response.headers[ALLOW_ORIGIN] == ORIGIN


def test_a_page_of_another_site_of_the_installation(
    client: CheckedClient, service: Service, site: SiteKit
) -> None:
    service.make_site(origins=["https://sports.example"])
    response = client.get(
        f"{COMMENTS}?article_id=a", headers=site.headers(Origin="https://sports.example")
    )
    assert response.status_code == 403
    assert response.json["type"] == "/docs/problems#origin_not_allowed"
    assert ALLOW_ORIGIN not in response.headers


def test_no_page_reads_the_staffs_answers(client: CheckedClient, site: SiteKit, token) -> None:
    response = client.get("/api/v1/queue", headers=token.headers | {"Origin": ORIGIN})
    assert response.status_code == 200
    assert ALLOW_ORIGIN not in response.headers
    assert ALLOW_ORIGIN not in preflight(client, "/api/v1/queue", ORIGIN, "GET").headers


def test_a_page_of_the_service_itself(client: CheckedClient, site: SiteKit) -> None:
    response = client.get(
        f"{COMMENTS}?article_id=a", headers=site.headers(Origin="http://localhost")
    )
    assert (response.status_code, response.headers[ALLOW_ORIGIN]) == (200, "http://localhost")
