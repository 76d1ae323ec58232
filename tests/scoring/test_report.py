"""What a report says of made-up scores, and that it asks nobody for anything."""

from __future__ import annotations

import re
from html.parser import HTMLParser

import numpy as np
import pytest

from moderation.labels import LABELS
from moderation.scoring.breakdown import at_thresholds, by_group, mentions, worst_mistakes
from moderation.scoring.compare import compare, widest_gaps
from moderation.scoring.evaluate import LabelColumn, LabelledTexts, Scored, summary
from moderation.scoring.identity_bias import measure
from moderation.scoring.judge import Assessment
from moderation.scoring.made_up import IDENTITY_TERMS
from moderation.scoring.report import comparison_page, evaluation_page


def scored(toxicity: np.ndarray, version: str = "made-up/1") -> Scored:
    by_label = {label: np.full(len(toxicity), 0.1) for label in LABELS}
    return Scored(version, by_label | {"toxicity": toxicity}, np.zeros(len(toxicity), dtype=bool))


@pytest.fixture
def labelled() -> LabelledTexts:
    """120 texts, every third toxic; some are not what a page or a file expects."""
    texts = [f"Comment number {row} about gay people" for row in range(120)]
    texts[0] = "<script>alert('read')</script> https://elsewhere.example/x.png"
    texts[1] = "\ud800 lone, \0 nothing, \u202eturned"
    toxic = [int(row % 3 == 0) for row in range(120)]
    soft = [None if row % 2 else value for row, value in enumerate(toxic)]
    sources = ["news" if row % 4 else "forum & co" for row in range(120)]
    return LabelledTexts(texts, {"toxic": toxic, "spam": [0] * 120, "gold_toxicity": soft}, sources)


@pytest.fixture
def good(labelled: LabelledTexts) -> Scored:
    noise = np.random.default_rng(0).normal(0, 0.25, 120)
    values = np.clip(np.array(labelled.labels["toxic"]) * 0.6 + 0.2 + noise, 0, 1)
    values[0], values[1] = 0.01, 0.99  # a miss and a false alarm
    return scored(values)


class Elements(HTMLParser):
    """The elements and visible words of a page, their nesting checked."""

    VOID = frozenset({"meta", "link", "line", "rect", "circle", "polyline"})

    def __init__(self, page: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.words: list[str] = []
        self.feed(page)
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.words.append(data)


class Evenhanded:
    model_version = "evenhanded/1"

    def assess(self, texts: list[str]) -> list[Assessment]:
        return [
            Assessment(dict.fromkeys(LABELS, 0.9 if "scum" in text else 0.1), "evenhanded/1")
            for text in texts
        ]


def page_of(labelled: LabelledTexts, judged: Scored, **more: object) -> str:
    facts = {"engine": "house", "file_name": "news <b>.csv", "file_sha256": "ab" * 32}
    return evaluation_page(
        labelled, judged, cut_off=0.5, command="moderation models evaluate", **facts, **more
    )


def compared(labelled: LabelledTexts, good: Scored) -> str:
    values = np.roll(good.scores["toxicity"], 1)
    values[0] = 1.0
    other = scored(values, "other/2")
    outcomes = (["queue"] * 120, ["queue"] * 60 + ["approve"] * 60)
    found = compare(labelled, good, other, thresholds={"toxicity": [0.5]}, outcomes=outcomes)
    return comparison_page(
        labelled,
        (("house", good), ("other", other)),
        found,
        policy="assisted 1",
        file_name="news.csv",
        file_sha256="cd" * 32,
        command="moderation models compare",
    )


@pytest.mark.parametrize("kind", ["evaluation", "comparison"])
def test_a_report_is_one_file_that_runs_nothing_and_asks_nobody(
    labelled: LabelledTexts, good: Scored, kind: str
) -> None:
    page = page_of(labelled, good) if kind == "evaluation" else compared(labelled, good)
    page.encode("utf-8")
    elements = Elements(page)
    assert {tag for tag, _ in elements.found}.isdisjoint({"script", "img", "iframe", "object"})
    for tag, attributes in elements.found:
        assert not {"src", "srcset", "onclick", "style"} & set(attributes), tag
        if tag in {"a", "link"}:
            assert (attributes["href"] or "").startswith(("#", "data:"))
    assert not re.search(r"url\(|@import", page)
    assert "&lt;script&gt;" in page
    assert "\0" not in page


def test_a_report_tells_what_was_measured_and_of_what(
    labelled: LabelledTexts, good: Scored
) -> None:
    page = page_of(labelled, good)
    words = " ".join("".join(Elements(page).words).split())
    measured = summary(labelled, good)
    for column in ("toxic", "gold_toxicity"):
        assert f"{measured[column]['roc_auc']:.3f}" in words
        assert f"{measured[column]['calibration_error']:.3f}" in words
    for promised in (
        "house on news <b>.csv",
        "made-up/1",
        "ab" * 32,
        "120 rows",
        "spam: only one kind of label",
        "count as positive from 0.5",
        "toxic by source",
        "forum & co",
        "toxic by group named",
        "gay",
        "Thresholds",
        "Calibration by bin",
        "60 texts with a label, 20 of them positive",
    ):
        assert promised in words, promised
    pictures = [a["aria-label"] or "" for tag, a in Elements(page).found if tag == "svg"]
    assert [label.split(" ")[0] for label in pictures] == 2 * [
        "ROC", "Precision", "Calibration", "How",
    ]  # fmt: skip


def test_abuse_is_shown_to_whoever_asks(labelled: LabelledTexts, good: Scored) -> None:
    elements = Elements(page_of(labelled, good))
    assert all("open" not in attributes for tag, attributes in elements.found if tag == "details")
    start = page_of(labelled, good).index("<script>".replace("<", "&lt;").replace(">", "&gt;"))
    before = page_of(labelled, good)[:start]
    assert before.count("<details>") > before.count("</details>")


def test_the_made_up_sentences_have_a_table(labelled: LabelledTexts, good: Scored) -> None:
    bias = measure(Evenhanded())
    words = "".join(Elements(page_of(labelled, good, bias=bias)).words)
    assert "Sentences that name groups" in words
    assert all(term.term in words for term in bias.terms)
    assert "No group lies more than 3 points above" in " ".join(words.split())


def test_a_comparison_says_which_is_better_and_how_sure(
    labelled: LabelledTexts, good: Scored
) -> None:
    words = " ".join("".join(Elements(compared(labelled, good)).words).split())
    assert "So the first is better on comments like these." in words
    assert "would decide 50.0 % of the texts alike" in words
    assert "score differs most" in words


def test_nothing_to_measure_is_refused(good: Scored) -> None:
    with pytest.raises(ValueError, match="both kinds"):
        page_of(LabelledTexts(["a"] * 120, {"toxic": [1] * 120}), good)


# --- The parts --------------------------------------------------------------------------------


def column_of(truth: list[int], scores: list[float]) -> LabelColumn:
    rows = np.arange(len(truth)) * 10
    return LabelColumn("toxic", "toxicity", rows, np.array(truth, bool), np.array(scores))


def test_groups_are_measured_on_their_own_rows() -> None:
    column = column_of([1, 0, 1, 0], [0.9, 0.6, 0.4, 0.1])
    both, alone = by_group(column, {"both": [0, 10, 20, 30], "alone": [10], "none": [5]})
    assert (both.texts, both.positives, both.roc_auc) == (4, 2, 0.75)
    assert (both.false_positive_rate, both.false_negative_rate) == (0.5, 0.5)
    assert (alone.roc_auc, alone.false_positive_rate, alone.false_negative_rate) == (
        None,
        1.0,
        None,
    )


def test_a_group_is_found_by_whole_words() -> None:
    texts = ["Gay men marched.", "Jews and Muslims met.", "A Jewish baker.", "gayly, jewellery"]
    found = mentions(texts, IDENTITY_TERMS, at_least=1)
    assert found["gay"] == [0]
    assert found["Jewish"] == [1, 2]
    assert found["Muslim"] == [1]
    assert mentions(texts, IDENTITY_TERMS, at_least=2) == {"Jewish": [1, 2]}


def test_thresholds_count_what_reaches_them() -> None:
    column = column_of([1, 0, 1, 0], [0.9, 0.5, 0.4, 0.1])
    middle, high, top = at_thresholds(column, [0.5, 0.9, 0.95])
    assert (middle.precision, middle.recall, middle.false_positive_rate, middle.share) == (
        0.5, 0.5, 0.5, 0.5,
    )  # fmt: skip
    assert (high.precision, high.false_positive_rate) == (1.0, 0.0)
    assert (top.precision, top.recall) == (None, 0.0)


def test_the_worst_mistakes_come_first_and_what_is_right_never() -> None:
    column = column_of([0, 0, 0, 1, 1, 1], [0.6, 0.8, 0.4, 0.2, 0.1, 0.9])
    alarms, misses = worst_mistakes(column)
    assert [one.row for one in alarms] == [10, 0]
    assert [one.row for one in misses] == [40, 30]
    assert [one.row for one in worst_mistakes(column, count=1)[1]] == [40]


def test_comparing_counts_agreement_and_finds_the_gaps() -> None:
    labelled = LabelledTexts(["a", "b", "c", "d"], {"toxic": [1, 0, 1, 0]})
    first, second = scored(np.array([0.9, 0.1, 0.6, 0.4])), scored(np.array([0.9, 0.1, 0.2, 0.45]))
    outcomes = (["reject", "approve", "queue", "queue"], ["reject", "approve", "approve", "queue"])
    found = compare(labelled, first, second, thresholds={"toxicity": [0.5]}, outcomes=outcomes)
    toxicity = found.labels[0]
    assert (toxicity.at, toxicity.max_difference) == ({0.5: 0.75}, pytest.approx(0.4))
    assert found.outcome_agreement == 0.75
    assert found.outcomes["queue", "approve"] == 1
    assert widest_gaps(first, second, "toxicity") == [2, 3]
    assert found.columns[0].auc is not None
    assert found.columns[0].auc.difference == -0.25
