"""Names of groups, as the training sentences and the identity test list them."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class IdentityTerm:
    """The name of a group: its adjective, its plural, and what kind of group it is.

    ``singular`` is the noun for one of the group where that is no regular form, else None. The
    kind "contrast" holds political camps, professions and the like, which the law does not
    protect and which abuse rarely aims at as such.
    """

    adjective: str
    plural: str
    kind: str
    singular: str | None = None

    @property
    def noun(self) -> str:
        """One member of the group: "Muslim" (as in "Muslims"), "gay person"."""
        if self.singular:
            return self.singular
        if self.plural == f"{self.adjective}s":
            return self.adjective
        return f"{self.adjective} person"


def read_terms(table: Mapping[str, Sequence[Sequence[str]]]) -> tuple[IdentityTerm, ...]:
    """The terms of a table of kind -> rows of adjective, plural and perhaps singular noun."""
    return tuple(
        IdentityTerm(forms[0], forms[1], kind, forms[2] if len(forms) > 2 else None)
        for kind, rows in table.items()
        for forms in rows
    )


_AN = re.compile(r"(?!eu|uk|uni[^nm]|one|us|uy)[aeiou]|(hiv|lgbt|hour|honest)", re.IGNORECASE)


def with_article(words: str) -> str:
    """``words`` behind "a" or "an", as they are spoken: "an Irish", "a European"."""
    return f"{'an' if _AN.match(words) else 'a'} {words}"


def capitalise(text: str) -> str:
    """``text`` with its first letter large and the rest as it was."""
    return text[:1].upper() + text[1:]
