"""Forms that are sent twice at once, and colleagues who do the same thing at the same moment."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest
from desk_client import Desk
from factories import PASSWORD, Service, SiteKit, comment_json
from flask import Flask


@pytest.fixture
def twin_of(app: Flask) -> Callable[[Desk], Desk]:
    """The same browser once more: its cookies, for another thread."""

    def make(desk: Desk) -> Desk:
        twin = Desk(app)
        cookie = desk.client.get_cookie("moderation")
        assert cookie is not None
        twin.client.set_cookie(cookie.key, cookie.value)
        return twin

    return make


def at_once(*sent: tuple[Desk, str, Mapping[str, str]]) -> list[int]:
    """Send forms at the same moment; the status of each."""
    tokens = [desk.csrf() for desk, _, _ in sent]
    together = Barrier(len(sent))

    def send(number: int) -> int:
        desk, path, fields = sent[number]
        together.wait(10)
        return desk.post(path, fields, csrf=tokens[number]).status_code

    with ThreadPoolExecutor(len(sent)) as threads:
        return list(threads.map(send, range(len(sent))))


def test_a_view_saved_twice_at_once_is_there_once(
    moderator: Desk, twin_of: Callable[[Desk], Desk]
) -> None:
    for number in range(8):
        form = {"name": f"Late {number}", "query": "view=waiting"}
        answers = at_once(*[(twin_of(moderator), "/desk/views", form) for _ in range(4)])
        assert sorted(answers) == [303, 409, 409, 409]


def test_a_second_factor_begun_twice_at_once_is_one(
    moderator: Desk, twin_of: Callable[[Desk], Desk]
) -> None:
    place = "/desk/account/second-factor"
    for _ in range(4):
        answers = at_once(*[(twin_of(moderator), place, {"password": PASSWORD}) for _ in range(4)])
        assert answers == [303] * 4


def test_two_who_change_places_do_not_wait_for_each_other(
    desk_of: Callable[..., Desk], app: Flask, service: Service, site: SiteKit
) -> None:
    post = app.test_client().post
    here, there = (
        post("/api/v1/comments", json=comment_json(body), headers=site.headers()).json["id"]
        for body in ("One opinion.", "Something else entirely")
    )
    service.judge_all()
    mona, ben = desk_of(), desk_of("ben@news.example")

    def turn(desk: Desk, to: str, leave: str) -> tuple[Desk, str, Mapping[str, str]]:
        return desk, f"/desk/comments/{to}/claim", {"leave": leave}

    for _ in range(15):
        assert at_once(turn(mona, here, there), turn(ben, there, here)) == [303, 303]
        assert at_once(turn(mona, there, here), turn(ben, here, there)) == [303, 303]
