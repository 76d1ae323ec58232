"""Reading what people typed into forms."""

from __future__ import annotations

from flask import request

from moderation.desk import devices
from moderation.desk.text import say
from moderation.domain.staff import Role, Staff
from moderation.errors import Invalid
from moderation.services import passwords
from moderation.services.sessions import SignedIn
from moderation.wiring import wired


def given(name: str) -> str:
    """A field's text; empty where it is missing.

    Raises:
        Invalid: it holds the character that no database keeps (U+0000).
    """
    text = request.form.get(name, "")
    if "\x00" in text:
        raise Invalid(errors={name: [say("form.nul")]})
    return text


def asked(name: str) -> str:
    """The same of the address's query."""
    text = request.args.get(name, "")
    if "\x00" in text:
        raise Invalid(errors={name: [say("form.nul")]})
    return text


def chosen_role() -> Role:
    """The field ``role``. Raises Invalid where it is none."""
    try:
        return Role(given("role"))
    except ValueError:
        raise Invalid(errors={"role": [say("form.choose_one")]}) from None


def chosen_sites() -> list[str] | None:
    """The sites ticked, or None for all there are (``reach`` says which).

    Raises:
        Invalid: neither was chosen, or both: nobody is to reach further than was meant.
    """
    chosen = [site_id for site_id in request.form.getlist("site") if "\x00" not in site_id]
    if given("reach") == "every":
        if chosen:
            raise Invalid(errors={"sites": [say("form.every_or_some")]})
        return None
    if not chosen:
        raise Invalid(errors={"sites": [say("form.choose_sites")]})
    return chosen


def own_password(me: SignedIn) -> str:
    """The hash for which the field ``password`` holds the right one of whoever is signed in.

    So that a desk left open is not enough to change how one signs in. Counted as an attempt.

    Raises:
        Invalid: it is not the right one.
        RateLimited: there were too many attempts.
    """
    devices.count_attempt("account", me.email)
    with wired().database.read() as session:
        known = session.get_one(Staff, me.staff_id).password_hash
    if not passwords.matches(known, given("password")):
        raise Invalid(errors={"password": [say("form.wrong_password")]})
    return known


def new_password(*, unlike: str | None = None) -> str:
    """The hash of the password that was typed twice, as ``new_password`` and ``…_again``.

    Slow on purpose: never call this in a transaction that others wait for.

    Args:
        unlike: the hash of the old password, which it must not be.

    Raises:
        Invalid: not fit for a password, or not the same both times.
    """
    chosen = given("new_password")
    if passwords.fault(chosen):
        shortest, longest = passwords.MIN_PASSWORD_CHARS, passwords.MAX_PASSWORD_CHARS
        told = say("form.password_rule", shortest=shortest, longest=longest)
        raise Invalid(errors={"new_password": [told]})
    if chosen != given("new_password_again"):
        raise Invalid(errors={"new_password_again": [say("form.not_the_same")]})
    if unlike is not None and passwords.matches(unlike, chosen):
        raise Invalid(errors={"new_password": [say("form.same_as_old")]})
    return passwords.hashed(chosen)
