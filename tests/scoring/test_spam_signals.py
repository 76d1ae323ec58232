from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

import pytest

from moderation.scoring.spam_signals import (
    SpamContext,
    SpamScore,
    SpamSignals,
    SpamSignalsError,
    combine,
    exchange_text,
    load_spam_signals,
)

WEIGHTS_FILE = Path(__file__).resolve().parents[2] / "config" / "spam_signals.toml"
BODY = "We have been told about this bridge for as long as I can remember."
KNOWN = SpamContext(author_approved=1)


@pytest.fixture(scope="module")
def signals() -> SpamSignals:
    return load_spam_signals(WEIGHTS_FILE)


def part(score: SpamScore, name: str) -> float:
    """The log-odds that the named part added; 0 where it had no say."""
    return sum(part.log_odds for part in score.parts if part.name == name)


def test_the_parts_sum_up_to_the_score(signals: SpamSignals) -> None:
    context = SpamContext(copies_by_others=4, author_recent=9, typing_ms=10, feedback_spam=1)
    score = combine(f"{BODY} https://shop.example/x", 0.3, context, signals)
    assert [part.name for part in score.parts] == [
        "text",
        "links",
        "link_by_new_author",
        "copies_by_others",
        "author_rate",
        "typing_chars_per_s",
        "new_author",
        "feedback",
    ]
    total = sum(part.log_odds for part in score.parts)
    assert score.probability == pytest.approx(1 / (1 + math.exp(-total)))
    assert part(score, "text") == pytest.approx(math.log(0.3 / 0.7), abs=1e-4)


@pytest.mark.parametrize(
    ("name", "less", "more"),
    [
        ("copies_by_others", {"copies_by_others": 1}, {"copies_by_others": 5}),
        ("copies_across_articles", {"copies_across_articles": 1}, {"copies_across_articles": 2}),
        ("copies_on_the_article", {}, {"copies_on_the_article": 2}),
        ("author_rate", {"author_recent": 3}, {"author_recent": 5}),
        ("address_rate", {"address_recent": 4}, {"address_recent": 8}),
        ("typing_chars_per_s", {"typing_ms": 60_000}, {"typing_ms": 500}),
        ("new_author", {"author_approved": 1}, {"author_approved": 0}),
        ("approved_author", {"author_approved": 30}, {"author_approved": 1}),
        ("feedback", {"feedback_ham": 1}, {"feedback_ham": 1, "feedback_spam": 2}),
        ("feedback", {"feedback_spam": 1}, {"feedback_spam": 9}),
    ],
)
def test_more_of_a_sign_raises_the_score(
    signals: SpamSignals, name: str, less: dict[str, int], more: dict[str, int]
) -> None:
    lower, higher = (
        combine(BODY, 0.2, SpamContext(**({"author_approved": 1} | seen)), signals)
        for seen in (less, more)
    )
    assert part(lower, name) < part(higher, name)
    assert lower.probability < higher.probability


def test_links_and_contact_details_count_also_in_disguise(signals: SpamSignals) -> None:
    for text in ("see cheapshoes . com", "see cheapshoes dot com", "see hxxp://cheap.example/a"):
        assert part(combine(text, 0.1, KNOWN, signals), "links") > 0, text
    for text in (
        "write to joe (at) gmail dot com",
        "ask me on whatsapp",
        "call +44 7700 900123",
        "two zero two five five five zero one",
    ):
        assert part(combine(text, 0.1, KNOWN, signals), "contact_details") > 0, text
    assert len(combine(BODY, 0.1, KNOWN, signals).parts) == 2  # the text, and its author


def test_a_lively_debate_a_household_and_a_measured_typist_add_nothing(
    signals: SpamSignals,
) -> None:
    seen = SpamContext(author_approved=1, author_recent=3, address_recent=4, typing_ms=20_000)
    assert combine(BODY, 0.1, seen, signals) == combine(BODY, 0.1, KNOWN, signals)


def test_what_many_write_by_themselves_is_held_against_nobody(signals: SpamSignals) -> None:
    seen = SpamContext(copies_by_others=20)
    short, long = (combine(body, 0.02, seen, signals) for body in ("Well said!", BODY))
    assert short.probability < 0.1 < long.probability


def test_one_decision_turns_near_copies_of_doubtful_texts(signals: SpamSignals) -> None:
    spam = combine(BODY, 0.1, SpamContext(feedback_spam=1), signals)
    ham = combine(BODY, 0.9, SpamContext(feedback_ham=1), signals)
    assert ham.probability < 0.5 < spam.probability


def test_approved_copies_speak_for_no_link_that_nobody_saw(signals: SpamSignals) -> None:
    context = SpamContext(author_approved=1, feedback_ham=3)
    for body in (f"{BODY} https://shop.example/x", f"{BODY} WhatsApp me"):
        assert part(combine(body, 0.6, context, signals), "feedback") == 0
    assert part(combine(BODY, 0.6, context, signals), "feedback") < 0
    told = SpamContext(feedback_spam=3, feedback_ham=1)
    assert part(combine(f"{BODY} https://shop.example/x", 0.6, told, signals), "feedback") > 0


def test_a_certain_model_can_be_contradicted(signals: SpamSignals) -> None:
    for sure in (0.0, 1.0):
        score = combine(BODY, sure, KNOWN, signals)
        assert 0 < score.probability < 1


@pytest.mark.parametrize(("feedback", "probability"), [(-5000.0, 0.0), (5000.0, 1.0)])
def test_no_sum_is_too_far_out_to_be_a_probability(
    signals: SpamSignals, feedback: float, probability: float
) -> None:
    wild = replace(signals, weights=replace(signals.weights, feedback=feedback))
    score = combine(BODY, 0.5, SpamContext(feedback_spam=9), wild)
    assert score.probability == pytest.approx(probability, abs=1e-300)


def test_weights_up_to_the_limit_are_taken(tmp_path: Path) -> None:
    text = WEIGHTS_FILE.read_text("utf-8").replace("link = 0.25", "link = -50")
    text = text.replace("author_rate_free = 3", "author_rate_free = 60")  # a number of comments
    (tmp_path / "signals.toml").write_text(text, "utf-8")
    weights = load_spam_signals(tmp_path / "signals.toml").weights
    assert (weights.link, weights.author_rate_free) == (-50, 60)


def test_another_text_model_leaves_the_other_parts(signals: SpamSignals) -> None:
    before = combine(BODY, 0.1, SpamContext(copies_by_others=3, feedback_spam=1), signals)
    after = exchange_text(0.6, before.parts)
    assert after == combine(BODY, 0.6, SpamContext(copies_by_others=3, feedback_spam=1), signals)


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        (("link = 0.25", "link = true"), "weights.link: expected a number"),
        (("link = 0.25", ""), "weights.link: missing"),
        (("link = 0.25", "link = 0.25\nlinks = 1"), "weights.links: unknown"),
        (("link = 0.25", "link = nan"), "weights.link: nan is out of range"),
        (("link = 0.25", "link = 51"), "weights.link: 51 is out of range, from -50 to 50"),
        (("approved_author_most = -1.0", "approved_author_most = -50.1"), "from -50 to 50"),
        (("feedback_days = 180", "feedback_days = 0"), "feedback_days: 0 is out of range"),
        (("typing_fast_chars_per_s = 25", "typing_fast_chars_per_s = 0"), "more than 0"),
        (("[weights]", "[weights"), "Expected"),
    ],
)
def test_a_wrong_file_is_refused_by_the_name_of_the_key(
    tmp_path: Path, change: tuple[str, str], complaint: str
) -> None:
    wrong = tmp_path / "signals.toml"
    text = WEIGHTS_FILE.read_text("utf-8")
    assert change[0] in text
    wrong.write_text(text.replace(*change), "utf-8")
    with pytest.raises(SpamSignalsError, match=r"signals\.toml") as error:
        load_spam_signals(wrong)
    assert complaint in str(error.value)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(SpamSignalsError, match=r"nowhere\.toml"):
        load_spam_signals(tmp_path / "nowhere.toml")
