"""What the compact model reads in each epoch: thinned, disguised, with groups exchanged."""

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from moderation.scoring.disguise import disguise
from moderation.scoring.made_up import made_up_examples, swap_identity
from moderation.scoring.training_data import OTHER_SOURCES, Example

_LONG_PARTS = (3, 6)
"""How many comments are joined to a long one."""


@dataclass(frozen=True, slots=True)
class Changes:
    """What is done to the rows of an epoch; ``config/training.toml`` explains each."""

    epoch_share: Mapping[str, float]
    disguised_share: float
    swapped_share: float
    long_rows: int
    made_up_rows: int


def epoch_examples(
    examples: Sequence[Example],
    changes: Changes,
    *,
    epoch: int,
    seed: int,
    telling: frozenset[str],
) -> list[Example]:
    """What epoch number ``epoch`` reads, in a fixed order that depends on ``seed`` alone.

    A row that was changed loses its spans: their offsets would not hold.
    """
    rng = random.Random(f"{seed}:{epoch}")
    share = changes.epoch_share
    chosen = []
    for example in examples:
        if rng.random() >= share.get(example.source, share[OTHER_SOURCES]):
            continue
        text = example.text
        if rng.random() < changes.swapped_share:
            text = swap_identity(text, rng)
        if rng.random() < changes.disguised_share:
            text = disguise(text, telling, rng)
        if text != example.text:
            example = replace(example, text=text, spans=None)
        chosen.append(example)
    chosen.extend(_long_examples(examples, changes.long_rows, rng))
    chosen.extend(made_up_examples(changes.made_up_rows, rng))
    rng.shuffle(chosen)
    return chosen


def _long_examples(examples: Sequence[Example], count: int, rng: random.Random) -> list[Example]:
    """Several comments joined into one, as toxic as the worst of them.

    Half are joined from harmless comments alone, or length itself would look like guilt.
    """
    if not count:
        return []
    harmless = [example for example in examples if example.targets[0] < 0.15]
    joined = []
    for number in range(count):
        parts = rng.choices(harmless, k=rng.randint(*_LONG_PARTS))
        if number % 2:
            parts[rng.randrange(len(parts))] = rng.choice(examples)
        joined.append(
            Example(
                text=rng.choice((" ", "\n", "  ")).join(part.text for part in parts),
                source="joined",
                targets=tuple(map(max, zip(*(part.targets for part in parts), strict=True))),
            )
        )
    return joined
