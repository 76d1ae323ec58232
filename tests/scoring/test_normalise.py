from __future__ import annotations

import random
import string
import unicodedata

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from moderation.scoring.disguise import DISGUISES, disguise
from moderation.scoring.normalise import normalise, normalised_text

ANY_TEXT = st.text(st.characters(codec=None, exclude_categories=()), max_size=300)
PLAIN_WORD = st.sampled_from("bridge council thanks weather garden reader paper nobody".split())
PLAIN_TEXT = st.lists(PLAIN_WORD, min_size=1, max_size=12).map(" ".join)


@pytest.mark.parametrize(
    ("disguised", "plain"),
    [
        ("F.O.O.L", "fool"),
        ("f o o l", "fool"),
        ("f - o - o - l", "fool"),
        ("f*o*0*l", "fool"),
        ("f00l m0r0n 1d10t", "fool moron idiot"),
        ("b@stard $tupid a$$ cl!ck", "bastard stupid ass click"),
        ("fооl", "fool"),  # Cyrillic o
        ("ｆｏｏｌ 𝓯𝓸𝓸𝓵 ⓕⓞⓞⓛ 🅕🅞🅞🅛", "fool fool fool fool"),
        ("f\u200bo\u00ado\u2060l", "fool"),
        ("fo\u0336o\u0301l\u0489", "fool"),
        ("foooooool", "fool"),
        ("STUUUUPID!!!!!!", "stupid!!!"),
        ("  two\n\nlines\t here ", "two lines here"),
        ("f o o l  t o w n", "fool town"),
    ],
)
def test_disguises_are_undone(disguised: str, plain: str) -> None:
    assert normalised_text(disguised) == plain


@pytest.mark.parametrize(
    "text",
    [
        "covid19 and mp3 at 10am on the 5th",
        "it cost $100, not 1000000",
        "write to joe@example.com or @someone_1",
        "see https://example.com/c0ffee/a1b2c3 and www.example.com",
        "plan a b c",
        "привет, как дела",
        "γεια σου κοσμε",
        "great!thanks",
        "well-known, e.g. this",
        "i'm here, we're there",
        "f**l",
    ],
)
def test_what_is_no_disguise_stays(text: str) -> None:
    assert normalised_text(text) == text


def test_the_span_of_a_disguised_word_leads_back_to_it() -> None:
    text = "Oh, you  F.O.0.L\u200b, really"
    result = normalise(text)
    at = result.text.index("fool")
    start, end = result.original_span(at, at + 4)
    assert text[start:end] == "F.O.0.L"


def test_an_empty_span_leads_nowhere() -> None:
    with pytest.raises(IndexError):
        normalise("word").original_span(2, 2)


@given(ANY_TEXT)
@example("ﷺ" * 40)
@example("\ud800\udfff")
@example("İ̇ß㌔")
def test_any_text_gives_readable_text_with_offsets_into_it(text: str) -> None:
    result = normalise(text)
    assert len(result.starts) == len(result.ends) == len(result.text)
    for values in (result.starts, result.ends):
        assert list(values) == sorted(values)
    assert all(
        0 <= start < end <= len(text) for start, end in zip(result.starts, result.ends, strict=True)
    )
    assert not any(unicodedata.category(char) in {"Cc", "Cf", "Cs", "Mn"} for char in result.text)
    assert result.text == result.text.strip(" ")
    assert "  " not in result.text
    result.text.encode("utf-8")


@given(PLAIN_TEXT)
def test_plain_words_stay_and_map_one_to_one(text: str) -> None:
    result = normalise(text)
    assert result.text == text
    assert result.starts == tuple(range(len(text)))


@given(st.text(string.printable, max_size=80), st.lists(st.integers(0, 80), max_size=20))
def test_zero_width_characters_make_no_difference(text: str, places: list[int]) -> None:
    stuffed = text
    for place in places:
        stuffed = (
            stuffed[:place]
            + random.Random(place).choice("\u200b\u200d\ufeff\u2063")
            + stuffed[place:]
        )
    assert normalised_text(stuffed) == normalised_text(text)


@given(PLAIN_TEXT, st.integers(0, 2**32))
def test_look_alikes_in_a_word_make_no_difference(text: str, seed: int) -> None:
    rng = random.Random(seed)
    twins = {"a": "а", "e": "е", "o": "ο", "c": "с", "p": "р", "i": "і"}
    words = []
    for word in text.split():
        letters = [twins.get(char, char) if rng.random() < 0.5 else char for char in word]
        # One Latin letter at least: a word all in another script may be that language's own.
        words.append("".join(letters))
    text_with_anchor = text + " wholly latin words follow here"
    disguised = " ".join(words) + " wholly latin words follow here"
    assert normalised_text(disguised) == text_with_anchor


@given(PLAIN_TEXT, st.integers(0, 2**32))
def test_a_disguise_changes_the_text_or_leaves_it_whole(text: str, seed: int) -> None:
    disguised = disguise(text, set(text.split()), random.Random(seed))
    assert isinstance(disguised, str)
    assert disguised.strip()


def test_there_is_a_disguise_of_each_kind_and_each_alters_its_word() -> None:
    rng = random.Random(1)
    for style in DISGUISES:
        assert {style("something", rng) for _ in range(20)} - {"something"}, style
