"""How well near copies are found: copies made of real comments, looked up in a real index."""

from __future__ import annotations

import csv
import gzip
import random
import tempfile
from collections.abc import Sequence
from datetime import UTC, datetime
from itertools import combinations
from pathlib import Path
from typing import Any

import click
from sqlalchemy import Engine, make_url
from sqlalchemy.orm import Session

from moderation.adapters.database import make_engine
from moderation.domain.base import Base, new_id
from moderation.domain.comment import Comment
from moderation.domain.site import Site
from moderation.scoring.near_copies import KINDS, REMARKS, with_links
from moderation.scoring.similarity import Sketch, similarity
from moderation.services import likeness
from moderation.services.likeness import Newcomer

MIN_CHARS, MAX_CHARS = 20, 300
BATCH = 64
LINKS = "links, other or reordered"

SOURCES = {
    "toxicity/train.csv.gz": ("civil_comments", "wikipedia_talk"),
    "spam/train.csv.gz": ("youtube_psy", "youtube_katyperry", "youtube_lmfao"),
}
"""Comments; tweets and text messages are left out."""


def read_comments(data_dir: Path) -> list[str]:
    """Comments of 20 to 300 characters, each text once.

    Raises:
        click.ClickException: a file is not there or has no such columns.
    """
    found: dict[str, None] = {}
    for name, sources in SOURCES.items():
        try:
            with gzip.open(data_dir / name, "rt", encoding="utf-8", newline="") as file:
                for row in csv.DictReader(file):
                    text = " ".join(row["text"].split())
                    if row["source"] in sources and MIN_CHARS <= len(text) <= MAX_CHARS:
                        found[text] = None
        except (OSError, KeyError) as error:
            raise click.ClickException(f"{data_dir / name} cannot be used: {error}") from error
    return list(found)


def run_trial(
    comments: Sequence[str], *, stored: int, copies: int, pairs: int, seed: int
) -> dict[str, Any]:
    """Recall by kind of copy and false merges, as shares.

    Args:
        comments: different texts; ``stored`` of them are put into the index.
        copies: how many copies of each kind are looked up.
        pairs: how many random pairs of comments are compared.
    """
    rng = random.Random(seed)
    chosen = rng.sample(list(comments), min(stored, len(comments)))
    held = len(chosen) // 5  # different comments that come in later
    later, chosen = chosen[:held], chosen[held:]
    linked = set(rng.sample(range(len(chosen)), min(copies, len(chosen))))
    originals = [with_links(t, rng) if n in linked else t for n, t in enumerate(chosen)]
    with tempfile.TemporaryDirectory(prefix="moderation-likeness-") as folder:
        engine = make_engine(make_url(f"sqlite:///{folder}/trial.db"))
        try:
            site_id = _make_site(engine)
            with Session(engine) as session:
                clusters = _post(session, site_id, originals)
                first: dict[str, str] = {}
                for text, cluster in zip(originals, clusters, strict=True):
                    first.setdefault(cluster, text)
                recall = {}
                for kind, make in KINDS.items():
                    numbers = (
                        sorted(linked)
                        if kind == LINKS
                        else rng.sample(range(len(chosen)), min(copies, len(chosen)))
                    )
                    made = [make(chosen[n], rng) for n in numbers]
                    joined = _look_up(session, site_id, made)
                    hits = sum(
                        clusters[n] == cluster for n, cluster in zip(numbers, joined, strict=True)
                    )
                    recall[kind] = hits / len(numbers)
                joined = _look_up(session, site_id, later)
        finally:
            engine.dispose()
    letters = [Sketch.of(text).letters for text in chosen]
    random_pairs = ((rng.choice(letters), rng.choice(letters)) for _ in range(pairs))
    remarks = [Sketch.of(text).letters for text in REMARKS]
    found = [(text, first[c]) for text, c in zip(later, joined, strict=True) if c is not None]
    return {
        "stored": len(chosen),
        "copies": min(copies, len(chosen)),
        "recall": recall,
        "recall_of_all": sum(recall.values()) / len(recall),
        "false_merges": {
            "random pairs": _merged([(a, b) for a, b in random_pairs if a != b]),
            "pairs of short remarks on few topics": _merged(list(combinations(remarks, 2))),
            "comments that came later and joined another's cluster, real copies among them": {
                "merged": len(found),
                "of": len(later),
                "share": len(found) / len(later) if later else 0.0,
            },
        },
        "joined_another": found,
    }


def _merged(pairs: Sequence[tuple[str, str]]) -> dict[str, Any]:
    merged = sum(similarity(one, other) > 0 for one, other in pairs)
    return {"merged": merged, "of": len(pairs), "share": merged / len(pairs) if pairs else 0.0}


def _make_site(engine: Engine) -> str:
    Base.metadata.create_all(engine)
    with Session(engine) as session, session.begin():
        site = Site(
            id=new_id(),
            name="Trial",
            site_key=new_id(),
            sealed_sso_secret="",
            origins=[],
            policy="strict",
            edit_window_s=0,
            created_at=datetime.now(UTC),
        )
        session.add(site)
        return site.id


def _newcomers(site_id: str, texts: Sequence[str]) -> list[list[Newcomer]]:
    made = [Newcomer(str(n), site_id, Sketch.of(text)) for n, text in enumerate(texts)]
    return [made[start : start + BATCH] for start in range(0, len(made), BATCH)]


def _post(session: Session, site_id: str, texts: Sequence[str]) -> list[str]:
    """The cluster of each text, in order, once it is stored."""
    clusters: list[str] = []
    for batch in _newcomers(site_id, texts):
        placements = likeness.look_up(session, batch)
        comments = {newcomer.comment_id: Comment(id=newcomer.comment_id) for newcomer in batch}
        settled = likeness.settle(session, placements, comments)
        clusters += [settled[newcomer.comment_id] for newcomer in batch]
        session.commit()
    return clusters


def _look_up(session: Session, site_id: str, texts: Sequence[str]) -> list[str | None]:
    """The stored cluster that each text would join, each by itself."""
    joined: list[str | None] = []
    for batch in _newcomers(site_id, texts):
        placements = likeness.look_up(session, batch)
        joined += [placements.cluster_of(newcomer.comment_id) for newcomer in batch]
    return joined
