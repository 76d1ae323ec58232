"""`moderation policy`: thresholds from people's decisions, and what another policy would do."""

from __future__ import annotations

import csv
import dataclasses
import gzip
import json
import random
import re
import xml.etree.ElementTree as ET
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from factories import Service, SiteKit
from fakes import FAINT

from moderation.cli import cli
from moderation.domain.author import AuthorKind, Signature
from moderation.domain.decision import Action
from moderation.domain.policy import load_policies, load_policy, read_policy
from moderation.domain.staff import Principal, Scope
from moderation.labels import LABELS
from moderation.scoring import judge
from moderation.scoring.judge import Assessment
from moderation.services import intake, policies, review, sites
from moderation.services.intake import Submission
from moderation.services.review import Order

READER = Signature(AuthorKind.READER, identity="reader-1", name="Ada")
MODERATOR = Principal("staff:m", "Mo", frozenset({Scope.QUEUE, Scope.DECISIONS}))
DECIDES = 'name = "{}"\npreset = "assisted"\nversion = "1"\n[thresholds]\n' + "\n".join(
    f"{label} = {{{{ approve_below = 0.2, hold_at = 0.5, reject_at = 0.9 }}}}" for label in LABELS
)


class SpokenJudge:
    """Finds the scores in the text: "toxicity=0.93 spam=0.2"."""

    def __init__(self, model_version: str = "spoken/1") -> None:
        self.model_version = model_version
        self.versions_by_language: dict[str, str] = {}

    def assess(self, texts: Sequence[str]) -> list[Assessment]:
        return [
            Assessment(
                dict.fromkeys(LABELS, FAINT)
                | {label: float(score) for label, score in re.findall(r"(\w+)=([\d.]+)", text)},
                self.model_version,
                unsupported="language" if "latin" in text else None,
            )
            for text in texts
        ]


class Desk:
    """An installation whose judge says what the texts say, and the command on it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.service = Service(folder, scoring_batch_size=256)
        self.service.wiring._judge = SpokenJudge()
        # What is moved on here must still be past for the command, which asks the real clock.
        self.service.clock.advance(hours=-1)
        self.site: SiteKit = self.service.make_site()
        given = {"var_dir": folder, "secret_key": "a key for tests, and for nothing else"}
        self.environ = {f"MODERATION_{name.upper()}": str(v) for name, v in given.items()}

    def run(self, *words: object) -> Result:
        words = ("policy", *map(str, words))
        result = CliRunner().invoke(cli, words, env=self.environ)
        if result.exception is not None and not isinstance(result.exception, SystemExit):
            raise result.exception
        return result

    def ok(self, *words: object) -> str:
        result = self.run(*words)
        assert result.exit_code == 0, result.output
        return result.stdout

    def json(self, *words: object) -> dict[str, Any]:
        return json.loads(self.ok(*words, "--json"))

    def refused(self, *words: object) -> str:
        before = self.service.snapshot()
        result = self.run(*words)
        assert result.exit_code in (1, 2), result.output
        assert "Traceback" not in result.output
        assert self.service.snapshot() == before
        return result.stderr

    def post(self, *bodies: str) -> list[str]:
        ids = []
        with self.service.database.write() as session:
            site = sites.by_id(session, self.site.id)
            for body in bodies:
                submission = Submission("story", body, READER)
                given = intake.submit(session, site, submission, now=self.service.clock())
                ids.append(given.comment_id)
        self.service.judge_all()
        self.service.clock.advance(seconds=1)
        return ids

    def decide(self, action: Action, *comment_ids: str) -> None:
        orders = [Order(i, action, self.service.comment(i).version) for i in comment_ids]
        with self.service.database.write() as session:
            results = review.decide(session, MODERATOR, orders, now=self.service.clock())
        assert all(result.problem is None for result in results)
        self.service.clock.advance(seconds=1)


@pytest.fixture
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Desk]:
    monkeypatch.setattr(judge, "build_judge", lambda *_, **__: SpokenJudge())
    made = Desk(tmp_path)
    yield made
    made.service.close()


def words(number: int) -> str:
    """A few letters of its own for each number, so that no text is a near copy of another."""
    chance = random.Random(str(number))
    return "".join(chance.choice("bcdfghjklmnpqrstvwxz") for _ in range(40))


def labelled(path: Path, good: int, harmful: int, column: str = "toxic") -> Path:
    """Good comments score up to 0.5, harmful ones from 0.3 on; all of them different."""
    chance = random.Random(1)
    rows = [(f"{words(n)} toxicity={chance.uniform(0, 0.5):.4f}", 0) for n in range(good)]
    rows += [(f"{words(-n - 1)} toxicity={chance.uniform(0.3, 1):.4f}", 1) for n in range(harmful)]
    opened = gzip.open if path.suffix == ".gz" else open
    with opened(path, "wt", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["text", column])
        writer.writerows(rows)
    return path


# --- suggest, from a file -----------------------------------------------------------------------


def test_a_file_gives_thresholds_a_policy_and_a_plot(desk: Desk) -> None:
    file = labelled(desk.folder / "labelled.csv.gz", 1500, 1000)
    target, plot = desk.folder / "evening.toml", desk.folder / "trade.svg"
    told = desk.ok("suggest", file, "--write", target, "--plot", plot)
    assert "1,500 good, 1,000 harmful; scored by spoken/1" in told
    assert "With 95 % confidence: of all good comments at most 1 in 200 is rejected." in told
    assert "of all harmful comments at most 1 in 20 is approved" in told

    policy = load_policy(target)
    assert policy.name == "evening"
    limits = policy.thresholds["toxicity"]
    assert 0.5 <= limits.reject_at < 0.53  # nothing below hold_at
    assert 0.3 < limits.approve_below < 0.34  # a twentieth of 0.3 to 1.0 would be 0.335
    assert policy.thresholds["threat"].reject_at is None
    assert "at most 1 in 200 is rejected" in target.read_text()
    assert load_policies(desk.folder)["evening"] == policy

    drawing = ET.fromstring(plot.read_text())
    assert drawing.tag == "{http://www.w3.org/2000/svg}svg"
    assert "prefers-color-scheme: dark" in plot.read_text()
    assert len(drawing.findall("{*}circle")) == 2
    assert not re.search(r"(href|src|url\()", plot.read_text())  # it needs nothing beside it


def test_the_same_as_json(desk: Desk) -> None:
    file = labelled(desk.folder / "labelled.csv", 1500, 1000)
    told = desk.json("suggest", file, "--wrongly-approved", "1 in 10", "--confidence", "90%")
    assert desk.json("suggest", file, "--confidence", "95 %") == desk.json(
        "suggest", file, "--confidence", "0.95"
    )
    assert (told["comments"], told["good"], told["harmful"]) == (2500, 1500, 1000)
    reject, approve = told["reject"], told["approve"]
    assert (reject["possible"], reject["tolerance"], reject["confidence"]) == (True, 0.005, 0.9)
    assert (approve["tolerance"], approve["among"]) == (0.1, "all")
    assert approve["wrong"] / approve["base"] < approve["bound"] <= 0.1
    assert told["share_for_people"] == pytest.approx(1 - reject["share"] - approve["share"])
    assert told["thresholds"]["toxicity"]["reject_at"] == reject["thresholds"]["toxicity"]
    assert told["decided_by_policy_alone"] is None


def test_too_few_give_a_number_instead_of_thresholds(desk: Desk) -> None:
    file = labelled(desk.folder / "labelled.csv", 300, 30)
    target = desk.folder / "x.toml"
    told = desk.ok("suggest", file)
    assert "it takes at least 598 good comments; there are 300" in told
    assert "it takes at least 59 harmful comments; there are 30" in told
    assert desk.json("suggest", file)["reject"]["needed"] == 598
    assert "nothing to suggest" in desk.refused("suggest", file, "--write", target)
    assert not target.exists()


def test_one_side_alone(desk: Desk) -> None:
    file = labelled(desk.folder / "labelled.csv", 800, 300)
    told = desk.json("suggest", file, "--wrongly-approved", "never")
    assert told["approve"]["why_not"] == "not_asked"
    assert told["thresholds"]["toxicity"]["approve_below"] == 0.0
    assert told["reject"]["possible"]


def test_of_those_decided_is_another_promise(desk: Desk) -> None:
    file = labelled(desk.folder / "labelled.csv", 1000, 3000)
    told = desk.ok("suggest", file, "--among", "decided", "--wrongly-rejected", "1/100")
    assert "of the comments rejected at most 1 in 100 is good" in told


def test_near_copies_in_a_file_count_once(desk: Desk) -> None:
    file = labelled(desk.folder / "labelled.csv", 700, 100)
    with file.open("a") as more:
        more.writelines("Buy now! toxicity=0.9,1\n" for _ in range(50))
    told = desk.json("suggest", file)
    assert (told["comments"], told["left_out"]["near_copies"]) == (801, 49)
    assert "--keep-copies" not in desk.ok("suggest", file)
    kept = desk.json("suggest", file, "--keep-copies")
    assert (kept["comments"], kept["left_out"]["near_copies"]) == (850, 0)
    assert "--keep-copies is for a FILE" in desk.refused("suggest", "--keep-copies")


def test_a_file_of_mostly_near_copies_is_told_the_way_round(desk: Desk) -> None:
    file = labelled(desk.folder / "labelled.csv", 10, 10)
    with file.open("a") as more:
        more.writelines("Buy now! toxicity=0.9,1\n" for _ in range(50))
    assert "more than half; --keep-copies" in desk.ok("suggest", file)


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ("text,label\na,1\n", "needs a column 'text' and one of toxic, spam"),
        ("text,toxic\na,2\n", "toxic is '2', not 0 or 1"),
        ("text,toxic\n", "has no rows"),
        ("", "needs a column"),
    ],
)
def test_a_file_that_is_no_labelled_file(desk: Desk, content: str, told: str) -> None:
    file = desk.folder / "bad.csv"
    file.write_text(content)
    assert told in desk.refused("suggest", file)
    if "rows" not in told:
        assert told in desk.refused("simulate", file, "--policy", "assisted")


def test_bad_words_are_answered_with_sentences(desk: Desk) -> None:
    file = labelled(desk.folder / "labelled.csv", 10, 10)
    there = desk.folder / "there.toml"
    there.write_text("mine")
    suggest = ("suggest", file)
    assert "is not a share between 0 and 1" in desk.refused(*suggest, "--wrongly-rejected", "2")
    assert "is not a share" in desk.refused(*suggest, "--wrongly-rejected", "1/0")
    assert "is not a share" in desk.refused(*suggest, "--confidence", "never")
    assert "like 95% or 0.95" in desk.refused(*suggest, "--confidence", "95")
    assert "no policy 'lenient'; there are assisted, open, strict" in desk.refused(
        *suggest, "--policy", "lenient"
    )
    assert "strict is strict: only assisted" in desk.refused(*suggest, "--policy", "strict")
    assert "not for a FILE" in desk.refused(*suggest, "--since", "2026-01-01")
    assert "draws .svg and .html" in desk.refused(*suggest, "--plot", "trade.png")
    assert "is there already" in desk.refused(*suggest, "--write", there)
    assert there.read_text() == "mine"
    assert "no such folder" in desk.refused(*suggest, "--write", "/nowhere/x.toml")
    assert "lower-case letters" in desk.refused(*suggest, "--name", "A B")
    assert "no decisions of moderators" in desk.refused("suggest")
    empty = ("--since", "2026-01-02", "--until", "2026-01-01")
    assert "--until must be later than --since" in desk.refused("suggest", *empty)
    assert "--until must be later than --since" in desk.refused(
        "simulate", "--policy", "assisted", *empty
    )


# --- suggest, from decisions --------------------------------------------------------------------


def test_decisions_of_moderators_give_thresholds(desk: Desk) -> None:
    chance = random.Random(2)
    good = desk.post(*(f"{words(n)} toxicity={chance.uniform(0, 0.3):.3f}" for n in range(620)))
    bad = desk.post(*(f"{words(-n - 1)} toxicity={chance.uniform(0.6, 1):.3f}" for n in range(70)))
    again = desk.post(f"{words(0)} toxicity=0.1", "undecided")
    desk.decide(Action.APPROVE, *good)
    desk.decide(Action.REJECT, *bad)
    desk.decide(Action.APPROVE, again[0])
    before = desk.service.snapshot()

    told = desk.json("suggest")

    assert (told["good"], told["harmful"], told["model_version"]) == (620, 70, "spoken/1")
    assert told["left_out"] == {"near_copies": 1, "not_scored": 0, "other_models": {}}
    assert told["decided_by_policy_alone"] == 0
    assert told["reject"]["possible"]
    assert told["approve"]["possible"]
    assert told["share_for_people"] < 0.2
    assert desk.service.snapshot() == before
    assert "no decisions" in desk.refused("suggest", "--since", "2999-01-01")


def test_scores_of_one_model_only(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    old = desk.post(*(f"{words(n)} toxicity=0.1" for n in range(6)))
    desk.service.wiring._judge = SpokenJudge("spoken/2")
    del desk.service.wiring.__dict__["judge"]
    new = desk.post(*(f"{words(n + 99)} toxicity=0.1" for n in range(4)))
    desk.decide(Action.APPROVE, *old, *new)
    told = desk.json("suggest")
    assert (told["model_version"], told["comments"]) == ("spoken/1", 6)
    assert told["left_out"]["other_models"] == {"spoken/2": 4}
    assert "not looked at: 4 comments as scored by spoken/2" in desk.ok("suggest")
    assert desk.json("suggest", "--model-version", "spoken/2")["comments"] == 4
    assert "No decided comment has scores of x" in desk.refused("suggest", "--model-version", "x")
    monkeypatch.setattr(judge, "build_judge", lambda *_, **__: SpokenJudge("spoken/3"))
    result = desk.run("suggest")
    assert "No decided comment has scores of the model in use (spoken/3)" in result.stderr
    assert "those of spoken/1" in result.stderr


def test_what_policy_decided_alone_is_named(desk: Desk) -> None:
    desk.service.make_article(desk.site, "story", policy="open")
    desk.post("one", "two")
    (held,) = desk.post("three toxicity=0.9")
    desk.decide(Action.REJECT, held)
    told = desk.ok("suggest")
    assert "Not seen: 2 comments that policy decided" in told


# --- simulate -----------------------------------------------------------------------------------


@pytest.fixture
def other(desk: Desk) -> Path:
    """A policy that rejects from 0.9 and approves below 0.2."""
    path = desk.folder / "other.toml"
    path.write_text(DECIDES.format("other"))
    return path


def test_what_another_policy_would_have_done_of_decided_comments(desk: Desk, other: Path) -> None:
    kept, wrong = desk.post("fine", "a good one toxicity=0.95")
    let, held, foreign = desk.post("a bad one", "so-so toxicity=0.4", "latin toxicity=0.99")
    desk.post("undecided")
    desk.decide(Action.APPROVE, kept, wrong, foreign)
    desk.decide(Action.REJECT, let, held)
    before = desk.service.snapshot()

    told = desk.json("simulate", "--policy", other, "--since", "2020-01-01")

    assert told["comments"] == 5
    assert told["counts"] == {
        "approved by moderator": {"approve": 1, "reject": 1, "queue": 1},
        "rejected by moderator": {"approve": 1, "reject": 0, "queue": 1},
    }
    assert told["share_automatic"] == pytest.approx(3 / 5)
    assert told["rules"]["unsupported"] == 1
    assert [(d["id"], d["would"]) for d in told["differences"]] == [
        (wrong, "reject"),
        (let, "approve"),
    ]
    assert told["model_versions"] == {"spoken/1": 5}
    assert desk.service.snapshot() == before
    shown = desk.ok("simulate", "--policy", other, "--since", "2020-01-01", "--show", "1")
    assert "Would be rejected against what was decided" in shown
    assert "score_rejects: toxicity 0.950, reject_at 0.9" in shown
    assert not desk.json("simulate", "--policy", other, "--since", "2999-01-01")["comments"]


def test_by_stored_scores_unless_asked_to_score_anew(
    desk: Desk, other: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk.decide(Action.APPROVE, *desk.post("a text toxicity=0.95"))

    class Milder(SpokenJudge):
        def assess(self, texts: Sequence[str]) -> list[Assessment]:
            return super().assess([text.replace("0.95", "0.05") for text in texts])

    monkeypatch.setattr(judge, "build_judge", lambda *_, **__: Milder("milder/1"))
    words = ("simulate", "--policy", other, "--since", "2020-01-01")
    assert desk.json(*words)["counts"]["approved by moderator"]["reject"] == 1
    anew = desk.json(*words, "--rescore")
    assert anew["counts"]["approved by moderator"]["approve"] == 1
    assert anew["model_versions"] == {"milder/1": 1}


def test_what_a_policy_would_do_with_a_file(desk: Desk, other: Path) -> None:
    file = labelled(desk.folder / "labelled.csv", 600, 400)
    told = desk.json("simulate", file, "--policy", other, "--show", "3")
    assert told["comments"] == 1000
    counts = told["counts"]
    assert sum(counts["good"].values()) == 600
    assert counts["good"]["reject"] == 0
    assert counts["harmful"]["approve"] == 0
    assert counts["harmful"]["reject"] == pytest.approx(400 / 7, abs=20)
    strict = desk.json("simulate", file, "--policy", "strict")
    assert (strict["share_automatic"], strict["differences"]) == (0.0, [])


def test_the_suggested_policy_keeps_its_word_when_it_is_replayed(desk: Desk) -> None:
    """The two commands agree with each other on the same file."""
    file = labelled(desk.folder / "labelled.csv", 1500, 1000)
    target = desk.folder / "evening.toml"
    suggested = desk.json("suggest", file, "--write", target)
    replayed = desk.json("simulate", file, "--policy", target)
    for side in ("reject", "approve"):
        decided = sum(row[side] for row in replayed["counts"].values())
        assert decided == round(suggested[side]["share"] * 2500)
    assert replayed["counts"]["good"]["reject"] == suggested["reject"]["wrong"]
    assert replayed["counts"]["harmful"]["approve"] == suggested["approve"]["wrong"]


def test_what_simulate_cannot_mean_is_refused(desk: Desk, other: Path) -> None:
    file = labelled(desk.folder / "labelled.csv", 3, 3)
    broken = desk.folder / "broken.toml"
    broken.write_text(other.read_text().replace("hold_at = 0.5", "hold_at = 5"))
    assert "either FILE or --since" in desk.refused("simulate", "--policy", other)
    assert "either FILE or --since" in desk.refused(
        *("simulate", file, "--policy", other, "--since", "2020-01-01")
    )
    assert "not for a FILE" in desk.refused("simulate", file, "--policy", other, "--rescore")
    assert "hold_at: found 5" in desk.refused("simulate", file, "--policy", broken)
    assert "Missing option '--policy'" in desk.refused("simulate", file)
    assert "cannot be read" in desk.refused("simulate", file, "--policy", "nowhere.toml")


# --- What is in force ---------------------------------------------------------------------------


def test_where_a_policy_comes_from_is_told(desk: Desk) -> None:
    [assisted, *_] = desk.json("list")
    assert (assisted["name"], assisted["from"]) == ("assisted", "from its file")
    wiring = desk.service.wiring
    changed = dataclasses.replace(wiring.policy_files["assisted"], blocked_words=("grelbo",))
    with desk.service.database.write() as session:
        saved = policies.save(
            session, wiring.policy_files, changed, base=0, by=MODERATOR, now=wiring.clock()
        )
    [assisted, *_] = desk.json("list")
    assert assisted["version"] == saved.policy_version
    assert assisted["from"].startswith("revision 1 of the desk, by Mo on 20")
    shown = desk.run("show", "assisted")
    assert read_policy(shown.stdout, "shown").blocked_words == ("grelbo",)
    assert "revision 1 of the desk" in shown.stderr
    desk.decide(Action.APPROVE, *desk.post("A grelbo walks into a bar"))
    simulated = desk.json("simulate", "--policy", "assisted", "--since", "2020-01-01")
    assert simulated["policy_version"] == saved.policy_version
    assert simulated["rules"] == {"blocked_word_rejects": 1}


def test_without_a_database_policies_are_those_of_the_files(tmp_path: Path) -> None:
    var = {"MODERATION_VAR_DIR": str(tmp_path)}
    told = CliRunner().invoke(cli, ["policy", "list", "--json"], env=var)
    assert {one["from"] for one in json.loads(told.stdout)} == {"from its file"}
    assert "does not answer" in told.stderr
