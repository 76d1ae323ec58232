"""What finding near copies costs a comment when a million are stored, beside ten thousand.

The index is filled in bulk with made-up comments whose words are as unevenly common as those of a
language (Zipf 1949), under the keys that the service would have chosen. Then new comments and a
flood of copies come in, in batches as a worker takes them, by turns in the small index and in the
large one.
"""

from __future__ import annotations

import random
import re
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from dataclasses import dataclass
from statistics import median
from zlib import crc32

import numpy as np
from numpy.typing import NDArray
from ours_side import Installation, install
from plan import Plan
from results import Result
from servers import postgres

from moderation.domain.base import new_id
from moderation.domain.comment import Comment
from moderation.scoring.near_copies import KINDS
from moderation.scoring.similarity import SHINGLE_LETTERS, Sketch
from moderation.services import likeness, likeness_index
from moderation.services.likeness import Newcomer

SMALL, LARGE = 10_000, 1_000_000
MAX_RATIO = 1.3
FREE_DISK_BYTES = 6 * 1024**3
BATCH, BATCHES_A_TURN = 64, 12
MESSAGE = "Earn four thousand a week from your sofa, ask me how, only few places are left for you"
_SERVER = {"shared_buffers": "512MB", "max_wal_size": "8GB", "maintenance_work_mem": "256MB"}

_DOUBLED = re.compile(r"(.)\1+")
_SLOTS = 1 << 27
"""Of the counters that stand for the numbers of holders while filling: 128 MiB."""


def similar(plan: Plan) -> list[Result]:
    """Milliseconds a comment, from its sketch to the commit of its cluster."""
    free_bytes = shutil.disk_usage(plan.folder).free
    if free_bytes < FREE_DISK_BYTES:
        raise RuntimeError(f"this needs 6 GiB of free disk, there are {free_bytes:,} bytes")
    filling = _Filling.of(LARGE)
    with ExitStack() as stack:
        server = stack.enter_context(postgres(settings=_SERVER))
        return [
            *_compare("SQLite", plan, filling, dict),
            *_compare(
                "PostgreSQL",
                plan,
                filling,
                lambda: {"MODERATION_DATABASE_URL": server.create_database()},
            ),
        ]


def _compare(
    name: str, plan: Plan, filling: _Filling, environ: Callable[[], dict[str, str]]
) -> list[Result]:
    sides = {}
    for size in (SMALL, LARGE):
        sides[size] = install(plan.folder / f"likeness-{name}-{size}", environ())
        filling.put(sides[size], size)
    speech = _speech(seed=1)
    chance = random.Random(1)
    kinds = list(KINDS.values())

    def new() -> str:
        return next(speech)

    def copy() -> str:
        return chance.choice(kinds)(MESSAGE, chance)

    results = []
    for what, make in (("new comments", new), ("a flood's copies", copy)):
        spent: dict[int, list[float]] = {SMALL: [], LARGE: []}
        for turn in range(plan.rounds + 1):
            for size, installation in sides.items():
                ms = _turn(installation, make)
                if turn:  # the first only warms up
                    spent[size].append(ms)
        large, small = median(spent[LARGE]), median(spent[SMALL])
        results.append(
            Result(
                "similar",
                f"{name}: ms a comment of {what}, {LARGE:,} stored, beside {SMALL:,}",
                f"{large:.2f}",
                f"{small:.2f}",
                f"{large / small:.2f}",
                f"<= {MAX_RATIO}",
                large <= MAX_RATIO * small,
            )
        )
    for installation in sides.values():
        installation.wiring.database.dispose()
    return results


def _turn(installation: Installation, make: Callable[[], str]) -> float:
    """Milliseconds a comment, over some batches."""
    database, site_id = installation.wiring.database, installation.site.id
    batches = [
        [Newcomer(new_id(), site_id, Sketch.of(make())) for _ in range(BATCH)]
        for _ in range(BATCHES_A_TURN)
    ]
    for newcomer in (one for batch in batches for one in batch):
        _ = newcomer.sketch.shingles, newcomer.sketch.whole
    began = time.perf_counter()
    for batch in batches:
        comments = {newcomer.comment_id: Comment(id=newcomer.comment_id) for newcomer in batch}
        with database.read() as session:
            placements = likeness.look_up(session, batch)
        with database.write() as session:
            likeness.settle(session, placements, comments)
    return (time.perf_counter() - began) * 1000 / (BATCH * BATCHES_A_TURN)


def _speech(seed: int) -> Iterator[str]:
    """Comments of made-up words: 20 to 300 characters, the n-th word 1/n as common as the first."""
    chance = random.Random(0)
    first, second = "b c d f g h k l m n p r s t v w st tr pl".split(), "a e i o u ea ou".split()
    words = [
        "".join(
            chance.choice(first) + chance.choice(second)
            for _ in range(1 + (number > 20) + (chance.random() < 0.5))
        )
        + chance.choice(("", "n", "r", "s", "t"))
        for number in range(30_000)
    ]
    weights = np.cumsum(1.0 / np.arange(1, len(words) + 1))
    generator = np.random.default_rng(seed)
    while True:
        lengths = generator.integers(4, 45, size=1000)
        drawn = generator.random(lengths.sum()) * weights[-1]
        chosen = np.searchsorted(weights, drawn).tolist()
        start = 0
        for length in lengths.tolist():
            text = " ".join(words[number] for number in chosen[start : start + length])
            start += length
            if len(text) >= 20:
                yield text[:300]


def _crc_table() -> NDArray[np.int64]:
    table = np.arange(256)
    for _ in range(8):
        table = np.where(table & 1, (table >> 1) ^ 0xEDB88320, table >> 1)
    return table


_CRC = _crc_table()


def _shingles(texts: list[str]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """The shingles of all texts at once, and the number of the text that each is from.

    As ``Sketch.shingles``, which takes one text at a time and thirty times as long.
    """
    raw = [np.frombuffer(text.encode("ascii"), dtype=np.uint8) for text in texts]
    windows = [np.lib.stride_tricks.sliding_window_view(one, SHINGLE_LETTERS) for one in raw]
    owners = np.repeat(np.arange(len(texts)), [len(one) for one in windows])
    state = np.full(len(owners), 0xFFFFFFFF)
    for column in np.concatenate(windows).T:
        state = _CRC[(state ^ column) & 0xFF] ^ (state >> 8)
    return owners, state ^ 0xFFFFFFFF


def _smallest(
    owners: NDArray[np.int64], shingles: NDArray[np.int64], number: int
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Of each owner the ``number`` smallest shingles, each once."""
    pairs = np.unique((owners << 32) | shingles)
    owners = pairs >> 32
    kept = np.arange(len(owners)) - np.searchsorted(owners, owners) < number
    return owners[kept], pairs[kept] & 0xFFFFFFFF


@dataclass(frozen=True)
class _Filling:
    """Rows for both tables; a prefix of them is a smaller index.

    ``keys[i]`` belongs to representative ``numbers[i]``, counted from 1; without the site's part.
    """

    letters: list[str]
    keys: NDArray[np.int64]
    numbers: NDArray[np.int64]

    @classmethod
    def of(cls, size: int) -> _Filling:
        """What the service would have stored, had it judged a thousand comments at a time."""
        counts = np.zeros(_SLOTS, dtype=np.uint8)
        speech = _speech(seed=0)
        letters: list[str] = []
        keys: list[NDArray[np.int64]] = []
        numbers: list[NDArray[np.int64]] = []
        while len(letters) < size:
            spoken = (next(speech) for _ in range(min(1000, size - len(letters))))
            some = [_DOUBLED.sub(r"\1", text.replace(" ", "")) for text in spoken]
            owners, shingles = _smallest(*_shingles(some), likeness_index.STORABLE)
            holders = counts[shingles % _SLOTS]
            order = np.lexsort((shingles, holders, owners))
            owners, shingles, holders = owners[order], shingles[order], holders[order]
            place = np.arange(len(owners)) - np.searchsorted(owners, owners)
            kept = (place < likeness_index.KEYS) & (holders < likeness_index.MAX_HOLDERS)
            np.add.at(counts, shingles[kept] % _SLOTS, 1)
            whole = np.array([crc32(b"=" + text.encode()) for text in some])
            keys += [shingles[kept], whole]
            numbers += [owners[kept] + len(letters) + 1, np.arange(len(some)) + len(letters) + 1]
            letters += some
        return cls(letters, np.concatenate(keys), np.concatenate(numbers))

    def put(self, installation: Installation, size: int) -> None:
        """Store the first ``size`` as an installation's index."""
        database, site_id = installation.wiring.database, installation.site.id
        some = self.numbers <= size
        keys, numbers = self.keys[some] + likeness_index.site_part(site_id), self.numbers[some]
        order = np.lexsort((numbers, keys))
        pairs = np.column_stack((keys[order], numbers[order]))
        # A shingle that a comment has twice is stored once.
        pairs = pairs[np.append(True, np.any(pairs[1:] != pairs[:-1], axis=1))]
        rows = (
            (number, site_id, f"{number:032x}", letters)
            for number, letters in enumerate(self.letters[:size], 1)
        )
        with closing(database.engine.raw_connection()) as connection:
            driver = connection.driver_connection
            if database.is_sqlite:
                driver.execute("BEGIN")
                driver.executemany("INSERT INTO likeness_representatives VALUES (?, ?, ?, ?)", rows)
                driver.executemany("INSERT INTO likeness_keys VALUES (?, ?)", pairs.tolist())
                driver.execute("COMMIT")
                driver.execute("PRAGMA wal_checkpoint(TRUNCATE)")
                return
            with driver.cursor() as cursor:
                cursor.execute("SET statement_timeout = 0")
                with cursor.copy("COPY likeness_representatives FROM STDIN") as copy:
                    for row in rows:
                        copy.write_row(row)
                with cursor.copy("COPY likeness_keys FROM STDIN") as copy:
                    for pair in pairs.tolist():
                        copy.write_row(pair)
                cursor.execute(
                    "SELECT setval(pg_get_serial_sequence('likeness_representatives', 'id'), %s)",
                    (size,),
                )
                driver.commit()
                driver.autocommit = True
                cursor.execute("VACUUM ANALYZE likeness_representatives, likeness_keys")
