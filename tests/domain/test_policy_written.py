"""A policy written as TOML is the same policy when it is read back."""

from __future__ import annotations

import dataclasses
import tomllib
from pathlib import Path

import pytest

from moderation.domain.policy import Policy, Priority, load_policy, parse_policy
from moderation.domain.policy.written import as_toml
from moderation.settings import ROOT

FILES = sorted((Path(ROOT) / "config" / "policies").glob("*.toml"))


def read_back(text: str) -> Policy:
    return parse_policy(tomllib.loads(text), "written")


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_the_presets_come_back(path: Path) -> None:
    policy = load_policy(path)
    written = as_toml(policy, ["What it is for:", "", "evenings"])
    assert read_back(written) == policy
    assert read_back(written).version == policy.version
    assert written.startswith("# What it is for:\n#\n# evenings\n\nname = ")


def test_words_of_any_kind_and_small_numbers_come_back() -> None:
    assisted = load_policy(next(path for path in FILES if path.stem == "assisted"))
    words = ('a "quoted" word', "back\\slash", "🖕", "tab\there", "line\nend", "\x7f", "#hash")
    policy = dataclasses.replace(
        assisted,
        blocked_words=words,
        suspect_words=(),
        max_links=None,
        guests_wait=True,
        priority=Priority(likely_clean_below=0.000001),
    )
    assert read_back(as_toml(policy)) == policy
    assert "0.000001" in as_toml(policy)
