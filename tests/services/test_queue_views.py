"""The views of the desk under any filter, page by page, against a plain reading of the rule."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from factories import Service
from stock import Stock, mixed

from moderation.domain.comment import QueueSort, Status
from moderation.domain.decision import Action
from moderation.domain.staff import Principal, Scope
from moderation.errors import InvalidCursor, UnknownComment
from moderation.schemas import queue_filter
from moderation.services import queue, review
from moderation.services.queue import QueueFilter, QueuePage, View, paging
from moderation.services.review import Order

BOTH = frozenset({Scope.QUEUE, Scope.DECISIONS})
MAXINE = Principal("staff:m", "Maxine", BOTH)
COLIN = Principal("staff:c", "Colin", BOTH)
ADMIN = Principal("staff:a", "Agnes", frozenset(Scope))
NOT_SAFE = {"link", "suspect_word"}


@pytest.fixture
def stock(service: Service) -> Stock:
    return Stock(service, [service.make_site() for _ in range(3)])


@pytest.fixture
def small_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    """So that a test needs no thousands of rows to go through many steps and run out of budget."""
    monkeypatch.setattr(paging, "STEP_ROWS", 20)
    monkeypatch.setattr(paging, "BUDGET_ROWS", 50)


def page(service: Service, by: Principal, wanted: QueueFilter, **told: Any) -> QueuePage:
    with service.database.read() as session:
        return queue.page(session, service.wiring.keyring, by, wanted, now=service.clock(), **told)


def listed(service: Service, by: Principal, wanted: QueueFilter, **told: Any) -> list[str]:
    """Ids on all pages, one after the other."""
    told.setdefault("limit", 7)
    ids: list[str] = []
    cursor = None
    while True:
        found = page(service, by, wanted, cursor=cursor, **told)
        assert len(found.items) <= told["limit"]
        ids += [item.comment.id for item in found.items]
        if (cursor := found.next_cursor) is None:
            return ids


# --- What a filter means, once more and as simply as can be ------------------------------------

IN_VIEW: dict[View, Callable[[dict[str, Any]], bool]] = {
    View.WAITING: lambda c: c["status"] is Status.QUEUED and c["escalated_at"] is None,
    View.NOT_SCORED: lambda c: (
        c["status"] is Status.QUEUED and c["escalated_at"] is None and c["scores"] is None
    ),
    View.ESCALATED: lambda c: c["status"] is Status.QUEUED and c["escalated_at"] is not None,
    View.REPORTED: lambda c: c["status"] is Status.APPROVED and c["report_count"] >= 2,
    View.APPROVED: lambda c: c["status"] is Status.APPROVED,
    View.REJECTED: lambda c: c["status"] is Status.REJECTED,
}


def is_meant(stock: Stock, by: Principal, wanted: QueueFilter, comment: dict[str, Any]) -> bool:
    site_id = stock.sites[comment["site"]].id
    scores, reasons = comment["scores"], set(comment["reasons"])
    asked = [
        IN_VIEW[wanted.view](comment),
        by.sees(site_id),
        wanted.site_id in (None, site_id),
        wanted.article_id in (None, f"story-{comment['article']}"),
        wanted.author_id in (None, stock.authors[site_id][comment["author"]]),
        all(scores is not None and scores >= least for least in wanted.min_scores.values()),
        all(scores is not None and scores <= most for most in wanted.max_scores.values()),
        wanted.not_scored in (None, scores is None),
        wanted.posted_after is None or comment["posted"] >= wanted.posted_after,
        wanted.posted_before is None or comment["posted"] < wanted.posted_before,
        wanted.text is None or wanted.text.casefold() in comment["body"].casefold(),
        wanted.safe_below is None
        or (
            scores is not None
            and scores < wanted.safe_below
            and comment["unsupported"] is None
            and comment["report_count"] == 0
            and not reasons & NOT_SAFE
        ),
    ]
    return all(asked)


def place(wanted: QueueFilter, comment: dict[str, Any]) -> tuple[Any, str]:
    key = comment["posted"]
    if wanted.sort is QueueSort.PRIORITY:
        if wanted.view is View.REPORTED:
            key = comment["report_count"]
        elif wanted.view not in (View.APPROVED, View.REJECTED):
            key = comment["rank_ms"]
    return key, comment["id"]


def is_descending(wanted: QueueFilter) -> bool:
    if wanted.sort is QueueSort.PRIORITY:
        return wanted.view in (View.APPROVED, View.REJECTED, View.REPORTED)
    return wanted.sort is QueueSort.NEWEST


def expected(
    stock: Stock, by: Principal, wanted: QueueFilter, comments: list[dict[str, Any]], gather: bool
) -> list[str]:
    meant = [comment for comment in comments if is_meant(stock, by, wanted, comment)]
    meant.sort(key=lambda c: place(wanted, c), reverse=is_descending(wanted))
    if not gather or wanted.view not in (View.WAITING, View.NOT_SCORED):
        return [comment["id"] for comment in meant]
    first: dict[str, str] = {}
    for comment in meant:
        first.setdefault(comment["cluster_id"] or comment["id"], comment["id"])
    return list(first.values())


def any_filter(stock: Stock, chance: random.Random) -> QueueFilter:
    site = chance.choice(stock.sites)
    now = stock.service.clock()

    def sometimes(value: Any, otherwise: Any = None) -> Any:
        return value if chance.random() < 0.2 else otherwise

    return QueueFilter(
        view=chance.choice(list(IN_VIEW)),
        sort=chance.choice(list(QueueSort)),
        site_id=sometimes(site.id),
        article_id=sometimes(f"story-{chance.randrange(4)}"),
        author_id=sometimes(chance.choice(stock.authors[site.id])),
        min_scores=sometimes({"toxicity": 0.2, "spam": 0.1}, {}),
        max_scores=sometimes({"insult": 0.5}, {}),
        not_scored=sometimes(chance.choice([True, False])),
        posted_after=sometimes(now - timedelta(minutes=4000)),
        posted_before=sometimes(now - timedelta(minutes=2000)),
        text=sometimes(chance.choice(["River", "0%", "_", "STRASSE", "nothing like it"])),
        safe_below=sometimes(0.3),
    )


@pytest.mark.usefixtures("small_steps")
@pytest.mark.parametrize("seed", range(3))
def test_any_filter_finds_what_it_means_and_nothing_of_other_sites(
    service: Service, stock: Stock, seed: int
) -> None:
    comments = mixed(stock, 300, seed)
    for comment, comment_id in zip(comments, stock.add(comments), strict=True):
        comment["id"] = comment_id
    chance = random.Random(seed)
    bound = replace(MAXINE, site_ids=frozenset(site.id for site in stock.sites[:2]))
    one, none = (replace(MAXINE, site_ids=frozenset(ids)) for ids in ([stock.sites[2].id], []))
    found = 0
    for _ in range(40):
        wanted = any_filter(stock, chance)
        by = chance.choice([MAXINE, bound, one, none])
        gather = chance.random() < 0.5
        ids = listed(service, by, wanted, gather=gather, report_threshold=2)
        assert ids == expected(stock, by, wanted, comments, gather), (wanted, by.site_ids, gather)
        found += len(ids)
    assert found > 100


# --- Steps and budget ---------------------------------------------------------------------------


def test_a_search_goes_as_far_as_its_budget_and_then_on_from_there(
    service: Service, stock: Stock
) -> None:
    rare = 12_345
    bodies = ("The bridge." if n != rare else "A rare word." for n in range(15_000))
    now = service.clock()
    ids = stock.add(
        {"body": body, "posted": now + timedelta(seconds=n)} for n, body in enumerate(bodies)
    )
    wanted = QueueFilter(text="RARE", sort=QueueSort.OLDEST)
    first = page(service, MAXINE, wanted)
    assert first.items == []
    assert paging.BUDGET_ROWS <= first.searched < paging.BUDGET_ROWS + paging.STEP_ROWS
    second = page(service, MAXINE, wanted, cursor=first.next_cursor)
    assert [item.comment.id for item in second.items] == [ids[rare]]
    assert second.next_cursor is None
    # Where nothing is asked that an index does not know, no row is read in vain.
    assert page(service, MAXINE, QueueFilter(sort=QueueSort.OLDEST), limit=20).searched == 21


def test_ages_can_be_told_in_hours(service: Service, stock: Stock) -> None:
    now = service.clock()
    new, old = stock.add({"posted": now - timedelta(hours=hours)} for hours in (1, 5))
    assert listed(service, MAXINE, QueueFilter(older_than_h=2)) == [old]
    assert listed(service, MAXINE, QueueFilter(newer_than_h=2)) == [new]
    assert listed(service, MAXINE, QueueFilter(newer_than_h=6, older_than_h=2)) == [old]
    service.clock.advance(hours=2)
    assert listed(service, MAXINE, QueueFilter(older_than_h=2)) == [old, new]


def test_the_ids_of_a_filter_are_those_of_its_sites(service: Service, stock: Stock) -> None:
    here, there = stock.add([{"site": 0}, {"site": 1, "cluster_id": "c" * 32}])
    bound = replace(MAXINE, site_ids=frozenset({stock.sites[0].id}))
    wanted = QueueFilter(comment_ids=(here, there))
    assert listed(service, bound, wanted) == [here]
    assert set(listed(service, MAXINE, wanted)) == {here, there}
    with pytest.raises(UnknownComment):
        page(service, bound, QueueFilter(similar_to=there))
    with service.database.read() as session, pytest.raises(UnknownComment):
        queue.item(session, bound, there)


def test_a_cursor_is_one_of_its_view_and_order(service: Service, stock: Stock) -> None:
    stock.add({} for _ in range(3))
    cursor = page(service, MAXINE, QueueFilter(), limit=1).next_cursor
    assert cursor is not None
    for other in (QueueFilter(sort=QueueSort.NEWEST), QueueFilter(view=View.NOT_SCORED)):
        with pytest.raises(InvalidCursor):
            page(service, MAXINE, other, cursor=cursor)


# --- Gathering ----------------------------------------------------------------------------------


def test_a_flood_is_one_card_however_large(service: Service, stock: Stock) -> None:
    now, flood = service.clock(), "f" * 32
    ids = stock.add(
        {
            "posted": now + timedelta(seconds=n),
            "cluster_id": None if n % 700 == 350 else flood,
        }
        for n in range(7_000)
    )
    apart = [ids[n] for n in range(350, 7_000, 700)]
    found = page(service, MAXINE, QueueFilter(), gather=True, limit=100)
    assert [item.comment.id for item in found.items] == [ids[0], *apart]
    assert found.items[0].similar_count == 7_000 - len(apart) - 1
    assert found.next_cursor is None
    assert found.searched < 400
    # Page by page as well, and in every order.
    assert listed(service, MAXINE, QueueFilter(), gather=True, limit=3) == [ids[0], *apart]
    newest = QueueFilter(sort=QueueSort.NEWEST)
    assert listed(service, MAXINE, newest, gather=True, limit=3) == [ids[-1], *apart[::-1]]


def test_when_the_first_of_a_cluster_is_decided_the_next_one_stands_for_it(
    service: Service, stock: Stock
) -> None:
    now, flood = service.clock(), "f" * 32
    ids = stock.add(
        {"posted": now + timedelta(seconds=n), "cluster_id": flood if n < 4 else None}
        for n in range(6)
    )
    first = page(service, MAXINE, QueueFilter(), gather=True, limit=1)
    assert [item.comment.id for item in first.items] == ids[:1]
    decide(service, MAXINE, Action.REJECT, ids[0])
    rest = listed(service, MAXINE, QueueFilter(), gather=True)
    assert rest == [ids[1], *ids[4:]]
    after = page(service, MAXINE, QueueFilter(), gather=True, cursor=first.next_cursor)
    assert [item.comment.id for item in after.items] == rest


# --- Mine ---------------------------------------------------------------------------------------


def decide(
    service: Service, by: Principal, action: Action, *ids: str, **told: Any
) -> list[review.Result]:
    with service.database.write() as session:
        orders = [Order(i, action, service.comment(i).version, **told) for i in ids]
        results = review.decide(session, by, orders, now=service.clock())
    service.clock.advance(seconds=1)
    return results


def test_mine_are_my_claims_and_then_what_i_decided_latest_first(
    service: Service, stock: Stock
) -> None:
    a, b, c, d, e, claimed, *_ = stock.add({"site": n % 2} for n in range(10))
    for comment_id in (a, b, c):
        decide(service, MAXINE, Action.APPROVE, comment_id)
    decide(service, COLIN, Action.APPROVE, d)
    decide(service, COLIN, Action.REJECT, a)
    decide(service, MAXINE, Action.REJECT, b)
    decide(service, MAXINE, Action.ESCALATE, e)
    with service.database.write() as session:
        queue.focus(session, MAXINE, claimed, now=service.clock(), claim_s=300)
    mine = QueueFilter(view=View.MINE)
    first = page(service, MAXINE, mine, limit=2)
    assert [item.comment.id for item in first.items] == [claimed, e, b]
    assert [item.decision and item.decision.action for item in first.items] == [
        None,
        Action.ESCALATE,
        Action.REJECT,
    ]
    rest = page(service, MAXINE, mine, cursor=first.next_cursor)
    assert [item.comment.id for item in rest.items] == [c, a]
    assert listed(service, COLIN, mine) == [a, d]
    bound = replace(MAXINE, site_ids=frozenset({stock.sites[1].id}))
    assert listed(service, bound, mine) == [claimed, b]
    service.clock.advance(seconds=301)
    assert listed(service, MAXINE, mine) == [e, b, c, a]


# --- The filter in a URL ------------------------------------------------------------------------


def test_a_filter_stands_in_a_url_in_one_way_only(service: Service, stock: Stock) -> None:
    chance = random.Random(0)
    for _ in range(100):
        wanted = replace(
            any_filter(stock, chance),
            skipped=chance.random() < 0.5,
            older_than_h=chance.choice([None, 0.5, 36.0]),
        )
        text = queue_filter.written(wanted)
        assert queue_filter.read(text) == wanted
        shuffled = text.split("&")
        chance.shuffle(shuffled)
        assert queue_filter.written(queue_filter.read("&".join(shuffled))) == text
    assert queue_filter.written(QueueFilter()) == ""
    day = queue_filter.read("posted_after=2026-11-24&site_id=&text=+&unheard_of=1")
    assert day == QueueFilter(posted_after=datetime(2026, 11, 24, tzinfo=UTC))
