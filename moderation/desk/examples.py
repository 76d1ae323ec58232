"""Example comments for whoever is new and finds an empty queue."""

from __future__ import annotations

import time

from flask import Response, request

from moderation.desk.door import back, blueprint, flash_note, staff_page
from moderation.domain.staff import Scope
from moderation.gate import principal
from moderation.services import audit, examples
from moderation.wiring import Wiring, wired

WAIT_S, LOOK_EVERY_S = 8.0, 0.2
"""How long a newcomer's request waits for the worker, rather than showing the empty queue again."""


@blueprint.post("/examples")
@staff_page(Scope.ADMIN)
def post_examples() -> Response:
    """Post them under the demo article; twice does no harm."""
    wiring = wired()
    now = wiring.clock()
    with wiring.database.write() as session:
        posted = examples.post(session, now=now, article_url=f"{request.host_url}demo")
        if posted and (site := examples.demo_site(session)):
            audit.record(
                session,
                principal(),
                "examples.posted",
                "site",
                site.id,
                now=now,
                site_id=site.id,
                name=site.name,
            )
    deadline = time.monotonic() + WAIT_S
    while not (scored := _are_scored(wiring)) and time.monotonic() < deadline:
        time.sleep(LOOK_EVERY_S)
    flash_note("examples.are_here" if scored else "examples.posted", count=posted)
    return back()


def _are_scored(wiring: Wiring) -> bool:
    with wiring.database.read() as session:
        return examples.are_scored(session)


@blueprint.context_processor
def _for_the_empty_queue() -> dict[str, object]:
    return {"examples_offered": _examples_offered}


def _examples_offered() -> bool:
    with wired().database.read() as session:
        return examples.are_offered(session)
