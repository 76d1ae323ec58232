"""Comments that cannot be taken: each refusal says why, and changes nothing."""

from __future__ import annotations

import io
import json
from typing import Any

import pytest
from checked_client import CheckedClient, Refusal
from factories import Service, SiteKit, Token, comment_json

COMMENTS = "/api/v1/comments"

# --- The body of a comment ---------------------------------------------------------------------

BODIES = {
    "empty": ("", "empty"),
    "white space": (" \n\t ", "empty"),
    "invisible": ("\u200b\u2060\u00ad\u3164", "invisible"),
    "301 characters": ("a" * 301, "301 characters; at most 300"),
    "301 clusters": ("👍🏽" * 301, "301 characters; at most 300"),
    "stacked marks": ("e" + "\u0301\u0300" * 5, "accents"),
    "control character": ("ring \x07 the bell", "U+0007"),
    "NUL": ("a\x00b", "U+0000"),
    "C1 control": ("a\x85b\x9fc", "U+0085"),
}


@pytest.mark.parametrize(("body", "said"), BODIES.values(), ids=BODIES.keys())
def test_a_body_that_breaks_a_rule(refused: Refusal, site: SiteKit, body: str, said: str) -> None:
    response = refused(
        "POST",
        COMMENTS,
        json=comment_json(body),
        headers=site.headers(),
        code="invalid_body",
        status=422,
    )
    assert said in response.json["detail"]
    assert response.json["errors"]["body"] == [response.json["detail"]]


@pytest.mark.parametrize("body", [None, 17, 1.5, True, [], ["text"], {"text": "a"}, "null"])
def test_a_body_of_the_wrong_type_or_missing(refused: Refusal, site: SiteKit, body: Any) -> None:
    told = comment_json() | {"body": None if body == "null" else body}
    if body is None:
        del told["body"]
    response = refused(
        "POST", COMMENTS, json=told, headers=site.headers(), code="invalid_input", status=422
    )
    assert list(response.json["errors"]) == ["body"]


def raw(told: dict[str, Any], field: str, escaped: str) -> bytes:
    """``told`` as JSON with ``escaped`` put, as it stands, in place of the text of ``field``."""
    return json.dumps(told).replace(json.dumps(field), escaped).encode()


@pytest.mark.parametrize("half", ['"\\ud800"', '"a\\udc00b"', '"\\udc00\\ud800"'])
def test_half_a_surrogate_pair_in_the_body(refused: Refusal, site: SiteKit, half: str) -> None:
    response = refused(
        "POST",
        COMMENTS,
        data=raw(comment_json("HERE"), "HERE", half),
        headers=site.headers(),
        content_type="application/json",
        code="invalid_body",
        status=422,
    )
    assert "half a character" in response.json["detail"]


@pytest.mark.parametrize("escaped", ['"x\\ud800"', '"x\\u0000"'])
@pytest.mark.parametrize(
    ("told", "field"),
    [
        (comment_json(article_id="HERE"), "article_id"),
        (comment_json(author={"name": "HERE"}), "author.name"),
        (comment_json(parent_id="HERE"), "parent_id"),
        (comment_json(article={"title": "HERE"}), "article.title"),
        (comment_json(article={"url": "HERE"}), "article.url"),
    ],
)
def test_text_no_database_can_hold_in_other_fields(
    refused: Refusal, site: SiteKit, told: dict[str, Any], field: str, escaped: str
) -> None:
    response = refused(
        "POST",
        COMMENTS,
        data=raw(told, "HERE", escaped),
        headers=site.headers(),
        content_type="application/json",
        code="invalid_input",
        status=422,
    )
    assert list(response.json["errors"]) == [field]


def test_an_unknown_key_with_half_a_surrogate_pair(
    refused: Refusal, site: SiteKit, client: CheckedClient, token: Token
) -> None:
    # On the article page unknown keys are passed over, whatever they are called.
    odd = json.dumps(comment_json())[:-1].encode() + b', "\\ud800": "\\udfff\\u0000"}'
    response = client.post(
        COMMENTS, data=odd, headers=site.headers(), content_type="application/json"
    )
    assert response.status_code == 202
    # At the staff's door they are refused, and named.
    refused(
        "POST",
        "/api/v1/decisions",
        data=b'{"decisions": [], "\\ud800": 1}',
        headers=token.headers,
        content_type="application/json",
        code="invalid_input",
        status=422,
    )


# --- JSON --------------------------------------------------------------------------------------

NO_JSON = {
    "text": b"hello",
    "cut off": b'{"article_id": "a", "body": "b',
    "single quotes": b"{'body': 'b'}",
    "trailing comma": b'{"body": "b",}',
    "NaN": b'{"article_id": "a", "body": NaN}',
    "Infinity": b'{"article_id": "a", "body": -Infinity}',
    "a control character in a string": b'{"body": "a\nb"}',
    "invalid UTF-8": b'{"article_id": "a", "body": "caf\xe9"}',
    "UTF-16": '{"body": "b"}'.encode("utf-16"),
    "surrogates in UTF-8": b'{"body": "\xed\xa0\x80"}',
    "nested 100,000 deep": b"[" * 100_000 + b"]" * 100_000,
    "objects nested 20,000 deep": b'{"a":' * 20_000 + b"1" + b"}" * 20_000,
    "a number of 5,000 digits": b'{"body": ' + b"9" * 5_000 + b"}",
    "two values": b"{} {}",
}


@pytest.mark.parametrize("data", NO_JSON.values(), ids=NO_JSON.keys())
def test_what_is_not_json(refused: Refusal, site: SiteKit, data: bytes) -> None:
    refused(
        "POST",
        COMMENTS,
        data=data,
        headers=site.headers(),
        content_type="application/json",
        code="malformed_request",
        status=400,
    )


@pytest.mark.parametrize("data", [b"[]", b'"text"', b"17", b"null", b"1e400", b"[[]]"])
def test_json_that_is_no_object(refused: Refusal, site: SiteKit, data: bytes) -> None:
    refused(
        "POST",
        COMMENTS,
        data=data,
        headers=site.headers(),
        content_type="application/json",
        code="invalid_input",
        status=422,
    )


@pytest.mark.parametrize(
    "content_type", [None, "text/plain", "application/x-www-form-urlencoded", "multipart/form-data"]
)
def test_another_content_type(refused: Refusal, site: SiteKit, content_type: str | None) -> None:
    refused(
        "POST",
        COMMENTS,
        data=json.dumps(comment_json()),
        headers=site.headers(),
        content_type=content_type,
        code="unsupported_media_type",
        status=415,
    )


def test_ten_megabytes(refused: Refusal, site: SiteKit) -> None:
    refused(
        "POST",
        COMMENTS,
        json=comment_json("a" * 10_000_000),
        headers=site.headers(),
        code="payload_too_large",
        status=413,
    )


def test_ten_megabytes_of_untold_length(refused: Refusal, site: SiteKit) -> None:
    """As with Transfer-Encoding: chunked, which a server passes on as a stream that just ends."""
    told = json.dumps(comment_json()).encode()
    for body in (b" " * 10_000_000, told + b" " * 10_000_000):
        refused(
            "POST",
            COMMENTS,
            input_stream=io.BytesIO(body),
            content_type="application/json",
            environ_overrides={"wsgi.input_terminated": True},
            headers=site.headers(Transfer_Encoding="chunked"),
            code="payload_too_large",
            status=413,
        )


def test_a_comment_of_untold_length(client: CheckedClient, site: SiteKit) -> None:
    response = client.post(
        COMMENTS,
        input_stream=io.BytesIO(json.dumps(comment_json()).encode()),
        content_type="application/json",
        environ_overrides={"wsgi.input_terminated": True},
        headers=site.headers(Transfer_Encoding="chunked"),
    )
    assert response.status_code == 202


def test_no_body_at_all(refused: Refusal, site: SiteKit) -> None:
    for content_type in ("application/json", None):
        refused(
            "POST",
            COMMENTS,
            headers=site.headers(),
            content_type=content_type,
            code="invalid_input",
            status=422,
        )


# --- Articles, parents, idempotency ------------------------------------------------------------


def test_an_unknown_article_where_the_site_makes_none(refused: Refusal, service: Service) -> None:
    site = service.make_site(creates_articles=False)
    refused(
        "POST",
        COMMENTS,
        json=comment_json(),
        headers=site.headers(),
        code="unknown_article",
        status=404,
    )


def test_a_closed_article(refused: Refusal, service: Service, site: SiteKit) -> None:
    service.make_article(site, "story-1", state="closed")
    refused(
        "POST",
        COMMENTS,
        json=comment_json(),
        headers=site.headers(),
        code="comments_closed",
        status=403,
    )


@pytest.mark.parametrize(
    "changes",
    [
        {"article_id": ""},
        {"article_id": "a" * 256},
        {"article_id": 17},
        {"author": {"name": ""}},
        {"author": {"name": "a" * 61}},
        {"author": {"name": "\u202eevil"}},
        {"author": {}},
        {"author": "Grace"},
        {"author": None},
        {"parent_id": ""},
        {"parent_id": "a" * 65},
        {"article": {"url": "javascript:alert(1)"}},
        {"article": {"url": "https://" + "a" * 2048 + ".example"}},
        {"article": {"title": "a" * 251}},
        {"article": []},
    ],
    ids=str,
)
def test_other_fields_out_of_bounds(
    refused: Refusal, site: SiteKit, changes: dict[str, Any]
) -> None:
    refused(
        "POST",
        COMMENTS,
        json=comment_json(**changes),
        headers=site.headers(),
        code="invalid_input",
        status=422,
    )


def test_a_reply_to_what_is_not_public_here(
    refused: Refusal, client: CheckedClient, site: SiteKit, foreign: SiteKit
) -> None:
    waiting = client.queued(site)["id"]
    elsewhere = client.approved(site, article_id="story-2")["id"]
    on_another_site = client.approved(foreign)["id"]
    for parent_id in (waiting, elsewhere, on_another_site, "0" * 32, "no id", "🙂"):
        refused(
            "POST",
            COMMENTS,
            json=comment_json(parent_id=parent_id),
            headers=site.headers(),
            code="invalid_parent",
            status=422,
        )


def test_an_idempotency_key_used_for_something_else(
    refused: Refusal, client: CheckedClient, site: SiteKit
) -> None:
    headers = site.headers(Idempotency_Key="key-1")
    assert client.post(COMMENTS, json=comment_json(), headers=headers).status_code == 202
    for other in (
        comment_json("Another text."),
        comment_json(article_id="story-2"),
        comment_json(author={"name": "Somebody else"}),
    ):
        refused(
            "POST", COMMENTS, json=other, headers=headers, code="idempotency_mismatch", status=422
        )


@pytest.mark.parametrize("key", ["", "a" * 256])
def test_an_idempotency_key_out_of_bounds(refused: Refusal, site: SiteKit, key: str) -> None:
    refused(
        "POST",
        COMMENTS,
        json=comment_json(),
        headers=site.headers(Idempotency_Key=key),
        code="invalid_input",
        status=422,
    )
