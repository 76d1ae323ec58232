"""Read labelled comments into the texts and soft targets that the compact model learns from."""

import csv
import gzip
import hashlib
import html
import math
import random
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from moderation.labels import TOXICITY_LABELS
from moderation.scoring.disguise import disguise

TRAIN_FILE = Path("toxicity") / "train.csv.gz"


@dataclass(frozen=True, slots=True)
class Example:
    """A comment, where it came from, and its six targets in the order of TOXICITY_LABELS."""

    text: str
    source: str
    targets: tuple[float, ...]


def open_text(path: Path) -> IO[str]:
    """Open a UTF-8 file for reading, through gzip when its name ends in ``.gz``."""
    if path.suffix == ".gz":
        return gzip.open(path, "rt", encoding="utf-8", newline="")
    return path.open(encoding="utf-8", newline="")


def read_examples(path: Path, *, gold_share: float, max_chars: int) -> list[Example]:
    """Read a training file: columns ``text``, ``source``, ``gold_*`` and ``lstm_*``.

    A target is ``gold_share`` of people's label and the rest of the teacher's; where people
    said nothing about a label, the teacher's alone. Texts lose HTML entities (the tweets have
    them) and what lies beyond ``max_chars``.

    Raises:
        FileNotFoundError: no such file.
        KeyError: a column is missing.
    """
    with open_text(path) as file:
        return [
            Example(
                text=html.unescape(row["text"])[:max_chars],
                source=row["source"],
                targets=_targets(row, gold_share),
            )
            for row in csv.DictReader(file)
        ]


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


_GROUPS = [
    "gay",
    "lesbian",
    "bisexual",
    "transgender",
    "queer",
    "straight",
    "black",
    "white",
    "asian",
    "african",
    "american",
    "latino",
    "latina",
    "mexican",
    "chinese",
    "indian",
    "arab",
    "jewish",
    "muslim",
    "christian",
    "catholic",
    "protestant",
    "hindu",
    "sikh",
    "buddhist",
    "atheist",
    "deaf",
    "blind",
    "disabled",
    "autistic",
    "female",
    "male",
    "old",
    "young",
    "immigrant",
    "polish",
    "irish",
    "german",
    "french",
    "turkish",
    "russian",
    "japanese",
    "european",
]
_PEOPLE = [
    "woman",
    "man",
    "person",
    "teacher",
    "neighbour",
    "friend",
    "family",
    "journalist",
    "reader",
    "colleague",
    "couple",
    "writer",
    "doctor",
    "nurse",
    "student",
    "player",
    "singer",
    "community",
    "voter",
]
_TEMPLATES = (
    "I am {a} {group} {people}.",
    "My {people} is {group}.",
    "As {a} {group} {people} I enjoyed this article.",
    "{group} people live in our street too.",
    "The {group} {people} in the story made a good point.",
    "Being {group} is part of who I am.",
    "What do {group} readers think about this?",
    "I grew up with a {group} {people} next door.",
    "Congratulations to the first {group} {people} on the council!",
    "More {group} voices in the paper, please.",
    "My {group} {people} and I read this together.",
    "{group} and proud.",
)


def neutral_identity_examples(count: int, rng: random.Random) -> Iterator[Example]:
    """Harmless sentences that name a group, with low targets."""
    for _ in range(count):
        group = rng.choice(_GROUPS)
        text = rng.choice(_TEMPLATES).format(
            group=group, people=rng.choice(_PEOPLE), a="an" if group[0] in "aeiou" else "a"
        )
        yield Example(text, "neutral_identity", (0.03, 0.0, 0.01, 0.0, 0.01, 0.02))


def epoch_examples(
    examples: Sequence[Example],
    *,
    epoch: int,
    seed: int,
    epoch_share: Mapping[str, float],
    disguised_share: float,
    telling: frozenset[str],
    neutral_identity_rows: int,
) -> list[Example]:
    """What epoch number ``epoch`` reads, in a fixed order that depends on ``seed`` alone.

    Each source is thinned to its ``epoch_share`` (1.0 when it has none), and
    ``disguised_share`` of the texts are disguised, differently each epoch.
    """
    rng = random.Random(f"{seed}:{epoch}")
    chosen = []
    for example in examples:
        if rng.random() >= epoch_share.get(example.source, 1.0):
            continue
        if rng.random() < disguised_share:
            text = disguise(example.text, telling, rng)
            example = Example(text, example.source, example.targets)
        chosen.append(example)
    chosen.extend(neutral_identity_examples(neutral_identity_rows, rng))
    rng.shuffle(chosen)
    return chosen
