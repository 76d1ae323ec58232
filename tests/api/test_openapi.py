"""The OpenAPI document: valid, complete, and true to what the service does."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from factories import Service
from flask import Flask
from openapi_spec_validator import OpenAPIV31SpecValidator

from moderation.errors import problem_types

METHODS = {"get", "post", "put", "patch", "delete"}


@pytest.fixture
def document(app: Flask) -> dict[str, Any]:
    response = app.test_client().get("/openapi.json")
    assert response.mimetype == "application/json"
    return response.json


def operations(document: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    for path, described in document["paths"].items():
        for method, operation in described.items():
            if method in METHODS:
                yield f"{method.upper()} {path}", operation


def test_it_is_valid_openapi_3_1(document: dict[str, Any]) -> None:
    assert document["openapi"].startswith("3.1.")
    errors = list(OpenAPIV31SpecValidator(document).iter_errors())
    assert not errors, errors


def test_it_has_every_route_of_the_api(app: Flask, document: dict[str, Any]) -> None:
    documented = {name for name, _ in operations(document)}
    routes = set()
    for rule in app.url_map.iter_rules():
        path = rule.rule
        for argument in rule.arguments:
            converter = rule._converters[argument]
            name = next(n for n, c in app.url_map.converters.items() if type(converter) is c)
            path = path.replace(f"<{name}:{argument}>", f"{{{argument}}}")
        if path.startswith("/api/") or path in ("/healthz", "/readyz", "/metrics"):
            routes |= {f"{m} {path}" for m in rule.methods & {m.upper() for m in METHODS}}
    assert routes
    assert routes == {name for name in documented if not name.startswith("GET /compat")}


def test_every_operation_explains_itself(document: dict[str, Any]) -> None:
    for name, operation in operations(document):
        assert len(operation["summary"]) > 10, name
        assert operation["summary"].endswith("."), name
        assert operation["tags"], name
        for parameter in operation.get("parameters", ()):
            assert parameter["schema"], (name, parameter)


def test_every_operation_tells_how_it_fails(document: dict[str, Any]) -> None:
    codes = {kind.code for kind in problem_types()}
    for name, operation in operations(document):
        for status, response in operation["responses"].items():
            if status in ("default", "422") or int(status) >= 400:
                if name == "GET /readyz" and status == "503":
                    continue
                if "$ref" in response:
                    response = document["components"]["responses"][
                        response["$ref"].rpartition("/")[2]
                    ]
                schema = response["content"]["application/problem+json"]["schema"]
                assert schema == {"$ref": "#/components/schemas/Problem"}, (name, status)
                named = response["description"].split("`")[1::2]
                assert set(named) <= codes, (name, named)
        assert "default" in operation["responses"], name


def test_every_answer_with_content_has_a_schema(document: dict[str, Any]) -> None:
    for name, operation in operations(document):
        for status, response in operation["responses"].items():
            if status == "204":
                assert "content" not in response, name
            elif "$ref" not in response and name != "GET /metrics":
                assert all(c["schema"] for c in response["content"].values()), (name, status)


def test_every_operation_says_what_opens_it(document: dict[str, Any]) -> None:
    known = set(document["components"]["securitySchemes"])
    for name, operation in operations(document):
        if "/api/" not in name:
            continue
        assert "security" in operation, name
        for alternative in operation["security"]:
            assert set(alternative) <= known, name


def test_it_is_readable_without_a_network(app: Flask, service: Service) -> None:
    page = app.test_client().get("/docs")
    assert page.status_code == 200
    assert "://" not in page.text.replace("http://localhost", "").replace("://www.w3.org", "")
