"""Ways of finding candidates for near copies of short texts, beside one another; for ADR 6.

    python tests/benchmarks/likeness_methods.py --data DIR

Each way stores the same comments under some keys and is asked for copies of some of them. Told are
how many keys a comment costs, how many stored comments a question brings up (each would have to be
verified), and how often the original is among them; of ours, among those that are verified.
"""

from __future__ import annotations

import argparse
import random
import sys
from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path
from zlib import crc32

import numpy as np

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from moderation.cli.likeness_trial import read_comments  # noqa: E402
from moderation.scoring.near_copies import KINDS  # noqa: E402
from moderation.scoring.similarity import SHINGLE_LETTERS, Sketch  # noqa: E402
from moderation.services.likeness_index import (  # noqa: E402
    KEYS,
    LOOKED_UP,
    MAX_CANDIDATES,
    MAX_HOLDERS,
    STORABLE,
)

Keys = Callable[[str], Sequence[object]]
Ask = Callable[[str], Sequence[int]]

_PRIME = (1 << 31) - 1
_CHANCE = np.random.default_rng(7)
_A, _B = _CHANCE.integers(1, _PRIME, (2, 256, 1))
SHOWN = (
    "edits, 5-10 %",
    "edits, 10-15 %",
    "one word more, less or other",
    "padding before or after",
)


def _shingles(letters: str, size: int) -> np.ndarray:
    runs = range(max(1, len(letters) - size + 1))
    return np.array([crc32(letters[at : at + size].encode()) % _PRIME for at in runs])


def minhash(bands: int, rows: int, size: int) -> Keys:
    """MinHash with banding (Broder 1997): a key for each band of ``rows`` minima."""
    number = bands * rows

    def keys(letters: str) -> Sequence[object]:
        minima = ((_A[:number] * _shingles(letters, size) + _B[:number]) % _PRIME).min(axis=1)
        return [(band, *minima[band * rows : (band + 1) * rows]) for band in range(bands)]

    return keys


def simhash(blocks: int, size: int) -> Keys:
    """SimHash of 64 bits (Charikar 2002), a key for each block of bits (Manku et al. 2007)."""

    width = 64 // blocks

    def keys(letters: str) -> Sequence[object]:
        total = sum(_signs(int(shingle)) for shingle in _shingles(letters, size))
        bits = (np.asarray(total) > 0).astype(int).tolist()
        return [(block, *bits[block * width : (block + 1) * width]) for block in range(blocks)]

    return keys


@cache
def _signs(shingle: int) -> np.ndarray:
    return np.random.default_rng(shingle).choice((-1, 1), 64)


def banded(stored: Sequence[str], keys: Keys) -> Ask:
    held: defaultdict[object, list[int]] = defaultdict(list)
    for number, letters in enumerate(stored):
        for key in keys(letters):
            held[key].append(number)
    return lambda letters: list({n for key in keys(letters) for n in held.get(key, ())})


def rarest(stored: Sequence[str]) -> Ask:
    """Ours, in memory."""
    held: defaultdict[int, list[int]] = defaultdict(list)
    for number, letters in enumerate(stored):
        shingles = Sketch("", letters).shingles[:STORABLE]
        for key in sorted(shingles, key=lambda k: (len(held.get(k, ())), k))[:KEYS]:
            if len(held[key]) < MAX_HOLDERS:
                held[key].append(number)

    def ask(letters: str) -> Sequence[int]:
        weight: Counter[int] = Counter()
        for key in Sketch("", letters).shingles[:LOOKED_UP]:
            numbers = held.get(key, ())
            for number in numbers:
                weight[number] += 1 / len(numbers)
        return sorted(weight, key=lambda n: (-weight[n], n))[:MAX_CANDIDATES]

    return ask


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--stored", type=int, default=20_000)
    parser.add_argument("--copies", type=int, default=500)
    given = parser.parse_args()
    chance = random.Random(1)
    comments = chance.sample(read_comments(given.data), given.stored)
    stored = [Sketch.of(text).letters for text in comments]
    asked = {
        kind: [
            (number, Sketch.of(KINDS[kind](comments[number], chance)).letters)
            for number in chance.sample(range(len(stored)), given.copies)
        ]
        for kind in SHOWN
    }
    ways: dict[str, tuple[int, Callable[[], Ask]]] = {
        f"{KEYS} rarest shingles of {SHINGLE_LETTERS}": (KEYS + 1, lambda: rarest(stored)),
        **{
            f"MinHash {b} x {r}, shingles of {s}": (
                b,
                lambda b=b, r=r, s=s: banded(stored, minhash(b, r, s)),
            )
            for b, r, s in ((10, 2, 4), (25, 3, 4), (50, 3, 3), (40, 4, 3))
        },
        **{
            f"SimHash, {b} blocks, shingles of 3": (
                b,
                lambda b=b: banded(stored, simhash(b, 3)),
            )
            for b in (4, 8)
        },
    }
    print(f"{'':34} keys  candidates  found: {', '.join(SHOWN)}")
    for name, (keys, build) in ways.items():
        ask = build()
        brought, found = [], []
        for copies in asked.values():
            answers = [(number, ask(letters)) for number, letters in copies]
            brought += [len(answer) for _, answer in answers]
            found.append(sum(number in answer for number, answer in answers) / len(answers))
        shares = "  ".join(f"{share:.3f}" for share in found)
        print(f"{name:34} {keys:4}  {np.mean(brought):10.1f}  {shares}", flush=True)


if __name__ == "__main__":
    main()
