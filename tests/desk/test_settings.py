"""The settings: who sees them, and the way between their places."""

from __future__ import annotations

import pytest
from desk_client import Desk


def test_the_index_lists_all_places(admin: Desk) -> None:
    page = admin.get("/desk/settings")
    assert page.status_code == 200
    for place in ("sites", "policies", "words", "staff", "invitations", "tokens", "audit"):
        assert f'href="/desk/settings/{place}"' in page.text


def test_webhooks_are_said_not_to_be_sent_yet(admin: Desk) -> None:
    page = admin.get("/desk/settings/webhooks").text
    assert "does not send webhooks yet" in page
    assert 'href="/desk/settings/webhooks" aria-current="page"' in page


@pytest.mark.parametrize("path", ["", "/webhooks"])
def test_a_moderator_sees_none_of_it(moderator: Desk, stranger: Desk, path: str) -> None:
    assert moderator.get(f"/desk/settings{path}").status_code == 403
    assert stranger.get(f"/desk/settings{path}").status_code == 303
