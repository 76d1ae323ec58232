"""Policies as TOML: reading them, and saying precisely what is wrong with them."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable, Mapping
from difflib import get_close_matches
from itertools import pairwise
from pathlib import Path
from typing import Any

from moderation.domain.policy.shape import (
    MAX_HEAD_START_MIN,
    Policy,
    Preset,
    Priority,
    Thresholds,
)
from moderation.labels import LABELS

_NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,62}")
_VERSION = re.compile(r"[A-Za-z0-9._-]{1,40}")
_MISSING: Any = object()


class PolicyError(ValueError):
    """A policy that cannot be used.

    ``messages`` are all the problems found in ``path``, each beginning with the key it is about;
    as text, one line each.
    """

    def __init__(self, path: str, messages: Iterable[str]) -> None:
        self.path = path
        self.messages = tuple(messages)
        super().__init__("\n".join(f"{path}: {message}" for message in self.messages))


def load_policies(folder: Path) -> dict[str, Policy]:
    """Every ``*.toml`` of ``folder``, by the policies' names.

    Raises:
        PolicyError: of all the files, every problem; or the folder has no such file.
    """
    paths = sorted(folder.glob("*.toml"))
    if not paths:
        raise PolicyError(str(folder), ["no policy files (*.toml) in this folder"])
    policies: dict[str, Policy] = {}
    origin: dict[str, str] = {}
    messages: list[str] = []
    for path in paths:
        try:
            policy = load_policy(path)
        except PolicyError as error:
            messages.extend(f"{path.name}: {message}" for message in error.messages)
            continue
        if policy.name in policies:
            messages.append(
                f"{path.name}: name: {policy.name!r} is already the name of {origin[policy.name]}"
            )
        policies[policy.name] = policy
        origin[policy.name] = path.name
    if messages:
        raise PolicyError(str(folder), messages)
    return policies


def load_policy(path: Path) -> Policy:
    """The policy in the TOML file at ``path``.

    Raises:
        PolicyError: the file cannot be read, is not TOML, or does not describe a policy.
    """
    try:
        text = path.read_text("utf-8")
    except OSError as error:
        raise PolicyError(str(path), [f"cannot be read: {error.strerror}"]) from error
    except UnicodeDecodeError as error:
        raise PolicyError(str(path), [f"not UTF-8: {error}"]) from error
    return read_policy(text, str(path))


def read_policy(text: str, source: str) -> Policy:
    """The policy that TOML describes; ``source`` as for :func:`parse_policy`.

    Raises:
        PolicyError: it is not TOML, or does not describe a policy.
    """
    try:
        mapping = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise PolicyError(source, [f"not valid TOML: {error}"]) from error
    return parse_policy(mapping, source)


def parse_policy(mapping: Mapping[str, Any], source: str) -> Policy:
    """The policy that ``mapping``, shaped like the TOML files, describes.

    Args:
        source: what to call the mapping in messages: a file, or "the settings of site …".

    Raises:
        PolicyError: with every problem, not only the first.
    """
    top = _Table(mapping, "", [])
    name = top.text("name", _NAME, "lower-case letters, digits, - and _, at most 63")
    version = top.text("version", _VERSION, "letters, digits, ., - and _, at most 40")
    preset = top.choice("preset", Preset)
    thresholds = _thresholds(top, preset)
    words = top.table("words", default={})
    links = top.table("links", default={})
    authors = top.table("authors", default={})
    policy = {
        "blocked_words": words.words("blocked"),
        "suspect_words": words.words("suspect"),
        "max_links": links.whole("max", default=None, most=100),
        "trusted_after": authors.whole("trusted_after", default=0, most=1000),
        "guests_wait": authors.flag("guests_wait", default=False),
        "priority": _priority(top),
    }
    for table in (words, links, authors, top):
        table.refuse_unknown()
    if top.problems:
        raise PolicyError(source, top.problems)
    return Policy(
        name=name, preset=preset, declared_version=version, thresholds=thresholds, **policy
    )


def _thresholds(top: _Table, preset: Preset | None) -> Mapping[str, Thresholds]:
    tables = top.table("thresholds")
    limits = {}
    for label in LABELS if tables.given else ():
        table = tables.table(label)
        if table.given:
            values = {"hold_at": table.share("hold_at")}
            if preset in (Preset.STRICT, Preset.OPEN):
                table.refuse(("approve_below", "reject_at"), f"preset {preset} has no use for it")
            else:
                default = _MISSING if preset is Preset.ASSISTED else None
                values["approve_below"] = table.share("approve_below", default=default)
                values["reject_at"] = table.share("reject_at", default=None)
                table.require_order(values, ("approve_below", "hold_at", "reject_at"))
            table.refuse_unknown()
            limits[label] = Thresholds(**values)
    tables.refuse_unknown()
    return limits


def _priority(top: _Table) -> Priority:
    default = Priority()
    table = top.table("priority", default={})
    reasons = table.table("reason_min", default={})
    scores = table.table("score_min", default={})
    priority = Priority(
        max_min=table.whole("max_min", default=default.max_min, most=MAX_HEAD_START_MIN),
        borderline_width=table.share("borderline_width", default=default.borderline_width),
        likely_clean_below=table.share("likely_clean_below", default=default.likely_clean_below),
        reason_min={
            key: reasons.whole(key, default=minutes, most=MAX_HEAD_START_MIN)
            for key, minutes in default.reason_min.items()
        },
        score_min={
            key: scores.whole(key, default=minutes, most=MAX_HEAD_START_MIN)
            for key, minutes in default.score_min.items()
        },
    )
    for each in (reasons, scores, table):
        each.refuse_unknown()
    return priority


class _Table:
    """One table of a policy; what is wrong in it is noted in ``problems``, and reading goes on."""

    def __init__(self, mapping: Mapping[str, Any] | None, path: str, problems: list[str]) -> None:
        self.given = mapping is not None
        self.problems = problems
        self._mapping = mapping or {}
        self._path = path
        self._known: list[str] = []

    def table(self, key: str, *, default: Any = _MISSING) -> _Table:
        value = self._value(key, default, "a table")
        if value is not _MISSING and not isinstance(value, Mapping):
            self._wrong(key, value, "a table")
            value = _MISSING
        return _Table(None if value is _MISSING else value, f"{self._path}{key}.", self.problems)

    def text(self, key: str, pattern: re.Pattern[str], allowed: str) -> str:
        value = self._value(key, _MISSING, f"text ({allowed})")
        if value is _MISSING or (isinstance(value, str) and pattern.fullmatch(value)):
            return value
        return self._wrong(key, value, f"text ({allowed})")

    def choice(self, key: str, kind: type[Preset]) -> Preset | None:
        allowed = "one of " + ", ".join(kind)
        value = self._value(key, _MISSING, allowed)
        if value is _MISSING:
            return None
        if isinstance(value, str) and value in set(kind):
            return kind(value)
        return self._wrong(key, value, allowed + _hint(value, list(kind)))

    def share(self, key: str, *, default: Any = _MISSING) -> Any:
        allowed = "a number from 0 to 1"
        value = self._value(key, default, allowed)
        if value is default:
            return None if value is _MISSING else value
        is_number = isinstance(value, int | float) and not isinstance(value, bool)
        # NaN fails both comparisons.
        return float(value) if is_number and 0 <= value <= 1 else self._wrong(key, value, allowed)

    def whole(self, key: str, *, default: Any, most: int) -> Any:
        value = self._value(key, default, "")
        if value is default:
            return value
        if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= most:
            return self._wrong(key, value, f"a whole number from 0 to {most}")
        return value

    def flag(self, key: str, *, default: bool) -> Any:
        value = self._value(key, default, "")
        return value if isinstance(value, bool) else self._wrong(key, value, "true or false")

    def words(self, key: str) -> tuple[str, ...]:
        value = self._value(key, [], "")
        if not isinstance(value, list | tuple):
            self._wrong(key, value, "a list of words")
            return ()
        for index, word in enumerate(value):
            if not isinstance(word, str) or not word.strip():
                self._wrong(f"{key}[{index}]", word, "a word or phrase")
        return tuple(word.strip() for word in value if isinstance(word, str))

    def refuse(self, keys: Iterable[str], why: str) -> None:
        for key in keys:
            if key in self._mapping:
                self._known.append(key)
                self.problems.append(f"{self._path}{key}: not allowed here: {why}")

    def require_order(self, values: Mapping[str, float | None], order: Iterable[str]) -> None:
        present = [(key, values[key]) for key in order if values.get(key) is not None]
        for (low_key, low), (high_key, high) in pairwise(present):
            if low > high:
                self.problems.append(
                    f"{self._path}{low_key}: found {low:g}, which is above {high_key} ({high:g}); "
                    "allowed: approve_below <= hold_at <= reject_at"
                )

    def refuse_unknown(self) -> None:
        for key in self._mapping:
            if key not in self._known:
                self.problems.append(
                    f"{self._path}{key}: unknown key{_hint(key, self._known)} "
                    f"(known here: {', '.join(self._known)})"
                )

    def _value(self, key: str, default: Any, allowed: str) -> Any:
        self._known.append(key)
        value = self._mapping.get(key, default)
        if value is _MISSING and self.given:
            self.problems.append(f"{self._path}{key}: missing; allowed: {allowed}")
        return value

    def _wrong(self, key: str, value: Any, allowed: str) -> Any:
        self.problems.append(f"{self._path}{key}: found {_shown(value)}; allowed: {allowed}")
        return None


def _shown(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "..."


def _hint(key: Any, known: list[str]) -> str:
    close = get_close_matches(str(key), known, n=1)
    return f"; did you mean {close[0]}?" if close else ""
