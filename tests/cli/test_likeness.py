"""Near copies on the command line: measuring how they are found, and making their index anew."""

from __future__ import annotations

import csv
import gzip
import json
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from alembic import command
from sqlalchemy import func, select, text

from moderation.adapters import schema
from moderation.domain.base import new_id
from moderation.domain.comment import Comment
from moderation.domain.likeness import LikenessKey, Representative
from moderation.domain.site import Site
from moderation.scoring.near_copies import KINDS

if TYPE_CHECKING:
    from conftest import Shell

MESSAGE = "Earn four thousand a week from your sofa, ask me how, only few places are left for you"
BODIES = (MESSAGE, f"Hello everyone! {MESSAGE}", "The bridge is closed until the end of the winter")


# --- An installation that had no index yet -----------------------------------------------------


def fill_before_the_index(shell: Shell) -> list[str]:
    """Judged comments in a schema from before; their ids."""
    database = shell.wiring().database
    command.upgrade(schema.alembic_config(database.url), "0002")
    site, article, author = new_id(), new_id(), new_id()
    ids = [new_id() for _ in BODIES]
    with database.engine.begin() as connection:
        for statement in (
            "INSERT INTO sites (id, name, site_key, sealed_sso_secret, origins, policy, "
            "guests_allowed, creates_articles, edit_window_s, created_at) VALUES "
            f"('{site}', 'S', 'k', '', '[]', 'strict', true, true, 0, '2026-01-01 00:00:00')",
            "INSERT INTO articles (id, site_id, external_id, state, approved_count, "
            f"public_version, created_at) VALUES ('{article}', '{site}', 'a', 'open', 0, 0, "
            "'2026-01-01 00:00:00')",
            "INSERT INTO authors (id, site_id, kind, identity, name, created_at) VALUES "
            f"('{author}', '{site}', 'guest', 'i', 'Ada', '2026-01-01 00:00:00')",
        ):
            connection.execute(text(statement))
        for comment_id, body in zip(ids, BODIES, strict=True):
            connection.execute(
                text(
                    "INSERT INTO comments (id, site_id, article_id, author_id, body, status, "
                    "version, created_at, score_attempts, not_scored, rank_ms) VALUES (:id, :site, "
                    ":article, :author, :body, 'queued', 2, '2026-01-01 00:00:00', 1, false, 0)"
                ),
                {
                    "id": comment_id,
                    "site": site,
                    "article": article,
                    "author": author,
                    "body": body,
                },
            )
    database.dispose()
    return ids


def clusters(shell: Shell) -> dict[str, str | None]:
    database = shell.wiring().database
    with database.read() as session:
        found = dict(session.execute(select(Comment.id, Comment.cluster_id)).all())
    database.dispose()
    return found


def test_an_upgrade_leaves_old_comments_to_be_compared_and_rebuild_does_it(
    empty_database: Shell,
) -> None:
    ids = fill_before_the_index(empty_database)
    empty_database.ok("db", "upgrade")
    assert clusters(empty_database) == dict.fromkeys(ids)

    assert "3 comments are compared" in empty_database.ok("likeness", "rebuild", "--yes")
    first = clusters(empty_database)
    assert first[ids[0]] == first[ids[1]]
    assert len(set(first.values())) == 2
    assert None not in first.values()

    # And anew, from nothing.
    empty_database.ok("likeness", "rebuild", "--yes")
    again = clusters(empty_database)
    assert again[ids[0]] == again[ids[1]] != again[ids[2]]
    assert not set(again.values()) & set(first.values())


def index_rows(shell: Shell) -> tuple[int, int]:
    """How many representatives and keys are stored."""
    database = shell.wiring().database
    with database.read() as session:
        found = tuple(
            session.scalar(select(func.count()).select_from(table)) or 0
            for table in (Representative, LikenessKey)
        )
    database.dispose()
    return found


def test_an_upgrade_past_other_keys_empties_the_index_and_rebuild_fills_it(
    empty_database: Shell,
) -> None:
    ids = fill_before_the_index(empty_database)
    empty_database.ok("db", "upgrade")
    empty_database.ok("likeness", "rebuild", "--yes")
    before, full = clusters(empty_database), index_rows(empty_database)
    assert min(full) > 0

    database = empty_database.wiring().database
    command.downgrade(schema.alembic_config(database.url), "0010")
    assert index_rows(empty_database) == (0, 0)
    # As the version before has them: the same letters, under keys that nothing asks for now.
    with database.write() as session:
        site_id = session.scalars(select(Site.id)).one()
        for cluster_id in set(before.values()):
            old = Representative(site_id=site_id, cluster_id=cluster_id, letters="old")
            session.add(old)
            session.flush()
            session.add(LikenessKey(key=old.id, representative_id=old.id))
        newest = old.id
    database.dispose()
    assert index_rows(empty_database) == (2, 2)

    empty_database.ok("db", "upgrade")
    assert index_rows(empty_database) == (0, 0)
    assert clusters(empty_database) == before
    empty_database.ok("likeness", "rebuild", "--yes")
    assert index_rows(empty_database) == full
    again = clusters(empty_database)
    assert again[ids[0]] == again[ids[1]] != again[ids[2]]
    # An id is never given twice: whoever saw one has seen all smaller ones.
    with database.read() as session:
        assert (session.scalar(select(func.min(Representative.id))) or 0) > newest
    database.dispose()


def test_rebuild_asks_first(shell: Shell) -> None:
    assert shell.run("likeness", "rebuild", stdin="n\n").exit_code == 1


# --- Measuring ---------------------------------------------------------------------------------


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """Made-up comments in the shape of the folder that is measured on."""
    who = "The mayor|My neighbour|That teacher|Our bus driver|The new goalkeeper|A nurse".split("|")
    what = "painted a fence|sold the bakery|lost three keys|answered every letter".split("|")
    why = "because of the rain in March|for a prize nobody wanted|without asking the council"
    texts = [f"{w} {d} {r}" for w in who for d in what for r in why.split("|")]
    for name, source in (("toxicity", "civil_comments"), ("spam", "youtube_psy")):
        (tmp_path / name).mkdir()
        with gzip.open(tmp_path / name / "train.csv.gz", "wt", newline="") as file:
            writer = csv.writer(file)
            writer.writerow(["text", "source"])
            writer.writerows([t, source] for t in texts[:: 1 if name == "toxicity" else 7])
            writer.writerow(["A tweet, which is not what people write below an article", "olid"])
    return tmp_path


def test_evaluate_tells_recall_by_kind_and_false_merges(shell: Shell, data: Path) -> None:
    words = ("likeness", "evaluate", "--data", str(data), "--copies", "20", "--pairs", "500")
    report = json.loads(shell.ok(*words, "--json"))
    assert report["stored"] == 58  # of 72, a fifth comes in later
    assert set(report["recall"]) == set(KINDS)
    # These comments are much alike, so a copy may be more like another representative.
    assert 0.8 < report["recall"]["case"] <= 1
    assert 0.5 < report["recall_of_all"] <= 1
    for found in report["false_merges"].values():
        assert found["share"] == found["merged"] / found["of"]
    told = shell.ok(*words, "--show", "3")
    assert "58 comments stored, 20 copies of each kind" in told
    assert all(kind in told for kind in KINDS)
    # The same command, the same numbers.
    assert json.loads(shell.ok(*words, "--json")) == report


def test_evaluate_says_what_it_needs(shell: Shell, tmp_path: Path) -> None:
    assert "toxicity/train.csv.gz" in shell.refused("likeness", "evaluate", "--data", str(tmp_path))
