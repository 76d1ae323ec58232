"""Policies and words at the desk: tried before they are saved, and all without a script."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Callable
from html import unescape

import pytest
from desk_client import Desk
from factories import Service, SiteKit
from sqlalchemy import select
from werkzeug.test import TestResponse

from moderation.domain.audit import AuditEntry
from moderation.domain.author import AuthorKind, Signature
from moderation.domain.decision import Action
from moderation.domain.policy import Policy
from moderation.domain.policy_revision import PolicyRevision
from moderation.domain.staff import Principal, Role, Scope
from moderation.services import intake, policies, review, sites
from moderation.services.intake import Submission
from moderation.services.review import Order

PATH = "/desk/settings/policies"
WORDS = "/desk/settings/words"
READER = Signature(AuthorKind.READER, identity="reader-1", name="Ada")
MODERATOR = Principal("staff:m", "Mo", frozenset({Scope.QUEUE, Scope.DECISIONS}))


def fields_of(page: TestResponse, form: str) -> dict[str, str]:
    """What a browser would send of the form whose action begins so, as it stands."""
    inside = re.search(rf'<form method="post" action="{form}(.*?)</form>', page.text, re.DOTALL)[1]
    given = {}
    for tag in re.findall(r"<input ([^>]*)>", inside):
        attributes = dict(re.findall(r'(\S+?)="([^"]*)"', tag))
        ticked = attributes.get("type") != "checkbox" or re.search(r"\bchecked\b", tag)
        if "name" in attributes and ticked:
            given[attributes["name"]] = unescape(attributes.get("value", "on"))
    for name, value in re.findall(
        r'<textarea[^>]* name="([^"]*)"[^>]*>(.*?)</textarea>', inside, re.S
    ):
        given[name] = unescape(value)
    given.pop("csrf_token")
    return given


def decided(service: Service, site: SiteKit, body: str, action: Action) -> None:
    with service.database.write() as session:
        found = sites.by_id(session, site.id)
        posted = intake.submit(
            session, found, Submission("story", body, READER), now=service.clock()
        ).comment_id
    service.judge_all()
    order = Order(posted, action, service.comment(posted).version)
    with service.database.write() as session:
        review.decide(session, MODERATOR, [order], now=service.clock())
    service.clock.advance(seconds=1)


@pytest.fixture
def decisions(service: Service, site: SiteKit) -> None:
    """The fake judge gives "rude" 0.6 and "awful" 0.97 of hostility."""
    for body, action in (
        ("A rude word that was right", Action.APPROVE),
        ("A rude word that was not", Action.REJECT),
        ("awful, all of it", Action.REJECT),
        ("The ferry is fine", Action.APPROVE),
    ):
        decided(service, site, body, action)


def in_force(service: Service, name: str = "assisted") -> Policy:
    return policies_book(service).policies[name]


def policies_book(service: Service) -> policies.Book:
    service.wiring.policies_in_force.look_again()
    return service.wiring.policies_in_force.current()


def revisions(service: Service, name: str = "assisted") -> list[PolicyRevision]:
    with service.database.read() as session:
        return policies.history(session, name)


def preview(desk: Desk, name: str = "assisted", **changed: str) -> TestResponse:
    given = fields_of(desk.get(f"{PATH}/{name}"), f"{PATH}/{name}#preview")
    return desk.post(f"{PATH}/{name}", {**given, **changed})


def save(desk: Desk, previewed: TestResponse, name: str = "assisted", **more: str) -> TestResponse:
    return desk.post(f"{PATH}/{name}/save", {**fields_of(previewed, f"{PATH}/{name}/save"), **more})


REJECT_MORE = {"thresholds.toxicity.reject_at": "0.6", "authors.trusted_after": "0"}


@pytest.mark.usefixtures("decisions")
def test_a_change_is_tried_on_what_was_decided_and_nothing_is_saved(
    service: Service, admin: Desk
) -> None:
    before = service.snapshot()
    page = preview(admin, **REJECT_MORE)
    assert page.status_code == 200
    assert service.snapshot() == before
    assert "Tried on the 4 comments decided last." in page.text
    assert "Of 2 that moderators approved, 1 would be rejected." in page.text
    assert "Of 2 that moderators rejected, 0 would be published." in page.text
    assert page.text.index("A rude word that was right") < page.text.index("that was not")
    assert page.text.count("Against a moderator") == 1
    assert 'value="0.6"' in page.text, "the form holds what was typed"


@pytest.mark.usefixtures("decisions")
def test_what_was_previewed_is_saved_and_in_force_at_once(service: Service, admin: Desk) -> None:
    previewed = preview(admin, **REJECT_MORE)
    assert save(admin, previewed, note="They asked for it.").status_code == 303
    [saved] = revisions(service)
    assert (saved.serial, saved.note, saved.actor_name) == (1, "They asked for it.", "ada")
    policy = in_force(service)
    assert policy.thresholds["toxicity"].reject_at == 0.6
    assert policy.trusted_after == 0
    assert policy.thresholds["spam"] == service.wiring.policy_files["assisted"].thresholds["spam"]
    shown = admin.get(f"{PATH}/assisted").text
    assert "Revision 1, by ada" in shown
    assert "They asked for it." in shown
    assert "Saved. assisted is in force everywhere within seconds." in shown
    with service.database.read() as session:
        [entry] = session.scalars(select(AuditEntry).where(AuditEntry.subject_kind == "policy"))
    assert (entry.act, entry.subject_id, entry.detail["serial"]) == (
        "policy.changed",
        "assisted",
        1,
    )


def test_a_box_that_is_not_ticked_and_numbers_that_are_empty(service: Service, admin: Desk) -> None:
    ticked = preview(admin, **{"authors.guests_wait": "on", "links.max": ""})
    save(admin, ticked)
    assert in_force(service).guests_wait is True
    assert in_force(service).max_links is None
    given = fields_of(admin.get(f"{PATH}/assisted"), f"{PATH}/assisted#preview")
    assert given.pop("authors.guests_wait") == "on"
    save(admin, admin.post(f"{PATH}/assisted", {**given, "thresholds.spam.reject_at": ""}))
    assert in_force(service).guests_wait is False
    assert in_force(service).thresholds["spam"].reject_at is None


@pytest.mark.parametrize(
    ("field", "value", "told"),
    [
        ("thresholds.spam.hold_at", "", "A number from 0 to 1."),
        ("thresholds.spam.hold_at", "1.5", "A number from 0 to 1."),
        ("thresholds.spam.hold_at", "high", "A number from 0 to 1."),
        ("thresholds.spam.approve_below", "0.9", "Must rise from"),
        ("authors.trusted_after", "2.5", "A whole number from 0 to 1000."),
    ],
)
def test_numbers_that_are_wrong_are_told_beside_their_field(
    service: Service, admin: Desk, field: str, value: str, told: str
) -> None:
    before = service.snapshot()
    page = preview(admin, **{field: value})
    assert page.status_code == 422
    assert told in page.text
    assert f'id="{field.replace(".", "-")}-error"' in page.text
    assert "/save" not in page.text
    assert service.snapshot() == before


def test_nothing_to_save_without_a_change(admin: Desk) -> None:
    page = preview(admin)
    assert "there is nothing to save" in page.text
    assert "There are no decided comments to try it on yet." in page.text
    assert f"{PATH}/assisted/save" not in page.text


def test_whoever_comes_second_is_told_and_can_go_on(
    service: Service, admin: Desk, desk_of: Callable[..., Desk]
) -> None:
    ben = desk_of("ben@news.example", Role.ADMIN)
    mine = preview(admin, **{"links.max": "3"})
    theirs = preview(ben, **{"links.max": "5"})
    assert save(ben, theirs).status_code == 303
    late = save(admin, mine)
    assert late.status_code == 409
    assert "Somebody else was faster." in late.text
    assert "ben has saved revision 1 meanwhile" in late.text
    assert in_force(service).max_links == 5
    assert len(revisions(service)) == 1
    assert save(admin, late).status_code == 303
    assert in_force(service).max_links == 3
    assert [one.serial for one in revisions(service)] == [2, 1]


def test_restoring_and_going_back_to_the_file(service: Service, admin: Desk) -> None:
    for most in ("3", "5"):
        save(admin, preview(admin, **{"links.max": most}))
    shown = admin.get(f"{PATH}/assisted/revisions/1")
    assert "Most links" in shown.text
    restored = admin.post(f"{PATH}/assisted", fields_of(shown, f"{PATH}/assisted#preview"))
    save(admin, restored)
    assert in_force(service).max_links == 3
    assert revisions(service)[0].restores == 1
    page = admin.get(f"{PATH}/assisted")
    assert "restores 1" in page.text
    previewed = admin.post(f"{PATH}/assisted", {"base": "3", "revision": "0"})
    assert save(admin, previewed).status_code == 303
    assert in_force(service) == service.wiring.policy_files["assisted"]
    assert "back to the file" in admin.get(f"{PATH}/assisted").text
    assert "From here on the file was in force" in admin.get(f"{PATH}/assisted/revisions/4").text


def test_a_copy_is_a_policy_of_its_own_until_it_is_removed(service: Service, admin: Desk) -> None:
    assert admin.post(f"{PATH}/open/copy", {"new_name": "Sports"}).status_code == 303
    assert in_force(service, "sports").preset == "open"
    site = service.make_site(policy="sports")
    assert admin.post(f"{PATH}/open/copy", {"new_name": "sports"}).status_code == 409
    assert admin.post(f"{PATH}/open/copy", {"new_name": "not a name"}).status_code == 422
    removal = {"base": "1", "to_file": "yes"}
    assert admin.post(f"{PATH}/sports/save", removal).status_code == 409
    with service.database.write() as session:
        sites.change_site(sites.by_id(session, site.id), service.wiring.policies, policy="open")
    assert admin.post(f"{PATH}/sports/save", removal).status_code == 303
    assert "sports" not in policies_book(service).policies
    assert admin.get(f"{PATH}/sports").status_code == 404
    assert admin.post(f"{PATH}/open/copy", {"new_name": "sports"}).status_code == 303


def test_an_unusable_revision_is_told_and_can_be_put_right(service: Service, admin: Desk) -> None:
    with service.database.write() as session:
        policies.save(
            session,
            service.wiring.policy_files,
            service.wiring.policy_files["open"],
            base=0,
            by=MODERATOR,
            now=service.clock(),
        ).content = "preset = 'gone'"
    policies_book(service)
    assert "Unusable" in admin.get(PATH).text
    assert "cannot be used by this version" in admin.get(f"{PATH}/open").text
    assert "cannot be used by this version" in admin.get(f"{PATH}/open/revisions/1").text
    save(admin, preview(admin, "open", **{"links.max": "2"}), "open")
    assert in_force(service, "open").max_links == 2


@pytest.mark.parametrize("name", ["strict", "assisted", "open"])
def test_every_policy_can_be_shown_and_tried(admin: Desk, name: str) -> None:
    assert name in admin.get(PATH).text
    assert preview(admin, name, **{"priority.max_min": "100"}).status_code == 200
    assert admin.get(f"{WORDS}/{name}").status_code == 200


@pytest.mark.parametrize(
    ("path", "fields", "status"),
    [
        (f"{PATH}/lenient", {}, 404),
        (f"{PATH}/assisted", {"revision": "7"}, 404),
        (f"{PATH}/assisted", {"revision": "9" * 30}, 404),
        (f"{PATH}/assisted", {"revision": "0", "site": "a\x00b"}, 404),
        (f"{PATH}/a%00b", {}, 404),
        (f"{PATH}/assisted/save", {}, 422),
        (f"{PATH}/assisted/save", {"content": "name = 1"}, 422),
        (f"{PATH}/assisted/save", {"to_file": "yes"}, 404),
        (f"{WORDS}/lenient", {}, 404),
    ],
)
def test_what_makes_no_sense_changes_nothing(
    service: Service, admin: Desk, path: str, fields: dict[str, str], status: int
) -> None:
    before = service.snapshot()
    assert admin.post(path, fields).status_code == status
    assert service.snapshot() == before


@pytest.mark.parametrize(("field", "status"), [("base", 409), ("restores", 404)])
def test_a_serial_that_nobody_was_given(
    service: Service, admin: Desk, field: str, status: int
) -> None:
    before = service.snapshot()
    previewed = preview(admin, **{"links.max": "3"})
    for serial in ("7", "9" * 30, "-1"):
        assert save(admin, previewed, **{field: serial}).status_code == status
    for serial in ("7", "9" * 30):
        assert admin.get(f"{PATH}/assisted/revisions/{serial}").status_code == 404
    assert service.snapshot() == before


def test_a_policy_under_another_name_is_not_smuggled_in(service: Service, admin: Desk) -> None:
    previewed = preview(admin, "open", **{"links.max": "9"})
    content = fields_of(previewed, f"{PATH}/open/save")["content"]
    page = admin.post(f"{PATH}/assisted/save", {"base": "0", "content": content})
    assert page.status_code == 422
    assert revisions(service, "open") == []


def test_who_sees_some_sites_changes_no_policy(
    service: Service, site: SiteKit, desk_of: Callable[..., Desk], moderator: Desk
) -> None:
    local = desk_of("lo@news.example", Role.ADMIN, site_ids=[site.id])
    before = service.snapshot()
    for somebody in (local, moderator):
        for path in ("assisted", "assisted/save", "assisted/copy"):
            assert somebody.post(f"{PATH}/{path}", {"new_name": "mine"}).status_code == 403
        assert somebody.post(f"{WORDS}/assisted", {"text": "a"}).status_code == 403
    assert moderator.get(PATH).status_code == 403
    assert local.get(f"{PATH}/assisted").status_code == 200
    assert service.snapshot() == before


def test_who_sees_some_sites_is_told_of_no_other_under_a_policy(
    service: Service, desk_of: Callable[..., Desk], admin: Desk
) -> None:
    mine, _ = (service.make_site(name=f"{name} Gazette", policy="open") for name in ("My", "Your"))
    local = desk_of("lo@news.example", Role.ADMIN, site_ids=[mine.id])
    for path in (PATH, f"{PATH}/open"):
        assert "Your Gazette" in admin.get(path).text
        assert "My Gazette" in local.get(path).text
        assert "Your Gazette" not in local.get(path).text


# --- Words --------------------------------------------------------------------------------------


def try_words(desk: Desk, act: str, name: str = "assisted", **changed: str) -> TestResponse:
    given = fields_of(desk.get(f"{WORDS}/{name}"), f"{WORDS}/{name}#tried")
    return desk.post(f"{WORDS}/{name}", {**given, "act": act, **changed})


@pytest.mark.usefixtures("decisions")
def test_a_text_shows_which_entries_are_in_it(service: Service, admin: Desk) -> None:
    before = service.snapshot()
    lists = {"words.blocked": "fool\n\n drop dead \nfool", "words.suspect": "ferry"}
    page = try_words(admin, "try", text="You f00l on the ferry", **lists)
    assert service.snapshot() == before
    assert re.search(r"<strong>fool</strong>: blocked.*in disguise", page.text)
    assert re.search(r"<strong>ferry</strong>: suspect", page.text)
    assert "Contains the blocked word “fool”" in page.text
    kind = try_words(admin, "try", text="What a fine day", **lists).text
    assert "No entry is in it." in kind
    assert "Every score is below its approve_below" in kind
    failed = try_words(admin, "try", text="this fails", **lists).text
    assert "Scoring failed" in failed


@pytest.mark.usefixtures("decisions")
def test_entries_that_hit_good_comments_are_warned_of_and_lists_saved(
    service: Service, admin: Desk
) -> None:
    page = try_words(admin, "preview", **{"words.blocked": "f3rry\nferry\nnever seen"})
    assert "1 entry is in more than 1 % of the comments that were approved" in page.text
    assert "Of 2 that moderators approved, 1 would be rejected." in page.text
    assert save(admin, page).headers["Location"] == f"{WORDS}/assisted"
    assert in_force(service).blocked_words == ("f3rry", "ferry", "never seen")
    # The other page of the same policy leaves the words alone.
    save(admin, preview(admin, **{"links.max": "7"}))
    assert in_force(service).blocked_words == ("f3rry", "ferry", "never seen")


def test_the_place_of_words_opens_at_the_policy_in_use(service: Service, admin: Desk) -> None:
    service.make_site(policy="open")
    service.make_site(policy="open")
    assert admin.get(WORDS).headers["Location"] == f"{WORDS}/open"


def test_markup_in_words_and_comments_is_shown_as_it_is(
    service: Service, site: SiteKit, admin: Desk
) -> None:
    decided(service, site, "<script>alert(1)</script> awful", Action.APPROVE)
    page = try_words(
        admin,
        "preview",
        text="<b>awful</b>",
        **{"words.blocked": "awful\n<i>", "words.suspect": ""},
    )
    assert "<script>alert" not in page.text
    assert "<b>awful" not in page.text
    save(admin, page)
    assert in_force(service).blocked_words == ("awful", "<i>")
    assert dataclasses.replace(in_force(service), blocked_words=()).suspect_words == ()
