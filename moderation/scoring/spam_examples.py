"""Comments for training the spam model: the labelled ones, plain ones, and ones made up."""

import csv
import html
import random
import re
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from moderation.scoring.training_data import open_text

PLAIN_SOURCES = ("civil_comments", "wikipedia_talk")
MADE_UP_SPAM, MADE_UP_HAM = "made_up_spam", "made_up_ham"

_KNOWN_HOSTS = (
    "en.wikipedia.org",
    "www.bbc.co.uk",
    "www.cbc.ca",
    "www.gov.uk",
    "www.nytimes.com",
    "www.reuters.com",
    "www.theguardian.com",
    "www.washingtonpost.com",
    "youtu.be",
)
_HOST_ENDS = ("news", "times", "post", "herald", "magazine", "today", "blog", "journal", "")
_DOMAIN_ENDS = ("com", "com", "com", "org", "net", "co.uk", "ca", "de")
_FOLDERS = ("news", "wiki", "article", "2017/06", "world", "opinion", "politics", "archives/12")
_TAG = re.compile(r"</?[a-z][^<>]*>", re.IGNORECASE)
_SLOT = re.compile(r"\{(\w+)\}")


@dataclass(frozen=True, slots=True)
class SpamExample:
    """A comment or message, where it came from, and what a person called it."""

    text: str
    source: str
    spam: bool


def read_spam_examples(path: Path) -> list[SpamExample]:
    """Read columns ``text``, ``source``, ``spam`` (0/1); HTML becomes what a reader types.

    Raises:
        FileNotFoundError: no such file.
        KeyError: a column is missing.
    """
    with open_text(path) as file:
        return [
            SpamExample(_plain(row["text"]), row["source"], row["spam"] == "1")
            for row in csv.DictReader(file)
        ]


def read_plain_comments(
    path: Path, rows_a_source: int
) -> tuple[list[SpamExample], list[SpamExample]]:
    """Comments of ``PLAIN_SOURCES`` in the toxicity data, held to be no spam.

    Nobody labelled them for spam; moderators of a news site, and editors of an encyclopedia, had
    let them stand. Many are heated, and that is why they are here.

    Returns:
        the first ``rows_a_source`` of each source, and as many again that follow them.

    Raises:
        FileNotFoundError: no such file.
    """
    taken = dict.fromkeys(PLAIN_SOURCES, 0)
    first, second = [], []
    with open_text(path) as file:
        for row in csv.DictReader(file):
            source = row["source"]
            if taken.get(source, 2 * rows_a_source) < 2 * rows_a_source:
                chosen = first if taken[source] < rows_a_source else second
                taken[source] += 1
                chosen.append(SpamExample(row["text"], source, False))
    return first, second


def with_source_links(examples: Sequence[SpamExample], share: float) -> list[SpamExample]:
    """``examples``, the same ``share`` of them each time with a link to a source.

    As readers give them, to a known site or to one never heard of: in the labelled data nearly
    every link is spam, and a link alone would otherwise decide.
    """
    rng = random.Random(0)
    words = [word for example in examples for word in example.text.lower().split()]
    words = [word for word in words if word.isalpha() and word.isascii() and len(word) > 2]
    linked = []
    for example in examples:
        if words and rng.random() < share:
            text = _with_link(example.text, _source_link(words, rng), rng)
            example = SpamExample(text, example.source, example.spam)
        linked.append(example)
    return linked


def _source_link(words: Sequence[str], rng: random.Random) -> str:
    if rng.random() < 0.4:
        host = rng.choice(_KNOWN_HOSTS)
    else:
        host = f"{rng.choice(words)}{rng.choice(_HOST_ENDS)}.{rng.choice(_DOMAIN_ENDS)}"
        host = rng.choice(("", "www.")) + host
    slug = "-".join(rng.choices(words, k=rng.randint(1, 6)))
    tail = rng.choice(("", "", ".html", "/", f"/{rng.randint(1000, 9_999_999)}"))
    scheme = rng.choice(("https://", "http://", "https://", ""))
    return f"{scheme}{host}/{rng.choice(_FOLDERS)}/{slug}{tail}"


def _with_link(text: str, link: str, rng: random.Random) -> str:
    kind = rng.random()
    if kind < 0.6:
        return f"{text} {link}"
    if kind < 0.8:
        return f"{link} {text}"
    return f"{text[:80]} {link}"


def with_shouting(examples: Sequence[SpamExample], share: float) -> list[SpamExample]:
    """``examples``, the same ``share`` of them each time in capitals, or said again and again.

    Anger does so as often as advertising does.
    """
    rng = random.Random(1)
    heated = []
    for example in examples:
        if rng.random() < share:
            if rng.random() < 0.5:
                text = example.text.upper() + "!" * rng.randint(0, 6)
            else:
                text = f"{example.text[: rng.randint(6, 60)]} " * rng.randint(2, 8)
            example = SpamExample(text.strip(), example.source, example.spam)
        heated.append(example)
    return heated


def make_up_examples(path: Path) -> list[SpamExample]:
    """Fill the templates of a TOML file such as config/spam_examples.toml, the same each time.

    Raises:
        FileNotFoundError: no such file.
        KeyError: a template names a slot that is not there.
    """
    table = tomllib.loads(path.read_text("utf-8"))
    rng = random.Random(0)
    made = {}
    for section, source in (("spam", MADE_UP_SPAM), ("ham", MADE_UP_HAM)):
        for template in (one for kind in table[section].values() for one in kind):
            for _ in range(table["per_template"]):
                text = _fill(template, table["slots"], rng)
                text = re.sub(r"\s+", " ", _typed(text, rng)).strip()
                made[text] = SpamExample(text, source, section == "spam")
    return list(made.values())


def _fill(template: str, slots: Mapping[str, Sequence[str]], rng: random.Random) -> str:
    while _SLOT.search(template):
        template = _SLOT.sub(lambda slot: rng.choice(slots[slot.group(1)]), template)
    return template


def _typed(text: str, rng: random.Random) -> str:
    """As different people would type it: letter case, emphasis, addresses in disguise."""
    chance = rng.random()
    if chance < 0.10:
        text = text.upper()
    elif chance < 0.30:
        text = text.lower()
    elif chance < 0.55:
        text = text[:1].upper() + text[1:]
    if rng.random() < 0.15:
        text += rng.choice(("!", "!!", "!!!!", " :)", "...", ".", "?"))
    if rng.random() < 0.10:
        text = re.sub(
            r"(?<=\w)\.(?=(?:com|net|shop|biz|io|top|club)\b)",
            rng.choice((" . ", "(dot)", " dot ", "[.]", " .")),
            text,
        )
    return text


def _plain(markup: str) -> str:
    return html.unescape(_TAG.sub(" ", markup)).replace("\ufeff", "").strip()
