"""How often the language detector errs: ``python tests/benchmarks/languages.py [--data DIR]``.

On made-up comments in other languages (tests/foreign_sentences.py), and with ``--data`` on English
ones: all of DIR/toxicity/train.csv.gz and DIR/spam/train.csv.gz, by number of letters. Some of
those are in other languages after all; ``--show`` prints what is taken for one.
"""

from __future__ import annotations

import argparse
import csv
import gzip
import sys
import time
from collections import Counter
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT), str(ROOT / "tests")]

from foreign_sentences import FOREIGN  # noqa: E402

from moderation.scoring.language import LanguageDetector  # noqa: E402

LENGTHS = (0, 14, 20, 40, 80, 160)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path)
    parser.add_argument("--show", action="store_true")
    options = parser.parse_args()
    detector = LanguageDetector()
    told = [(code, detector.language(text)) for code, texts in FOREIGN.items() for text in texts]
    foreign = [(code, found) for code, found in told if found not in {None, "en"}]
    right = sum(code == found for code, found in foreign)
    print(f"other languages: {len(told)} comments in {len(FOREIGN)} languages")
    print(f"  told as another language than English: {100 * len(foreign) / len(told):.1f} %")
    print(f"  of these with the right name: {100 * right / len(foreign):.1f} %")
    if options.data is not None:
        for name in ("toxicity", "spam"):
            measure(detector, options.data / name / "train.csv.gz", show=options.show)


def measure(detector: LanguageDetector, path: Path, *, show: bool) -> None:
    csv.field_size_limit(sys.maxsize)
    with gzip.open(path, "rt", encoding="utf-8") as file:
        texts = [row["text"] for row in csv.DictReader(file)]
    started = time.process_time()
    found = [detector.language(text) for text in texts]
    took_s = time.process_time() - started
    rows: Counter[int] = Counter()
    wrong: Counter[int] = Counter()
    for text, code in zip(texts, found, strict=True):
        letters = sum(map(str.isalpha, text))
        least = max(length for length in LENGTHS if length <= letters)
        rows[least] += 1
        if code not in {None, "en"}:
            wrong[least] += 1
            if show:
                print(f"  {code}: {text[:100]!r}")
    each_us = 1e6 * took_s / len(texts)
    print(f"{path.parent.name}: {len(texts)} English comments, {each_us:.0f} us each")
    share = 100 * wrong.total() / len(texts)
    print(
        f"  told as another language: {share:.2f} %; unclear: "
        f"{100 * found.count(None) / len(texts):.1f} %"
    )
    for least in LENGTHS:
        if rows[least]:
            print(
                f"  from {least} letters: {100 * wrong[least] / rows[least]:.2f} % of {rows[least]}"
            )


if __name__ == "__main__":
    main()
