"""What grows in the index of near copies while it fills with made-up comments; for ADR 6.

    python tests/benchmarks/likeness_growth.py --sizes 10000 100000 1000000

No clock is read, so a busy machine gives the same numbers: by how many keys a new comment is
looked up, how many rows that brings back, under how many shingles the last tenth came to be
stored, and how many copies of those, of each kind as many, would be found.
"""

from __future__ import annotations

import argparse
import random
import sys
from collections import Counter
from itertools import islice
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent), str(HERE.parents[1])]

from likeness import _Filling, _speech  # noqa: E402

from moderation.scoring.near_copies import KINDS  # noqa: E402
from moderation.scoring.similarity import Sketch, similarity  # noqa: E402
from moderation.services.likeness_index import (  # noqa: E402
    LOOKED_UP,
    MAX_CANDIDATES,
    MIN_SHARED_PADDED,
)

NEW = 1000


class _Held:
    """The keys of the first ``size`` representatives, sorted."""

    def __init__(self, filling: _Filling, size: int) -> None:
        some = filling.numbers <= size
        order = np.argsort(filling.keys[some], kind="stable")
        self.keys, self.numbers = filling.keys[some][order], filling.numbers[some][order]

    def under(self, keys: tuple[int, ...]) -> list[NDArray[np.int64]]:
        """For each key the numbers of its holders."""
        wanted = np.array(keys, dtype=np.int64)
        starts, ends = (np.searchsorted(self.keys, wanted, side) for side in ("left", "right"))
        return [self.numbers[a:b] for a, b in zip(starts, ends, strict=True)]

    def finds(self, copy: str, number: int, letters: str) -> bool:
        """As ``likeness_index.find_similar`` ranks and verifies, for one representative."""
        if copy == letters:
            return True
        weight: Counter[int] = Counter()
        shared: Counter[int] = Counter()
        for holders in self.under(Sketch("", copy).shingles[:LOOKED_UP]):
            for one in holders.tolist():
                weight[one] += 1 / len(holders)
                shared[one] += 1
        if number not in sorted(weight, key=lambda i: (-weight[i], i))[:MAX_CANDIDATES]:
            return False
        return similarity(copy, letters, padded=shared[number] >= MIN_SHARED_PADDED) > 0


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--sizes", type=int, nargs="+", default=[10_000, 100_000, 1_000_000])
    parser.add_argument("--copies", type=int, default=100, help="of each kind (default 100)")
    given = parser.parse_args()
    filling = _Filling.of(max(given.sizes))
    new = [Sketch.of(text).shingles[:LOOKED_UP] for text in islice(_speech(seed=1), NEW)]
    print("   stored  looked up   rows  shingles stored  copies found")
    for size in sorted(given.sizes):
        held = _Held(filling, size)
        rows = sum(len(holders) for keys in new for holders in held.under(keys))
        tenth = size // 10
        # One key of each is that of its whole text.
        stored = np.count_nonzero(held.numbers > size - tenth) / tenth - 1
        chance = random.Random(size)
        chosen = set(chance.sample(range(size - tenth, size), given.copies))
        texts = {n: text for n, text in enumerate(islice(_speech(seed=0), size)) if n in chosen}
        found = [
            held.finds(Sketch.of(kind(text, chance)).letters, n + 1, filling.letters[n])
            for kind in KINDS.values()
            for n, text in texts.items()
        ]
        print(
            f"{size:9,}  {sum(map(len, new)) / NEW:9.1f}  {rows / NEW:5.1f}  {stored:15.1f}"
            f"  {np.mean(found):12.4f}",
            flush=True,
        )


if __name__ == "__main__":
    main()
