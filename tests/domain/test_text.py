"""The 300-character rule: what is taken unchanged, what is refused and in which words."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from moderation.domain.text import (
    MAX_BODY_CHARS,
    InvalidBody,
    InvalidLine,
    clean_body,
    clean_line,
    count_characters,
    count_links,
)

FAMILY = "👨🏽‍👩🏽‍👧🏽‍👦🏽"
KISS = "👩🏽‍❤️‍💋‍👨🏽"
ENGLAND = "🏴\U000e0067\U000e0062\U000e0065\U000e006e\U000e0067\U000e007f"


@pytest.mark.parametrize(
    ("character", "code_points"),
    [
        ("a", 1),
        ("é", 1),
        ("👍🏽", 2),
        (FAMILY, 11),
        (KISS, 10),
        (ENGLAND, 7),
        ("🇺🇦", 2),
        ("1️⃣", 3),
        ("क्षि", 4),
        ("각", 1),
        ("\u1100\u1161\u11a8\u11a8", 4),
        ("ཧྐྵྨ", 4),
        ("שָּׁ֖", 5),
        ("ကြွှေ့်", 7),
    ],
)
def test_300_of_any_real_character_are_taken_and_301_are_not(character, code_points):
    assert len(character) == code_points
    body = clean_body(character * 300)
    assert body == unicodedata.normalize("NFC", character * 300)
    assert count_characters(body) == 300
    with pytest.raises(InvalidBody) as refused:
        clean_body(character * 301)
    assert refused.value.code == "body_too_long"
    assert "300" in refused.value.message
    assert "301" in refused.value.message


@pytest.mark.parametrize(
    ("text", "characters"),
    [
        ("ক্ষ", 1),
        ("অ্যাপ", 3),  # "app": no consonant begins it, so its second letter counts
        ("a्क", 2),
        ("्‍क", 2),
        ("क्́‍क", 1),
        ("क क्क a्क", 6),
    ],
)
def test_a_conjunct_counts_once_and_only_where_a_consonant_begins_it(text, characters):
    assert count_characters(text) == characters


def test_a_letter_and_its_accent_count_once_and_are_stored_composed():
    assert clean_body("e\u0301" * 300) == "é" * 300


def test_line_ends_become_newlines_and_count_as_one_character_each():
    assert clean_body("a\r\nb\rc\u2028d\u2029e\nf") == "a\nb\nc\nd\ne\nf"
    assert clean_body("a\r\n" * 149 + "ab") == "a\n" * 149 + "ab"


def test_white_space_is_trimmed_at_both_ends_and_kept_inside():
    assert clean_body("\ufeff \t\r\n\u3000\u2029 two  words\n\n\tindented \u00a0\r") == (
        "two  words\n\n\tindented"
    )
    assert clean_body(" " * 1_000_000 + "a" + "\n" * 1_000_000) == "a"


@pytest.mark.parametrize(
    "body",
    [
        "שלום \u202bעולם\u202c",
        "می‌شود",
        "\ue000 private use",
        "noncharacter \ufffe",
        "soft\u00adhyphen",
        "\u0378 not assigned yet",
        "x̂̃ two marks",
        "\u0600",  # a format character that shows: ARABIC NUMBER SIGN
        "️\u2764",
    ],
)
def test_what_is_unusual_but_legible_is_stored_unchanged(body):
    assert clean_body(body) == body


@pytest.mark.parametrize(
    ("raw", "code"),
    [
        ("", "body_empty"),
        (" \n\t\r\n", "body_empty"),
        ("\ufeff", "body_empty"),
        *(
            (text, "body_invisible")
            for text in (
                "\u200b",
                "\u200d\u200d",
                "\u2060 \u200e",
                "\u3164",
                "\u2800 \u2800",
                "\u115f\u1160",
                "\uffa0",
                "\ufe0f",
                "\U000e0041\U000e0042",
                "\U000e0100",
                "\u00ad",
                "\u034f",
                "\u061c",
                "\u180e",
                "\ufff9\ufffb",
                "\uffff",
                "\U00016fe4",
                "\U0001d159",
                "\U00013437",
            )
        ),
        ("a" * 301, "body_too_long"),
        ("a" * 10_000_000, "body_too_long"),
        ("a\x00b", "body_control_character"),
        ("\x0bab", "body_control_character"),
        ("ab\x0c", "body_control_character"),
        ("a\x7f", "body_control_character"),
        ("a\x85b", "body_control_character"),
        ("\x1b[31mred", "body_control_character"),
        ("a\ud83d", "body_surrogate"),
        ("\udc00", "body_surrogate"),
        ("a" + "\u0301" * 8, "body_stacked_marks"),
        ("a" + "\u0301\u0327\u034f" * 7, "body_stacked_marks"),
        ("z" + "\u0336\u0489" * 20, "body_stacked_marks"),
        ("🏴" + "\U000e0067" * 3600, "body_too_complex"),
        ("\u1100" * 3601, "body_too_complex"),
    ],
)
def test_each_refusal_has_its_code_and_a_sentence(raw, code):
    with pytest.raises(InvalidBody) as refused:
        clean_body(raw)
    assert refused.value.code == code
    assert str(refused.value) == refused.value.message
    assert refused.value.message.endswith(".")


def test_every_control_character_but_newline_and_tab_is_refused_and_named():
    for code in [*range(0x20), *range(0x7F, 0xA0)]:
        if chr(code) in "\t\n\r":
            continue
        with pytest.raises(InvalidBody, match=f"U\\+{code:04X}") as refused:
            clean_body(f"a{chr(code)}b")
        assert refused.value.code == "body_control_character"


ODD = st.text(
    st.one_of(
        st.characters(),
        st.characters(categories=("Cs", "Cc", "Cf", "Mn", "Me", "Mc", "Zs", "Zl", "Zp")),
        st.sampled_from("\r\n\t a\u0301\u0344\u0958\ufb1d\u1100\u1161\u11a8\u200d\ufe0f👍🏽🇫"),
    ),
    max_size=400,
)


@given(ODD)
def test_any_text_is_stored_once_and_for_all_or_refused(raw):
    try:
        body = clean_body(raw)
    except InvalidBody:
        return
    assert unicodedata.is_normalized("NFC", body)
    assert 1 <= count_characters(body) <= MAX_BODY_CHARS
    assert clean_body(body) == body
    assert body.encode("utf-8")
    # Nothing but line ends, white space at the ends and composition has changed.
    lines = raw.replace("\r\n", "\n").replace("\r", "\n")
    lines = lines.replace("\u2028", "\n").replace("\u2029", "\n")
    assert body in unicodedata.normalize("NFC", lines)


def test_a_line_is_trimmed_and_its_white_space_becomes_single_spaces():
    assert clean_line("  Ada \t\n Lovelace\u2028", 40) == "Ada Lovelace"
    assert clean_line("Zoe\u0308", 3) == "Zoë"


@pytest.mark.parametrize(
    ("raw", "code"),
    [
        ("", "line_empty"),
        (" \n ", "line_empty"),
        ("\u200b", "line_invisible"),
        ("abcdef", "line_too_long"),
        ("a" * 10_000_000, "line_too_long"),
        ("a\x00", "line_control_character"),
        ("a\x1fb", "line_control_character"),
        ("\ud800", "line_surrogate"),
        ("evil\u202e", "line_bidi_control"),
        ("a" + "\u0301" * 9, "line_stacked_marks"),
        ("a" + "\u1100" * 61, "line_too_complex"),
    ],
)
def test_a_line_that_cannot_be_shown_is_refused(raw, code):
    with pytest.raises(InvalidLine) as refused:
        clean_line(raw, 5, what="The name")
    assert refused.value.code == code
    assert refused.value.message.startswith("The name ")


@given(ODD)
def test_any_line_is_stored_once_and_for_all_or_refused(raw):
    try:
        line = clean_line(raw, 50)
    except InvalidLine:
        return
    assert unicodedata.is_normalized("NFC", line)
    assert "\n" not in line
    assert 1 <= count_characters(line) <= 50
    assert clean_line(line, 50) == line


@pytest.mark.parametrize(
    ("text", "links"),
    [
        ("no link at all", 0),
        ("see https://example.com/a?b=c and http://example.org.", 2),
        ("HTTPS://EXAMPLE.COM", 1),
        ("www.example.fr, www.example.de", 2),
        ("one: http://www.example.com/http://other.example/x", 1),
        ("[text](https://example.com)", 1),
        ("go to example.com now, or bit.ly/3xyz", 2),
        ("example.com?id=1 exämple.org:8080", 2),
        ("write to me@example.com", 0),
        ("e.g. the U.S.A. at 3.14, node.js and/or Mr.Smith", 0),
        ("I said so.it was true", 0),
        ("", 0),
    ],
)
def test_links_are_counted_with_and_without_scheme(text, links):
    assert count_links(text) == links


def test_a_line_fits_the_column_it_is_stored_in():
    assert clean_line(FAMILY * 4, 5, max_code_points=44) == FAMILY * 4
    with pytest.raises(InvalidLine) as refused:
        clean_line(FAMILY * 4, 5, max_code_points=43)
    assert refused.value.code == "line_too_complex"
