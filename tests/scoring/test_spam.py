from __future__ import annotations

import csv
import gzip
import json
import random
import shutil
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

from moderation.cli.models import models
from moderation.scoring.errors import ScoringUnavailable
from moderation.scoring.spam import SPAM_FOLDER, CompactSpam, load_compact_spam
from moderation.scoring.spam_features import BUCKETS, SIGNALS, hashed_counts, signals
from moderation.scoring.train_spam import read_spam_examples, train_spam

ADVERTISING = [
    "Check out my channel and subscribe please, free gifts for everybody!",
    "Earn $500 a day from home, whatsapp +1 555 010 9999 now",
    "FREE entry!!! text WIN to 80085 to claim your prize, visit http://win.example.biz",
    "hey guys please visit my new website www.cheap-shoes.example.com best prices",
]
CONVERSATION = [
    "I do not think the council has understood what the bridge is for.",
    "Thank you for this article, my grandmother grew up in that street.",
    "Both sides have a point, but the budget for 2016 was never published.",
    "You are wrong and you know it.",
]


@pytest.fixture(scope="module")
def model() -> CompactSpam:
    return load_compact_spam()


def test_advertising_scores_above_conversation(model: CompactSpam) -> None:
    assert model.score(ADVERTISING).min() > 0.6
    assert model.score(CONVERSATION).max() < 0.3


def test_a_link_to_a_source_is_not_spam_by_itself(model: CompactSpam) -> None:
    comment = "The figures are in the report, see https://www.gov.uk/news/bridge-report"
    assert model.score([comment])[0] < 0.5


def test_a_disguise_hides_little(model: CompactSpam) -> None:
    plain, disguised = model.score(
        ["please subscribe to my channel", "plеase subscr1be to my ch@nnel\u200b"]
    )
    assert abs(plain - disguised) < 0.1


def test_a_score_depends_on_the_text_alone(model: CompactSpam) -> None:
    texts = [*ADVERTISING, "", *CONVERSATION, "x" * 5000]
    together = model.score(texts)
    assert np.array_equal(model.score(texts[::-1])[::-1], together)
    assert np.array_equal(np.concatenate([model.score([text]) for text in texts]), together)


def test_no_texts_give_no_scores(model: CompactSpam) -> None:
    assert model.score([]).shape == (0,)


@given(st.lists(st.text(st.characters(codec=None, exclude_categories=())), max_size=5))
def test_any_text_gets_a_probability(texts: list[str]) -> None:
    scores = load_compact_spam_once().score(texts)
    assert scores.shape == (len(texts),)
    assert ((scores >= 0) & (scores <= 1)).all()


_once: list[CompactSpam] = []


def load_compact_spam_once() -> CompactSpam:
    if not _once:
        _once.append(load_compact_spam())
    return _once[0]


@pytest.mark.parametrize(
    ("signal", "text"),
    [
        ("links", "see https://a.example/b"),
        ("links", "see www.example.com"),
        ("bare_domains", "go to cheapshoes.com"),
        ("bare_domains", "go to cheapshoes dot com"),
        ("email_addresses", "write to joe.doe@mail.example"),
        ("email_addresses", "joe (at) mail.example"),
        ("phone_numbers", "call +44 7700 900123"),
        ("phone_numbers", "(020) 7946-0018"),
        ("messenger_handles", "add me on WhatsApp"),
        ("messenger_handles", "t.me/joe"),
        ("money", "win $500"),
        ("money", "win 500 dollars"),
        ("shouting", "THIS IS THE BEST"),
        ("exclamations", "now!!!"),
        ("repeated_words", "buy buy buy buy"),
    ],
)
def test_a_signal_is_seen_and_a_plain_sentence_gives_none(signal: str, text: str) -> None:
    column = SIGNALS.index(signal)
    seen, plain = signals([text, "In 2016 our council closed the town bridge at 10:30."])
    assert seen[column] > 0
    assert plain[column] < 0.1


def test_counts_are_sorted_and_in_range() -> None:
    counts = hashed_counts(["one two two", "", "three"])
    keys = counts.rows * BUCKETS + counts.buckets
    assert (np.diff(keys) > 0).all()
    assert counts.buckets.max() < BUCKETS
    assert counts.counts.max() >= 2
    assert set(counts.rows) == {0, 1, 2}


@pytest.fixture
def data_dir(tmp_path: Path) -> Path:
    rng = random.Random(2)
    (tmp_path / "data" / "spam").mkdir(parents=True)
    with gzip.open(tmp_path / "data" / "spam" / "train.csv.gz", "wt", newline="") as file:
        writer = csv.DictWriter(file, ["text", "source", "spam"])
        writer.writeheader()
        for number in range(120):
            spam = number % 2
            text = rng.choice(ADVERTISING if spam else CONVERSATION)
            source = ("youtube_a", "youtube_b", "sms")[number % 3]
            text = f"<b>{text}</b> {rng.choice('abcdef')}&amp;"
            writer.writerow({"text": text, "source": source, "spam": spam})
    return tmp_path / "data"


def test_training_holds_each_video_out_and_writes_what_serving_loads(
    data_dir: Path, tmp_path: Path
) -> None:
    output = tmp_path / "model"
    result = CliRunner().invoke(
        models, ["train-spam", "--data", str(data_dir), "--output", str(output)]
    )
    assert result.exit_code == 0, result.output
    assert "youtube_a held out" in result.output
    manifest = json.loads((output / "manifest.json").read_text())
    assert set(manifest["held_out"]) == {"youtube_a", "youtube_b"}
    assert manifest["held_out"]["youtube_a"]["roc_auc"] > 0.95
    trained = CompactSpam(output)
    assert trained.score(ADVERTISING).min() > trained.score(CONVERSATION).max()


def test_training_twice_gives_the_same_weights(data_dir: Path, tmp_path: Path) -> None:
    train_spam(data_dir, tmp_path / "one")
    train_spam(data_dir, tmp_path / "two")
    texts = ADVERTISING + CONVERSATION
    one, two = (CompactSpam(tmp_path / name).score(texts) for name in ("one", "two"))
    assert np.allclose(one, two, atol=1e-6)


def test_markup_of_the_data_becomes_what_was_typed(data_dir: Path) -> None:
    example = read_spam_examples(data_dir / "spam" / "train.csv.gz")[0]
    assert "<" not in example.text
    assert example.text.endswith("&")


def test_damaged_weights_are_refused(tmp_path: Path) -> None:
    shutil.copytree(SPAM_FOLDER, tmp_path / "spam")
    (tmp_path / "spam" / "weights.npz").write_bytes(b"")
    with pytest.raises(ScoringUnavailable, match=r"weights\.npz is not what its manifest says"):
        CompactSpam(tmp_path / "spam")


def test_weights_for_other_features_are_refused(tmp_path: Path) -> None:
    shutil.copytree(SPAM_FOLDER, tmp_path / "spam")
    manifest_file = tmp_path / "spam" / "manifest.json"
    changed = json.loads(manifest_file.read_text()) | {"features_version": 99}
    manifest_file.write_text(json.dumps(changed))
    with pytest.raises(ScoringUnavailable, match=r"features_version 99.*train-spam"):
        CompactSpam(tmp_path / "spam")


def test_the_shipped_model_was_measured_on_videos_it_had_not_seen() -> None:
    manifest = json.loads((SPAM_FOLDER / "manifest.json").read_text())
    aucs = sorted(measured["roc_auc"] for measured in manifest["held_out"].values())
    assert len(aucs) == 3
    assert aucs[-1] >= 0.97
