"""Made-up comments about groups and persons, harmless and abusive, for the training to read.

A classifier that meets "gay" or "Muslim" mostly in insults learns that the name is the insult
(Dixon et al., "Measuring and Mitigating Unintended Bias in Text Classification", 2018). Two
remedies are made here: sentences from templates, in which the same names stand in harmless and
in hateful company alike; and the exchange of the groups a real comment names, under its own
label (counterfactual augmentation; Garg et al., "Counterfactual Fairness in Text
Classification through Robustness", 2019).

The sentences and words lie in ``made_up.toml``, which also tells what a template may hold.
"""

import random
import re
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from moderation.labels import TOXICITY_LABELS
from moderation.scoring.identities import IdentityTerm, capitalise, read_terms, with_article
from moderation.scoring.training_data import Example

_MATERIAL = Path(__file__).with_name("made_up.toml")


@dataclass(frozen=True, slots=True)
class _Category:
    name: str
    share: float
    abusive: bool
    targets: tuple[float, ...]
    sentences: tuple[str, ...]


class _Material:
    """What ``made_up.toml`` holds, read when first asked for."""

    @cached_property
    def _tables(self) -> dict[str, Any]:
        with _MATERIAL.open("rb") as file:
            return tomllib.load(file)

    @cached_property
    def terms(self) -> tuple[IdentityTerm, ...]:
        return read_terms(self._tables["identities"])

    @cached_property
    def slots(self) -> dict[str, tuple[str, ...]]:
        """Words of a slot; written with ``|`` between them, or with spaces where none has one."""
        return {
            name: tuple(word.strip() for word in (text.split("|") if "|" in text else text.split()))
            for name, text in self._tables["slots"].items()
        }

    @cached_property
    def categories(self) -> dict[str, _Category]:
        return {
            table["name"]: _Category(
                table["name"],
                table["share"],
                table.get("abusive", False),
                tuple(table["targets"]),
                tuple(table["sentences"]),
            )
            for table in self._tables["category"]
        }


_material = _Material()

IDENTITY_TERMS: tuple[IdentityTerm, ...] = _material.terms
_PROTECTED = tuple(term for term in IDENTITY_TERMS if term.kind != "contrast")
_CONTRAST = tuple(term for term in IDENTITY_TERMS if term.kind == "contrast")

_IDENTITY_ATTACK = TOXICITY_LABELS.index("identity_attack")


# --- Sentences ------------------------------------------------------------------------------------

_CONTRAST_SHARE = 0.08  # of the groups that abuse names
_SLOT = re.compile(r"\{(a_)?([a-z_.]+?)(2?)\}")


def _pick_term(rng: random.Random, abusive: bool) -> IdentityTerm:
    if not abusive:
        return rng.choice(IDENTITY_TERMS)
    return rng.choice(_CONTRAST if rng.random() < _CONTRAST_SHARE else _PROTECTED)


def _pick_plural(term: IdentityTerm, rng: random.Random) -> str:
    """The plural of ``term``, now and then of a group within it: "gay Muslims"."""
    if rng.random() < 0.06:
        other = rng.choice(_PROTECTED)
        plain = " " not in term.plural and " " not in other.adjective
        if plain and other.kind != term.kind and other.kind not in ("gender", "age"):
            return f"{other.adjective} {term.plural}"
    return term.plural


def _fill(template: str, terms: tuple[IdentityTerm, IdentityTerm], rng: random.Random) -> str:
    def word(found: re.Match[str]) -> str:
        article, name, second = found.groups()
        term = terms[1 if second else 0]
        if name.startswith("sentence."):
            quoted = rng.choice(_material.categories[name.removeprefix("sentence.")].sentences)
            return _fill(quoted, terms, rng)
        if name == "group":
            text = _pick_plural(term, rng)
        elif name == "adj":
            text = term.adjective
        elif name == "manwoman":
            text = "person" if term.kind == "gender" else rng.choice(("man", "woman", "person"))
        else:
            text = rng.choice(_material.slots[name])
        return with_article(text) if article else text

    return _SLOT.sub(word, template)


def _misspell(text: str, rng: random.Random) -> str:
    """Swap, drop or double one letter inside ``text``."""
    places = [at for at in range(1, len(text) - 2) if text[at : at + 2].isalpha()]
    if not places:
        return text
    at = rng.choice(places)
    first, second = text[at : at + 2]
    return text[:at] + rng.choice((second + first, second, first + first + second)) + text[at + 2 :]


def _type_carelessly(text: str, rng: random.Random) -> str:
    """Vary case and punctuation as commenters do; three in five texts stay as they are."""
    if rng.random() < 0.04:
        text = _misspell(text, rng)
    dice = rng.random()
    if dice < 0.14:
        text = text.lower()
        return text.rstrip(".") if rng.random() < 0.6 else text
    if dice < 0.19:
        return text.upper()
    if dice < 0.30:
        return text.rstrip(".")
    if dice < 0.36 and text.endswith("."):
        return text[:-1] + rng.choice(("!", "!!", "...", " !", "!!!"))
    return text


def _jitter(targets: tuple[float, ...], rng: random.Random) -> tuple[float, ...]:
    return tuple(
        round(min(1.0, max(0.0, value * rng.uniform(0.9, 1.1) + rng.uniform(-0.01, 0.01))), 4)
        for value in targets
    )


def _targets(category: _Category, term: IdentityTerm) -> tuple[float, ...]:
    targets = list(category.targets)
    if category.abusive and term.kind == "contrast":
        # Hating vegans or conservatives is as toxic an attack, but hardly one on an identity.
        targets[_IDENTITY_ATTACK] *= 0.35
    return tuple(targets)


def _make(category: _Category, rng: random.Random) -> tuple[str, tuple[float, ...]]:
    terms = _pick_term(rng, category.abusive), _pick_term(rng, category.abusive)
    text = capitalise(_fill(rng.choice(category.sentences), terms, rng))
    return text, _targets(category, terms[0])


def _join(first: str, second: str) -> str:
    return f"{first}{'' if first[-1] in '.!?' else '.'} {second}"


def made_up_examples(count: int, rng: random.Random) -> Iterator[Example]:
    """Yield ``count`` made-up comments, somewhat more harmless than abusive ones.

    An example's source names its kind: ``made_up_harmless_mention``, ``made_up_hateful_slurs``.
    Its targets are those of its category, shaken a little so that no value is learnt by heart.
    Two in five examples have one or two more harmless sentences around the first, and with them
    the larger of the targets, label by label. The same ``rng`` state gives the same examples.
    """
    categories = list(_material.categories.values())
    shares = [category.share for category in categories]
    harmless = [category for category in categories if not category.abusive]
    everyday = _material.slots["everyday"]
    for _ in range(count):
        [category] = rng.choices(categories, shares)
        text, targets = _make(category, rng)
        dice = rng.random()
        more = 0 if dice < 0.6 else 1 if dice < 0.88 else 2
        for _ in range(more):
            if rng.random() < 0.4:
                other = rng.choice(everyday)
            else:
                other, others = _make(rng.choice(harmless), rng)
                targets = tuple(map(max, targets, others))
            text = _join(text, other) if rng.random() < 0.5 else _join(other, text)
        source = f"made_up_{'hateful' if category.abusive else 'harmless'}_{category.name}"
        yield Example(_type_carelessly(text, rng), source, _jitter(targets, rng))


# --- Exchange of groups ---------------------------------------------------------------------------

# Words that mostly mean something else: exchanged only in front of people.
_AMBIGUOUS = frozenset(
    """
    black white brown straight old older young blind deaf poor rich female male foreign religious
    orthodox trans indigenous american english french dutch polish turkish european british spanish
    """.split()
)
_TOO_COMMON = frozenset("male men man woman".split())  # mostly just anybody
_BEFORE_PEOPLE = (
    r"(?=[\s-]+(?:people|persons?|folks?|men|man|women|woman|guys?|kids?|child(?:ren)?|girls?"
    r"|boys?|famil(?:y|ies)|communit(?:y|ies)|neighbou?rs?|teachers?|students?|immigrants?"
    r"|couples?|males?|females?|lives|voters?|players?|actors?|teens?|youths?|citizens)\b)"
)


def _forms() -> dict[str, tuple[str, str]]:
    """Lower-case words -> (form, kind), of every name that :func:`swap_identity` exchanges."""
    forms: dict[str, tuple[str, str]] = {}
    for term in _PROTECTED:
        forms.setdefault(term.plural.lower(), ("plural", term.kind))
        if term.singular:
            forms.setdefault(term.singular.lower(), ("noun", term.kind))
        forms.setdefault(term.adjective.lower(), ("adjective", term.kind))
    # Spoken of in the plural, without a plural of its own: "the gays".
    for word, kind in (
        ("gays", "sexual orientation"),
        ("blacks", "ethnicity"),
        ("whites", "ethnicity"),
        ("arabs", "ethnicity"),
        ("gypsies", "ethnicity"),
        ("moslems", "religion"),
    ):
        forms[word] = ("plural", kind)
    return {word: form for word, form in forms.items() if word not in _TOO_COMMON}


_FORMS = _forms()
_NAMES = re.compile(
    r"(?<!\w)(?:(?P<article>an?)(?P<gap>\s+))?(?P<name>"
    + "|".join(
        re.escape(word).replace(r"\ ", r"\s+") + (_BEFORE_PEOPLE if word in _AMBIGUOUS else "")
        for word in sorted(_FORMS, key=len, reverse=True)
    )
    + r")(?!\w)",
    re.IGNORECASE,
)


_SENTENCE_START = re.compile(r"(?:^|[.!?:])[\s\"']*$")


def _in_case_of(word: str, old: str, before: str) -> str:
    """``word`` in the case of ``old``, which stands after ``before``: THUS, thus, or as a name."""
    if len(old) > 1 and old.isupper() and old != "LGBT":
        return word.upper()
    if _SENTENCE_START.search(before) and not old.islower():
        return capitalise(word)
    return word.lower() if old.islower() else word


def swap_identity(text: str, rng: random.Random) -> str:
    """Exchange every group that ``text`` names for one other, form by form and case by case.

    Adjectives become adjectives ("anti-Muslim" "anti-gay") and plurals plurals ("Muslims" "gay
    people"); an article before them follows. All names become the same group, and never one
    that the text names already. Words such as "black" or "American" count only in front of
    people ("black men"). A text that names no group returns unchanged.
    """
    named = {re.sub(r"\s+", " ", found["name"].lower()) for found in _NAMES.finditer(text)}
    if not named:
        return text
    others = [
        term
        for term in _PROTECTED
        if not any(name in f"{term.adjective}|{term.plural}|{term.noun}".lower() for name in named)
    ]
    other = rng.choice(others)
    after_name = -1  # where the last name ended

    def exchange(found: re.Match[str]) -> str:
        nonlocal after_name
        name = found["name"]
        directly_behind = after_name >= 0 and text[after_name : found.start()].isspace()
        after_name = found.end()
        if directly_behind and name.lower() == "women":
            return found[0]  # "Muslim women" stay women
        form, _ = _FORMS[re.sub(r"\s+", " ", name.lower())]
        forms = {"adjective": other.adjective, "plural": other.plural, "noun": other.noun}
        word = _in_case_of(forms[form], name, text[: found.start("name")])
        if found["article"]:
            article = with_article(word).partition(" ")[0]
            if found["article"][0] == "A":
                article = article.upper() if name.isupper() else article.capitalize()
            word = article + found["gap"] + word
        return word

    return _NAMES.sub(exchange, text)
