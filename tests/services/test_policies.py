"""Policies changed at the desk: what is in force, since when, and how two changes meet."""

from __future__ import annotations

import dataclasses
import threading

import pytest
from factories import Service, SiteKit
from sqlalchemy import select, update

from moderation.adapters.policies import PoliciesInForce
from moderation.domain.audit import AuditEntry
from moderation.domain.author import AuthorKind, Signature
from moderation.domain.policy import Policy, Preset, Thresholds
from moderation.domain.policy_revision import PolicyRevision
from moderation.domain.score import Judgement
from moderation.domain.staff import Principal, Scope
from moderation.errors import Conflict, Invalid, ModerationError, StaleRevision, UnknownPolicy
from moderation.services import intake, policies, sites
from moderation.services.intake import Submission

ADA = Principal("staff:a", "Ada", frozenset(Scope))
BEN = Principal("staff:b", "Ben", frozenset(Scope))


@pytest.fixture
def assisted(service: Service) -> Policy:
    """Rejects at 0.97 by its file."""
    return dataclasses.replace(service.wiring.policy_files["assisted"], trusted_after=0)


def save(
    service: Service, policy: Policy, *, base: int, by: Principal = ADA, note: str | None = None
) -> PolicyRevision:
    with service.database.write() as session:
        saved = policies.save(
            session,
            service.wiring.policy_files,
            policy,
            base=base,
            by=by,
            now=service.clock(),
            note=note,
        )
    service.wiring.policies_in_force.look_again()
    return saved


def to_file(service: Service, name: str, *, base: int) -> PolicyRevision:
    with service.database.write() as session:
        back = policies.back_to_file(
            session, service.wiring.policy_files, name, base=base, by=ADA, now=service.clock()
        )
    service.wiring.policies_in_force.look_again()
    return back


def refused(service: Service, error: type[ModerationError], policy: Policy, *, base: int) -> str:
    before = service.snapshot()
    with pytest.raises(error) as raised:
        save(service, policy, base=base)
    assert service.snapshot() == before
    return str(raised.value.errors or raised.value.detail)


def judge(service: Service, site: SiteKit, body: str) -> Judgement:
    """Post a comment and let a worker's part be done; what it was judged by."""
    signature = Signature(AuthorKind.READER, identity="reader-1", name="Ada")
    with service.database.write() as session:
        found = sites.by_id(session, site.id)
        submission = Submission("story", body, signature)
        posted = intake.submit(session, found, submission, now=service.clock()).comment_id
    service.judge_all()
    with service.database.read() as session:
        return session.get_one(Judgement, service.comment(posted).judgement_id)


def rejecting_at(policy: Policy, toxicity: float) -> Policy:
    limits = Thresholds(hold_at=0.1, approve_below=0.05, reject_at=toxicity)
    return dataclasses.replace(policy, thresholds={**policy.thresholds, "toxicity": limits})


def test_what_is_saved_decides_and_is_named(service: Service, assisted: Policy) -> None:
    site = service.make_site(policy="assisted")
    first = save(service, assisted, base=0)
    before = judge(service, site, "rude one")
    assert (before.action, before.policy_version) == ("queue", first.policy_version)
    second = save(service, rejecting_at(assisted, 0.6), base=1, note="They were never kind.")
    after = judge(service, site, "rude two")
    assert (after.action, after.policy_version) == ("reject", second.policy_version)
    assert second.policy_version.startswith("desk-2+")
    assert first.policy_version != second.policy_version
    assert (second.serial, second.actor_name, second.note) == (2, "Ada", "They were never kind.")
    assert service.wiring.policies["assisted"].thresholds["toxicity"].reject_at == 0.6
    assert service.wiring.policies["open"] == service.wiring.policy_files["open"]


def test_of_two_who_change_the_same_one_is_told(service: Service, assisted: Policy) -> None:
    save(service, assisted, base=0, by=BEN)
    told = refused(service, StaleRevision, rejecting_at(assisted, 0.9), base=0)
    assert "Ben saved revision 1" in told
    refused(service, StaleRevision, assisted, base=7)


def test_two_at_the_very_same_time(service: Service, assisted: Policy) -> None:
    start = threading.Barrier(2)
    ended: list[object] = []

    def change(by: Principal) -> None:
        start.wait()
        try:
            ended.append(save(service, assisted, base=0, by=by).actor_name)
        except StaleRevision as error:
            ended.append(error.code)

    threads = [threading.Thread(target=change, args=(by,)) for by in (ADA, BEN)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(ended, key=str)[-1] == "stale_revision"
    assert len(ended) == 2
    with service.database.read() as session:
        assert len(policies.history(session, "assisted")) == 1


def test_back_to_the_file_and_restored(service: Service, assisted: Policy) -> None:
    save(service, rejecting_at(assisted, 0.6), base=0)
    to_file(service, "assisted", base=1)
    assert service.wiring.policies["assisted"] == service.wiring.policy_files["assisted"]
    with service.database.write() as session:
        earlier = policies.revision(session, "assisted", 1)
        restored = policies.save(
            session,
            service.wiring.policy_files,
            policies.read(earlier),
            base=2,
            by=ADA,
            now=service.clock(),
            restores=1,
        )
    service.wiring.policies_in_force.look_again()
    assert (restored.serial, restored.restores) == (3, 1)
    assert service.wiring.policies["assisted"].thresholds["toxicity"].reject_at == 0.6
    with service.database.read() as session:
        assert [one.serial for one in policies.history(session, "assisted")] == [3, 2, 1]
        acts = session.scalars(select(AuditEntry.act).order_by(AuditEntry.id)).all()
    assert acts == ["policy.changed", "policy.returned_to_file", "policy.restored"]


def test_a_file_is_not_gone_back_to_twice(service: Service, assisted: Policy) -> None:
    with pytest.raises(UnknownPolicy):
        to_file(service, "assisted", base=0)
    save(service, assisted, base=0)
    with pytest.raises(StaleRevision):
        to_file(service, "assisted", base=0)
    to_file(service, "assisted", base=1)
    with pytest.raises(UnknownPolicy):
        to_file(service, "assisted", base=2)


def test_a_policy_of_a_new_name_lives_until_nobody_is_under_it(
    service: Service, assisted: Policy
) -> None:
    save(service, dataclasses.replace(assisted, name="sports"), base=0)
    site = service.make_site(policy="sports")
    assert judge(service, site, "awful").policy == "sports"
    with pytest.raises(Conflict):
        to_file(service, "sports", base=1)
    service.make_article(site, "special", policy="sports")
    with service.database.write() as session:
        sites.change_site(sites.by_id(session, site.id), service.wiring.policies, policy="assisted")
    with pytest.raises(Conflict, match="articles"):
        to_file(service, "sports", base=1)
    service.make_article(site, "special", policy=None)
    to_file(service, "sports", base=1)
    assert "sports" not in service.wiring.policies


@pytest.mark.parametrize(
    ("changed", "named"),
    [
        ({"preset": Preset.OPEN}, "assisted is assisted, and stays so"),
        ({"max_links": 101}, "whole number from 0 to 100"),
        ({"name": "Not A Name"}, "lower-case"),
        ({"blocked_words": ("", "b")}, "a word or phrase"),
        ({"trusted_after": -1}, "whole number"),
    ],
)
def test_what_is_no_policy_is_refused(
    service: Service, assisted: Policy, changed: dict[str, object], named: str
) -> None:
    assert named in refused(service, Invalid, dataclasses.replace(assisted, **changed), base=0)


def test_thresholds_out_of_order_are_refused(service: Service, assisted: Policy) -> None:
    wrong = Thresholds(hold_at=0.5, approve_below=0.6, reject_at=0.9)
    thresholds = {**assisted.thresholds, "spam": wrong}
    told = refused(service, Invalid, dataclasses.replace(assisted, thresholds=thresholds), base=0)
    assert "thresholds.spam.approve_below" in told


def test_what_holds_everything_back_stays_what_it_is(service: Service, assisted: Policy) -> None:
    refused(service, Invalid, dataclasses.replace(assisted, name="strict"), base=0)


def test_a_revision_that_cannot_be_read_publishes_nothing(
    service: Service, assisted: Policy
) -> None:
    site = service.make_site(policy="open")
    files = service.wiring.policy_files
    save(service, files["open"], base=0)
    save(service, files["strict"], base=0)
    with service.database.write() as session:
        session.execute(update(PolicyRevision).values(content="preset = 'gone'"))
    fresh = PoliciesInForce(service.database, files)
    assert set(fresh.current().broken) == {"open", "strict"}
    assert "open" not in fresh.current().policies
    assert fresh.current().policies["strict"] == files["strict"]
    service.wiring.__dict__["policies_in_force"] = fresh
    judged = judge(service, site, "Kind words.")
    assert (judged.action, judged.policy) == ("queue", "strict")
    # And it can be put right.
    save(service, files["open"], base=1)
    assert judge(service, site, "More of them.").action == "approve"


def test_one_process_hears_of_what_another_saved(service: Service, assisted: Policy) -> None:
    files = service.wiring.policy_files
    patient = PoliciesInForce(service.database, files, look_every_s=3600)
    eager = PoliciesInForce(service.database, files, look_every_s=0)
    assert patient.current().policies["assisted"] == eager.current().policies["assisted"]
    save(service, rejecting_at(assisted, 0.6), base=0)
    assert eager.current().policies["assisted"].thresholds["toxicity"].reject_at == 0.6
    assert patient.current().policies["assisted"] == files["assisted"]
    patient.look_again()
    assert patient.current().policies["assisted"].thresholds["toxicity"].reject_at == 0.6


def test_without_news_nothing_is_read_again(service: Service, assisted: Policy) -> None:
    save(service, assisted, base=0)
    eager = PoliciesInForce(service.database, service.wiring.policy_files, look_every_s=0)
    assert eager.current() is eager.current()


def test_while_the_database_is_away_the_last_known_is_used(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    from sqlalchemy.exc import OperationalError

    eager = PoliciesInForce(service.database, service.wiring.policy_files, look_every_s=0)
    known = eager.current()

    def away(*_: object) -> None:
        raise OperationalError("SELECT", None, OSError("away"))

    monkeypatch.setattr(policies, "heads", away)
    assert eager.current() is known
    fresh = PoliciesInForce(service.database, service.wiring.policy_files)
    with pytest.raises(OperationalError):
        fresh.current()


def test_unknown_revisions(service: Service) -> None:
    with service.database.read() as session, pytest.raises(UnknownPolicy):
        policies.revision(session, "assisted", 1)
