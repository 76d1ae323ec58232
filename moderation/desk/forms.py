"""Reading what people typed into forms."""

from __future__ import annotations

from flask import request

from moderation.desk.text import say
from moderation.errors import Invalid
from moderation.services import passwords


def given(name: str) -> str:
    """A field's text; empty where it is missing.

    Raises:
        Invalid: it holds the character that no database keeps (U+0000).
    """
    text = request.form.get(name, "")
    if "\x00" in text:
        raise Invalid(errors={name: [say("form.nul")]})
    return text


def new_password(*, unlike: str | None = None) -> str:
    """The hash of the password that was typed twice, as ``new_password`` and ``…_again``.

    Slow on purpose: never call this in a transaction that others wait for.

    Args:
        unlike: the old password, which it must not be.

    Raises:
        Invalid: not fit for a password, or not the same both times.
    """
    chosen = given("new_password")
    if passwords.fault(chosen) or chosen == unlike:
        shortest, longest = passwords.MIN_PASSWORD_CHARS, passwords.MAX_PASSWORD_CHARS
        told = say("form.password_rule", shortest=shortest, longest=longest)
        raise Invalid(errors={"new_password": [told]})
    if chosen != given("new_password_again"):
        raise Invalid(errors={"new_password_again": [say("form.not_the_same")]})
    return passwords.hashed(chosen)
