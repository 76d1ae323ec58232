"""How the commands about models print what was measured."""

import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import click


def facts_in_a_line(facts: Mapping[str, Any]) -> str:
    """``name value  name value``; facts within facts stand in brackets."""
    return "  ".join(
        f"{name} ({facts_in_a_line(value)})" if isinstance(value, Mapping) else f"{name} {value}"
        for name, value in facts.items()
    )


@contextmanager
def progress(length: int, what: str = "") -> Iterator[Callable[[int], None]]:
    """A bar on standard error; yields what takes the number done so far."""
    with click.progressbar(length=length, label=what or None, file=sys.stderr) as bar:
        yield lambda done: bar.update(done - bar.pos)


def table(rows: Sequence[Mapping[str, Any]], columns: Mapping[str, str]) -> None:
    """Print ``rows`` under the headings that ``columns`` gives the keys; numbers to the right."""
    cells = [list(columns.values())]
    cells += [[_cell(row[name]) for name in columns] for row in rows]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    numeric = [isinstance(rows[0][name], int | float) for name in columns]
    for line in cells:
        padded = [
            cell.rjust(width) if right else cell.ljust(width)
            for cell, width, right in zip(line, widths, numeric, strict=True)
        ]
        click.echo("  ".join(padded).rstrip())


def _cell(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "-"
    return f"{value:.3f}" if isinstance(value, float) else str(value)
