"""From the probability of each token to the words that are shown as the reasons of a score."""

import re
from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

from moderation.scoring.normalise import Normalised

Span = tuple[int, int]
"""Half-open, in code points of a text."""

_WORD = re.compile(r"[^\W_](?:[\w'’*@$#+-]*[^\W_])?|[*@$#]{2,}")
"""A word with what may stand inside it, masked letters among them."""


def telling_spans(
    read: Normalised,
    offsets: Sequence[Span],
    probabilities: Sequence[float],
    threshold: float,
) -> tuple[Span, ...]:
    """The words of which a token is above ``threshold``, in code points of the original text.

    A word is shown whole or not at all; words with nothing but space between them are one span.

    Args:
        read: the text as the model read it.
        offsets: each token's place in ``read.text``, in order.
        probabilities: one a token.
        threshold: 0..1.
    """
    above = [span for span, one in zip(offsets, probabilities, strict=True) if one > threshold]
    if not above:
        return ()
    found: list[Span] = []
    last_end = 0
    number = 0
    for match in _WORD.finditer(read.text):
        while number < len(above) and above[number][1] <= match.start():
            number += 1
        if number == len(above):
            break
        if above[number][0] >= match.end():
            continue
        start, end = read.original_span(*match.span())
        if found and not read.text[last_end : match.start()].strip():
            found[-1] = (found[-1][0], end)
        else:
            found.append((start, end))
        last_end = match.end()
    return tuple(found)


def character_f1(found: Iterable[Span], marked: Iterable[Span]) -> float:
    """F1 over the characters of one text, 0..1: the measure of SemEval-2021 task 5.

    Pavlopoulos et al., "SemEval-2021 Task 5: Toxic Spans Detection" (2021), after Da San Martino
    et al. (2019): 1 where both are empty, 0 where one is.
    """
    ours = {at for start, end in found for at in range(start, end)}
    theirs = {at for start, end in marked for at in range(start, end)}
    if not ours or not theirs:
        return float(ours == theirs)
    return 2 * len(ours & theirs) / (len(ours) + len(theirs))


def best_threshold(
    rows: Sequence[tuple[Normalised, Sequence[Span], NDArray[np.floating]]],
    marked: Sequence[Sequence[Span]],
) -> tuple[float, float]:
    """(the threshold with the best mean character F1, that mean), among the hundredths.

    Args:
        rows: what :func:`telling_spans` takes, for each text.
        marked: for each text, the spans that people marked.
    """
    best = (0.5, 0.0)
    for threshold in np.arange(0.05, 0.96, 0.01):
        scores = [
            character_f1(telling_spans(*row, threshold=float(threshold)), truth)
            for row, truth in zip(rows, marked, strict=True)
        ]
        if float(np.mean(scores)) > best[1]:
            best = (round(float(threshold), 2), float(np.mean(scores)))
    return best
