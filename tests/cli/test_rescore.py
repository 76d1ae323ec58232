"""`moderation rescore`, from outside: what it changes, says, and survives."""

from __future__ import annotations

import json
import math
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import servers
from click.testing import CliRunner, Result
from factories import Service, SiteKit
from fakes import FakeJudge
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from moderation.adapters.database import Database
from moderation.cli import cli
from moderation.domain.author import AuthorKind, Signature
from moderation.domain.comment import Comment
from moderation.domain.score import Judgement
from moderation.domain.staff import Principal, Scope
from moderation.scoring import judge
from moderation.scoring.errors import ScoringUnavailable
from moderation.scoring.judge import Assessment
from moderation.services import intake, queue, rescoring, sites
from moderation.services.intake import Submission
from moderation.settings import ROOT

READER = Signature(AuthorKind.READER, identity="reader-1", name="Ada")
MODERATOR = Principal("staff:m", "Mo", frozenset({Scope.QUEUE, Scope.DECISIONS}))
FAKE_RESCORE = Path(__file__).with_name("fake_rescore.py")


class Desk:
    """An installation, and the command on it with a judge of the test's own."""

    def __init__(self, folder: Path, **settings: Any) -> None:
        self.service = Service(folder, scoring_batch_size=4, **settings)
        self.site: SiteKit = self.service.make_site()
        given = {"var_dir": folder, "secret_key": "a key for tests, and for nothing else"}
        given |= {"scoring_batch_size": 4, **settings}
        self.environ = {f"MODERATION_{name.upper()}": str(v) for name, v in given.items()}

    def post(self, *bodies: str) -> list[str]:
        ids = []
        for body in bodies:
            with self.service.database.write() as session:
                site = sites.by_id(session, self.site.id)
                submission = Submission("story", body, READER)
                ids.append(
                    intake.submit(session, site, submission, now=self.service.clock()).comment_id
                )
        self.service.judge_all()
        return ids

    def run(self, *words: str) -> Result:
        result = CliRunner().invoke(cli, ["rescore", *words], env=self.environ)
        if result.exception is not None and not isinstance(result.exception, SystemExit):
            raise result.exception
        return result

    def json(self, *words: str) -> dict[str, Any]:
        result = self.run(*words, "--json")
        assert result.exit_code == 0, result.output
        return json.loads(result.stdout)

    def versions(self) -> dict[str | None, int]:
        """Model version -> number of comments whose judgement in force is of it."""
        with self.service.database.read() as session:
            rows = session.execute(
                select(Judgement.model_version, func.count())
                .join(Comment, Comment.judgement_id == Judgement.id)
                .group_by(Judgement.model_version)
            )
            return dict(rows.all())

    def judgements(self) -> int:
        with self.service.database.read() as session:
            return session.scalar(select(func.count()).select_from(Judgement))


@pytest.fixture(params=["sqlite", "postgresql"])
def desk(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Desk]:
    if request.param == "sqlite":
        made = Desk(tmp_path)
        yield made
        made.service.close()
        return
    server: servers.Postgres = request.getfixturevalue("postgres_server")
    url = server.create_database()
    made = Desk(tmp_path, database_url=url)
    yield made
    made.service.close()
    server.drop_database(url)


@pytest.fixture
def use(monkeypatch: pytest.MonkeyPatch) -> Callable[[FakeJudge], FakeJudge]:
    """Make the command score with a judge."""

    def use(fake: FakeJudge) -> FakeJudge:
        monkeypatch.setattr(judge, "build_judge", lambda *_, **__: fake)
        return fake

    return use


def test_what_else_made_a_spam_score_stays_when_the_text_is_scored_anew(
    desk: Desk, use: Callable[..., FakeJudge]
) -> None:
    text = "An advert that many people post here, all of them on the same day."
    ids = desk.post(text, text)

    def parts() -> dict[str, float]:
        with desk.service.database.read() as session:
            comment = session.get_one(Comment, ids[1])
            judgement = session.get_one(Judgement, comment.judgement_id)
            total = sum(part["log_odds"] for part in judgement.spam_parts)
            assert judgement.spam == pytest.approx(1 / (1 + math.exp(-total)))
            return {part["name"]: part["log_odds"] for part in judgement.spam_parts}

    before = parts()
    assert before["copies_on_the_article"] > 0
    desk.service.clock.advance(days=3)
    fake = use(FakeJudge(model_version="fake/2"))
    as_it_was = fake.assess

    def surer(texts: Sequence[str]) -> list[Assessment]:
        return [replace(said, scores={**said.scores, "spam": 0.9}) for said in as_it_was(texts)]

    fake.assess = surer  # type: ignore[method-assign]
    desk.json()
    after = parts()
    assert after.pop("text") > before.pop("text")
    assert after == before


def test_what_waits_is_scored_anew_once(desk: Desk, use: Callable[..., FakeJudge]) -> None:
    desk.post(*(f"number {n}" for n in range(9)), "an awful one")
    new = use(FakeJudge(model_version="fake/2"))
    told = desk.json()
    assert told["model_version"] == "fake/2"
    assert (told["comments"], told["stale"], told["failed"]) == (10, 0, 0)
    assert told["verdicts"] == {"queue": {"queue": 10, "approve": 0, "reject": 0}}
    assert told["scores"]["toxicity"] == {"mean": 0.0, "mean_size": 0.0, "largest": 0.0}
    assert desk.versions() == {"fake/2": 10}
    assert [len(batch) for batch in new.batches] == [4, 4, 2]
    assert desk.json()["comments"] == 0
    assert len(new.batches) == 3
    assert desk.json("--all")["comments"] == 10


def test_it_says_what_moved_and_shows_how_far_it_is(
    desk: Desk, use: Callable[..., FakeJudge]
) -> None:
    desk.post("one", "two", "three")
    use(FakeJudge(model_version="fake/2"))
    result = desk.run()
    assert result.exit_code == 0
    assert "Re-scored 3 comments by fake/2" in result.stdout
    assert "queue: now 3 queue" in result.stdout
    assert result.stderr.strip().endswith("re-scored: 3 of 3")


def test_what_a_moderator_holds_is_counted_and_taken_by_the_next_run(
    desk: Desk, use: Callable[[FakeJudge], FakeJudge]
) -> None:
    _, held, _ = desk.post("one", "two", "three")
    claim = {"now": desk.service.clock(), "claim_s": 3600}
    with desk.service.database.write() as session:
        wanted = queue.QueueFilter(comment_ids=[held])
        assert queue.claim(session, MODERATOR, wanted, **claim)
    new = use(FakeJudge(model_version="fake/2"))
    told = desk.json()
    assert (told["comments"], told["held"]) == (2, 1)
    assert new.batches == [["one", "three"]]
    assert desk.versions() == {"fake/2": 2, "fake/1": 1}
    assert "1 are claimed by moderators" in desk.run().stdout
    with desk.service.database.write() as session:
        queue.release(session, MODERATOR, held, now=desk.service.clock())
    assert desk.json()["comments"] == 1
    assert desk.versions() == {"fake/2": 3}


@pytest.mark.parametrize("words", [[], ["--compare-only", "--since", "2020-01-01"]])
def test_texts_are_read_while_nobody_waits_for_the_database(
    desk: Desk,
    use: Callable[[FakeJudge], FakeJudge],
    monkeypatch: pytest.MonkeyPatch,
    words: list[str],
) -> None:
    desk.post("one", "two")
    use(FakeJudge(model_version="fake/2"))
    writing: list[bool] = []
    read: list[bool] = []
    as_it_was = Database.write

    @contextmanager
    def write(self: Database) -> Iterator[Session]:
        with as_it_was(self) as session:
            writing.append(True)
            try:
                yield session
            finally:
                writing.pop()

    def normalised(text: str) -> str:
        read.append(bool(writing))
        return text

    monkeypatch.setattr(Database, "write", write)
    monkeypatch.setattr(rescoring, "normalised_text", normalised)
    assert desk.json(*words)["comments"] == 2
    assert read == [False, False]


def test_a_comparison_says_what_would_change_and_changes_nothing(
    desk: Desk, use: Callable[..., FakeJudge]
) -> None:
    desk.post("a rude one", "a fine one", "another")
    before = desk.service.snapshot(without=["judgements"])

    class Harsh(FakeJudge):
        def assess(self, texts):
            return super().assess([text.replace("rude", "awful") for text in texts])

    use(Harsh(model_version="fake/2"))
    told = desk.json("--compare-only", "--since", "2020-01-01")
    assert told["comments"] == 3
    assert told["scores"]["toxicity"]["largest"] == pytest.approx(0.37)
    assert told["scores"]["toxicity"]["mean"] == pytest.approx(0.37 / 3, abs=1e-4)
    assert desk.service.snapshot(without=["judgements"]) == before
    assert (desk.versions(), desk.judgements()) == ({"fake/1": 3}, 6)
    assert desk.json("--compare-only", "--since", "2020-01-01")["comments"] == 3
    assert desk.judgements() == 6
    assert "No comment was changed" in desk.run("--compare-only", "--since", "2020-01-01").stdout
    assert desk.json("--compare-only", "--since", "2999-01-01")["comments"] == 0


def test_one_text_that_cannot_be_scored_holds_up_no_other(
    desk: Desk, use: Callable[..., FakeJudge]
) -> None:
    desk.post("one", "two", "three", "four", "five")

    class Touchy(FakeJudge):
        def assess(self, texts):
            return super().assess([text.replace("three", "fails") for text in texts])

    use(Touchy(model_version="fake/2"))
    result = desk.run()
    assert result.exit_code == 1
    assert "1 could not be scored" in result.stdout
    assert desk.versions() == {"fake/2": 4, "fake/1": 1}


def test_without_its_second_model_it_scores_the_rest(
    desk: Desk, use: Callable[[FakeJudge], FakeJudge], monkeypatch: pytest.MonkeyPatch
) -> None:
    desk.post("one", "an odd one")

    class Lacking(FakeJudge):
        def assess(self, texts):
            return super().assess([text.replace("odd", "kissa") for text in texts])

    def fail(_: FakeJudge) -> dict[str, str]:
        raise ScoringUnavailable("no network")

    monkeypatch.setattr(Lacking, "versions_by_language", property(fail, lambda *_: None), False)
    use(Lacking(model_version="fake/2"))
    result = desk.run()
    assert "1 could not be scored" in result.stdout
    assert desk.versions() == {"fake/2": 1, "fake/1": 1}  # nothing read well is read worse


def test_a_model_that_scores_nothing_ends_it(desk: Desk, use: Callable[..., FakeJudge]) -> None:
    desk.post("one", "two", "three", "four", "five")
    before = desk.service.snapshot()

    class Broken(FakeJudge):
        def assess(self, texts):
            raise RuntimeError("no memory")

    use(Broken(model_version="fake/2"))
    result = desk.run()
    assert result.exit_code == 1
    assert "Nothing can be scored: no memory" in result.stderr
    assert "Traceback" not in result.output
    assert desk.service.snapshot() == before


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["--compare-only"], "needs --since"),
        (["--compare-only", "--since", "2026-01-01", "--apply-policy"], "goes with neither"),
        (["--since", "yesterday"], "no date or time"),
        (["--since", "2026-01-02", "--until", "2026-01-02"], "--until must be later than --since"),
        (["--since", "2026-01-02", "--until", "2026-01-01T00:00Z"], "--until must be later"),
        (["--site", "nowhere"], "No site has the id or key"),
    ],
)
def test_what_cannot_be_meant_is_refused(
    desk: Desk, use: Callable[..., FakeJudge], words: list[str], told: str
) -> None:
    desk.post("one")
    use(FakeJudge(model_version="fake/2"))
    before = desk.service.snapshot()
    result = desk.run(*words)
    assert result.exit_code in (1, 2)
    assert told in result.stderr
    assert desk.service.snapshot() == before


def test_killed_in_the_middle_it_goes_on_with_the_rest(desk: Desk) -> None:
    desk.post(*(f"number {n}" for n in range(6)), *(f"slow {n}" for n in range(6)))
    command = [sys.executable, FAKE_RESCORE, "30", "fake/2", "rescore"]
    environ = {**os.environ, **desk.environ}
    process = subprocess.Popen(
        command, cwd=ROOT, env=environ, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    try:
        deadline = time.monotonic() + 60
        while desk.versions().get("fake/2", 0) < 4:
            assert process.poll() is None, process.communicate()
            assert time.monotonic() < deadline
            time.sleep(0.1)
    finally:
        process.send_signal(signal.SIGKILL)
        process.communicate()
    # The first batch is written whole, the second (with two slow ones) not at all.
    assert desk.versions() == {"fake/2": 4, "fake/1": 8}
    assert desk.judgements() == 16
    assert desk.service.drift() == []

    command[2] = "0"
    done = subprocess.run(
        [*command, "--json"], cwd=ROOT, env=environ, capture_output=True, text=True, check=True
    )
    assert json.loads(done.stdout)["comments"] == 8
    assert desk.versions() == {"fake/2": 12}
    assert desk.judgements() == 24
