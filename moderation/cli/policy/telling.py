"""A suggestion in sentences: what is promised, on what grounds, and what is not known."""

from __future__ import annotations

from moderation.cli.policy.gathering import Gathered
from moderation.cli.policy.options import one_in, percent
from moderation.domain.policy import Outcome, Policy
from moderation.domain.policy.certify import Among, Finding, Suggestion, WhyNot
from moderation.domain.policy.paths import Sample
from moderation.labels import LABELS

DONE = {Outcome.REJECT: "rejected", Outcome.APPROVE: "approved"}
SPARED = {Outcome.REJECT: "good", Outcome.APPROVE: "harmful"}


def suggestion(
    gathered: Gathered, version: str, sample: Sample, base: Policy, found: Suggestion
) -> list[str]:
    """All there is to say about a suggestion, in lines of less than 100 characters."""
    harmful = int(sample.harmful.sum())
    lines = [
        f"From {len(sample):,} comments: {gathered.source}",
        f"  {len(sample) - harmful:,} good, {harmful:,} harmful; scored by {version}",
        *_left_out(gathered, version),
        "",
        *_finding(found.reject, sample),
        "",
        *_finding(found.approve, sample),
        "",
        f"For people: {percent(found.share_for_people)} of such comments, by the scores alone. "
        "Words, links, new authors",
        "  and reports send more of them to people: moderation policy simulate counts that.",
        "",
        f"{'':<16}{'approve_below':>14}{'hold_at':>10}{'reject_at':>11}",
    ]
    for label in LABELS:
        limits = found.policy.thresholds[label]
        reject_at = "never" if limits.reject_at is None else f"{limits.reject_at:.6g}"
        kept = "" if label in sample.labels else f"   as in {base.name}: nothing was marked"
        lines.append(
            f"{label:<16}{limits.approve_below:>14.6g}{limits.hold_at:>10.6g}{reject_at:>11}{kept}"
        )
    return lines


def promise(finding: Finding) -> str:
    """What is stated, so that a newsroom can hold us to it."""
    assert finding.aim is not None
    done, spared, tolerance = DONE[finding.action], SPARED[finding.action], finding.aim.tolerance
    of = spared if finding.aim.among is Among.ALL else done
    what = done if finding.aim.among is Among.ALL else spared
    kind = f"all {of} comments" if finding.aim.among is Among.ALL else f"the comments {of}"
    return f"of {kind} at most {one_in(tolerance)} is {what}"


def _finding(finding: Finding, sample: Sample) -> list[str]:
    done, spared = DONE[finding.action].capitalize(), SPARED[finding.action]
    if finding.aim is None:
        return [f"{done} by score: nothing, as asked."]
    confidence = percent(finding.aim.confidence)
    if finding.why_not is None:
        lines = [
            f"{done} by score: {percent(finding.share)} of such comments.",
            f"  With {confidence} confidence: {promise(finding)}.",
            f"  Seen: {finding.wrong:,} of {finding.base:,}; so at most "
            f"{100 * finding.bound:.3g} % of all such.",
        ]
        if finding.chosen_on:
            lines.append(
                f"  Tested on {finding.tested:,} of them; {finding.chosen_on:,} others, drawn by "
                "lot, said how to weigh spam."
            )
        if finding.tried > 1:
            lines.append(
                f"  The best of {finding.tried} ways of weighing spam, which shared the risk."
            )
        return lines
    wanted = f"  To say with {confidence} confidence that {promise(finding)},"
    if finding.why_not is WhyNot.NO_ROOM:
        return [
            f"{done} by score: nothing can be.",
            wanted,
            f"  there are enough comments, but {spared} ones are among the clearest scores.",
            "  A larger tolerance, or a model that parts them better, would help.",
        ]
    if finding.aim.among is Among.ALL:
        missing = f"{spared} comments; there are {finding.base:,}"
    else:
        missing = f"comments that could be {DONE[finding.action]}; there are {len(sample):,} in all"
    return [
        f"{done} by score: nothing yet, there is too little to go by.",
        wanted,
        f"  it takes at least {finding.needed:,} {missing}.",
    ]


def _left_out(gathered: Gathered, version: str) -> list[str]:
    others = {v: len(c) for v, c in gathered.by_model.items() if v != version}
    lines = []
    if copies := gathered.by_model[version].copies:
        lines.append(f"  {copies:,} near copies of these were left out: a flood is one comment")
        if copies > len(gathered.by_model[version]) and gathered.by_policy_alone is None:
            lines.append("  That is more than half; --keep-copies takes each of them by itself.")
    lines += [
        f"  not looked at: {number:,} comments as scored by {other}"
        for other, number in sorted(others.items())
    ]
    if gathered.not_scored:
        lines.append(f"  not looked at: {gathered.not_scored:,} comments that had no scores")
    if gathered.by_policy_alone:
        lines += [
            f"  Not seen: {gathered.by_policy_alone:,} comments that policy decided and no person "
            "did. Whether rightly",
            "  nobody knows: what is said below is of comments like those that people saw.",
        ]
    return lines
