"""Lists of reasons for rejecting."""

from __future__ import annotations

import re

import pytest

from moderation.domain.reason import (
    DEFAULT_REASONS,
    MAX_REASONS,
    Reason,
    ReasonsError,
    as_stored,
    checked,
    listed,
    statement_for,
)

RUDE = Reason("rude", "Rude", "Please say it kindly.", "r")
ADVERT = Reason("spam", "Advert", "We take no adverts.", "1")


def test_the_defaults_are_a_list_that_a_site_could_have() -> None:
    assert checked(DEFAULT_REASONS) == DEFAULT_REASONS
    codes = {"spam", "insult", "hate", "threat", "obscene", "off_topic", "personal_data", "other"}
    assert codes <= {reason.code for reason in DEFAULT_REASONS}
    assert all(reason.key for reason in DEFAULT_REASONS)


def test_texts_are_cleaned_and_an_empty_key_is_none() -> None:
    [clean] = checked([Reason("rude", "  Rude\n", " Say it  kindly. ", "")])
    assert clean == Reason("rude", "Rude", "Say it kindly.", None)


@pytest.mark.parametrize(
    ("reasons", "named"),
    [
        ([], "1 to 30"),
        ([Reason(f"r{n}", "Name", "Told.") for n in range(MAX_REASONS + 1)], "1 to 30"),
        ([RUDE, Reason("rude", "Curt", "Told.")], "code 'rude' is there twice"),
        ([RUDE, Reason("curt", "Curt", "Told.", "r")], "key 'r' is there twice"),
        ([Reason("Rude!", "Rude", "Told.")], "small letters"),
        ([Reason("a" * 41, "Rude", "Told.")], "small letters"),
        ([Reason("rude", "Rude", "Told.", "R")], "one digit or small letter"),
        ([Reason("rude", "Rude", "Told.", "12")], "one digit or small letter"),
        ([Reason("rude", " ", "Told.")], "Reason 1: the name is empty"),
        ([RUDE, Reason("curt", "Curt", "a" * 301)], "Reason 2: the statement has 301 characters"),
    ],
)
def test_a_list_that_cannot_be_used_says_why(reasons: list[Reason], named: str) -> None:
    with pytest.raises(ReasonsError, match=re.escape(named)) as raised:
        checked(reasons)
    assert len(raised.value.messages) == 1


def test_every_problem_is_told() -> None:
    with pytest.raises(ReasonsError) as raised:
        checked([Reason("", "", "", "??"), Reason("", "x", "x")])
    assert len(raised.value.messages) == 5


def test_what_leaves_the_list_still_explains_what_was_decided() -> None:
    first = as_stored([RUDE, ADVERT], None)
    second = as_stored([ADVERT], first)
    assert listed(second) == (ADVERT,)
    assert statement_for(second, "rude") == "Please say it kindly."
    back = as_stored([RUDE], second)
    assert listed(back) == (RUDE,)
    assert [one["code"] for one in back] == ["rude", "spam"]


def test_back_to_the_defaults() -> None:
    own = as_stored([ADVERT], None)
    assert as_stored(None, own) is None
    assert listed(None) == DEFAULT_REASONS
    after_own_code = as_stored(None, as_stored([RUDE], None))
    assert listed(after_own_code) == DEFAULT_REASONS
    assert statement_for(after_own_code, "rude") == "Please say it kindly."


@pytest.mark.parametrize("reason", [None, "Off topic", "no_such_code"])
def test_what_is_no_code_is_told_as_it_is(reason: str | None) -> None:
    assert statement_for(as_stored([RUDE], None), reason) == reason


def test_a_default_code_is_told_where_the_list_has_no_such() -> None:
    assert statement_for(as_stored([RUDE], None), "off_topic").startswith("It has nothing")


def test_keys_of_the_stored_form_that_nobody_knows_yet_are_passed_over() -> None:
    stored = [{**as_stored([RUDE], None)[0], "ground": "something later"}]
    assert listed(stored) == (RUDE,)
