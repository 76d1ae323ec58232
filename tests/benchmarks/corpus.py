"""Plausible comments, the same in every run, for filling databases and for posting."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass

_WORDS = (
    "the and this that with council budget tram line school teachers match goal referee weather "
    "rain price bread rent landlord mayor election vote plan bridge repair street lamp bicycle "
    "lane bus driver hospital doctor nurse queue library book museum ticket concert garden river "
    "flood storm farmer harvest market factory worker strike union wage tax pension minister "
    "court judge verdict police station thank you honestly never always maybe really quite very "
    "good bad better worse agree disagree article reporter photo headline question answer why "
    "how when because although should could would not only even still again finally another"
).split()
_NAMES = "Ada Bo Cem Dora Eli Fay Gus Hana Ivo Jun Kai Lea Mo Nia Ola Pia Quin Rui Sol Tea".split()


@dataclass(frozen=True)
class Remark:
    """One comment by a reader: what both services store of it."""

    author: str
    text: str


def remarks(seed: int = 0) -> Iterator[Remark]:
    """Comments without end: 5 to 40 words, at most 300 characters, none twice."""
    chance = random.Random(seed)
    number = 0
    while True:
        number += 1
        words = chance.choices(_WORDS, k=chance.randint(5, 40))
        text = f"{' '.join(words)[:280]} ({number})"
        yield Remark(f"{chance.choice(_NAMES)} {number % 997}", text.capitalize())
