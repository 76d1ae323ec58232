"""Clusters of near copies: who joins, who leaves, and two workers at once."""

from __future__ import annotations

import random
import threading
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import pytest
from factories import Service, SiteKit
from fakes import FakeJudge
from sqlalchemy import event, func, select, update

from moderation.domain.author import AuthorKind, Signature
from moderation.domain.comment import Comment, Status
from moderation.domain.likeness import LikenessKey, Representative
from moderation.scoring.near_copies import KINDS
from moderation.scoring.similarity import Sketch
from moderation.services import authorship, intake, judging, likeness, likeness_index, sites
from moderation.services.authorship import Proof
from moderation.services.intake import Submission
from moderation.services.likeness import Newcomer
from workers.upkeep import announce_what_was_left, cluster_the_rest

READER = Signature(AuthorKind.READER, identity="reader-1", name="Ada")
MESSAGE = "Earn four thousand a week from your sofa, ask me how, only few places are left for you"
OTHER = "The council sold the old harbour to its friends for a song and nobody asked us about it"
COPY = "Hello! Earn 4 thousand a week from the sofa, ask me how, only few places are left to you"


@pytest.fixture
def site(service: Service) -> SiteKit:
    return service.make_site()


def post(
    service: Service,
    site: SiteKit,
    *bodies: str,
) -> list[str]:
    ids = []
    for body in bodies:
        with service.database.write() as session:
            found = sites.by_id(session, site.id)
            submission = Submission("story", body, READER)
            ids.append(intake.submit(session, found, submission, now=service.clock()).comment_id)
        service.clock.advance(seconds=1)
    return ids


def clusters(service: Service, ids: list[str]) -> list[str | None]:
    return [service.comment(comment_id).cluster_id for comment_id in ids]


def judged(service: Service, site: SiteKit, *bodies: str) -> list[str]:
    """Post and judge one by one; the ids."""
    ids = []
    for body in bodies:
        ids += post(service, site, body)
        service.judge_all()
    return ids


def rows(service: Service, table: type) -> int:
    with service.database.read() as session:
        return session.scalar(select(func.count()).select_from(table))


def edit(service: Service, site: SiteKit, comment_id: str, body: str) -> None:
    keyring, now, proof = service.wiring.keyring, service.clock(), Proof(signature=READER)
    with service.database.write() as session:
        found = sites.by_id(session, site.id)
        authorship.edit(session, keyring, found, comment_id, proof, body, now=now)


def withdraw(service: Service, site: SiteKit, comment_id: str) -> None:
    keyring, now, proof = service.wiring.keyring, service.clock(), Proof(signature=READER)
    with service.database.write() as session:
        found = sites.by_id(session, site.id)
        authorship.withdraw(session, keyring, found, comment_id, proof, now=now)


# --- Joining -------------------------------------------------------------------------------------


@pytest.mark.parametrize("together", [True, False], ids=["in one batch", "one after the other"])
def test_copies_join_and_others_do_not(service: Service, site: SiteKit, together: bool) -> None:
    bodies = (MESSAGE, OTHER, COPY, MESSAGE.upper(), "Well said!", "Well read!", "well, said")
    if together:
        ids = post(service, site, *bodies)
        service.judge_all()
        assert len(service.judge.batches) == 1
    else:
        ids = judged(service, site, *bodies)
    message, other, copy, shouted, said, read, said_again = clusters(service, ids)
    assert message is not None
    assert message == copy == shouted
    assert said == said_again
    assert len({message, other, said, read}) == 4


def test_every_kind_of_copy_is_found_among_other_comments(service: Service, site: SiteKit) -> None:
    chance = random.Random(0)
    words = "bridge council harbour tram budget river school market winter garden paper".split()
    others = [" ".join(chance.choices(words, k=12)) for _ in range(60)]
    made = [kind(MESSAGE, chance) for kind in KINDS.values()]
    ids = post(service, site, MESSAGE, *others, *made)
    service.judge_all()
    found = clusters(service, ids)
    assert [found[0] == cluster for cluster in found[61:]] == [True] * len(KINDS)
    assert found[0] not in found[1:61]


@pytest.mark.parametrize("keys_collide", [False, True])
def test_clusters_are_a_sites_own(
    service: Service, site: SiteKit, monkeypatch: pytest.MonkeyPatch, keys_collide: bool
) -> None:
    if keys_collide:
        monkeypatch.setattr(likeness_index, "site_part", lambda _: 0)
    other = service.make_site()
    here = judged(service, site, MESSAGE, COPY)
    there = judged(service, other, MESSAGE, COPY)
    assert [len(set(clusters(service, ids))) for ids in (here, there)] == [1, 1]
    assert len(set(clusters(service, here + there))) == 2


def test_what_could_not_be_scored_is_clustered_as_well(service: Service, site: SiteKit) -> None:
    ids = post(service, site, MESSAGE + " and it fails", MESSAGE)
    for _ in range(4):
        service.judge_all()
        service.clock.advance(seconds=60)
    assert service.comment(ids[0]).not_scored
    assert len(set(clusters(service, ids))) == 1


def test_a_flood_adds_nothing_to_the_index_but_a_few_representatives(
    service: Service, site: SiteKit
) -> None:
    chance = random.Random(1)
    kinds = [KINDS["padding before or after"], KINDS["two or three of these"]]
    ids = post(service, site, *(chance.choice(kinds)(MESSAGE, chance) for _ in range(200)))
    service.judge_all()
    [(cluster, most)] = Counter(clusters(service, ids)).most_common(1)
    assert most > 180
    with service.database.read() as session:
        standing = Counter(session.scalars(select(Representative.cluster_id)))
    assert standing[cluster] == max(standing.values()) == likeness.MAX_REPRESENTATIVES
    assert rows(service, LikenessKey) <= rows(service, Representative) * (likeness_index.KEYS + 1)


def test_a_common_shingle_takes_only_so_many_holders(service: Service, site: SiteKit) -> None:
    # Each has ten shingles and is stored under those that are not full; three are everybody's.
    chance, letters = random.Random(2), "abcdefghijklmnopqrstuvwxyz"
    ends = ["".join(chance.sample(letters, 7)) for _ in range(48)]
    ids = post(service, site, *(f"Never again {end}" for end in ends))
    for _ in range(len(ends) // 8):
        record(service, *take_and_prepare(service, 8))
    assert len(set(clusters(service, ids))) == len(ids)
    with service.database.read() as session:
        held = session.scalars(select(func.count(LikenessKey.key)).group_by(LikenessKey.key)).all()
    # What is looked up in one batch does not see one another.
    assert likeness_index.MAX_HOLDERS <= max(held) < likeness_index.MAX_HOLDERS + 8


def test_the_cost_of_joining_does_not_grow_with_the_cluster(
    service: Service, site: SiteKit
) -> None:
    """Counted in statements and rows, not in time."""
    chance = random.Random(3)
    kind = KINDS["edits, 5-10 %"]

    def cost() -> tuple[int, int]:
        statements = 0

        def count(*_: object) -> None:
            nonlocal statements
            statements += 1

        newcomer = Newcomer("x", site.id, Sketch.of(MESSAGE + " by Ben"))
        event.listen(service.database.engine, "before_cursor_execute", count)
        with service.database.read() as session:
            likeness.look_up(session, [newcomer])
        event.remove(service.database.engine, "before_cursor_execute", count)
        return statements, rows(service, Representative)

    judged(service, site, MESSAGE)
    post(service, site, *(kind(MESSAGE, chance) for _ in range(100)))
    service.judge_all()
    of_hundred = cost()
    post(service, site, *(kind(MESSAGE, chance) for _ in range(200)))
    service.judge_all()
    assert cost() == of_hundred


def test_a_long_text_has_no_more_keys_than_a_short_one(service: Service, site: SiteKit) -> None:
    chance = random.Random(4)
    words = ["".join(chance.sample("abcdefghijklmnoprstuvw", 7)) for _ in range(80)]
    long = " ".join(words)
    assert len(Sketch.of(long).shingles) > 5 * likeness_index.LOOKED_UP
    keys = likeness_index.shingle_keys(Newcomer("x", site.id, Sketch.of(long)))
    assert len(keys) == likeness_index.LOOKED_UP
    [first] = judged(service, site, long)
    assert rows(service, LikenessKey) == likeness_index.KEYS + 1

    # Twenty words more push some of its keys out of those that are looked up, not all.
    more = " ".join("".join(chance.sample("abcdefghijklmnoprstuvw", 7)) for _ in range(20))
    [copy] = judged(service, site, f"{more} {long}")
    assert clusters(service, [first]) == clusters(service, [copy])
    for comment_id in (first, copy):
        withdraw(service, site, comment_id)
    assert rows(service, LikenessKey) == 0


# --- Leaving -------------------------------------------------------------------------------------


def test_an_edited_comment_changes_its_cluster(service: Service, site: SiteKit) -> None:
    message, other = judged(service, site, MESSAGE, OTHER)
    edit(service, site, message, OTHER + ", again")
    assert service.comment(message).cluster_id is None
    service.judge_all()
    assert len(set(clusters(service, [message, other]))) == 1
    # Nothing is left of what it said before.
    with service.database.read() as session:
        letters = session.scalars(select(Representative.letters)).all()
    assert letters == [Sketch.of(OTHER).letters]


@pytest.mark.parametrize("change", ["edit", "withdraw"])
def test_the_last_one_takes_its_cluster_out_of_the_index(
    service: Service, site: SiteKit, change: str
) -> None:
    first, second = judged(service, site, MESSAGE, MESSAGE)
    stored = rows(service, LikenessKey)
    withdraw(service, site, first)
    assert rows(service, LikenessKey) == stored  # the second one's words too
    assert clusters(service, [first]) == [None]
    if change == "edit":
        edit(service, site, second, OTHER)
    else:
        withdraw(service, site, second)
    assert rows(service, LikenessKey) == rows(service, Representative) == 0
    service.judge_all()
    [again] = judged(service, site, MESSAGE)
    assert service.comment(again).cluster_id is not None


def test_a_cluster_that_went_between_look_up_and_settling_is_founded_anew(
    service: Service, site: SiteKit
) -> None:
    [first] = judged(service, site, MESSAGE)
    ids = post(service, site, MESSAGE, MESSAGE.upper())
    jobs, prepared = take_and_prepare(service)
    old = service.comment(first).cluster_id
    withdraw(service, site, first)
    record(service, jobs, prepared)
    [one, other] = clusters(service, ids)
    assert one is not None
    assert one != old
    later = judged(service, site, MESSAGE)
    assert clusters(service, later)[0] in (one, other)


# --- Two workers, and one that dies --------------------------------------------------------------


def take_and_prepare(
    service: Service, limit: int = 64
) -> tuple[list[judging.Job], judging.Prepared]:
    with service.database.write() as session:
        jobs = judging.take_jobs(session, now=service.clock(), limit=limit, lease_s=60)
    with service.database.read() as session:
        return jobs, judging.prepare(session, jobs)


def record(service: Service, jobs: list[judging.Job], prepared: judging.Prepared) -> None:
    assessed = list(zip(jobs, FakeJudge().assess([job.body for job in jobs]), strict=True))
    with service.database.write() as session:
        judging.record(
            session, service.wiring.policies, assessed, now=service.clock(), prepared=prepared
        )


def test_copies_that_two_workers_looked_up_at_once_share_a_cluster(
    service: Service, site: SiteKit
) -> None:
    ids = post(service, site, MESSAGE, COPY)
    one, other = take_and_prepare(service, 1), take_and_prepare(service, 1)
    record(service, *one)
    record(service, *other)  # what it looked up is old by now
    assert len(set(clusters(service, ids))) == 1


def test_workers_at_the_same_time_found_one_cluster_for_one_message(
    service: Service, site: SiteKit
) -> None:
    chance = random.Random(4)
    kind = KINDS["edits, 1-5 % of characters"]
    ids = post(service, site, *(kind(MESSAGE, chance) for _ in range(32)))
    start = threading.Barrier(4)

    def work(_: int) -> None:
        taken = take_and_prepare(service, 8)
        start.wait()
        record(service, *taken)

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(work, range(4)))
    assert len(set(clusters(service, ids))) == 1


def test_a_worker_that_dies_before_it_records_leaves_nothing(
    service: Service, site: SiteKit
) -> None:
    ids = post(service, site, MESSAGE, COPY)
    take_and_prepare(service)
    assert clusters(service, ids) == [None, None]
    assert rows(service, Representative) == rows(service, LikenessKey) == 0
    for _ in ids:
        service.clock.advance(seconds=61)
        service.judge_all()
    assert len(set(clusters(service, ids))) == 1
    assert service.comment(ids[0]).cluster_id is not None


def test_when_the_first_of_a_batch_is_gone_the_next_stands_for_its_cluster(
    service: Service, site: SiteKit
) -> None:
    ids = post(service, site, MESSAGE, COPY)
    jobs, prepared = take_and_prepare(service)
    withdraw(service, site, ids[0])
    record(service, jobs, prepared)
    assert clusters(service, ids)[0] is None
    later = judged(service, site, COPY)
    assert clusters(service, later) == clusters(service, ids[1:])
    with service.database.read() as session:
        assert session.scalars(select(Representative.letters)).all() == [Sketch.of(COPY).letters]


def test_placements_tell_the_stored_cluster_before_anything_is_written(
    service: Service, site: SiteKit
) -> None:
    [first] = judged(service, site, MESSAGE)
    same, other = post(service, site, COPY, OTHER)
    _, prepared = take_and_prepare(service)
    assert prepared.placements.cluster_of(same) == service.comment(first).cluster_id
    assert prepared.placements.cluster_of(other) is None
    assert prepared.placements.cluster_of("0" * 32) is None


# --- What was judged before there was an index ---------------------------------------------------


def forget_some(service: Service, forgetting: likeness.Forgetting) -> bool:
    with service.database.write() as session:
        return forgetting.step(session, 2)


def before_there_was_an_index(service: Service) -> None:
    with service.database.read() as session:
        forgetting = likeness.Forgetting.begin(session)
    while forget_some(service, forgetting):
        pass
    assert rows(service, Representative) == rows(service, LikenessKey) == 0


def test_workers_cluster_what_was_judged_before(service: Service, site: SiteKit) -> None:
    ids = judged(service, site, MESSAGE, OTHER, COPY, "Well said")
    [withdrawn] = judged(service, site, "Taken back")
    withdraw(service, site, withdrawn)
    [pending] = post(service, site, MESSAGE)
    before_there_was_an_index(service)
    assert clusters(service, ids) == [None] * 4
    service.announcer.announced.clear()

    announce_what_was_left(service.wiring)
    assert "likeness.cluster_the_rest" in service.announcer.announced
    cluster_the_rest(service.wiring)

    message, other, copy, said = clusters(service, ids)
    assert message == copy
    assert None not in {message, other, said}
    assert len({message, other, said}) == 3
    assert clusters(service, [withdrawn, pending]) == [None, None]
    service.announcer.announced.clear()
    announce_what_was_left(service.wiring)
    assert "likeness.cluster_the_rest" not in service.announcer.announced
    service.judge_all()
    assert clusters(service, [pending]) == [message]


def test_clustering_the_rest_gives_other_tasks_their_turn(
    service: Service, site: SiteKit, monkeypatch: pytest.MonkeyPatch
) -> None:
    ids = judged(service, site, MESSAGE, OTHER, COPY)
    before_there_was_an_index(service)
    monkeypatch.setattr("workers.upkeep.BATCH", 1)
    monkeypatch.setattr("workers.upkeep.MAX_BATCHES", 2)
    service.announcer.announced.clear()
    cluster_the_rest(service.wiring)
    assert service.announcer.announced == ["likeness.cluster_the_rest"]
    # The newest come first, and which letters stand for a cluster does not matter.
    assert [found is None for found in clusters(service, ids)] == [True, False, False]
    cluster_the_rest(service.wiring)
    assert None not in clusters(service, ids)


def test_a_decided_comment_stays_in_its_cluster(service: Service, site: SiteKit) -> None:
    ids = judged(service, site, MESSAGE)
    cluster = clusters(service, ids)
    with service.database.write() as session:
        session.execute(update(Comment).values(status=Status.REJECTED))
    assert clusters(service, judged(service, site, COPY)) == cluster


def test_forgetting_ends_and_leaves_what_workers_do_meanwhile(
    service: Service, site: SiteKit
) -> None:
    old = judged(service, site, MESSAGE, OTHER, COPY, "Well said")
    before = set(clusters(service, old))
    with service.database.read() as session:
        forgetting = likeness.Forgetting.begin(session)
    new: list[str] = []
    steps = 0
    while forget_some(service, forgetting):
        steps += 1
        assert steps < 200
        # As fast as they are forgotten.
        new += judged(
            service, site, f"{chr(97 + steps % 26) * 3} {MESSAGE}", f"Remark {steps * 'z'}"
        )
        cluster_the_rest(service.wiring)
    cluster_the_rest(service.wiring)
    after = clusters(service, old + new)
    assert None not in after
    assert not before & set(after)
    with service.database.read() as session:
        assert set(session.scalars(select(Representative.cluster_id))) == set(after)
        held = set(session.scalars(select(LikenessKey.representative_id)))
        assert held == set(session.scalars(select(Representative.id)))


def test_nobody_joins_a_cluster_that_was_forgotten_since_it_was_looked_up(
    service: Service, site: SiteKit
) -> None:
    [first] = judged(service, site, MESSAGE)
    [cluster] = clusters(service, [first])
    ids = post(service, site, COPY)
    jobs, prepared = take_and_prepare(service)
    assert prepared.placements.cluster_of(ids[0]) == cluster
    before_there_was_an_index(service)
    record(service, jobs, prepared)
    cluster_the_rest(service.wiring)
    assert clusters(service, [first]) == clusters(service, ids) != [cluster]


@pytest.mark.parametrize("part", ["clusters", "comments", "keys"])
def test_forgetting_waits_for_who_leaves_and_is_waited_for(
    service: Service, site: SiteKit, part: str
) -> None:
    """Withdrawing locks a comment, its site, then the index: no other order, no deadlock."""
    ids = judged(service, site, MESSAGE, COPY, OTHER, "Well said", "Nobody asked us about it")
    with service.database.read() as session:
        forgetting = likeness.Forgetting.begin(session)
    for _ in range({"clusters": 0, "comments": 3, "keys": 6}[part]):
        forget_some(service, forgetting)

    def forget() -> None:
        while forget_some(service, forgetting):
            pass

    with ThreadPoolExecutor(3) as pool:
        done = [pool.submit(forget)]
        done += [pool.submit(withdraw, service, site, comment_id) for comment_id in ids]
        for one in done:
            one.result(timeout=60)
    assert rows(service, Representative) == rows(service, LikenessKey) == 0
