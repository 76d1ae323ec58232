"""Train the bundled spam model with scikit-learn, and measure it on a source it has not seen."""

import csv
import html
import random
import re
import time
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np

from moderation.scoring.bundle import write_manifest
from moderation.scoring.metrics import average_precision, calibration_error, roc_auc
from moderation.scoring.normalise import NORMALISER_VERSION
from moderation.scoring.spam import WEIGHTS_FILE, SpamWeights, tfidf
from moderation.scoring.spam_features import (
    BUCKETS,
    FEATURES_VERSION,
    SIGNALS,
    hashed_counts,
    signals,
)
from moderation.scoring.training_data import TRAIN_FILE, open_text

SPAM_TRAIN_FILE = Path("spam") / "train.csv.gz"
VERSION = "1"
PLAIN_SOURCE = "civil_comments"
MAX_COMMENT_CHARS = 300
PLAIN_ROWS = 2000
LINKED_SHARE = 0.1
"""Share of the plain comments that get a link to a source, as readers give: in the labelled data
nearly every link is spam, and a link alone would otherwise decide."""

_LINKED_HOSTS = (
    "en.wikipedia.org",
    "www.bbc.co.uk",
    "www.cbc.ca",
    "www.gov.uk",
    "www.nytimes.com",
    "www.reuters.com",
    "www.theguardian.com",
    "www.washingtonpost.com",
    "youtu.be",
)
_LINKED_FOLDERS = ("news", "wiki", "article", "2017/06", "world", "opinion")
_TAG = re.compile(r"</?[a-z][^<>]*>", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class SpamExample:
    """A comment or message, where it came from, and what a person called it."""

    text: str
    source: str
    spam: bool


def read_spam_examples(path: Path) -> list[SpamExample]:
    """Read columns ``text``, ``source``, ``spam`` (0/1); HTML becomes what a reader types.

    Raises:
        FileNotFoundError: no such file.
        KeyError: a column is missing.
    """
    with open_text(path) as file:
        return [
            SpamExample(_plain(row["text"]), row["source"], row["spam"] == "1")
            for row in csv.DictReader(file)
        ]


def read_plain_comments(path: Path, count: int) -> list[SpamExample]:
    """The first ``count`` news comments of the toxicity data, as examples of what is no spam.

    Nobody labelled them for spam; a news site's moderators had let them through.

    Raises:
        FileNotFoundError: no such file.
    """
    with open_text(path) as file:
        comments = (row for row in csv.DictReader(file) if row["source"] == PLAIN_SOURCE)
        return [
            SpamExample(row["text"][:MAX_COMMENT_CHARS], PLAIN_SOURCE, False)
            for row in islice(comments, count)
        ]


def with_source_links(examples: Sequence[SpamExample], share: float) -> list[SpamExample]:
    """``examples``, the same ``share`` of them each time ending in a link to a known site."""
    rng = random.Random(0)
    words = [word for example in examples for word in example.text.lower().split()]
    words = [word for word in words if word.isalpha()]
    linked = []
    for example in examples:
        if words and rng.random() < share:
            slug = "-".join(rng.choices(words, k=rng.randint(1, 5)))
            link = f"https://{rng.choice(_LINKED_HOSTS)}/{rng.choice(_LINKED_FOLDERS)}/{slug}"
            example = SpamExample(f"{example.text} {link}", example.source, example.spam)
        linked.append(example)
    return linked


def _plain(markup: str) -> str:
    return html.unescape(_TAG.sub(" ", markup)).replace("\ufeff", "").strip()


def fit(examples: Sequence[SpamExample], *, inverse_regularisation: float) -> SpamWeights:
    """Fit the weights; every source weighs by the root of its size, spam and ham alike.

    The many text messages would otherwise drown the few comments.
    """
    from scipy.sparse import csr_matrix, hstack
    from sklearn.linear_model import LogisticRegression

    texts = [example.text for example in examples]
    labels = np.array([example.spam for example in examples])
    counts = hashed_counts(texts)
    document_counts = np.bincount(counts.buckets, minlength=BUCKETS)
    idf = np.log((1 + len(texts)) / (1 + document_counts)).astype(np.float32) + 1
    # Buckets seen once teach nothing that holds elsewhere.
    idf[document_counts < 2] = 0
    words = csr_matrix(
        (tfidf(counts, idf, len(texts)), (counts.rows, counts.buckets)),
        shape=(len(texts), BUCKETS),
    )
    table = signals(texts)
    means, scales = table.mean(axis=0), table.std(axis=0) + 1e-6
    # Signals are kept smaller than a text's word vector so that the penalty is felt by both.
    scales = scales * 4
    everything = hstack([words, csr_matrix((table - means) / scales)]).tocsr()
    sources = np.array([example.source for example in examples])
    weights = np.ones(len(texts))
    for source in set(sources):
        for kind in (True, False):
            group = (sources == source) & (labels == kind)
            if group.any():
                weights[group] = np.sqrt(np.mean(sources == source)) / group.sum()
    weights *= len(texts) / weights.sum()
    model = LogisticRegression(C=inverse_regularisation, max_iter=2000)
    model.fit(everything, labels, sample_weight=weights)
    coefficients = model.coef_[0].astype(np.float32)
    return SpamWeights(
        idf=idf,
        bucket_weights=coefficients[:BUCKETS],
        signal_weights=coefficients[BUCKETS:],
        signal_means=means,
        signal_scales=scales,
        bias=float(model.intercept_[0]),
    )


def measure(weights: SpamWeights, examples: Sequence[SpamExample]) -> dict[str, float]:
    """ROC AUC, average precision, calibration error and accuracy at one half."""
    labels = np.array([example.spam for example in examples])
    scores = weights.probabilities([example.text for example in examples])
    return {
        "rows": len(examples),
        "roc_auc": round(roc_auc(labels, scores), 4),
        "average_precision": round(average_precision(labels, scores), 4),
        "calibration_error": round(calibration_error(labels, scores), 4),
        "accuracy_at_0.5": round(float(np.mean((scores >= 0.5) == labels)), 4),
    }


def train_spam(
    data_dir: Path, output_dir: Path, *, inverse_regularisation: float = 10.0
) -> dict[str, Any]:
    """Measure on each YouTube video held out in turn, then fit on all sources and write it.

    ``data_dir`` holds spam/train.csv.gz and, to keep the model from calling news comments spam,
    toxicity/train.csv.gz; without the latter it learns from the former alone.

    Returns the manifest; its ``held_out`` has one entry for each source left out, and
    ``false_alarms`` the share of news comments not trained on that score above a threshold.

    Raises:
        FileNotFoundError: ``data_dir`` holds no spam/train.csv.gz.
    """
    labelled = read_spam_examples(data_dir / SPAM_TRAIN_FILE)
    comments_file = data_dir / TRAIN_FILE
    comments = read_plain_comments(comments_file, 2 * PLAIN_ROWS) if comments_file.exists() else []
    plain = with_source_links(comments[:PLAIN_ROWS], LINKED_SHARE)
    unseen = comments[PLAIN_ROWS:]
    held_out = {}
    for source in sorted({example.source for example in labelled if "youtube" in example.source}):
        others = [example for example in labelled if example.source != source]
        of_source = [example for example in labelled if example.source == source]
        weights = fit([*others, *plain], inverse_regularisation=inverse_regularisation)
        held_out[source] = measure(weights, of_source)
    shipped = fit([*labelled, *plain], inverse_regularisation=inverse_regularisation)
    output_dir.mkdir(parents=True, exist_ok=True)
    shipped.save(output_dir / WEIGHTS_FILE)
    false_alarms = {}
    if unseen:
        scores = shipped.probabilities([example.text for example in unseen])
        false_alarms = {f"above_{at}": float(np.mean(scores > at)) for at in (0.5, 0.8)}
    facts = {
        "version": VERSION,
        "made": time.strftime("%Y-%m-%d", time.gmtime()),
        "made_by": "moderation models train-spam",
        "normaliser_version": NORMALISER_VERSION,
        "features_version": FEATURES_VERSION,
        "buckets": BUCKETS,
        "signals": list(SIGNALS),
        "inverse_regularisation": inverse_regularisation,
        "rows": len(labelled),
        "plain_rows": len(plain),
        "held_out": held_out,
        "false_alarms": false_alarms,
    }
    return write_manifest(output_dir, [WEIGHTS_FILE], facts)
