"""One side of the judging benchmark: a process of its own that scores when it is told to.

Started as ``judge_side.py ours|detoxify THREADS TEXTS.json [CHECKPOINT]``. It loads its model,
says so on standard output, and then answers each order on standard input by one line of JSON.
Detoxify's side is Detoxify's own code and nothing else.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

BATCH_TEXTS = 64

Scorer = Callable[[Sequence[str]], Any]


def load_ours(threads: int) -> dict[str, Scorer]:
    """``score``: toxicity alone; ``read``: and the words behind it; ``judge``: all of it."""
    from moderation.scoring.judge import build_judge
    from moderation.scoring.onnx_model import OnnxToxicity
    from moderation.scoring.registry import COMPACT_FOLDER

    # The same comments come again and again here, and each time are to be work.
    judge = build_judge(threads=threads, remembered=0)
    judge.assess(["hello"])
    model = OnnxToxicity(COMPACT_FOLDER, threads=threads)
    return {"score": model.score, "read": model.read, "judge": judge.assess}


def load_detoxify(threads: int, checkpoint: Path) -> dict[str, Scorer]:
    import torch
    from detoxify import Detoxify

    torch.set_num_threads(threads)
    detoxify = Detoxify(
        checkpoint=str(checkpoint), huggingface_config_path=str(checkpoint.parent / "hf")
    )
    detoxify.predict("hello")
    return {"score": lambda texts: detoxify.predict(list(texts))}


Took = tuple[float, float]
"""Seconds by the clock, and of the processor in all threads: the second bears other work."""


def in_lists(score: Scorer, texts: Sequence[str], size: int) -> Took:
    """What it takes to score all ``texts``, so many at a time, in the order given."""
    started, used = time.perf_counter(), time.process_time()
    for first in range(0, len(texts), size):
        score(texts[first : first + size])
    return time.perf_counter() - started, time.process_time() - used


def one_by_one(score: Scorer, texts: Sequence[str]) -> list[Took]:
    """What it takes to score each text by itself."""
    return [in_lists(score, [text], 1) for text in texts]


def main() -> None:
    side, threads, texts_file, *more = sys.argv[1:]
    texts = json.loads(Path(texts_file).read_text("utf-8"))
    scorers = (
        load_ours(int(threads)) if side == "ours" else load_detoxify(int(threads), Path(more[0]))
    )
    print(json.dumps("loaded"), flush=True)
    for line in sys.stdin:
        order = json.loads(line)
        score, size = scorers[order["scorer"]], order["size"]
        answer = one_by_one(score, texts) if size == 1 else in_lists(score, texts, size)
        print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    main()
