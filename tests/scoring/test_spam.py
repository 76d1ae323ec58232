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
from moderation.scoring.spam_cues import CUES
from moderation.scoring.spam_examples import (
    make_up_examples,
    read_plain_comments,
    read_spam_examples,
    with_shouting,
    with_source_links,
)
from moderation.scoring.spam_features import BUCKETS, features, hashed_counts
from moderation.scoring.train_spam import train_spam

MADE_UP_FILE = Path(__file__).resolve().parents[2] / "config" / "spam_examples.toml"

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
    ("cue", "text"),
    [
        ("links", "see https://a.example/b"),
        ("links", "see www.example.com"),
        ("links", "see hxxp://a.example/b"),
        ("reference_links", "see https://en.wikipedia.org/wiki/Bridge"),
        ("video_links", "https://youtu.be/abc"),
        ("shortened_links", "look: bit.ly/3xYz"),
        ("referral_links", "http://shop.example/?ref=88"),
        ("appealing_links", "https://www.gofundme.com/f/my-dog"),
        ("link_with_few_words", "wow, very nice https://a.example/b"),
        ("bare_domains", "go to cheapshoes.com"),
        ("bare_domains", "go to cheapshoes dot com"),
        ("bare_domains", "go to cheapshoes [.] com"),
        ("bare_domains", "go to cheapshoes . com"),
        ("bare_paths", "watch?v=abc123"),
        ("email_addresses", "write to joe.doe@mail.example"),
        ("email_addresses", "joe (at) mail.example"),
        ("email_addresses", "joe at gmail dot com"),
        ("phone_numbers", "call +44 7700 900123"),
        ("phone_numbers", "(020) 7946-0018"),
        ("phone_numbers", "call two zero two five five five zero one"),
        ("handles", "follow @joe_doe"),
        ("messenger_names", "add me on WhatsApp"),
        ("messenger_names", "t.me/joe"),
        ("messenger_names", "ask me on wh\u0430tsapp"),
        ("money", "win $500"),
        ("money", "win 500 dollars"),
        ("subscribing", "suscribe please"),
        ("begging_for_subscribers", "sub4sub anyone"),
        ("begging_for_subscribers", "help me reach 200 subs"),
        ("own_things", "see my new gaming channel"),
        ("own_thing_called_for", "check out my channel"),
        ("calls_to_look", "ch3ck out the offer"),
        ("commands_at_start", "please visit the shop"),
        ("asking_for_likes", "like this comment"),
        ("passing_on", "send this to 10 people"),
        ("pleading", "it would mean so much"),
        ("crowd", "hey guys"),
        ("introducing_oneself", "I am a rapper"),
        ("earning", "I make easy money from home"),
        ("offers", "order now and get a discount"),
        ("votes_and_petitions", "https://gofundme.com/x"),
        ("shouting", "THIS IS THE BEST"),
        ("exclamations", "now!!!"),
        ("repeated_words", "buy buy buy buy"),
        ("nothing_but_links", "https://a.example/b"),
    ],
)
def test_a_cue_is_seen_and_a_plain_sentence_gives_none(cue: str, text: str) -> None:
    column = CUES.index(cue)
    plain = "In 2016 our council closed the town bridge at 10:30, wrote J.R. Smith of the paper."
    seen, unseen = features([text, plain]).cues
    assert seen[column] > 0
    assert unseen[column] < 0.1


def test_a_flood_of_one_cue_says_no_more_than_a_handful() -> None:
    column = CUES.index("handles")
    some, many = features(["@joe " * 8, "@joe " * 80]).cues
    assert some[column] == many[column]


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


def test_made_up_examples_are_the_same_each_time_and_leave_no_slot_open() -> None:
    made = make_up_examples(MADE_UP_FILE)
    assert made == make_up_examples(MADE_UP_FILE)
    assert {example.spam for example in made} == {True, False}
    assert not [example for example in made if "{" in example.text or "}" in example.text]


def test_plain_comments_are_parted_into_those_to_train_and_those_to_measure_on(
    tmp_path: Path,
) -> None:
    with gzip.open(tmp_path / "train.csv.gz", "wt", newline="") as file:
        writer = csv.DictWriter(file, ["text", "source"])
        writer.writeheader()
        for number in range(9):
            source = ("civil_comments", "wikipedia_talk", "olid_tweets")[number % 3]
            writer.writerow({"text": f"number {number}", "source": source})
    first, second = read_plain_comments(tmp_path / "train.csv.gz", 1)
    assert [example.text for example in first] == ["number 0", "number 1"]
    assert [example.text for example in second] == ["number 3", "number 4"]
    everything = read_spam_examples(gzip_of(tmp_path, first + second)) * 40
    assert with_source_links(everything, 0.0) == with_shouting(everything, 0.0) == everything
    linked = [e for e in with_source_links(everything, 0.5) if e not in everything]
    shouted = [e for e in with_shouting(everything, 0.5) if e not in everything]
    assert 0.3 < len(linked) / len(everything) < 0.7
    assert 0.3 < len(shouted) / len(everything) < 0.7


def gzip_of(folder: Path, examples: list) -> Path:
    """The examples as a file of labelled ones."""
    path = folder / "labelled.csv.gz"
    with gzip.open(path, "wt", newline="") as file:
        writer = csv.DictWriter(file, ["text", "source", "spam"])
        writer.writeheader()
        for example in examples:
            writer.writerow(
                {"text": example.text, "source": example.source, "spam": int(example.spam)}
            )
    return path


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


def test_the_shipped_model_was_measured_on_what_it_had_not_seen() -> None:
    manifest = json.loads((SPAM_FOLDER / "manifest.json").read_text())
    assert len(manifest["held_out"]) == 3
    for measured in manifest["held_out"].values():
        assert measured["roc_auc"] >= 0.985
        assert measured["accuracy_at_0.5"] >= 0.95
    for measured in manifest["false_alarms"].values():
        assert measured["at_0.5"] <= 0.02


def test_the_bundle_is_small() -> None:
    assert sum(path.stat().st_size for path in SPAM_FOLDER.iterdir()) < 3_000_000
