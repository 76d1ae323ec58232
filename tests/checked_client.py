"""A test client for the HTTP interface that holds every answer to its promise."""

from __future__ import annotations

from functools import cache
from typing import Any

from factories import Service, SiteKit, Token, comment_json
from flask import Flask
from flask.testing import FlaskClient
from jsonschema import Draft202012Validator
from werkzeug.exceptions import HTTPException
from werkzeug.test import TestResponse

from moderation.web import create_app

ANYWHERE = {
    "malformed_request",
    "payload_too_large",
    "unsupported_media_type",
    "invalid_input",
    "unavailable",
}
"""Problem types that may come from any operation: the document's `default` response."""

PROBLEM_MEMBERS = {"type", "title", "status", "detail", "errors", "until", "request_id"}


class CheckedClient(FlaskClient):
    """A test client that checks each answer against the contract and the OpenAPI document."""

    service: Service

    def open(self, *args: Any, **kwargs: Any) -> TestResponse:
        may_fail = kwargs.pop("may_fail", False)
        response = super().open(*args, **kwargs)
        assert response.headers["X-Request-Id"]
        if not may_fail:
            assert response.status_code < 500, response.text
        if response.status_code >= 400 and response.mimetype != "application/json":
            check_problem(response)
        if response.request.method not in ("OPTIONS", "HEAD") and response.status_code != 304:
            check_documented(self.application, response)
        return response

    # --- The acts most tests need -----------------------------------------------------------

    def post_comment(self, site: SiteKit, body: object = "A fine article.", **told: Any) -> dict:
        """Post as a guest (or as ``jwt=``); the answer's JSON."""
        headers = site.headers()
        if reader := told.pop("jwt", None):
            headers["Authorization"] = f"Bearer {reader}"
            told.setdefault("author", None)
        response = self.post("/api/v1/comments", json=comment_json(body, **told), headers=headers)
        assert response.status_code == 202, response.text
        return response.json

    def queued(self, site: SiteKit, body: object = "A fine article.", **told: Any) -> dict:
        """Post and have it judged: what the author was told, and the comment's ``version``."""
        accepted = self.post_comment(site, body, **told)
        self.service.judge_all()
        return accepted | {"version": self.service.comment(accepted["id"]).version}

    def decide(self, token: Token, *orders: dict[str, Any]) -> list[dict[str, Any]]:
        response = self.post(
            "/api/v1/decisions", json={"decisions": list(orders)}, headers=token.headers
        )
        assert response.status_code == 200, response.text
        return response.json["results"]

    def approved(self, site: SiteKit, body: object = "A fine article.", **told: Any) -> dict:
        """Post a comment and have a moderator approve it."""
        comment = self.queued(site, body, **told)
        token = self.service.make_token()
        [result] = self.decide(
            token,
            {"comment_id": comment["id"], "action": "approve", "version": comment["version"]},
        )
        assert result["ok"], result
        return comment | {"version": result["version"], "decision_id": result["decision_id"]}

    def count(self, site: SiteKit, article_id: str = "story-1") -> int:
        response = self.get(
            "/api/v1/counts", query_string={"article_id": article_id}, headers=site.headers()
        )
        return response.json["counts"][article_id]


def check_problem(response: TestResponse) -> None:
    """An error is a problem of RFC 9457 with a sentence in it."""
    assert response.mimetype == "application/problem+json", (response.status, response.text)
    problem = response.json
    assert set(problem) <= PROBLEM_MEMBERS, problem
    assert problem["status"] == response.status_code
    assert problem["type"].startswith("/docs/problems#"), problem
    assert " " in problem["title"], problem
    assert " " in problem["detail"], problem
    assert problem["request_id"] == response.headers["X-Request-Id"]
    if response.status_code == 422:
        assert problem["errors"], problem
    for messages in problem.get("errors", {}).values():
        assert messages
        assert all(isinstance(message, str) and message for message in messages), problem


def check_documented(app: Flask, response: TestResponse) -> None:
    """What came back is what the OpenAPI document says comes back there."""
    request = response.request
    try:
        rule, _ = app.url_map.bind("").match(request.path, request.method, return_rule=True)
    except HTTPException:
        return
    path = _path_of(rule.rule)
    document = _document(app)
    if path not in document["paths"]:
        return
    described = document["paths"][path][request.method.lower()]["responses"]
    status = str(response.status_code)
    if response.mimetype == "application/problem+json":
        code = response.json["type"].rpartition("#")[2]
        told = described.get(status, {}).get("description", "")
        assert code in ANYWHERE or f"`{code}`" in told, f"{path} does not tell of {code}"
    else:
        assert status in described, f"{path} does not tell of {status}"
    validator = _validator(app, path, request.method.lower(), status, response.mimetype)
    if validator is not None:
        validator.validate(response.json)


@cache
def _path_of(rule: str) -> str:
    """``/comments/<id:comment_id>`` -> ``/comments/{comment_id}``"""
    parts = []
    for part in rule.split("/"):
        parts.append(f"{{{part.strip('<>').split(':')[-1]}}}" if part.startswith("<") else part)
    return "/".join(parts)


@cache
def _document(app: Flask) -> dict[str, Any]:
    return app.test_client(plain=True).get("/openapi.json").json


@cache
def _validator(
    app: Flask, path: str, method: str, status: str, mimetype: str
) -> Draft202012Validator | None:
    document = _document(app)
    described = document["paths"][path][method]["responses"]
    response = described.get(status, described["default"])
    if "$ref" in response:
        response = document["components"]["responses"][response["$ref"].rpartition("/")[2]]
    if "content" not in response:
        return None
    assert mimetype in response["content"], (path, method, status, mimetype)
    schema = response["content"][mimetype].get("schema")
    if not schema or not mimetype.endswith("json"):
        return None
    return Draft202012Validator({**schema, "components": document["components"]})


def app_over(service: Service) -> Flask:
    """The application over ``service``; its test client is a ``CheckedClient``."""
    app = create_app(service.wiring)

    def client(app: Flask, *args: Any, plain: bool = False, **kwargs: Any) -> FlaskClient:
        if plain:
            return FlaskClient(app, *args, **kwargs)
        checked = CheckedClient(app, *args, **kwargs)
        checked.service = service
        return checked

    app.test_client_class = client  # type: ignore[assignment]
    return app


class Refusal:
    """Sends what must be refused, and sees that nothing changed."""

    def __init__(self, client: CheckedClient, service: Service) -> None:
        self._client = client
        self._service = service

    def __call__(
        self, method: str, url: str, *, code: str, status: int, **request: Any
    ) -> TestResponse:
        before = self._service.snapshot()
        response = self._client.open(url, method=method, **request)
        problem = response.get_json(force=True, silent=True)
        assert problem, response.text
        assert (problem["type"], response.status_code) == (f"/docs/problems#{code}", status), (
            response.text
        )
        assert self._service.snapshot() == before
        return response
