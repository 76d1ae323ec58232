"""What the commands about policies take: shares, policies by name or path, labelled files."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click
from sqlalchemy.exc import SQLAlchemyError

from moderation.domain.policy import Policy, load_policy
from moderation.services import policies
from moderation.services.policies import Book
from moderation.wiring import Wiring

_ONE_IN = re.compile(r"\s*(\d+(?:\.\d+)?)\s*(?:/|in)\s*(\d+(?:\.\d+)?)\s*")
_PERCENT = re.compile(r"\s*(\d+(?:\.\d+)?)\s*%\s*")


class Share(click.ParamType):
    """A share between 0 and 1, written as 1/200, "1 in 200", 0.5% or 0.005; or "never"."""

    name = "share"

    def __init__(self, *, never: bool = False, like: str = "1/200, 0.5% or 0.005") -> None:
        """Args:
        never: whether "never", which is None, is an answer too.
        like: what an error shows as the right way to write it.
        """
        self._never = never
        self._like = like

    def convert(self, value: Any, param: Any, ctx: Any) -> float | None:
        if not isinstance(value, str):
            return value
        if self._never and value.strip() == "never":
            return None
        share = _share(value)
        if share is None or not 0 < share < 1:
            allowed = f"a share between 0 and 1 like {self._like}"
            self.fail(f"{value!r} is not {allowed}" + (', nor "never"' if self._never else ""))
        return share


def _share(text: str) -> float | None:
    if found := _ONE_IN.fullmatch(text):
        part, whole = float(found[1]), float(found[2])
        return part / whole if whole else None
    if found := _PERCENT.fullmatch(text):
        return float(found[1]) / 100
    try:
        return float(text)
    except ValueError:
        return None


def one_in(share: float) -> str:
    """A share as people say it: "1 in 200", or a percentage where that is no whole number."""
    whole = round(1 / share)
    return f"1 in {whole:,}" if abs(share * whole - 1) < 1e-9 else f"{100 * share:.3g} %"


def percent(share: float) -> str:
    return f"{100 * share:.3g} %"


def find_policy(wiring: Wiring, name: str) -> Policy:
    """The policy in force under that name, or that of the file at that path.

    Raises:
        click.BadParameter: there is none.
        PolicyError: the file does not describe a policy.
    """
    path = Path(name)
    if path.suffix == ".toml":
        return load_policy(path)
    book = policies_in_force(wiring)
    if name in book.policies:
        policy = book.policies[name]
        click.echo(f"{name} {policy.version}, {origin(book, name)}", err=True)
        return policy
    if path.exists():
        return load_policy(path)
    there = ", ".join(sorted(book.policies))
    raise click.BadParameter(f"no policy {name!r}; there are {there}, and paths of .toml files")


def policies_in_force(wiring: Wiring) -> Book:
    """Also without a database that answers, for whoever only studies a file: then as in files."""
    try:
        return wiring.policies_in_force.current()
    except SQLAlchemyError:
        click.echo("The database does not answer: policies as their files have them.", err=True)
        return policies.book(wiring.policy_files, [])


def origin(book: Book, name: str) -> str:
    """Where a policy that is in force comes from, in words."""
    revision = book.revision_in_force(name)
    if revision is None or name in book.broken:
        return "from its file"
    when = f"{revision.created_at:%Y-%m-%d %H:%M} UTC"
    return f"revision {revision.serial} of the desk, by {revision.actor_name} on {when}"


def labelled_file(command: Callable[..., Any]) -> Callable[..., Any]:
    """The argument FILE and what says how to read and score it."""
    for option in (
        click.option("--engine", help="Instead of the configured toxicity engine, for FILE."),
        click.option("--text-column", default="text", show_default=True, help="Of FILE."),
        click.argument(
            "file", required=False, type=click.Path(exists=True, dir_okay=False, path_type=Path)
        ),
    ):
        command = option(command)
    return command
