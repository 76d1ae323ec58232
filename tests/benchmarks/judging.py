"""The bundled model through our scorer, beside stock Detoxify on the same weights."""

from __future__ import annotations

import csv
import importlib.util
import json
import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
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
loaded_s, used_s = time.perf_counter() - started, time.process_time()
texts = json.load(open(sys.argv[2]))
for first in range(0, len(texts), 64):
    judge.assess(texts[first:first + 64])
print(json.dumps([loaded_s, used_s]), flush=True)
sys.stdin.read()
"""


def judging(plan: Plan) -> list[Result]:
    """Both sides on the same comments with as many threads, in turns, each in its own process.

    Processor time is told beside the clock's: it says the same on a machine with other work.

    Detoxify gets the better of its two ways: one comment a call, or lists of 64.
    """
    texts = _texts(plan.data)
    folder = plan.folder / "judging"
    folder.mkdir()
    texts_file = folder / "texts.json"
    texts_file.write_text(json.dumps(texts))
    threads = os.cpu_count() or 1
    results = [*_as_exported(), *_loading(plan, threads, texts_file)]
    why_not = ""
    if importlib.util.find_spec("detoxify") is None:
        why_not = "Detoxify is not installed: the extra 'detoxify' is missing"
    elif "architecture" not in read_manifest(COMPACT_FOLDER):
        why_not = "the bundled model does not say how it is built: export it again"
    if why_not:
        return [*results, not_measured("judging", f">= {TIMES_FASTER:.0f}", why_not)]

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
    clock = {name: _middle(took, 0) for name, took in ours.items()}
    used = {name: _middle(took, 1) for name, took in ours.items()}
    one_by_one_s = [sum(took[part] for took in stock["alone"]) / plan.rounds for part in (0, 1)]
    their_s = min(_middle(stock["lists"], 0), one_by_one_s[0])
    their_used_s = min(_middle(stock["lists"], 1), one_by_one_s[1])
    slow_s = quantiles([took[0] for took in ours["alone"]], n=20)[-1]
    number = len(texts)
    characters = sum(map(len, texts)) / number
    cost = clock["read"] / clock["score"]
    alone_ms = 1000 * clock["alone"]
    return [
        *results,
        Result(
            "judging",
            f"comments/s, {threads} threads, {characters:.0f} characters each",
            f"{number / clock['score']:.0f}",
            f"Detoxify {number / their_s:.0f}",
            f"{their_s / clock['score']:.1f}",
            f">= {TIMES_FASTER:.0f}",
            their_s >= TIMES_FASTER * clock["score"],
        ),
        Result(
            "judging",
            "the same in processor time (ms a comment)",
            f"{1000 * used['score'] / number:.1f}",
            f"Detoxify {1000 * their_used_s / number:.1f}",
            f"{their_used_s / used['score']:.1f}",
            "",
            True,
        ),
        Result(
            "judging",
            "comments/s with spam, language and the words behind a score",
            f"{number / clock['judge']:.0f}",
            f"Detoxify {number / their_s:.0f}",
            f"{their_s / clock['judge']:.1f}",
            "",
            True,
        ),
        Result(
            "judging",
            "cost of the words behind a score, in scorings",
            f"{cost:.2f}",
            f"processor {used['read'] / used['score']:.2f}",
            "",
            f"<= {MAX_READ_COST:.0f}",
            cost <= MAX_READ_COST,
        ),
        Result(
            "judging",
            "one comment alone, all of the judge, p50 (ms)",
            f"{alone_ms:.1f}",
            f"p95 {1000 * slow_s:.1f}; processor {1000 * used['alone']:.1f}; "
            f"Detoxify {1000 * _middle(stock['alone'], 0):.1f}",
            f"{_middle(stock['alone'], 0) / clock['alone']:.1f}",
            f"<= {MAX_ALONE_MS:.0f}",
            alone_ms <= MAX_ALONE_MS,
        ),
    ]


def _middle(took: Sequence[Sequence[float]], part: int) -> float:
    """The median of clock (0) or processor (1) seconds."""
    return median(one[part] for one in took)


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
    took: list[list[float]] = []
    sizes_mb: list[tuple[float, float]] = []
    for _ in range(plan.rounds):
        process = _started(["-c", LOAD, str(threads), str(texts_file)])
        assert process.stdout
        line = process.stdout.readline()
        if not line:
            raise RuntimeError(f"the judge could not be loaded: exit code {process.wait()}")
        took.append(json.loads(line))
        pss, rss = memory_of_group(process.pid)
        sizes_mb.append((pss / MB, rss / MB))
        _end(process)
    seconds, used_s = (max(part) for part in zip(*took, strict=True))
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
            f"{seconds:.2f}",
            f"processor {used_s:.2f}",
            "",
            f"<= {MAX_LOAD_S:.0f}",
            seconds <= MAX_LOAD_S,
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
