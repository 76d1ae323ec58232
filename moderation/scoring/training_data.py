"""Read labelled comments into the texts and soft targets that the compact model learns from."""

import ast
import csv
import gzip
import hashlib
import html
import math
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from moderation.labels import TOXICITY_LABELS

TRAIN_FILE = Path("toxicity") / "train.csv.gz"
SPANS_FILE = Path("toxicity") / "spans_train.csv"
MEASURED_FILES = (Path("toxicity") / "dev.csv.gz", Path("toxicity") / "spans_dev.csv")
"""What models are measured on; texts of these are never trained on, wherever else they stand."""

Span = tuple[int, int]
"""Half-open, in code points of a text."""

OTHER_SOURCES = "other"
"""The key of a table by source that holds for those not named in it."""


@dataclass(frozen=True, slots=True)
class Example:
    """A comment, where it came from, and its six targets in the order of TOXICITY_LABELS.

    ``spans`` are the parts that people found toxic; None where nobody marked any or none.
    """

    text: str
    source: str
    targets: tuple[float, ...]
    spans: tuple[Span, ...] | None = None


def open_text(path: Path) -> IO[str]:
    """Open a UTF-8 file for reading, through gzip when its name ends in ``.gz``."""
    if path.suffix == ".gz":
        return gzip.open(path, "rt", encoding="utf-8", newline="")
    return path.open(encoding="utf-8", newline="")


def read_examples(
    path: Path,
    *,
    gold_share: Mapping[str, float],
    max_chars: int,
    spans: Mapping[str, tuple[Span, ...]] | None = None,
    never: Iterable[str] = (),
) -> list[Example]:
    """Read a training file: columns ``text``, ``source``, ``gold_*`` and ``lstm_*``.

    Texts lose HTML entities (the tweets have them) and what lies beyond ``max_chars``.

    Args:
        path: the file.
        gold_share: by source, how much of a target is people's label; the rest is the
            teacher's. Where people said nothing about a label, the teacher's alone.
        max_chars: what a text is cut to.
        spans: what :func:`read_spans` found.
        never: texts to leave out.

    Raises:
        FileNotFoundError: no such file.
        KeyError: a column is missing, or a source has no share.
    """
    spans, left_out = spans or {}, set(never)
    examples = []
    with open_text(path) as file:
        for row in csv.DictReader(file):
            if row["text"] in left_out:
                continue
            text = html.unescape(row["text"])[:max_chars]
            share = gold_share.get(row["source"], gold_share[OTHER_SOURCES])
            # Offsets hold in the text as it was marked, before entities were read.
            marked = spans.get(row["text"]) if text == row["text"] else None
            examples.append(Example(text, row["source"], _targets(row, share), marked))
    return examples


def read_spans(path: Path) -> dict[str, tuple[Span, ...]]:
    """Text -> its toxic parts, from a file of SemEval-2021 task 5: ``spans`` (a list of character
    offsets) and ``text``, which is cut to 600 characters as the training file's are.

    Raises:
        FileNotFoundError: no such file.
        KeyError: a column is missing.
    """
    with open_text(path) as file:
        return {
            row["text"][:600]: runs(ast.literal_eval(row["spans"])) for row in csv.DictReader(file)
        }


def runs(offsets: Iterable[int]) -> tuple[Span, ...]:
    """Neighbouring offsets joined to spans, in order."""
    found: list[Span] = []
    for offset in sorted(set(offsets)):
        if found and found[-1][1] == offset:
            found[-1] = (found[-1][0], offset + 1)
        else:
            found.append((offset, offset + 1))
    return tuple(found)


def measured_texts(data_dir: Path) -> set[str]:
    """The texts of MEASURED_FILES, those that are there, also cut to 600 characters."""
    texts = set()
    for path in (data_dir / name for name in MEASURED_FILES):
        if path.exists():
            with open_text(path) as file:
                for row in csv.DictReader(file):
                    texts |= {row["text"], row["text"][:600]}
    return texts


def _targets(row: Mapping[str, str], gold_share: float) -> tuple[float, ...]:
    targets = []
    for label in TOXICITY_LABELS:
        teacher = float(row[f"lstm_{label}"])
        people = row.get(f"gold_{label}", "")
        if label == "toxicity" and not people and float(row["gold_identity_attack"] or 0) >= 0.5:
            people = row["gold_identity_attack"]  # what people call hate, they call toxic
        gold = float(people) if people else teacher
        targets.append(min(1.0, max(0.0, gold_share * gold + (1 - gold_share) * teacher)))
    return tuple(targets)


def split_holdout(examples: Sequence[Example], share: float) -> tuple[list[Example], list[Example]]:
    """Part ``examples`` into (training, held out) by a hash of the text: stable over runs."""
    kept: list[Example] = []
    held: list[Example] = []
    for example in examples:
        digest = hashlib.sha256(example.text.encode("utf-8", "replace")).digest()
        (held if digest[0] * 256 + digest[1] < share * 65536 else kept).append(example)
    return kept, held


_WORD = re.compile(r"[a-z]{3,}")


def telling_words(examples: Sequence[Example], count: int = 400) -> frozenset[str]:
    """The words whose presence raises the toxicity target most, by smoothed log odds."""
    seen: Counter[str] = Counter()
    toxic: Counter[str] = Counter()
    for example in examples:
        words = set(_WORD.findall(example.text.lower()))
        seen.update(words)
        if example.targets[0] >= 0.6:
            toxic.update(words)

    def log_odds(word: str) -> float:
        return math.log((toxic[word] + 0.5) / (seen[word] - toxic[word] + 0.5))

    frequent = sorted(word for word, times in seen.items() if times >= 12)
    return frozenset(sorted(frequent, key=log_odds, reverse=True)[:count])
