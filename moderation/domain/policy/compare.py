"""What two policies differ in, and what two ways of judging make of the same comments."""

from __future__ import annotations

import heapq
import tomllib
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from moderation.domain.policy.shape import Outcome, Policy, Verdict
from moderation.domain.policy.written import as_toml
from moderation.labels import LABELS


@dataclass(frozen=True, slots=True)
class FieldChange:
    """A key in which two policies differ, written as in their files: ``thresholds.spam.hold_at``.

    A listed word is a change of its own: ``before`` or ``after`` is the word, the other is None.
    """

    key: str
    before: Any
    after: Any


def field_changes(before: Policy, after: Policy) -> list[FieldChange]:
    """What is different in ``after``; names and versions aside. In the order of the files."""
    old, new = _fields(before), _fields(after)
    changes = []
    for key in dict.fromkeys([*new, *old]):
        was, would = old.get(key), new.get(key)
        if isinstance(was, list) or isinstance(would, list):
            was, would = was or [], would or []
            changes += [FieldChange(key, word, None) for word in was if word not in would]
            changes += [FieldChange(key, None, word) for word in would if word not in was]
        elif was != would:
            changes.append(FieldChange(key, was, would))
    return changes


def _fields(policy: Policy) -> dict[str, Any]:
    """Key with its path -> value."""
    flat: dict[str, Any] = {}

    def flatten(table: Mapping[str, Any], path: str) -> None:
        for key, value in table.items():
            if isinstance(value, Mapping):
                flatten(value, f"{path}{key}.")
            else:
                flat[f"{path}{key}"] = value

    flatten(tomllib.loads(as_toml(policy)), "")
    return {key: value for key, value in flat.items() if key not in ("name", "version")}


@dataclass(frozen=True, slots=True)
class Difference:
    """A comment that would be decided the other way round."""

    comment_id: str
    body: str
    was: str
    verdict: Verdict


@dataclass(slots=True)
class Replay:
    """What a policy would make of comments, beside what was decided. Takes the same memory
    however many there are.

    Args:
        show: how many differences to keep on each side: those that the scores speak for most.
    """

    show: int = 10
    counts: Counter[tuple[str, Outcome]] = field(default_factory=Counter)
    """(what was decided, what would be) -> number."""
    rules: Counter[str] = field(default_factory=Counter)
    model_versions: Counter[str] = field(default_factory=Counter)
    _kept: dict[Outcome, list[tuple[float, int, Difference]]] = field(
        default_factory=lambda: {Outcome.REJECT: [], Outcome.APPROVE: []}
    )

    def add(
        self, comment_id: str, body: str, was: str, verdict: Verdict, *, opposite: Outcome | None
    ) -> None:
        """Count a comment. ``opposite``: the outcome that would contradict what was decided."""
        self.counts[was, verdict.action] += 1
        self.rules[verdict.rule] += 1
        self.model_versions[verdict.model_version or "not scored"] += 1
        if verdict.action is not opposite:
            return
        worst = max(verdict.scores.values()) if verdict.scores else 0.0
        weight = worst if verdict.action is Outcome.REJECT else -worst
        kept = self._kept[verdict.action]
        # The number parts equals, so that two differences are never compared themselves.
        entry = (weight, -self.total, Difference(comment_id, body, was, verdict))
        if len(kept) < self.show:
            heapq.heappush(kept, entry)
        elif kept:
            heapq.heappushpop(kept, entry)

    @property
    def total(self) -> int:
        return self.counts.total()

    def number(self, outcome: Outcome) -> int:
        return sum(n for (_, would), n in self.counts.items() if would is outcome)

    @property
    def share_automatic(self) -> float:
        """Of all comments, those that would not wait for a person; 0 where there are none."""
        return 1.0 - self.number(Outcome.QUEUE) / self.total if self.total else 0.0

    def differences(self, outcome: Outcome) -> list[Difference]:
        """Comments that would have ``outcome`` against what was decided, the clearest first."""
        return [kept for _, _, kept in sorted(self._kept[outcome], reverse=True)]


@dataclass(slots=True)
class Shift:
    """How scores and verdicts moved between two judgings of the same comments."""

    comments: int = 0
    verdicts: Counter[tuple[Outcome, Outcome]] = field(default_factory=Counter)
    """(before, after) -> number."""
    scored: int = 0
    """Comments that had scores both times."""
    _sums: Counter[str] = field(default_factory=Counter)
    _sizes: Counter[str] = field(default_factory=Counter)
    _largest: dict[str, float] = field(default_factory=dict)

    def add(self, before: Verdict, after: Verdict) -> None:
        self.comments += 1
        self.verdicts[before.action, after.action] += 1
        if before.scores is None or after.scores is None:
            return
        self.scored += 1
        for label in LABELS:
            by = after.scores[label] - before.scores[label]
            self._sums[label] += by
            self._sizes[label] += abs(by)
            self._largest[label] = max(abs(by), self._largest.get(label, 0.0))

    def of_scores(self) -> Mapping[str, dict[str, float]]:
        """Label -> mean change, mean size of the change, largest size; empty without scores."""
        return {
            label: {
                "mean": self._sums[label] / self.scored,
                "mean_size": self._sizes[label] / self.scored,
                "largest": self._largest[label],
            }
            for label in (LABELS if self.scored else ())
        }

    def as_json(self) -> dict[str, Any]:
        return {
            "comments": self.comments,
            "verdicts": table(self.verdicts),
            "scores": {
                label: {name: round(value, 4) for name, value in values.items()}
                for label, values in self.of_scores().items()
            },
        }


def table(counts: Mapping[tuple[str, Outcome], int]) -> dict[str, dict[str, int]]:
    """Counts of pairs as rows of columns, every outcome a column."""
    rows = sorted({str(row) for row, _ in counts})
    return {
        row: {
            str(o): sum(n for (r, w), n in counts.items() if (str(r), w) == (row, o))
            for o in Outcome
        }
        for row in rows
    }
