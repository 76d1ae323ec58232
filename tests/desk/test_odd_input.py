"""What nobody types: no page of the desk breaks under it, on either database."""

from __future__ import annotations

import re

import pytest
from desk_client import Desk
from factories import SiteKit
from flask import Flask

ODD = ("%00", "a%00b", "%ff", "9" * 30, "-1", "//%5B", "0001-01-01", "9999-12-31T23:59:59-14:00")


@pytest.mark.parametrize("odd", ODD)
def test_odd_addresses_are_no_failure_of_ours(
    admin: Desk, app: Flask, site: SiteKit, odd: str
) -> None:
    kept = {"site_id": site.id, "name": "strict", "serial": "1"}
    wrong = []
    for rule in app.url_map.iter_rules():
        if not rule.rule.startswith("/desk/") or "GET" not in rule.methods:
            continue
        for one in rule.arguments:
            path = re.sub(rf"<[^>]*\b{one}>", odd, rule.rule)
            path = re.sub(r"<(?:[^>]*:)?(\w+)>", lambda m: kept.get(m[1], "x"), path)
            if admin.get(path).status_code >= 500:
                wrong.append(path)
    assert wrong == []


@pytest.mark.parametrize(
    "path",
    [
        "/desk/sign-in?next=//[",
        "/desk/queue?posted_after=0001-01-01",
        "/desk/queue?posted_before=9999-12-31T23:59:59Z",
        "/desk/queue?site_id=%00&text=%00",
        "/desk/queue/news?since=0001-01-01T00:00:00%2B14:00",
        "/desk/insight?site=%00",
        "/desk/insight/decisions.csv?site=%00",
        "/desk/articles?text=%00",
        "/desk/authors?name=%00&cursor=x",
        "/desk/settings/audit?actor=%00",
    ],
)
def test_odd_questions_are_no_failure_of_ours(admin: Desk, path: str) -> None:
    assert admin.get(path).status_code < 500


def test_a_policy_without_a_file_that_was_changed_meanwhile_is_not_removed(admin: Desk) -> None:
    admin.post("/desk/settings/policies/strict/copy", {"new_name": "mine"})
    stale = {"to_file": "yes", "base": "0"}
    assert admin.post("/desk/settings/policies/mine/save", stale).status_code == 409
    assert admin.get("/desk/settings/policies/mine").status_code == 200
