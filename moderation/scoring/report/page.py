"""What both kinds of report need: templates, dates, quoted texts."""

import time
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

_MOST_QUOTED_CHARS = 600


@dataclass(frozen=True, slots=True)
class Quoted:
    """A comment to show, and a line about it."""

    about: str
    text: str


def quoted(text: str, about: str) -> Quoted:
    """``text`` as it can stand in a file: cut, without lone surrogates and NULs."""
    if len(text) > _MOST_QUOTED_CHARS:
        text = text[:_MOST_QUOTED_CHARS] + " …"
    whole = (
        text.encode("utf-8", "replace").decode("utf-8").replace("\0", "\N{REPLACEMENT CHARACTER}")
    )
    return Quoted(about, whole)


def render(template: str, command: str, facts: Mapping[str, Any]) -> str:
    """The page of a template; ``command`` is told as what made it."""
    made = time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime())
    return _environment().get_template(template).render(made=made, command=command, **facts)


@cache
def _environment() -> Environment:
    return Environment(
        loader=FileSystemLoader(Path(__file__).parent / "templates"),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=StrictUndefined,
    )
