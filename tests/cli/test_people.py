"""Sites, articles, staff and tokens on the command line."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pyotp
import pytest

from moderation.domain.staff import Scope
from moderation.errors import InvalidToken, SecondFactorRequired, SignInFailed
from moderation.services import access, admission, invitations, second_factor

if TYPE_CHECKING:
    from conftest import Shell

PASSWORD = "correct horse battery"


@pytest.fixture
def site(shell: Shell, request: pytest.FixtureRequest) -> dict[str, Any]:
    return shell.json("site", "create", request.node.name)


def principal(shell: Shell, token: str) -> access.Principal:
    wiring = shell.wiring()
    with wiring.database.read() as session:
        found, _ = access.authenticate(session, token, now=wiring.clock())
    return found


def sign_in(shell: Shell, email: str, password: str, **more: Any) -> str:
    from datetime import timedelta

    wiring = shell.wiring()
    now = wiring.clock()
    with wiring.database.read() as session:
        checked = admission.check_password(session, email=email, password=password, **more)
    admission.demand(checked, code=None)
    with wiring.database.write() as session:
        person = admission.admit(session, checked, code_was_right=False, now=now)
        return admission.give_token(session, person, now=now, lifetime=timedelta(hours=1)).token


# --- Sites -------------------------------------------------------------------------------------


def test_a_site_is_made_as_the_contract_says(shell: Shell) -> None:
    origins = ["https://news.example", "http://localhost:8080"]
    made = shell.json("site", "create", "The Daily", *[w for o in origins for w in ("--origin", o)])
    assert set(made) == {"id", "name", "site_key", "sso_secret"}
    assert made["name"] == "The Daily"
    assert len(made["sso_secret"]) >= 32

    (listed,) = [s for s in shell.json("site", "list") if s["id"] == made["id"]]
    assert listed["origins"] == origins
    assert (listed["policy"], listed["guests_allowed"], listed["creates_articles"]) == (
        *("strict", True, True),
    )
    assert "sso_secret" not in listed


def test_a_site_is_shown_to_people_too(shell: Shell) -> None:
    shown = shell.ok("site", "create", "For people")
    assert "site_key    site_" in shown
    assert "For people" in shell.ok("site", "list")


def test_a_site_is_changed_by_key_or_id_and_the_rest_of_it_stays(
    shell: Shell, site: dict[str, Any]
) -> None:
    changed = shell.json(
        *("site", "set", site["site_key"], "--policy", "open", "--no-guests"),
        *("--origin", "https://a.example", "--no-create-articles", "--edit-window-s", "0"),
    )
    assert (changed["policy"], changed["guests_allowed"], changed["edit_window_s"]) == (
        *("open", False, 0),
    )
    assert (changed["origins"], changed["creates_articles"]) == (["https://a.example"], False)
    again = shell.json("site", "set", site["id"], "--name", "Renamed")
    assert again == {**changed, "name": "Renamed"}


def test_a_new_secret_replaces_the_old_one(shell: Shell, site: dict[str, Any]) -> None:
    rotated = shell.json("site", "rotate-secret", site["site_key"])
    assert rotated["id"] == site["id"]
    assert rotated["sso_secret"] != site["sso_secret"]


def test_bad_words_about_sites_are_answered_with_sentences(
    shell: Shell, site: dict[str, Any]
) -> None:
    before = shell.json("site", "list")
    key = site["site_key"]
    assert "not an origin" in shell.refused("site", "create", "X", "--origin", "news.example")
    assert "more than an origin" in shell.refused(
        *("site", "create", "X", "--origin", "https://news.example/path")
    )
    told = shell.refused("site", "create", "X", "--policy", "lenient")
    assert "no policy 'lenient'; there are assisted, open, strict" in told
    assert "needs a name" in shell.refused("site", "create", " ")
    assert "at most 200 characters" in shell.refused("site", "create", "x" * 201)
    assert "Missing argument 'NAME'" in shell.refused("site", "create")
    assert "no policy" in shell.refused("site", "set", key, "--policy", "x")
    assert "No site has the id or key 'nowhere'" in shell.refused("site", "set", "nowhere")
    assert "--edit-window-s" in shell.refused("site", "set", key, "--edit-window-s", "-1")
    assert "No such command" in shell.refused("site", "burn")
    assert shell.json("site", "list") == before


# --- Articles ----------------------------------------------------------------------------------


def test_an_article_is_made_known_closed_and_given_a_policy(
    shell: Shell, site: dict[str, Any]
) -> None:
    words = ("article", "set", site["site_key"], "story")
    made = shell.json(*words, "--title", "A story", "--url", "https://a.example/story")
    assert made == {"id": "story", "state": "open", "policy": None, "count": 0}
    changed = shell.json(*words, "--state", "closed", "--policy", "open")
    assert (changed["state"], changed["policy"]) == ("closed", "open")
    assert shell.json(*words, "--policy", "")["policy"] is None


def test_bad_words_about_articles_are_answered_with_sentences(
    shell: Shell, site: dict[str, Any]
) -> None:
    words = ("article", "set", site["site_key"], "story")
    assert "no policy 'x'" in shell.refused(*words, "--policy", "x")
    assert "is not one of 'open', 'closed'" in shell.refused(*words, "--state", "ajar")
    assert "No site has" in shell.refused("article", "set", "nowhere", "story")


# --- Staff -------------------------------------------------------------------------------------


def test_an_account_is_made_with_a_password_from_standard_input(shell: Shell) -> None:
    made = shell.json(
        *("staff", "create", "Ada@News.Example", "--role", "moderator", "--password-stdin"),
        stdin=f"{PASSWORD}\n",
    )
    assert set(made) == {"id", "email", "role"}
    assert (made["email"], made["role"]) == ("ada@news.example", "moderator")
    token = sign_in(shell, "ada@news.example", PASSWORD)
    assert principal(shell, token).scopes == {Scope.QUEUE, Scope.DECISIONS}
    (listed,) = [s for s in shell.json("staff", "list") if s["id"] == made["id"]]
    assert (listed["active"], listed["site_ids"]) == (True, None)


def test_without_one_it_gets_a_password_for_one_time(shell: Shell) -> None:
    made = shell.json("staff", "create", "grace@news.example", "--role", "admin")
    one_time = made["one_time_password"]
    sign_in(shell, "grace@news.example", one_time, new_password=PASSWORD)
    sign_in(shell, "grace@news.example", PASSWORD)


def test_a_forgotten_password_is_replaced(shell: Shell) -> None:
    words = ("staff", "create", "bob@news.example", "--role", "moderator", "--password-stdin")
    shell.json(*words, stdin=PASSWORD)
    shell.ok("staff", "password", "bob@news.example", "--password-stdin", stdin="another one, long")
    with pytest.raises(SignInFailed):
        sign_in(shell, "bob@news.example", PASSWORD)
    sign_in(shell, "bob@news.example", "another one, long")
    reset = shell.json("staff", "password", "bob@news.example")
    sign_in(shell, "bob@news.example", reset["one_time_password"], new_password=PASSWORD)


def test_a_closed_account_is_shut_out_at_once(shell: Shell) -> None:
    words = ("staff", "create", "eve@news.example", "--role", "admin", "--password-stdin")
    shell.json(*words, stdin=PASSWORD)
    token = sign_in(shell, "eve@news.example", PASSWORD)
    shell.ok("staff", "close", "eve@news.example")
    with pytest.raises(InvalidToken):
        principal(shell, token)
    with pytest.raises(SignInFailed):
        sign_in(shell, "eve@news.example", PASSWORD)


def test_a_reset_password_ends_the_tokens_got_for_the_old_one(shell: Shell) -> None:
    words = ("staff", "create", "gail@news.example", "--role", "moderator", "--password-stdin")
    shell.json(*words, stdin=PASSWORD)
    got = sign_in(shell, "gail@news.example", PASSWORD)
    words = ("token", "create", "export", "--staff", "gail@news.example", "--scope", "queue")
    made = shell.json(*words)
    shell.json("staff", "password", "gail@news.example")
    with pytest.raises(InvalidToken):
        principal(shell, got)
    assert principal(shell, made["token"]).name == "gail"


def test_a_closed_account_is_opened_again(shell: Shell) -> None:
    words = ("staff", "create", "hal@news.example", "--role", "moderator", "--password-stdin")
    shell.json(*words, stdin=PASSWORD)
    token = sign_in(shell, "hal@news.example", PASSWORD)
    shell.ok("staff", "close", "hal@news.example")
    shell.ok("staff", "reopen", "hal@news.example")
    sign_in(shell, "hal@news.example", PASSWORD)
    with pytest.raises(InvalidToken):
        principal(shell, token)


def test_a_lost_second_factor_is_reset(shell: Shell) -> None:
    words = ("staff", "create", "ivy@news.example", "--role", "moderator", "--password-stdin")
    shell.json(*words, stdin=PASSWORD)
    wiring, email = shell.wiring(), "ivy@news.example"
    with wiring.database.write() as session:
        ivy = access.staff_by_email(session, email)
        second_factor.begin(session, wiring.keyring, ivy, now=wiring.clock())
        session.flush()
        told = second_factor.setting_up(session, wiring.keyring, ivy.id, email)
        code = pyotp.TOTP(told.secret).at(wiring.clock())
        second_factor.confirm(session, wiring.keyring, ivy.id, code, now=wiring.clock())
    with pytest.raises(SecondFactorRequired):
        sign_in(shell, email, PASSWORD)
    shell.ok("staff", "reset-second-factor", email)
    sign_in(shell, email, PASSWORD)
    assert "It was not on." in shell.run("staff", "reset-second-factor", email).stderr


def test_somebody_is_invited(shell: Shell, site: dict[str, Any]) -> None:
    words = ("staff", "invite", "Jo@news.example", "--role", "admin", "--site", site["site_key"])
    made = shell.json(*words, "--url", "https://desk.news.example/")
    link, _, token = made["link"].partition("?token=")
    assert link == "https://desk.news.example/desk/invitation"
    wiring = shell.wiring()
    with wiring.database.read() as session:
        found = invitations.find(session, token, now=wiring.clock())
    assert (found.email, found.role, found.site_ids) == ("jo@news.example", "admin", [site["id"]])
    assert shell.json(*words)["link"].startswith("http://127.0.0.1:8000/desk/invitation?token=")
    assert "not an e-mail" in shell.refused("staff", "invite", "jo", "--role", "admin")


def test_bad_words_about_staff_are_answered_with_sentences(shell: Shell) -> None:
    words = ("staff", "create", "carl@news.example", "--role", "admin", "--password-stdin")
    assert "At least 12 characters, please; this has 5" in shell.refused(*words, stdin="short\n")
    assert "At least 12 characters" in shell.refused(*words, stdin="")
    shell.json(*words, stdin=PASSWORD)
    assert "has an account already" in shell.refused(*words, stdin=PASSWORD)
    assert "not an e-mail address" in shell.refused("staff", "create", "carl", "--role", "admin")
    assert "is not one of 'moderator', 'admin'" in shell.refused(
        *("staff", "create", "x@news.example", "--role", "boss")
    )
    assert "Missing option '--role'" in shell.refused("staff", "create", "x@news.example")
    assert "nobody@news.example has no account" in shell.refused(
        *("staff", "close", "nobody@news.example")
    )
    assert "No site has" in shell.refused(
        *("staff", "create", "x@news.example", "--role", "admin", "--site", "nowhere")
    )
    assert "x@news.example" not in shell.ok("staff", "list")


# --- Tokens ------------------------------------------------------------------------------------


def test_a_token_is_made_as_the_contract_says_and_works_until_revoked(
    shell: Shell, site: dict[str, Any]
) -> None:
    made = shell.json(
        *("token", "create", "importer", "--scope", "queue", "--scope", "export"),
        *("--site", site["site_key"], "--days", "3"),
    )
    assert set(made) == {"id", "token"}
    assert made["token"].startswith("mod_")
    found = principal(shell, made["token"])
    assert (found.name, found.scopes) == ("importer", {Scope.QUEUE, Scope.EXPORT})
    assert found.site_ids == {site["id"]}

    (listed,) = [t for t in shell.json("token", "list") if t["id"] == made["id"]]
    assert listed["scopes"] == ["export", "queue"]
    assert listed["expires_at"]
    assert listed["revoked_at"] is None
    assert made["token"] not in shell.ok("token", "list")

    shell.ok("token", "revoke", made["id"])
    with pytest.raises(InvalidToken):
        principal(shell, made["token"])


def test_a_token_for_somebody_has_no_more_than_their_role(shell: Shell) -> None:
    shell.json("staff", "create", "dora@news.example", "--role", "moderator")
    words = ("token", "create", "phone", "--staff", "dora@news.example")
    assert "A moderator cannot have sites" in shell.refused(*words, "--scope", "sites")
    made = shell.json(*words, "--scope", "queue")
    assert principal(shell, made["token"]).name == "dora"


def test_bad_words_about_tokens_are_answered_with_sentences(shell: Shell) -> None:
    before = shell.json("token", "list")
    assert "Missing option '--scope'" in shell.refused("token", "create", "x")
    assert "1 to 200 characters" in shell.refused("token", "create", "x" * 201, "--scope", "queue")
    assert "is not one of 'queue'" in shell.refused("token", "create", "x", "--scope", "all")
    assert "no token with the id 'x'" in shell.refused("token", "revoke", "x")
    assert "No site has" in shell.refused(
        *("token", "create", "x", "--scope", "queue", "--site", "nowhere")
    )
    assert "has no account" in shell.refused(
        *("token", "create", "x", "--scope", "queue", "--staff", "nobody@news.example")
    )
    assert "--days" in shell.refused("token", "create", "x", "--scope", "queue", "--days", "0")
    assert shell.json("token", "list") == before
