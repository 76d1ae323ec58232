"""Policies: which rule decides what, in which order, and what their files may say."""

from __future__ import annotations

import copy
import dataclasses
import json
import math
import re
import tomllib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from moderation.domain.policy import (
    HELD,
    REASONS,
    RULES,
    UNSUPPORTED,
    Context,
    Outcome,
    PolicyError,
    Preset,
    Priority,
    decide,
    head_start_min,
    load_policies,
    load_policy,
    parse_policy,
)
from moderation.labels import LABELS

ROOT = Path(__file__).resolve().parents[2]
SHIPPED = load_policies(ROOT / "config" / "policies")
DOCS = (ROOT / "docs" / "policy.md").read_text("utf-8")

ASSISTED_LIMITS = {"approve_below": 0.2, "hold_at": 0.5, "reject_at": 0.9}


def mapping(preset: str, **tables) -> dict:
    """A policy file with words, links and authors that all matter; ``tables`` replace its own."""
    limits = ASSISTED_LIMITS if preset == "assisted" else {"hold_at": 0.5}
    return {
        "name": "test",
        "preset": preset,
        "version": "1",
        "thresholds": {label: dict(limits) for label in LABELS},
        "words": {"blocked": ["blockhead"], "suspect": ["mayor example"]},
        "links": {"max": 0},
        "authors": {"trusted_after": 1, "guests_wait": True},
    } | tables


def policy(preset: str, **tables):
    return parse_policy(mapping(preset, **tables), "test")


def scores(**given_scores: float) -> dict[str, float]:
    return dict.fromkeys(LABELS, 0.01) | given_scores


def context(**fields) -> Context:
    """A clean comment by a trusted reader, but for ``fields``."""
    known = {"body": "Well said.", "scores": scores(), "author_approved_count": 5}
    return Context(**known | {"model_version": "compact-1"} | fields)


FINNISH = {"language": "fi", "unsupported": "language"}

# One row for each rule: (preset, what the comment is, rule that decides, action).
CASES = [
    ("strict", context(), "every_comment_waits", "queue"),
    ("strict", context(scores=scores(toxicity=0.99)), "every_comment_waits", "queue"),
    ("strict", context(body="blockhead"), "every_comment_waits", "queue"),
    ("strict", context(scores=None), "not_scored", "queue"),
    ("strict", context(**FINNISH), "unsupported", "queue"),
    ("strict", context(author_sanction="always_review"), "always_review", "queue"),
    ("assisted", context(), "clear", "approve"),
    ("assisted", context(scores=scores(toxicity=0.199)), "clear", "approve"),
    ("assisted", context(scores=scores(toxicity=0.2)), "unclear", "queue"),
    ("assisted", context(scores=scores(insult=0.49)), "unclear", "queue"),
    ("assisted", context(scores=scores(insult=0.5)), "score_high", "queue"),
    ("assisted", context(scores=scores(spam=0.899)), "score_high", "queue"),
    ("assisted", context(scores=scores(spam=0.9)), "score_rejects", "reject"),
    ("assisted", context(body="You Blockhead!"), "blocked_word_rejects", "reject"),
    ("assisted", context(folded_body="you blockhead"), "blocked_word_rejects", "reject"),
    ("assisted", context(body="Mayor Example again"), "suspect_word", "queue"),
    ("assisted", context(link_count=1), "link", "queue"),
    ("assisted", context(is_guest=True), "guest", "queue"),
    ("assisted", context(author_approved_count=0), "first_comment", "queue"),
    ("assisted", context(report_count=1), "reported", "queue"),
    ("assisted", context(author_sanction="always_review"), "always_review", "queue"),
    ("assisted", context(author_sanction="suspend", body="blockhead"), "always_review", "queue"),
    ("assisted", context(author_sanction="trust", author_approved_count=0), "clear", "approve"),
    ("assisted", context(author_sanction="trust", is_guest=True), "guest", "queue"),
    (
        "assisted",
        context(author_sanction="trust", scores=scores(insult=0.5)),
        "score_high",
        "queue",
    ),
    ("assisted", context(scores=None), "not_scored", "queue"),
    ("assisted", context(**FINNISH), "unsupported", "queue"),
    ("assisted", context(unsupported="links", scores=scores(spam=1.0)), "unsupported", "queue"),
    ("assisted", context(language="fi"), "clear", "approve"),
    ("open", context(), "nothing_against_it", "approve"),
    ("open", context(scores=scores(toxicity=0.499)), "nothing_against_it", "approve"),
    ("open", context(scores=scores(toxicity=0.5)), "score_high", "queue"),
    ("open", context(scores=scores(threat=1.0)), "score_high", "queue"),
    ("open", context(body="blockhead"), "blocked_word_waits", "queue"),
    ("open", context(body="mayor  example?"), "suspect_word", "queue"),
    ("open", context(link_count=1), "link", "queue"),
    ("open", context(is_guest=True), "guest", "queue"),
    ("open", context(author_approved_count=0), "first_comment", "queue"),
    ("open", context(report_count=2), "reported", "queue"),
    ("open", context(author_sanction="ban"), "always_review", "queue"),
    ("open", context(author_sanction="a kind to come"), "always_review", "queue"),
    (
        "open",
        context(author_sanction="trust", author_approved_count=0),
        "nothing_against_it",
        "approve",
    ),
    ("open", context(scores=None), "not_scored", "queue"),
    ("open", context(unsupported="no_words"), "unsupported", "queue"),
]


@pytest.mark.parametrize(("preset", "comment", "rule", "action"), CASES)
def test_the_rule_decides(preset, comment, rule, action):
    verdict = decide(policy(preset), comment)
    assert (verdict.rule, verdict.action) == (rule, action)
    assert verdict.detail


def test_the_cases_above_cover_every_rule():
    reached = {(preset, rule) for preset, _, rule, _ in CASES}
    assert reached == {(preset, rule.name) for preset, rules in RULES.items() for rule in rules}


@pytest.mark.parametrize("preset", Preset)
def test_of_several_rules_the_first_in_the_list_decides(preset):
    everything = {
        "not_scored": {"scores": None},
        "always_review": {"author_sanction": "always_review"},
        "reported": {"report_count": 1},
        "unsupported": FINNISH,
        "blocked_word_rejects": {"body": "blockhead, mayor example"},
        "blocked_word_waits": {"body": "blockhead, mayor example"},
        "score_rejects": {"scores": scores(toxicity=0.95)},
        "suspect_word": {"body": "mayor example"},
        "link": {"link_count": 3},
        "guest": {"is_guest": True},
        "first_comment": {"author_approved_count": 0},
        "score_high": {"scores": scores(toxicity=0.7)},
    }
    names = [rule.name for rule in RULES[preset] if rule.name in everything]
    for index, name in enumerate(names):
        fields = {}
        for later in reversed(names[index:]):
            fields |= everything[later]
        assert decide(policy(preset), context(**fields)).rule == name


@pytest.mark.parametrize(
    "bad",
    [
        None,
        {},
        {label: 0.0 for label in LABELS if label != "spam"},
        scores(threat=math.nan),
        scores(threat=math.inf),
        scores(threat=-0.01),
        scores(threat=1.01),
        scores(threat=None),
    ],
)
@pytest.mark.parametrize("preset", Preset)
def test_scores_that_cannot_be_used_are_no_scores(preset, bad):
    verdict = decide(policy(preset), context(scores=bad))
    assert (verdict.rule, verdict.action) == ("not_scored", Outcome.QUEUE)
    assert verdict.scores is None
    assert verdict.reasons[0] == "not_scored"
    if bad:
        assert "threat" in verdict.detail or "spam" in verdict.detail


def test_a_score_for_a_label_nobody_asked_for_changes_nothing():
    verdict = decide(policy("assisted"), context(scores=scores(sexual_explicit=0.9)))
    assert verdict.rule == "clear"
    assert set(verdict.scores) == set(LABELS)


def test_the_verdict_carries_what_explains_it():
    chosen = policy("assisted")
    verdict = decide(chosen, context(scores=scores(toxicity=0.95, insult=0.6)))
    assert verdict.scores == scores(toxicity=0.95, insult=0.6)
    assert verdict.thresholds == dict.fromkeys(LABELS, ASSISTED_LIMITS)
    assert verdict.detail == "toxicity 0.950, reject_at 0.9"
    assert verdict.reasons == ("toxicity_high", "insult_high", "borderline")
    assert (verdict.policy, verdict.policy_version) == ("test", chosen.version)
    assert verdict.model_version == "compact-1"
    assert json.loads(json.dumps(dataclasses.asdict(verdict)))["action"] == "reject"


def test_reasons_tell_everything_noteworthy_in_order_whatever_decided():
    comment = context(
        body="blockhead mayor example",
        scores=scores(spam=0.99, threat=0.99),
        link_count=2,
        report_count=1,
        is_guest=True,
        author_approved_count=0,
    )
    expected = (
        "reported",
        "blocked_word",
        "suspect_word",
        "threat_high",
        "spam_high",
        "link",
        "guest",
        "first_comment",
    )
    for preset in Preset:
        assert decide(policy(preset), comment).reasons == expected
    assert decide(policy("strict"), context()).reasons == ("likely_clean",)
    newcomer = context(author_approved_count=0)
    assert decide(policy("strict"), newcomer).reasons == ("first_comment", "likely_clean")
    assert decide(policy("strict"), context(link_count=1)).reasons == ("link",)
    held = context(author_sanction="always_review", author_approved_count=0)
    assert decide(policy("strict"), held).reasons == ("always_review", "first_comment")
    assert decide(policy("strict"), context(scores=scores(spam=0.2))).reasons == ()


def test_what_no_model_is_made_for_is_said_and_is_not_likely_clean():
    verdict = decide(policy("strict"), context(**FINNISH))
    assert verdict.reasons == ("unsupported",)
    assert verdict.detail.endswith("any model here is made for (fi)")
    assert (verdict.unsupported, verdict.language) == ("language", "fi")
    assert verdict.scores == scores()
    for why, sentence in UNSUPPORTED.items():
        assert decide(policy("open"), context(unsupported=why)).detail.startswith(sentence)
    later = decide(policy("open"), context(unsupported="a reason to come"))
    assert (later.rule, "a reason to come" in later.detail) == ("unsupported", True)


@pytest.mark.parametrize(
    ("entry", "text", "found"),
    [
        ("fool", "FOOL!", True),
        ("fool", "foolish", False),
        ("fool", "_fool_", True),
        ("drop dead", "Drop-DEAD!", True),
        ("drop dead", "drop deadlines", False),
        ("drop dead", "drop", False),
        ("straße", "STRASSE", True),
        ("don’t", "don't", True),
        ("हिन्दी", "यह हिन्दी है", True),
        ("हिन्द", "हिन्दी", False),
        ("笨蛋", "你是笨蛋吗", True),
        ("🖕", "take this🖕!", True),
        ("cafe\u0301", "café", True),
    ],
)
def test_listed_words_are_found_whole_and_in_any_case(entry, text, found):
    chosen = policy("strict", words={"suspect": ["something else", entry]})
    reasons = decide(chosen, context(body=text)).reasons
    assert ("suspect_word" in reasons) is found


# --- Properties ------------------------------------------------------------------------------

SHARE = st.floats(0, 1)
SCORES = st.fixed_dictionaries(dict.fromkeys(LABELS, SHARE))


@st.composite
def policies(draw):
    preset = draw(st.sampled_from(Preset))
    limits = {}
    for label in LABELS:
        low, middle, high = sorted(draw(st.tuples(SHARE, SHARE, SHARE)))
        limits[label] = {"hold_at": middle}
        if preset is Preset.ASSISTED:
            limits[label]["approve_below"] = low
            if draw(st.booleans()):
                limits[label]["reject_at"] = high
    tables = {
        "thresholds": limits,
        "authors": {
            "trusted_after": draw(st.integers(0, 3)),
            "guests_wait": draw(st.booleans()),
        },
        "links": draw(st.sampled_from([{}, {"max": 0}, {"max": 2}])),
        "priority": {
            "max_min": draw(st.integers(0, 720)),
            "borderline_width": draw(SHARE),
            "score_min": {"threat": draw(st.integers(0, 720))},
        },
    }
    return policy(preset, **tables)


CONTEXTS = st.builds(
    Context,
    body=st.sampled_from(["Well said.", "blockhead", "mayor example"]),
    folded_body=st.sampled_from(["", "blockhead"]),
    scores=SCORES,
    author_approved_count=st.integers(0, 3),
    author_sanction=st.sampled_from([None, "trust", "always_review", "suspend", "ban"]),
    is_guest=st.booleans(),
    link_count=st.integers(0, 3),
    report_count=st.integers(0, 1),
    unsupported=st.sampled_from([None, "links"]),
)


@given(policies(), CONTEXTS, st.sampled_from([None, *LABELS]), st.sampled_from([math.nan, None]))
def test_without_scores_a_comment_always_waits(chosen, comment, label, bad):
    broken = None if label is None else comment.scores | {label: bad}
    verdict = decide(chosen, dataclasses.replace(comment, scores=broken))
    assert (verdict.action, verdict.rule) == (Outcome.QUEUE, "not_scored")


@given(policies(), CONTEXTS, st.sampled_from(sorted(UNSUPPORTED)))
def test_thresholds_never_decide_on_what_no_model_is_made_for(chosen, comment, why):
    assert decide(chosen, dataclasses.replace(comment, unsupported=why)).action is Outcome.QUEUE


@given(policies(), CONTEXTS, st.sampled_from(sorted(HELD)))
def test_what_a_held_author_writes_always_waits_and_says_so(chosen, comment, sanction):
    verdict = decide(chosen, dataclasses.replace(comment, author_sanction=sanction))
    assert (verdict.action, verdict.rule) == (Outcome.QUEUE, "always_review")
    assert verdict.detail == HELD[sanction]
    assert "always_review" in verdict.reasons
    assert "likely_clean" not in verdict.reasons


@given(policies(), CONTEXTS)
def test_trust_stands_for_approved_comments_and_for_nothing_else(chosen, comment):
    trusted = decide(chosen, dataclasses.replace(comment, author_sanction="trust"))
    known = dataclasses.replace(comment, author_sanction=None, author_approved_count=1000)
    assert trusted == decide(chosen, known)


@given(policies(), CONTEXTS)
def test_strict_never_decides_and_open_never_rejects(chosen, comment):
    allowed = {
        Preset.STRICT: {Outcome.QUEUE},
        Preset.OPEN: {Outcome.QUEUE, Outcome.APPROVE},
        Preset.ASSISTED: set(Outcome),
    }
    assert decide(chosen, comment).action in allowed[chosen.preset]


@given(policies(), CONTEXTS, st.sampled_from(LABELS), SHARE)
def test_a_higher_score_never_makes_the_outcome_milder(chosen, comment, label, score):
    strictness = [Outcome.APPROVE, Outcome.QUEUE, Outcome.REJECT]
    low, high = sorted([comment.scores[label], score])
    before, after = (
        decide(chosen, dataclasses.replace(comment, scores=comment.scores | {label: at}))
        for at in (low, high)
    )
    assert strictness.index(before.action) <= strictness.index(after.action)


@given(policies(), CONTEXTS)
def test_a_verdict_is_whole_and_its_head_start_bounded(chosen, comment):
    verdict = decide(chosen, comment)
    assert verdict == decide(chosen, comment)
    assert verdict.rule in {rule.name for rule in RULES[chosen.preset]}
    assert verdict.detail
    assert list(verdict.reasons) == [reason for reason in REASONS if reason in verdict.reasons]
    assert isinstance(verdict.head_start_min, int)
    assert 0 <= verdict.head_start_min <= chosen.priority.max_min <= 720


@given(policies(), CONTEXTS)
def test_a_report_never_moves_a_comment_back(chosen, comment):
    verdict = decide(chosen, dataclasses.replace(comment, report_count=0))
    reported = head_start_min(chosen, verdict.scores, {*verdict.reasons, "reported"})
    assert reported >= verdict.head_start_min


# --- Priority --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("fields", "minutes"),
    [
        ({"scores": scores(threat=0.8)}, 240),
        ({"scores": None}, 240),
        ({"scores": scores(toxicity=0.5)}, 105),
        ({"scores": scores(toxicity=0.2)}, 0),
        ({}, 45),
        ({"scores": scores(spam=0.99)}, 0),
        # Of several high scores the one worth most; reasons add up; the sum is cut off.
        ({"scores": scores(threat=0.8, identity_attack=0.9)}, 240),
        ({"scores": scores(threat=0.8), "report_count": 1}, 600),
        ({"scores": scores(threat=1.0), "report_count": 1, "body": "blockhead"}, 720),
        # Half the width away from its threshold: half of the borderline minutes.
        ({"scores": scores(toxicity=0.425)}, 45),
    ],
)
def test_the_head_start_of_the_strict_policy(fields, minutes):
    chosen = dataclasses.replace(SHIPPED["strict"], blocked_words=("blockhead",))
    assert decide(chosen, context(**fields)).head_start_min == minutes


def test_a_moderator_sees_first_what_needs_them_most():
    """The order that docs/policy.md promises for comments of the same minute."""
    ordered = [
        context(report_count=1),
        context(scores=scores(threat=0.95)),
        context(scores=None),
        context(scores=scores(identity_attack=0.9)),
        context(scores=scores(insult=0.5)),
        context(),
        context(scores=scores(insult=0.97, toxicity=0.97)),
        context(scores=scores(spam=0.99)),
    ]
    head_starts = [decide(SHIPPED["strict"], comment).head_start_min for comment in ordered]
    assert head_starts == sorted(head_starts, reverse=True)
    assert len(set(head_starts)) == len(head_starts)


# --- Files -----------------------------------------------------------------------------------


def test_each_shipped_preset_has_its_file_with_the_default_priorities():
    assert set(SHIPPED) == set(Preset)
    for name, shipped in SHIPPED.items():
        assert shipped.preset == name
        assert shipped.priority == Priority()


def test_what_may_be_left_out_is_off():
    smallest = mapping("open")
    for key in ("words", "links", "authors"):
        del smallest[key]
    chosen = parse_policy(smallest, "test")
    comment = context(body="blockhead", link_count=50, is_guest=True, author_approved_count=0)
    assert decide(chosen, comment).rule == "nothing_against_it"
    assert chosen.priority == Priority()


def test_the_version_changes_with_the_content():
    versions = {
        policy("assisted").version,
        policy("assisted", version="2").version,
        policy("assisted", words={"blocked": ["blockhead", "dunce"]}).version,
        policy("assisted", links={}).version,
        policy("assisted", priority={"max_min": 60}).version,
        dataclasses.replace(policy("assisted"), trusted_after=9).version,
    }
    assert len(versions) == 6
    assert policy("assisted").version == policy("assisted").version
    assert re.fullmatch(r"1\+[0-9a-f]{8}", policy("assisted").version)


def change(path: str, value, preset: str = "assisted") -> dict:
    """A policy file with ``value`` at the dotted ``path``; None takes the key out."""
    changed = copy.deepcopy(mapping(preset))
    *tables, key = path.split(".")
    table = changed
    for name in tables:
        table = table.setdefault(name, {})
    if value is None:
        del table[key]
    else:
        table[key] = value
    return changed


SHARE_ALLOWED = "allowed: a number from 0 to 1"


@pytest.mark.parametrize(
    ("bad", "message"),
    [
        (change("name", None), "name: missing"),
        (change("name", "Ev il"), "name: found 'Ev il'; allowed: text (lower-case letters"),
        (change("version", 3), "version: found 3; allowed: text (letters, digits"),
        (change("preset", "opn"), "preset: found 'opn'; allowed: one of strict, assisted, open; d"),
        (change("preset", None), "preset: missing; allowed: one of strict, assisted, open"),
        (change("thresholds", None), "thresholds: missing; allowed: a table"),
        (change("thresholds", 1), "thresholds: found 1; allowed: a table"),
        (change("thresholds.spam", None), "thresholds.spam: missing; allowed: a table"),
        (
            change("thresholds.toxicty", {}),
            "thresholds.toxicty: unknown key; did you mean toxicity? (known here: toxicity, ",
        ),
        (change("thresholds.spam.hold_at", None), "thresholds.spam.hold_at: missing; allowed: a n"),
        (change("thresholds.spam.approve_below", None), "thresholds.spam.approve_below: missing"),
        *(
            (
                change("thresholds.spam.reject_at", value),
                f"thresholds.spam.reject_at: found {shown}; {SHARE_ALLOWED}",
            )
            for value, shown in [
                (1.5, "1.5"),
                (-0.1, "-0.1"),
                (math.nan, "nan"),
                (math.inf, "inf"),
                (True, "true"),
                ("0.5", "'0.5'"),
            ]
        ),
        (
            change("thresholds.spam.approve_below", 0.6),
            "thresholds.spam.approve_below: found 0.6, which is above hold_at (0.5); allowed: ",
        ),
        (
            change("thresholds.spam.reject_at", 0.4),
            "thresholds.spam.hold_at: found 0.5, which is above reject_at (0.4)",
        ),
        (
            change("thresholds.spam.reject_at", 0.9, preset="open"),
            "thresholds.spam.reject_at: not allowed here: preset open has no use for it",
        ),
        (change("words.blocked", "fool"), "words.blocked: found 'fool'; allowed: a list of words"),
        (change("words.suspect", ["a", " "]), "words.suspect[1]: found ' '; allowed: a word or"),
        (change("words.suspect", [1]), "words.suspect[0]: found 1; allowed: a word or phrase"),
        (change("links.max", -1), "links.max: found -1; allowed: a whole number from 0 to 100"),
        (change("links.max", 1.0), "links.max: found 1.0; allowed: a whole number from 0 to 100"),
        (change("authors.trusted_after", True), "authors.trusted_after: found true; allowed: a w"),
        (change("authors.guests_wait", 1), "authors.guests_wait: found 1; allowed: true or false"),
        (
            change("authors.trustedafter", 1),
            "authors.trustedafter: unknown key; did you mean trusted_after? (known here: ",
        ),
        (change("priority.max_min", 721), "priority.max_min: found 721; allowed: a whole number"),
        (change("priority.borderline_width", 2), f"found 2; {SHARE_ALLOWED}"),
        (
            change("priority.score_min.threats", 3),
            "priority.score_min.threats: unknown key; did you mean threat?",
        ),
        (change("priority.reason_min.link", "a"), "priority.reason_min.link: found 'a'; allowed"),
        (change("qwertz", 1), "qwertz: unknown key (known here: name, version, preset, "),
    ],
)
def test_a_mistake_is_named_with_its_key_what_was_found_and_what_is_allowed(bad, message):
    with pytest.raises(PolicyError) as refused:
        parse_policy(bad, "the settings of site x")
    assert len(refused.value.messages) == 1
    assert message in refused.value.messages[0]
    assert str(refused.value).startswith("the settings of site x: ")


def test_all_mistakes_are_told_at_once():
    bad = change("preset", "opn") | {"links": {"max": -1}, "words": {"blocked": [3]}, "extra": 1}
    with pytest.raises(PolicyError) as refused:
        parse_policy(bad, "x.toml")
    assert [message.split(":")[0] for message in refused.value.messages] == [
        "preset",
        "words.blocked[0]",
        "links.max",
        "extra",
    ]
    assert len(str(refused.value).splitlines()) == 4


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3)
    ),
    max_leaves=5,
)
PATHS = [
    "name",
    "preset",
    "version",
    "thresholds",
    "thresholds.spam",
    "thresholds.spam.hold_at",
    "words",
    "words.blocked",
    "links.max",
    "authors",
    "authors.guests_wait",
    "priority",
    "priority.score_min",
    "priority.score_min.spam",
]


@given(st.sampled_from(Preset), st.sampled_from(PATHS), JSON.filter(lambda v: v is not None))
def test_a_mapping_makes_a_policy_or_a_policy_error_nothing_else(preset, path, value):
    bad = change(path, value, preset=preset)
    try:
        chosen = parse_policy(bad, "test")
    except PolicyError:
        return
    assert decide(chosen, context()).policy_version == chosen.version


def test_a_file_that_cannot_be_read_is_named(tmp_path):
    with pytest.raises(PolicyError, match=r"missing\.toml: cannot be read: No such file"):
        load_policy(tmp_path / "missing.toml")
    broken = tmp_path / "broken.toml"
    broken.write_text("name = \n")
    with pytest.raises(PolicyError, match=r"broken\.toml: not valid TOML: .*line 1"):
        load_policy(broken)
    broken.write_bytes(b'name = "\xff"')
    with pytest.raises(PolicyError, match=r"broken\.toml: not UTF-8"):
        load_policy(broken)


def test_a_folder_tells_the_mistakes_of_all_its_files(tmp_path):
    with pytest.raises(PolicyError, match="no policy files"):
        load_policies(tmp_path)
    text = (ROOT / "config" / "policies" / "strict.toml").read_text("utf-8")
    (tmp_path / "a.toml").write_text(text, "utf-8")
    (tmp_path / "b.toml").write_text(text, "utf-8")
    (tmp_path / "c.toml").write_text(text.replace("{ hold_at", "{ hold_ad", 1), "utf-8")
    with pytest.raises(PolicyError) as refused:
        load_policies(tmp_path)
    assert [message.split(": ")[:2] for message in refused.value.messages] == [
        ["b.toml", "name"],
        ["c.toml", "thresholds.toxicity.hold_at"],
        ["c.toml", "thresholds.toxicity.hold_ad"],
    ]


# --- Documentation ---------------------------------------------------------------------------


@pytest.mark.parametrize("preset", Preset)
def test_the_documentation_lists_the_rules_of_each_preset_in_order(preset):
    section = DOCS.split(f"\n### `{preset}`\n")[1].split("\n## ")[0].split("\n### ")[0]
    rows = re.findall(r"^\| \d+ \| `(\w+)` \|.*\| (\S+) \|$", section, re.MULTILINE)
    words = {"waits": "queue", "**published**": "approve", "**rejected**": "reject"}
    documented = [(name, words[then]) for name, then in rows]
    assert documented == [(rule.name, rule.action) for rule in RULES[preset]]


def test_the_documentation_lists_every_reason():
    section = DOCS.split("\n## Reasons\n")[1].split("\n## ")[0]
    assert tuple(re.findall(r"`(\w+)`(?=[^|]*\|[^|]*\|$)", section, re.MULTILINE)) == REASONS


def test_the_file_shown_in_the_documentation_is_a_policy_with_every_key():
    shown = tomllib.loads(DOCS.split("```toml\n")[1].split("```")[0])
    chosen = parse_policy(shown, "docs/policy.md")
    assert chosen.thresholds == SHIPPED["assisted"].thresholds
    assert chosen.priority == Priority()
    assert shown["priority"].keys() == {f.name for f in dataclasses.fields(Priority)}
    for key in ("reason_min", "score_min"):
        assert shown["priority"][key] == getattr(Priority(), key)


def test_the_mistakes_shown_in_the_documentation_are_told_like_that():
    lines = DOCS.split("evening.toml: ", 1)[1].split("```")[0].strip()
    bad = tomllib.loads(DOCS.split("```toml\n")[1].split("```")[0])
    bad["thresholds"]["toxicity"]["approve_below"] = 0.6
    bad["links"]["max"] = -1
    bad["authors"]["trustedafter"] = bad["authors"].pop("trusted_after")
    with pytest.raises(PolicyError) as refused:
        parse_policy(bad, "evening.toml")
    assert str(refused.value) == f"evening.toml: {lines}"
