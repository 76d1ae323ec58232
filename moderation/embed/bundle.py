"""The scripts of the article page, as they are sent: modules of `v1/` joined, with their words.

A browser would have to fetch module by module, each import known only when its importer has come;
under a publisher's article that would be the slowest part of the page. So the service joins them
when it is first asked, in the order they need each other, and leaves out import lines, comments and
needless white space. Top-level names then share one scope, and must differ; `join` checks it.

| sent as | is |
|---|---|
| ``v1.js`` | all that most readers need, with English |
| ``v1/later.js`` | what few do, with its words in all languages |
| ``v1/words-LANGUAGE.js`` | the words of another language |
"""

from __future__ import annotations

import gzip
import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import orjson

from moderation.catalogue import DEFAULT, Entry
from moderation.embed.words import WORDS

FOLDER = Path(__file__).parent / "v1"
LATER = "later."
FOR_PAGES = "page."

_IMPORT = re.compile(r"^import \{[^}]*\} from \"\./([a-z0-9-]+\.js)\";\n", re.MULTILINE)
_EXPORT = re.compile(r"^export (?=(?:async |)(?:class|const|function|let) )", re.MULTILINE)
_NAME = re.compile(r"^(?:async )?(?:class|const|function|let) (\w+)", re.MULTILINE)
_COMMENT = re.compile(r"^\s*(?://.*|/\*\*(?:.|\n)*?\*/)\n", re.MULTILINE)
# What white space must not be taken out of: strings, templates, and regular expressions, which in
# these modules are the only things with a slash that no space follows.
_LITERAL = re.compile(
    r"(\"(?:[^\"\\\n]|\\.)*\"|`(?:[^`\\]|\\.)*`"
    r"|/(?![ /*])(?:[^/\\\n\[]|\\.|\[(?:[^\]\\]|\\.)*\])+/)"
)
_STYLE = re.compile(r"(?<=^const CSS = `)[^`]+", re.MULTILINE)
_STYLE_SPACE = re.compile(r"\s*([{};,>])\s*|(?<=:) ")
_SPACE = re.compile(r"\s*([{}()\[\]=,:;?<>|&*])\s*|\n\s*")


@dataclass(frozen=True, slots=True)
class Script:
    """A script ready to be sent: as it is, and compressed by gzip (RFC 1952)."""

    body: bytes
    compressed: bytes
    etag: str


@cache
def script(name: str) -> Script | None:
    """One of the scripts in the table above, by its path below `/embed/`; None: there is no such.

    Each is made once a process.
    """
    if name in ("v1.js", "v1/later.js"):
        text = join(name.rpartition("/")[2])
    elif name in (f"v1/words-{code}.js" for code in WORDS.languages):
        code = name.removeprefix("v1/words-").removesuffix(".js")
        text = f"export const WORDS = {_json(_usual(code))};\n"
    else:
        return None
    body = text.encode()
    etag = hashlib.blake2b(body, digest_size=12).hexdigest()
    return Script(body, gzip.compress(body, 9, mtime=0), etag)


def join(entry: str) -> str:
    """The module ``entry`` and all that it needs, each once and after what it needs itself.

    Raises:
        ValueError: two of them have a top-level name in common.
    """
    parts: dict[str, str] = {}
    _add(entry, entry, parts)
    names = _NAME.findall("".join(parts.values()))
    if twice := {name for name in names if names.count(name) > 1}:
        raise ValueError(f"these names are in two modules: {sorted(twice)}")
    return "".join(map(_squeeze, parts.values()))


def _add(name: str, entry: str, parts: dict[str, str]) -> None:
    if name in parts:
        return
    if name in _MADE:
        parts[name] = _MADE[name]()
        return
    source = (FOLDER / name).read_text("utf-8")
    for needed in _IMPORT.findall(source):
        _add(needed, entry, parts)
    source = _IMPORT.sub("", _COMMENT.sub("", source))
    parts[name] = source if name == entry else _EXPORT.sub("", source)


def _squeeze(source: str) -> str:
    """``source`` without the white space that means nothing. Lines end in `;` or a bracket."""
    source = _STYLE.sub(lambda css: _STYLE_SPACE.sub(lambda f: f[1] or "", css[0]), source)
    pieces = _LITERAL.split(source)
    pieces[::2] = [_SPACE.sub(lambda found: found[1] or "\n", piece) for piece in pieces[::2]]
    return "".join(pieces)


def _usual(code: str) -> Mapping[str, Entry]:
    return {
        key: entry
        for key, entry in WORDS.entries(code).items()
        if not key.startswith((LATER, FOR_PAGES))
    }


def _later(code: str) -> Mapping[str, Entry]:
    return {
        key.removeprefix(LATER): entry
        for key, entry in WORDS.entries(code).items()
        if key.startswith(LATER)
    }


def _json(told: object) -> str:
    return orjson.dumps(told).decode()


_MADE = {
    "words.js": lambda: (
        f"const ENGLISH = {_json(_usual(DEFAULT))};\nconst LANGUAGES = {_json(WORDS.languages)};\n"
    ),
    "later-words.js": lambda: (
        f"const LATER_WORDS = {_json({code: _later(code) for code in WORDS.languages})};\n"
    ),
}
