"""Made-up training comments: varied, filled in, and fair to every group; groups exchanged."""

import random
import re
from collections import Counter, defaultdict
from statistics import mean

import pytest

from moderation.labels import TOXICITY_LABELS
from moderation.scoring.made_up import IDENTITY_TERMS, made_up_examples, swap_identity


@pytest.fixture(scope="module")
def examples():
    return list(made_up_examples(12_000, random.Random(7)))


def test_examples_are_many_and_filled_in(examples) -> None:
    assert len(examples) == 12_000
    assert len({example.text for example in examples}) > 9_000
    for example in examples:
        assert example.text.strip()
        assert not set("{}|") & set(example.text), example.text
        assert len(example.targets) == len(TOXICITY_LABELS)
        assert all(0 <= value <= 1 for value in example.targets)


def test_the_same_seed_gives_the_same_examples() -> None:
    first, again = (list(made_up_examples(50, random.Random(3))) for _ in range(2))
    assert first == again
    assert first != list(made_up_examples(50, random.Random(4)))


def test_harmless_is_not_abusive(examples) -> None:
    shares = Counter(example.source.split("_")[2] for example in examples)
    assert set(shares) == {"harmless", "hateful"}
    assert 0.5 < shares["harmless"] / len(examples) < 0.65
    for example in examples:
        assert (example.targets[0] >= 0.55) == example.source.startswith("made_up_hateful")


def test_every_group_stands_in_harmless_and_hateful_company(examples) -> None:
    """No name may tell by itself whether a comment is abuse."""
    toxicity = defaultdict(list)
    for example in examples:
        for term in IDENTITY_TERMS:
            if term.plural.lower() in example.text.lower():
                toxicity[term].append(example.targets[0] >= 0.5)
    usual = mean(mean(seen) for seen in toxicity.values())
    for term in IDENTITY_TERMS:
        assert len(toxicity[term]) >= 10, term
        if term.kind != "contrast":
            assert 0.2 < mean(toxicity[term]) < 0.85, (term, usual)


def test_terms_are_named_once() -> None:
    assert len(IDENTITY_TERMS) >= 110
    for form in ("adjective", "plural"):
        names = [getattr(term, form).lower() for term in IDENTITY_TERMS]
        assert len(names) == len(set(names)), form


@pytest.mark.parametrize(
    ("text", "pattern"),
    [
        ("anti-Muslim sentiment", r"anti-\S.* sentiment"),
        ("anti-muslim sentiment", r"anti-[^A-Z]+ sentiment"),
        ("I hate MUSLIMS.", r"I hate [^a-z]+\."),
        ("he is gay...", r"he is [^A-Z]+\.\.\."),
        ("a Greek/Jewish place", r"an? (.+)/\1 place"),
        ("Black women and women", r".+ women and .+"),
        ("Jews live here. Jews vote.", r"([A-Z].+) live here\. \1 vote\."),
    ],
)
def test_swapping_keeps_form_and_case(text, pattern) -> None:
    for seed in range(30):
        swapped = swap_identity(text, random.Random(seed))
        assert swapped != text
        assert re.fullmatch(pattern, swapped), swapped


def test_the_group_becomes_another_one() -> None:
    for seed in range(300):
        swapped = swap_identity("Muslims and a Jew met", random.Random(seed))
        assert "muslim" not in swapped.lower()
        assert "jew" not in swapped.lower()


def test_the_article_follows() -> None:
    seen = {swap_identity("A Jewish man met an Asian girl", random.Random(n)) for n in range(80)}
    assert any(text.startswith("An ") for text in seen)
    assert not any(" an Muslim" in text or text.startswith("A Irish") for text in seen)
    assert "A European man met a European girl" in seen | {
        swap_identity("A Jewish man met an Asian girl", random.Random(n)) for n in range(80, 900)
    }


@pytest.mark.parametrize(
    "text",
    [
        "",
        "The bus is late.",
        "the white house",
        "American cheese",
        "a straight line",
        "the man said",
    ],
)
def test_what_names_no_group_stays(text) -> None:
    assert swap_identity(text, random.Random(1)) == text
