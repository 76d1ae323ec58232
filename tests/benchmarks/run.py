"""The benchmarks of this service, beside Isso and by themselves; `make bench` runs all of them."""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
sys.path.insert(0, str(HERE.parent))

import isso_side  # noqa: E402  (after the path to the tests' own modules is known)
from comparisons import posts, reads  # noqa: E402
from counting import counting  # noqa: E402
from desk import desk  # noqa: E402
from footprint import footprint  # noqa: E402
from judging import judging  # noqa: E402
from likeness import similar  # noqa: E402
from long_queue import queue  # noqa: E402
from plan import Plan  # noqa: E402
from results import Result, table  # noqa: E402

BENCHMARKS: dict[str, Callable[[Plan], list[Result]]] = {
    "posts": posts,
    "reads": reads,
    "counting": counting,
    "queue": queue,
    "desk": desk,
    "similar": similar,
    "footprint": footprint,
    "judging": judging,
}
BESIDE_ISSO = {"posts", "reads"}


def main() -> int:
    """Run the named benchmarks; exit code 1 if a target was missed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of: {', '.join(BENCHMARKS)}")
    parser.add_argument("--rounds", type=int, default=3, help="turns of each side (default 3)")
    parser.add_argument("--seconds", type=float, default=5.0, help="length of a turn (default 5)")
    parser.add_argument(
        "--data", type=Path, metavar="FILE", help="CSV with a column `text` for `judging` to read"
    )
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the results there as well")
    given = parser.parse_args()
    if unknown := set(given.names) - set(BENCHMARKS):
        parser.error(
            f"no benchmark {', '.join(sorted(unknown))}; there are {', '.join(BENCHMARKS)}"
        )

    isso_venv = ROOT / "var" / "bench" / "isso-venv"
    isso_command = isso_venv
    if BESIDE_ISSO & set(given.names or BENCHMARKS):
        isso_command = isso_side.install(isso_venv)
    results: list[Result] = []
    with tempfile.TemporaryDirectory(prefix="moderation-bench-") as folder:
        plan = Plan(Path(folder), isso_command, given.rounds, given.seconds, given.data)
        for name in given.names or BENCHMARKS:
            started = time.monotonic()
            results += BENCHMARKS[name](plan)
            print(f"{name}: done in {time.monotonic() - started:.0f} s", file=sys.stderr)
    print(table(results))
    if given.json:
        given.json.write_text(json.dumps([asdict(result) for result in results], indent=2) + "\n")
    return int(any(result.reached is False for result in results))


if __name__ == "__main__":
    sys.exit(main())
