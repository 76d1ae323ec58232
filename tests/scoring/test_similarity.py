from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from moderation.scoring.similarity import MAX_LETTERS, MIN_LETTERS, Sketch, fingerprint, similarity


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


def test_links_in_another_order_are_the_same_links() -> None:
    one, other = (
        "https://a.example/1 https://b.example/2",
        "https://b.example/2 https://a.example/1",
    )
    assert fingerprint(one) == fingerprint(other)
    assert fingerprint(one) != fingerprint("https://a.example/1 https://c.example/2")


# --- Near copies that are not equal --------------------------------------------------------------

MESSAGE = "The council sold the old harbour to its friends for a song and nobody asked us about it"


def alike(one: str, other: str) -> float:
    return similarity(Sketch.of(one).letters, Sketch.of(other).letters)


@pytest.mark.parametrize(
    "copy",
    [
        MESSAGE.replace("harbour", "harbor").replace("friends", "freinds"),
        MESSAGE.replace("nobody asked", "no one ever asked"),
        f"Hello everyone! {MESSAGE} Greetings from the north",
        MESSAGE.replace("council", "c0uncil").replace("friends", "f.r.i.e.n.d.s"),
        MESSAGE.upper() + " 😀😀 http://a.example/1 www.b.example",
        "Thhee couuncil sold th old harbuor to its fiends for a somg and nobdy asked us abuot it",
    ],
)
def test_copies_are_alike_in_both_directions(copy: str) -> None:
    assert alike(MESSAGE, copy) > 0
    assert alike(MESSAGE, copy) == alike(copy, MESSAGE)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("I agree with you", "I disagree with you"),
        ("well said", "well read"),
        ("thank you so much", "thank you"),
        ("the mayor is right", "the mayor is wrong"),
        ("I will vote for him", "I will vote for her"),
        (MESSAGE, "The council should mend the old bridge before it buys itself another new car"),
        # Said in passing within something else, it is not padded.
        ("It is too late for that now", f"{MESSAGE} It is too late for that now {MESSAGE}"),
        # Of links alone only the same ones are a copy.
        ("https://a.example/watch?v=abcdefghi", "https://a.example/watch?v=abcdefghj"),
        ("", MESSAGE),
    ],
)
def test_different_comments_are_not_alike(one: str, other: str) -> None:
    assert alike(one, other) == 0
    assert alike(other, one) == 0


def test_the_same_letters_are_wholly_alike() -> None:
    assert alike(MESSAGE, MESSAGE.upper() + "!!! http://a.example") == 1
    assert alike(MESSAGE, MESSAGE + "x") < 1


def test_a_short_text_has_no_shingles_and_a_long_one_not_too_many() -> None:
    assert Sketch.of("a" + "bc" * (MIN_LETTERS // 2 - 1)).shingles == ()
    assert len(Sketch.of("bc" * (MIN_LETTERS // 2)).shingles) == 2
    assert len(Sketch.of("\ufdfa" * 300).letters) <= MAX_LETTERS


def test_what_is_stored_is_the_same_in_every_process_and_release() -> None:
    sketch = Sketch.of("Cheap watches! Buy now")
    assert sketch.shingles[:2] == (190527334, 424606249)
    assert sketch.whole == 3169893498


@given(st.text(st.characters(codec=None, exclude_categories=()), max_size=100))
def test_any_text_is_wholly_like_itself(text: str) -> None:
    assert alike(text, text) == 1
    assert "\0" not in Sketch.of(text).letters  # PostgreSQL stores no such text


@given(st.text(st.characters(codec=None, exclude_categories=()), max_size=100))
def test_any_text_has_one(text: str) -> None:
    assert len(fingerprint(text)) == 16
    assert int(fingerprint(text), 16) >= 0
