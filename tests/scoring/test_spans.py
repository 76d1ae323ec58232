"""From tokens to the words that are shown."""

from __future__ import annotations

import re

import numpy as np
import pytest

from moderation.scoring.judge import build_judge
from moderation.scoring.normalise import normalise
from moderation.scoring.spans import best_threshold, character_f1, telling_spans


def shown(text: str, telling: set[str], threshold: float = 0.5) -> list[str]:
    """What is shown of ``text`` when the tokens in ``telling`` have a probability of 0.9."""
    read = normalise(text)
    tokens = [match.span() for match in re.finditer(r"\w{1,4}|[^\w\s]", read.text)]
    ones = [0.9 if read.text[start:end] in telling else 0.1 for start, end in tokens]
    return [text[slice(*span)] for span in telling_spans(read, tokens, ones, threshold)]


def test_a_word_is_shown_whole_and_neighbours_together() -> None:
    assert shown("What a ridiculous fool!", {"ridi"}) == ["ridiculous"]
    assert shown("What a ridiculous  fool, really", {"culo", "fool"}) == ["ridiculous  fool"]
    assert shown("fool, fool", {"fool"}) == ["fool", "fool"]
    assert shown("a fine day", {"fool"}) == []
    assert shown("fool", {"fool"}, threshold=0.95) == []
    assert shown("", set()) == []


def test_disguises_are_shown_as_they_were_written() -> None:
    assert shown("you F.O.O.L!!", {"fool"}) == ["F.O.O.L"]
    assert shown("you f00\u200bl", {"fool"}) == ["f00\u200bl"]
    assert shown("a f**l, no", {"f"}) == ["f**l"]


def test_character_f1_is_that_of_the_shared_task() -> None:
    assert character_f1([], []) == 1.0
    assert character_f1([(0, 4)], []) == character_f1([], [(0, 4)]) == 0.0
    assert character_f1([(0, 4)], [(2, 8)]) == pytest.approx(2 * 2 / (4 + 6))


def test_the_threshold_chosen_is_the_best_one() -> None:
    read = normalise("a fool")
    rows = [
        (read, [(0, 1), (2, 6)], np.array([0.3, 0.7])),
        (read, [(0, 1), (2, 6)], np.array([0.4, 0.45])),
    ]
    threshold, f1 = best_threshold(rows, [[(2, 6)], []])
    assert 0.45 <= threshold < 0.7
    assert f1 == 1.0


def test_the_bundled_model_shows_the_words_of_a_plain_insult() -> None:
    text = "You are a stupid idiot and nobody wants to read this."
    (said,) = build_judge("compact").assess([text])
    assert said.scores["toxicity"] > 0.5
    words = [text[start:end] for start, end in said.spans]
    assert any("idiot" in word or "stupid" in word for word in words), words
    (fine,) = build_judge("compact").assess(["Thank you, I liked reading this."])
    assert fine.spans == ()
