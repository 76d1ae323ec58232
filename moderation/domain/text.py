"""What people write: the 300-character rule of comments, and one-line texts such as names.

A character is what a reader counts as one: an extended grapheme cluster (UAX #29), here as the
`regex` library's ``\\X``, in a browser as ``Intl.Segmenter``. Every rule below can be said in both
places with the same Unicode properties, so that form and server agree. ``docs/policy.md`` explains
the rules to people.
"""

from __future__ import annotations

import unicodedata

import regex

MAX_BODY_CHARS = 300
"""Characters of a comment's body, as a reader counts them."""

MAX_CODE_POINTS_PER_CHAR = 12
"""On average over a text. The largest in use, a family of four each with a skin tone, takes 11."""

MAX_MARKS_IN_A_ROW = 6
"""Accents and other marks on one letter. Scripture Hebrew needs 5; "zalgo" text begins above."""

# What is longer than any text within the limits, by this factor, is refused before it is normalised
# or counted: the cost of a ten-megabyte body is that of one pass over it.
_FAR_TOO_LONG = 2 * MAX_CODE_POINTS_PER_CHAR

# What JavaScript's trim() takes off, so that a form trims the same: white space and the byte
# order mark. The control characters among it are line ends by now, or refused.
_TRIMMED = (
    "\t\n \u00a0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a"
    "\u202f\u205f\u3000\ufeff"
)

_CHARACTER = regex.compile(r"\X")
# Rule GB9c of UAX #29 keeps consonant, linker and consonant together. `regex` keeps linker and
# consonant together even where no consonant comes first, as in Bengali অ্যাপ ("app"); there the
# standard, and every browser, begins a new character.
_JOINED_TOO_FAR = regex.compile(
    r"(?<![\p{InCB=Consonant}\p{InCB=Extend}\p{InCB=Linker}])"
    r"(?=\p{InCB=Extend}*\p{InCB=Linker})[\p{InCB=Extend}\p{InCB=Linker}]++"
    r"(?=\p{InCB=Consonant})"
)
_LINE_END = regex.compile(r"\r\n|[\r\u2028\u2029]")
_SURROGATE = regex.compile(r"\p{Cs}")
_CONTROL = regex.compile(r"[\p{Cc}--[\t\n]]", regex.V1)
# Marks with width of their own (category Mc, as in Burmese) cannot pile up and are not counted,
# nor are invisible ones; the latter do not end a pile either.
_STACKED_MARKS = regex.compile(
    rf"(?:[[\p{{Mn}}\p{{Me}}]--\p{{DI}}]\p{{DI}}*){{{MAX_MARKS_IN_A_ROW + 1}}}", regex.V1
)
# Everything but what shows nothing: white space, characters Unicode says to ignore in display
# (zero-width, variation selectors, tags, Hangul fillers), format characters that are not signs of
# their own, noncharacters, and the letters and symbols that are drawn blank.
_VISIBLE = regex.compile(
    r"[^[\p{White_Space}\p{DI}\p{NChar}\u2800\U00016fe4\U0001d159][\p{Cf}--\p{PCM}]]", regex.V1
)
# A name under one of these is taken for an address without scheme or path. They are no words of
# their own, so that a full stop with no space after it does not make a link.
_PLAIN_LINK_ENDINGS = "com|net|org|info|biz|io|ru|cn|xyz|club|shop|site|online|app|dev"
_LINK = regex.compile(
    r"\b(?:[a-z][a-z0-9+.-]{1,20}://|www\.)\S+"
    r"|(?<![\w@.-])(?:[\p{L}\p{N}-]+\.)+"
    rf"(?:(?:{_PLAIN_LINK_ENDINGS})(?![\w-])|[a-z]{{2,24}}(?=/[^\s/]))(?:[/?#:]\S*)?",
    regex.IGNORECASE,
)
_BIDI_CONTROL = regex.compile(r"[\u202a-\u202e\u2066-\u2069]")


class InvalidText(ValueError):
    """A text that cannot be taken.

    ``code`` is stable and for programs; ``message`` is a sentence for the person who wrote it.
    """

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message


class InvalidBody(InvalidText):
    """A comment's body that cannot be taken.

    Codes: ``body_too_long``, ``body_empty``, ``body_invisible``, ``body_control_character``,
    ``body_surrogate``, ``body_stacked_marks``, ``body_too_complex``.
    """


class InvalidLine(InvalidText):
    """A one-line text that cannot be taken.

    Codes: ``line_too_long``, ``line_empty``, ``line_invisible``, ``line_control_character``,
    ``line_surrogate``, ``line_stacked_marks``, ``line_too_complex``, ``line_bidi_control``.
    """


def count_characters(text: str) -> int:
    """How many characters a reader counts in ``text``: extended grapheme clusters (UAX #29).

    ``text`` is counted as it is; :func:`clean_body` counts after trimming and NFC.
    """
    found = sum(1 for _ in _CHARACTER.finditer(text))
    return found + sum(1 for _ in _JOINED_TOO_FAR.finditer(text))


def count_links(text: str) -> int:
    """How many web addresses stand in ``text``, written with or without their scheme.

    E-mail addresses are none. Addresses in disguise ("example dot com") are the spam judge's
    business.
    """
    return sum(1 for _ in _LINK.finditer(text))


def comparable(text: str) -> str:
    """A text as it is searched for and in: case and composition of letters are no matter."""
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", text).casefold())


def clean_body(raw: str) -> str:
    """The body to store for the body a reader sent, or why there is none.

    Line ends become ``\\n``, white space at both ends goes, and the rest is put in NFC; nothing
    else is changed. ``clean_body(clean_body(x)) == clean_body(x)``.

    Raises:
        InvalidBody: the text breaks a rule. Nothing else is raised for any ``str``, unpaired
            surrogates among them.
    """
    text = raw.strip(_TRIMMED + "\r")
    if len(text) > _FAR_TOO_LONG * MAX_BODY_CHARS:
        raise InvalidBody(
            "body_too_long",
            f"The comment is far too long: {len(text):,} Unicode code points, where "
            f"{MAX_BODY_CHARS} characters are allowed.",
        )
    text = _LINE_END.sub("\n", text)
    _check_code_points(text, InvalidBody, "body", "The comment")
    text = unicodedata.normalize("NFC", text.strip(_TRIMMED))
    _check_visible(text, InvalidBody, "body", "The comment")
    _check_size(text, MAX_BODY_CHARS, None, InvalidBody, "body", "The comment")
    return text


def clean_line(
    raw: str, max_chars: int, *, what: str = "The text", max_code_points: int | None = None
) -> str:
    """A name, title or reason as it is stored: one line, trimmed, in NFC.

    White space inside, line ends and tabs included, becomes single spaces.

    Args:
        max_chars: most characters allowed, as a reader counts them.
        what: the subject of the refusal's sentence, such as ``"The name"``.
        max_code_points: what the place it is stored in holds, if that is less than the usual
            ``MAX_CODE_POINTS_PER_CHAR`` for each character.

    Raises:
        InvalidLine: the text breaks a rule. Nothing else is raised for any ``str``.
    """
    text = raw.strip(_TRIMMED + "\r")
    if len(text) > _FAR_TOO_LONG * max_chars:
        raise InvalidLine(
            "line_too_long", f"{what} is far too long: at most {max_chars} characters are allowed."
        )
    text = _LINE_END.sub("\n", text)
    _check_code_points(text, InvalidLine, "line", what)
    if _BIDI_CONTROL.search(text):
        raise InvalidLine(
            "line_bidi_control",
            f"{what} contains an invisible character that turns the direction of writing.",
        )
    text = unicodedata.normalize("NFC", regex.sub(r"\s+", " ", text).strip(_TRIMMED))
    _check_visible(text, InvalidLine, "line", what)
    _check_size(text, max_chars, max_code_points, InvalidLine, "line", what)
    return text


def clean_note(raw: str, max_code_points: int, *, what: str = "The note") -> str:
    """What somebody wrote for colleagues, as it is stored: any number of lines, trimmed, in NFC.

    Raises:
        InvalidLine: it is empty, too long, or has a control character in it.
    """
    text = _LINE_END.sub("\n", raw.strip(_TRIMMED + "\r"))
    _check_code_points(text, InvalidLine, "line", what)
    text = unicodedata.normalize("NFC", text)
    _check_visible(text, InvalidLine, "line", what)
    if len(text) > max_code_points:
        raise InvalidLine(
            "line_too_long", f"{what} is too long: at most {max_code_points} characters, please."
        )
    return text


def _check_code_points(text: str, error: type[InvalidText], prefix: str, what: str) -> None:
    if found := _SURROGATE.search(text):
        raise error(
            f"{prefix}_surrogate",
            f"{what} contains half a character (the unpaired surrogate U+{ord(found[0]):04X}); "
            "it was probably cut in the middle of an emoji.",
        )
    if found := _CONTROL.search(text):
        raise error(
            f"{prefix}_control_character",
            f"{what} contains the control character U+{ord(found[0]):04X}; only line breaks and "
            "tabs are allowed.",
        )


def _check_visible(text: str, error: type[InvalidText], prefix: str, what: str) -> None:
    if not text:
        raise error(f"{prefix}_empty", f"{what} is empty: write at least one character.")
    if not _VISIBLE.search(text):
        raise error(
            f"{prefix}_invisible",
            f"{what} has nothing to read: it consists of invisible characters only.",
        )


def _check_size(
    text: str,
    max_chars: int,
    max_code_points: int | None,
    error: type[InvalidText],
    prefix: str,
    what: str,
) -> None:
    if _STACKED_MARKS.search(text):
        raise error(
            f"{prefix}_stacked_marks",
            f"{what} has a letter with more than {MAX_MARKS_IN_A_ROW} accents or marks on it.",
        )
    characters = count_characters(text)
    if characters > max_chars:
        raise error(
            f"{prefix}_too_long",
            f"{what} has {characters:,} characters; at most {max_chars} are allowed.",
        )
    if max_code_points is None:
        max_code_points = MAX_CODE_POINTS_PER_CHAR * max_chars
    if len(text) > max_code_points:
        raise error(
            f"{prefix}_too_complex",
            f"{what} is put together from {len(text):,} Unicode code points; at most "
            f"{max_code_points:,} are allowed for its {max_chars} characters.",
        )
