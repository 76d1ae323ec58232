"""A policy as a form has it, and back. Fields are called as the keys of the files, with dots:
``thresholds.spam.hold_at``."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from typing import Any

from moderation.desk.text import say
from moderation.domain.policy import Policy, PolicyError, Preset, parse_policy
from moderation.domain.policy.written import as_toml
from moderation.labels import LABELS

LIMITS: dict[Preset, tuple[str, ...]] = {
    Preset.STRICT: ("hold_at",),
    Preset.ASSISTED: ("approve_below", "hold_at", "reject_at"),
    Preset.OPEN: ("hold_at",),
}
"""The thresholds that a label has, the lowest first."""

CHECKBOXES = ("authors.guests_wait",)
WORDS = ("words.blocked", "words.suspect")


def numbers_of(policy: Policy) -> list[str]:
    """The names of all fields that hold a number."""
    thresholds = [f"thresholds.{label}.{at}" for label in LABELS for at in LIMITS[policy.preset]]
    priority = policy.priority
    return [
        *thresholds,
        "links.max",
        "authors.trusted_after",
        "priority.max_min",
        "priority.borderline_width",
        "priority.likely_clean_below",
        *(f"priority.reason_min.{reason}" for reason in priority.reason_min),
        *(f"priority.score_min.{label}" for label in priority.score_min),
    ]


def values_of(policy: Policy) -> dict[str, str]:
    """Field -> what stands in it; words one a line, a ticked box as "on"."""
    mapping = tomllib.loads(as_toml(policy))
    values = {}
    for name in numbers_of(policy):
        value = _at(mapping, name)
        values[name] = "" if value is None else str(value)
    for name in CHECKBOXES:
        values[name] = "on" if _at(mapping, name) else ""
    for name in WORDS:
        values[name] = "\n".join(_at(mapping, name))
    return values


def given_in(form: Mapping[str, str], policy: Policy) -> dict[str, str]:
    """The same fields as somebody filled them in; what the form has not is as in ``policy``.

    A form has all of its numbers or none: an empty number is a choice, a box that is not ticked
    is not sent at all.
    """
    values = values_of(policy)
    names = set(values)
    has_numbers = "thresholds.toxicity.hold_at" in form
    for name in names:
        if name in form:
            values[name] = form[name]
        elif has_numbers and name in CHECKBOXES:
            values[name] = ""
    return values


def policy_of(values: Mapping[str, str], policy: Policy) -> Policy:
    """The policy that the fields describe, with the name and preset of ``policy``.

    Raises:
        PolicyError: as for files; each message begins with the name of the field.
    """
    mapping: dict[str, Any] = tomllib.loads(as_toml(policy))
    for name in numbers_of(policy):
        _put(mapping, name, _number(values[name]))
    for name in CHECKBOXES:
        _put(mapping, name, values[name] == "on")
    for name in WORDS:
        lines = (line.strip() for line in values[name].splitlines())
        _put(mapping, name, list(dict.fromkeys(line for line in lines if line)))
    return parse_policy(mapping, policy.name)


def errors_of(error: PolicyError) -> dict[str, list[str]]:
    """Field -> what is wrong with it, for people; words by their list, not their number in it."""
    found: dict[str, list[str]] = {}
    for message in error.messages:
        name, _, told = message.partition(": ")
        found.setdefault(name.partition("[")[0], []).append(_for_people(told or message))
    return found


def _for_people(told: str) -> str:
    """What is wrong in the page's language, of what a form can get wrong; else as it is told."""
    if "which is above" in told:
        return say("policy.error.order")
    if told.endswith("a number from 0 to 1"):
        return say("policy.error.share")
    if most := re.search(r"a whole number from 0 to (\d+)$", told):
        return say("policy.error.whole", most=most[1])
    return told


def _number(text: str) -> Any:
    """A number, None for nothing, or what it was for the policy to refuse."""
    text = text.strip().replace(",", ".")
    if not text:
        return None
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            continue
    return text


def _at(mapping: Mapping[str, Any], name: str) -> Any:
    found: Any = mapping
    for key in name.split("."):
        found = found.get(key) if found is not None else None
    return found


def _put(mapping: dict[str, Any], name: str, value: Any) -> None:
    *path, last = name.split(".")
    for key in path:
        mapping = mapping.setdefault(key, {})
    if value is None:
        mapping.pop(last, None)
    else:
        mapping[last] = value
