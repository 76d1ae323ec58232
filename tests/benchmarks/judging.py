"""The bundled model through our scorer, beside stock Detoxify on the same weights."""

from __future__ import annotations

import csv
import importlib.util
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from statistics import median, quantiles
from typing import Any

from corpus import remarks
from footprint import MB, memory_of_group
from judge_side import BATCH_TEXTS
from plan import Plan
from results import Result, not_measured

from moderation.scoring.bundle import read_manifest
from moderation.scoring.registry import COMPACT_FOLDER

TEXTS = 400
TIMES_FASTER, MAX_ALONE_MS, MAX_READ_COST = 5.0, 8.0, 2.0
MAX_MB, MAX_LOAD_S = 250.0, 1.0
MIN_AGREEMENT, MAX_DIFFERENCE = 0.995, 0.05

# A fresh process that loads the judge as a worker does, and scores; it prints seconds, then waits.
LOAD = """
import json, sys, time
started = time.perf_counter()
from moderation.scoring.judge import build_judge
judge = build_judge(threads=int(sys.argv[1]))
judge.model_version
loaded_s = time.perf_counter() - started
texts = json.load(open(sys.argv[2]))
for first in range(0, len(texts), 64):
    judge.assess(texts[first:first + 64])
print(loaded_s, flush=True)
sys.stdin.read()
"""


def judging(plan: Plan) -> list[Result]:
    """Both sides on the same comments with as many threads, in turns, each in its own process.

    Detoxify gets the better of its two ways: one comment a call, or lists of 64.
    """
    texts = _texts(plan.data)
    folder = plan.folder / "judging"
    folder.mkdir()
    texts_file = folder / "texts.json"
    texts_file.write_text(json.dumps(texts))
    threads = os.cpu_count() or 1
    results = [*_as_exported(), *_loading(plan, threads, texts_file)]
    if importlib.util.find_spec("detoxify") is None:
        return [*results, not_measured("judging", f">= {TIMES_FASTER:.0f}", "no extra 'detoxify'")]

    from moderation.scoring.training_checkpoint import checkpoint_of

    checkpoint = checkpoint_of(COMPACT_FOLDER, folder / "checkpoint")
    ours: dict[str, list[Any]] = {"score": [], "read": [], "judge": [], "alone": []}
    stock: dict[str, list[Any]] = {"lists": [], "alone": []}
    with (
        _side("ours", str(threads), str(texts_file)) as our_side,
        _side("detoxify", str(threads), str(texts_file), str(checkpoint)) as their_side,
    ):
        for _ in range(plan.rounds):
            for scorer in ("score", "read", "judge"):
                ours[scorer].append(_told(our_side, scorer, BATCH_TEXTS))
            ours["alone"] += _told(our_side, "judge", 1)
            stock["lists"].append(_told(their_side, "score", BATCH_TEXTS))
            stock["alone"] += _told(their_side, "score", 1)
    one_by_one_s = sum(stock["alone"]) / 1000 / plan.rounds
    rates = {name: len(texts) / median(ours[name]) for name in ("score", "read", "judge")}
    theirs = max(len(texts) / median(stock["lists"]), len(texts) / one_by_one_s)
    ratio, cost = rates["score"] / theirs, rates["score"] / rates["read"]
    alone_ms, their_alone_ms = median(ours["alone"]), median(stock["alone"])
    slow_ms = quantiles(ours["alone"], n=20)[-1]
    return [
        *results,
        Result(
            "judging",
            f"comments/s, {threads} threads, {sum(map(len, texts)) / len(texts):.0f} characters",
            f"{rates['score']:.0f}",
            f"Detoxify {theirs:.0f}",
            f"{ratio:.1f}",
            f">= {TIMES_FASTER:.0f}",
            ratio >= TIMES_FASTER,
        ),
        Result(
            "judging",
            "the same with spam and the words behind a score",
            f"{rates['judge']:.0f}",
            f"Detoxify {theirs:.0f}",
            f"{rates['judge'] / theirs:.1f}",
            "",
            True,
        ),
        Result(
            "judging",
            "cost of the words behind a score, in scorings",
            f"{cost:.2f}",
            "",
            "",
            f"<= {MAX_READ_COST:.0f}",
            cost <= MAX_READ_COST,
        ),
        Result(
            "judging",
            "one comment alone, all of the judge, p50 (ms)",
            f"{alone_ms:.1f}",
            f"Detoxify {their_alone_ms:.1f}; p95 {slow_ms:.1f}",
            f"{their_alone_ms / alone_ms:.1f}",
            f"<= {MAX_ALONE_MS:.0f}",
            alone_ms <= MAX_ALONE_MS,
        ),
    ]


def _texts(data: Path | None) -> list[str]:
    """Comments of a file's column ``text``, cut to 300 characters; made-up ones without a file."""
    if data is None:
        return [remark.text for remark in islice(remarks(seed=3), TEXTS)]
    from moderation.scoring.training_data import open_text

    with open_text(data) as file:
        return [row["text"][:300] for row in islice(csv.DictReader(file), TEXTS)]


def _as_exported() -> list[Result]:
    """What exporting found of the int8 weights beside the fp32 ones, which are not at hand here."""
    manifest = read_manifest(COMPACT_FOLDER)
    found = manifest["int8_to_fp32"]
    agreement = min(found["decision_agreement"].values())
    on = f"on {manifest['compared_texts']} texts, when it was exported"
    return [
        Result(
            "judging",
            f"decisions equal to fp32 ({on})",
            f"{agreement:.2%}",
            "",
            "",
            f">= {MIN_AGREEMENT:.1%}",
            agreement >= MIN_AGREEMENT,
        ),
        Result(
            "judging",
            "largest difference from a score of fp32, same texts",
            f"{found['max_difference']:.3f}",
            "",
            "",
            f"<= {MAX_DIFFERENCE}",
            found["max_difference"] <= MAX_DIFFERENCE,
        ),
    ]


def _loading(plan: Plan, threads: int, texts_file: Path) -> list[Result]:
    """Seconds to load and memory after scoring, each time in a fresh process."""
    seconds: list[float] = []
    sizes_mb: list[tuple[float, float]] = []
    for _ in range(plan.rounds):
        process = _started(["-c", LOAD, str(threads), str(texts_file)])
        assert process.stdout
        line = process.stdout.readline()
        if not line:
            raise RuntimeError(f"the judge could not be loaded: exit code {process.wait()}")
        seconds.append(float(line))
        pss, rss = memory_of_group(process.pid)
        sizes_mb.append((pss / MB, rss / MB))
        _end(process)
    pss_mb, rss_mb = max(sizes_mb, key=lambda sizes: sizes[1])
    return [
        Result(
            "judging",
            "MB (RSS) of a process that has loaded the judge and scored",
            f"{rss_mb:.0f}",
            f"PSS {pss_mb:.0f}",
            "",
            f"<= {MAX_MB:.0f}",
            rss_mb <= MAX_MB,
        ),
        Result(
            "judging",
            "seconds to import and load the judge, the slowest of all",
            f"{max(seconds):.2f}",
            "",
            "",
            f"<= {MAX_LOAD_S:.0f}",
            max(seconds) <= MAX_LOAD_S,
        ),
    ]


@contextmanager
def _side(*arguments: str) -> Iterator[subprocess.Popen[str]]:
    process = _started([str(Path(__file__).with_name("judge_side.py")), *arguments])
    assert process.stdout
    try:
        if not process.stdout.readline():
            raise RuntimeError(f"{arguments[0]} could not be loaded: exit code {process.wait()}")
        yield process
    finally:
        _end(process)


def _told(process: subprocess.Popen[str], scorer: str, size: int) -> Any:
    assert process.stdin
    assert process.stdout
    process.stdin.write(json.dumps({"scorer": scorer, "size": size}) + "\n")
    process.stdin.flush()
    return json.loads(process.stdout.readline())


def _started(arguments: list[str]) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, *arguments], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )


def _end(process: subprocess.Popen[str]) -> None:
    process.communicate()
