"""The catalogue: complete in every language; all that is asked for is in it, and nothing else."""

from __future__ import annotations

import re
import string
from pathlib import Path

import pytest
from babel import Locale

from moderation.desk import text

DESK = Path(text.__file__).parent
TEMPLATES = sorted((DESK / "templates").rglob("*.html"))
SCRIPTS = sorted((DESK / "static").rglob("*.js"))
MODULES = sorted(DESK.rglob("*.py"))
OTHERS = [code for code in text.languages() if code != text.DEFAULT]

_IN_TEMPLATE = re.compile(r"""\bt\(\s*"([a-z0-9_.]+)"\s*[,)]""")
_IN_SCRIPT = re.compile(r"""\bt\(\s*["']([a-z0-9_.]+)["']\s*[,)]""")
_IN_MODULE = re.compile(r"""\b(?:say|flash_note)\(\s*"([a-z0-9_.]+)"\s*[,)]""")


def placeholders(entry: text.Entry) -> set[str]:
    forms = [entry] if isinstance(entry, str) else list(entry.values())
    return {name for form in forms for _, name, _, _ in string.Formatter().parse(form) if name}


def test_there_is_more_than_one_language() -> None:
    assert OTHERS


@pytest.mark.parametrize("code", OTHERS)
def test_a_language_is_complete(code: str) -> None:
    ours, theirs = text.catalogue(text.DEFAULT), text.catalogue(code)
    assert set(theirs) == set(ours)
    differing = [key for key in ours if placeholders(ours[key]) != placeholders(theirs[key])]
    assert differing == []


@pytest.mark.parametrize("code", text.languages())
def test_what_is_counted_has_the_plurals_of_the_language(code: str) -> None:
    wanted = set(Locale(code).plural_form.tags) | {"other"}
    counted = {k: v for k, v in text.catalogue(code).items() if not isinstance(v, str)}
    assert [key for key, forms in counted.items() if set(forms) != wanted] == []


def asked_for(pattern: re.Pattern[str], files: list[Path]) -> set[tuple[str, str]]:
    return {(key, file.name) for file in files for key in pattern.findall(file.read_text("utf-8"))}


def test_all_that_is_asked_for_is_there() -> None:
    known = text.catalogue(text.DEFAULT)
    asked = asked_for(_IN_TEMPLATE, TEMPLATES) | asked_for(_IN_MODULE, MODULES)
    assert {(key, where) for key, where in asked if key not in known} == set()
    asked = asked_for(_IN_SCRIPT, SCRIPTS)
    assert {(key, where) for key, where in asked if f"script.{key}" not in known} == set()


def test_all_that_is_there_is_asked_for() -> None:
    """By its whole key, or by a table whose rest is put together: ``t("queue.band." ~ band)``."""
    sources = " ".join(p.read_text("utf-8") for p in [*TEMPLATES, *SCRIPTS, *MODULES])
    unused = []
    for key in text.catalogue(text.DEFAULT):
        spoken = key.removeprefix("script.")
        tables = [spoken[: at.end()] for at in re.finditer(r"[._]", spoken)]
        if f'"{spoken}"' in sources or any(re.search(f'"{re.escape(t)}"', sources) for t in tables):
            continue
        if any(f'f"{table}{{' in sources or f"`{table}${{" in sources for table in tables):
            continue
        unused.append(key)
    assert unused == []


_TAGS = re.compile(
    r"{% block (?:main|body)_class %}.*?{% endblock %}|{%.*?%}|{{.*?}}|{#.*?#}|<[^>]*>", re.DOTALL
)


@pytest.mark.parametrize(
    "template", TEMPLATES, ids=lambda path: str(path.relative_to(DESK / "templates"))
)
def test_no_template_has_words_of_its_own(template: Path) -> None:
    source = template.read_text("utf-8")
    assert re.findall(r"[A-Za-z]{2,}", _TAGS.sub(" ", re.sub(r"&\w+;", " ", source))) == []
    # Nor in what is read aloud or shown when pointed at.
    spoken = re.findall(
        r'(?:aria-label|title|placeholder|alt)="([^"{]*[A-Za-z]{2,}[^"{]*)"', source
    )
    assert spoken == []
