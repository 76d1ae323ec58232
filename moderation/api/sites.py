"""The publisher's door: what a CMS needs to steer its sites and articles."""

from __future__ import annotations

from typing import Any

from moderation.api.parsing import Blueprint
from moderation.domain.reason import Reason
from moderation.domain.site import Article, Site
from moderation.domain.staff import Scope
from moderation.errors import (
    Invalid,
    UnknownArticle,
    UnknownSite,
)
from moderation.gate import needs, principal
from moderation.schemas.fields import MAX_ARTICLE_ID_CHARS
from moderation.schemas.site import (
    ArticleChange,
    ArticleSchema,
    SiteChange,
    SiteListSchema,
    SiteSchema,
)
from moderation.services import sites
from moderation.wiring import wired

blueprint = Blueprint(
    "Sites",
    __name__,
    url_prefix="/api/v1/sites",
    description="Sites and articles, with a token of the scope `sites`.",
)


@blueprint.route("", methods=["GET"])
@needs(Scope.SITES)
@blueprint.response(200, SiteListSchema)
def list_sites() -> dict[str, Any]:
    """List the sites this token sees."""
    with wired().database.read() as session:
        seen = [site for site in sites.list_sites(session) if principal().sees(site.id)]
    return {"items": seen, "next_cursor": None}


@blueprint.route("/<id:site_id>", methods=["GET"])
@needs(Scope.SITES)
@blueprint.problems(UnknownSite)
@blueprint.response(200, SiteSchema)
def get_site(site_id: str) -> Site:
    """Show one site."""
    with wired().database.read() as session:
        return _site(session, site_id)


@blueprint.route("/<id:site_id>", methods=["PATCH"])
@needs(Scope.SITES)
@blueprint.problems(UnknownSite, Invalid)
@blueprint.arguments(SiteChange)
@blueprint.response(200, SiteSchema)
def change_site(changes: dict[str, Any], site_id: str) -> Site:
    """Change what is named; the rest stays."""
    wiring, policies = wired(), wired().policies
    if changes.get("reasons") is not None:
        changes["reasons"] = [Reason(**given) for given in changes["reasons"]]
    with wiring.database.write() as session:
        site = _site(session, site_id)
        sites.change_site(site, policies, **changes)
    return site


@blueprint.route("/<id:site_id>/articles/<article_id:article_id>", methods=["GET"])
@needs(Scope.SITES)
@blueprint.problems(UnknownSite, UnknownArticle)
@blueprint.response(200, ArticleSchema)
def get_article(site_id: str, article_id: str) -> dict[str, Any]:
    """Show one article."""
    with wired().database.read() as session:
        article = sites.find_article(session, _site(session, site_id), _checked(article_id))
    if article is None:
        raise UnknownArticle(f"This site has no article {article_id!r}")
    return _article(article)


@blueprint.route("/<id:site_id>/articles/<article_id:article_id>", methods=["PATCH"])
@needs(Scope.SITES)
@blueprint.problems(UnknownSite, Invalid)
@blueprint.arguments(ArticleChange)
@blueprint.response(200, ArticleSchema)
def change_article(changes: dict[str, Any], site_id: str, article_id: str) -> dict[str, Any]:
    """Open or close an article, give it a policy of its own, or make it known in advance."""
    wiring, policies = wired(), wired().policies
    with wiring.database.write() as session:
        article = sites.put_article(
            session,
            _site(session, site_id),
            _checked(article_id),
            policies,
            now=wiring.clock(),
            **changes,
        )
    return _article(article)


def _site(session: Any, site_id: str) -> Site:
    site = sites.by_id(session, site_id)
    if not principal().sees(site.id):
        raise UnknownSite
    return site


def _checked(article_id: str) -> str:
    if len(article_id) > MAX_ARTICLE_ID_CHARS or "\x00" in article_id:
        raise Invalid(errors={"article_id": [f"At most {MAX_ARTICLE_ID_CHARS} characters."]})
    return article_id


def _article(article: Article) -> dict[str, Any]:
    return {
        "id": article.external_id,
        "site_id": article.site_id,
        "url": article.url,
        "title": article.title,
        "state": article.state,
        "policy": article.policy,
        "count": article.approved_count,
    }
