from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from moderation.scoring.similarity import fingerprint


@pytest.mark.parametrize(
    "copy",
    [
        "cheap watches, buy now: https://b.example/9",
        "CHEAP WATCHES!!! BUY NOW",
        "Cheap wаtches — buy n0w 👍 http://c.example",
        "cheap  watches buy noooow 12345",
        "c.h.e.a.p watches buy now shop.example.com/x?y=2",
        "cheap\u200b watches\nbuy now @seller99",
    ],
)
def test_near_copies_share_a_fingerprint(copy: str) -> None:
    assert fingerprint(copy) == fingerprint("Cheap watches! Buy now http://a.example/1")


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Cheap watches", "Cheap tickets"),
        ("I agree", "I disagree"),
        ("", "a"),
        ("👍", "👎"),
        ("100", "200"),
        ("!!", "??"),
    ],
)
def test_different_messages_differ(one: str, other: str) -> None:
    assert fingerprint(one) != fingerprint(other)


def test_it_is_the_same_in_every_process_and_release() -> None:
    # Stored beside comments: changing it would part a flood's old copies from its new ones.
    assert fingerprint("Cheap watches! Buy now") == "24966dcf18e97daa"


@given(st.text(st.characters(codec=None, exclude_categories=()), max_size=100))
def test_any_text_has_one(text: str) -> None:
    assert len(fingerprint(text)) == 16
    assert int(fingerprint(text), 16) >= 0
