"""Articles: finding them, what goes on under one, opening and closing, and its policy."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

from flask import Response, jsonify

from moderation.desk.door import back, blueprint, flash_note, page, staff_page, wants_json
from moderation.desk.forms import asked, given
from moderation.desk.text import say
from moderation.domain import reason as reasons
from moderation.domain.site import ArticleState
from moderation.domain.staff import Scope
from moderation.gate import principal
from moderation.services import articles, sites
from moderation.services.articles import MAX_COUNTED, ArticleSort
from moderation.wiring import wired


@blueprint.get("/articles")
@staff_page(Scope.QUEUE)
def list_articles() -> Response:
    """Articles by activity or age, searched and filtered."""
    wiring = wired()
    sort, state = asked("sort"), asked("state")
    wanted = {
        "sort": ArticleSort(sort) if sort in list(ArticleSort) else ArticleSort.ACTIVE,
        "text": asked("text"),
        "site_id": asked("site_id") or None,
        "state": ArticleState(state) if state in list(ArticleState) else None,
    }
    with wiring.database.read() as session:
        found = articles.find(
            session, wiring.keyring, principal(), cursor=asked("cursor") or None, **wanted
        )
        waiting = articles.waiting_counts(session, found.items)
        seen = [site for site in sites.list_sites(session) if principal().sees(site.id)]
    more = {**wanted, "cursor": found.next_cursor}
    return page(
        "desk/articles/list.html",
        found=found,
        waiting=waiting,
        most=MAX_COUNTED,
        sites={site.id: site.name for site in seen},
        wanted=wanted,
        sorts=list(ArticleSort),
        states=list(ArticleState),
        more=urlencode({name: value for name, value in more.items() if value}),
    )


@blueprint.get("/articles/<id:article_id>")
@staff_page(Scope.QUEUE)
def show_article(article_id: str) -> Response:
    """What goes on under an article."""
    wiring = wired()
    with wiring.database.read() as session:
        view = articles.look(session, principal(), article_id)
    return page(
        "desk/articles/article.html",
        view=view,
        article=view.article,
        policies=sorted(wiring.policies),
        queue=urlencode({"site_id": view.site.id, "article_id": view.article.external_id}),
        reason_name=lambda code: getattr(reasons.find(view.site.reasons, code), "name", code),
    )


@blueprint.post("/articles/<id:article_id>/state")
@staff_page(Scope.DECISIONS)
def change_state(article_id: str) -> Response:
    """Open or close it for comments."""
    state = given("state")
    key = "articles.opened" if state == ArticleState.OPEN else "articles.closed"
    return _change(article_id, key, state=state)


@blueprint.post("/articles/<id:article_id>/policy")
@staff_page(Scope.SITES)
def change_policy(article_id: str) -> Response:
    """Give it a policy of its own, or its site's again."""
    return _change(article_id, "articles.policy_changed", policy=given("policy") or None)


def _change(article_id: str, key: str, **changes: Any) -> Response:
    wiring = wired()
    with wiring.database.write() as session:
        articles.change(
            session, principal(), article_id, wiring.policies, now=wiring.clock(), **changes
        )
    if wants_json():
        return jsonify({"message": say(key)})
    flash_note(key)
    return back(f"/desk/articles/{article_id}")
