"""Nothing a client sends gives a 5xx: every operation of the OpenAPI document, with anything in it.

What is sent follows the document in its outline, so that it gets past the door, and anything at
all stands in the places. ``CheckedClient`` looks at each answer.
"""

from __future__ import annotations

import json
from functools import cache
from typing import Any
from urllib.parse import quote

import pytest
from checked_client import CheckedClient
from factories import PASSWORD, Service, SiteKit
from flask import Flask
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from moderation.domain.decision import Decision
from moderation.domain.staff import Role, Scope

Known = dict[str, list[str]]
"""Name of a field -> values with which there is something to be found."""

OPERATIONS = [
    ("POST", "/api/v1/comments"),
    ("GET", "/api/v1/comments"),
    ("GET", "/api/v1/counts"),
    ("GET", "/api/v1/comments/{comment_id}"),
    ("PATCH", "/api/v1/comments/{comment_id}"),
    ("DELETE", "/api/v1/comments/{comment_id}"),
    ("GET", "/api/v1/queue"),
    ("POST", "/api/v1/queue/claims"),
    ("DELETE", "/api/v1/queue/claims/{comment_id}"),
    ("POST", "/api/v1/decisions"),
    ("POST", "/api/v1/decisions/{decision_id}/undo"),
    ("POST", "/api/v1/decisions/batches/{batch_id}/undo"),
    ("GET", "/api/v1/comments/{comment_id}/history"),
    ("POST", "/api/v1/comments/{comment_id}/notes"),
    ("POST", "/api/v1/comments/{comment_id}/reports"),
    ("GET", "/api/v1/queue/counts"),
    ("GET", "/api/v1/authors/{author_id}"),
    ("POST", "/api/v1/authors/{author_id}/sanctions"),
    ("DELETE", "/api/v1/authors/{author_id}/sanctions/{sanction_id}"),
    ("GET", "/api/v1/sites"),
    ("GET", "/api/v1/sites/{site_id}"),
    ("PATCH", "/api/v1/sites/{site_id}"),
    ("GET", "/api/v1/sites/{site_id}/articles/{article_id}"),
    ("PATCH", "/api/v1/sites/{site_id}/articles/{article_id}"),
    ("POST", "/api/v1/tokens"),
    ("DELETE", "/api/v1/tokens/current"),
]

NASTY = [
    "", " ", "\x00", "a\x00b", "\ud800", "\udfff\ud800", "\u200b", "\u202e", "\r\n", "null", "NaN",
    "-1", "0", "1e999", "9" * 400, "true", "none", "👍🏽" * 301, "e\u0301" * 300, "z\u0301" * 9,
    "a" * 301, "a" * 70_000, "' OR 1=1 --", "../..", "%", "{}", "[]", "\ufeff", "\U0010ffff",
    "2026-11-24T08:00:00Z", "https://news.example", "http://[", "priority", "approve", "open",
]  # fmt: skip

any_text = st.text(st.characters(exclude_categories=()), max_size=12)
texts = st.one_of(st.sampled_from(NASTY), any_text)
leaves = st.one_of(
    st.none(), st.booleans(), st.integers(), st.integers(-3, 103), st.floats(), texts
)
values = st.recursive(
    leaves,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=6,
)


@st.composite
def mostly(draw: st.DrawFn, fitting: st.SearchStrategy[Any]) -> Any:
    """What fits, more often than not: or nothing would ever get past the first field."""
    return draw(values if draw(st.sampled_from([False] * 9 + [True])) else fitting)


@pytest.fixture(scope="module")
def furnished(shared_service: tuple[Service, Flask]) -> tuple[CheckedClient, SiteKit, Known]:
    """An installation with something in it, and the ids by which it is reached."""
    service, app = shared_service
    service.wipe()
    client, site = app.test_client(), service.make_site()
    comment = client.approved(site)
    waiting = client.queued(site, "Waits.")
    service.make_staff("ada@news.example", Role.ADMIN)
    with service.database.read() as session:
        batch_id = session.get_one(Decision, comment["decision_id"]).batch_id
    known = {
        "comment_id": [comment["id"], waiting["id"]],
        "parent_id": [comment["id"]],
        "X-Receipt": [comment["receipt"], waiting["receipt"]],
        "decision_id": [comment["decision_id"]],
        "batch_id": [batch_id],
        "author_id": [service.comment(waiting["id"]).author_id],
        "site_id": [site.id],
        "article_id": ["story-1"],
        "email": ["ada@news.example"],
        "password": [PASSWORD],
        "url": ["https://news.example/1"],
        "origins": ["https://news.example"],
        "policy": ["open", "strict"],
        "cursor": ["AAAA"],
    }
    return client, site, known


def strategy_for(
    name: str, schema: dict[str, Any], components: dict[str, Any], known: Known
) -> st.SearchStrategy[Any]:
    """Values for ``name`` in the outline of ``schema``; anything may stand in each place."""
    if "$ref" in schema:
        schema = components["schemas"][schema["$ref"].rpartition("/")[2]]
    kinds = schema.get("type", "string")
    kind = kinds if isinstance(kinds, str) else kinds[0]
    if kind == "object" and "properties" in schema:
        required = set(schema.get("required", ()))
        parts = {
            field: strategy_for(field, part, components, known)
            for field, part in schema["properties"].items()
        }
        fitting = st.fixed_dictionaries(
            {field: part for field, part in parts.items() if field in required},
            optional={field: part for field, part in parts.items() if field not in required},
        )
    elif kind == "array":
        fitting = st.lists(
            strategy_for(name, schema["items"], components, known), min_size=1, max_size=3
        )
    elif "enum" in schema:
        fitting = st.sampled_from(schema["enum"])
    elif kind in ("integer", "number"):
        fitting = st.integers(1, 3) if kind == "integer" else st.floats(0, 1)
    elif kind == "boolean":
        fitting = st.booleans()
    else:
        fitting = st.sampled_from(known.get(name, ["Some text."]))
    # More often fitting than not, or nothing would ever get past the first field.
    return mostly(fitting)


def in_address(value: object) -> str:
    return quote(str(value).encode("utf-8", "surrogatepass"), safe="")


def in_header(value: object) -> str:
    """As a server hands it over: bytes as Latin-1, without line ends."""
    text = str(value).encode("utf-8", "surrogatepass").decode("latin-1")
    return text.replace("\r", "").replace("\n", "")


@cache
def document_of(app: Flask) -> dict[str, Any]:
    return app.test_client().get("/openapi.json").json


def is_staffs(app: Flask, method: str, path: str) -> bool:
    security = document_of(app)["paths"][path][method.lower()].get("security", [])
    return {"token": []} in security


def requests_for(app: Flask, method: str, path: str, known: Known) -> st.SearchStrategy[dict]:
    document = document_of(app)
    described = document["paths"][path]
    operation = described[method.lower()]
    places: dict[str, dict[str, Any]] = {"path": {}, "query": {}, "header": {}}
    for parameter in [*described.get("parameters", ()), *operation.get("parameters", ())]:
        places[parameter["in"]][parameter["name"]] = strategy_for(
            parameter["name"], parameter["schema"], document["components"], known
        )
    bodies: st.SearchStrategy[Any] = st.none()
    if "requestBody" in operation:
        schema = operation["requestBody"]["content"]["application/json"]["schema"]
        fitting = strategy_for("", schema, document["components"], known).map(
            lambda value: json.dumps(value).encode()
        )
        bodies = st.one_of(fitting, fitting, fitting, fitting, st.binary(max_size=40))
    return st.fixed_dictionaries(
        {
            "path": st.fixed_dictionaries(places["path"]),
            "query": st.fixed_dictionaries({}, optional=places["query"]),
            "header": st.fixed_dictionaries({}, optional=places["header"]),
            "body": bodies,
            "content_type": st.sampled_from(["application/json"] * 9 + ["text/plain"]),
        }
    )


@pytest.mark.parametrize(("method", "path"), OPERATIONS, ids=lambda part: part)
def test_nothing_gives_a_server_error(
    furnished: tuple[CheckedClient, SiteKit, Known], method: str, path: str
) -> None:
    client, site, known = furnished
    app, service = client.application, client.service
    token = service.make_token(*Scope)

    @settings(
        max_examples=20,
        deadline=None,
        derandomize=True,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(requests_for(app, method, path, known))
    def send(sent: dict[str, Any]) -> None:
        url = path
        for name, value in sent["path"].items():
            url = url.replace(f"{{{name}}}", in_address(value))
        query = [
            f"{in_address(name)}={in_address(one)}"
            for name, value in sent["query"].items()
            for one in (value if isinstance(value, list) else [value])
        ]
        headers = site.headers()
        if is_staffs(app, method, path):
            headers |= token.headers
        headers |= {name: in_header(value) for name, value in sent["header"].items()}
        client.open(
            f"{url}?{'&'.join(query)}",
            method=method,
            headers=headers,
            data=sent["body"],
            content_type=sent["content_type"] if sent["body"] is not None else None,
        )

    send()
    assert service.drift() == []


def test_every_documented_operation_is_tried(app: Flask) -> None:
    documented = {
        (method.upper(), path)
        for path, operations in document_of(app)["paths"].items()
        for method in operations
        if method in ("get", "post", "put", "patch", "delete") and path.startswith("/api/")
    }
    assert documented == set(OPERATIONS)
