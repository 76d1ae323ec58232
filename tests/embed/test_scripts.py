"""The article page's scripts: small, cacheable, whole, and with every word in every language."""

from __future__ import annotations

import gzip
import re
import string
from pathlib import Path

import pytest
from babel import Locale
from factories import Service
from flask.testing import FlaskClient

from moderation.catalogue import DEFAULT, Entry
from moderation.embed import bundle
from moderation.embed.words import WORDS
from moderation.web import create_app

EMBED = Path(bundle.__file__).parent
MAX_BYTES = 15_000
OTHERS = [code for code in WORDS.languages if code != DEFAULT]
SCRIPTS = ["v1.js", "v1/later.js", *(f"v1/words-{code}.js" for code in WORDS.languages)]


@pytest.fixture
def client(tmp_path: Path):
    service = Service(tmp_path)
    yield create_app(service.wiring).test_client()
    service.close()


@pytest.mark.parametrize("name", SCRIPTS)
def test_a_script_is_sent_once_and_then_only_confirmed(client: FlaskClient, name: str) -> None:
    first = client.get(f"/embed/{name}", headers={"Accept-Encoding": "gzip"})
    assert first.status_code == 200
    assert first.mimetype == "text/javascript"
    assert first.headers["Access-Control-Allow-Origin"] == "*"
    assert first.headers["Cross-Origin-Resource-Policy"] == "cross-origin"
    assert "public" in first.headers["Cache-Control"]
    assert "Accept-Encoding" in first.vary
    assert len(first.data) <= MAX_BYTES
    plain = client.get(f"/embed/{name}")
    assert "Content-Encoding" not in plain.headers
    assert gzip.decompress(first.data) == plain.data
    again = client.get(f"/embed/{name}", headers={"If-None-Match": first.headers["ETag"]})
    assert (again.status_code, again.data) == (304, b"")


@pytest.mark.parametrize("name", ["v2.js", "v1/api.js", "v1/words-xx.js", "../pages.py"])
def test_there_are_no_others(client: FlaskClient, name: str) -> None:
    assert client.get(f"/embed/{name}").status_code == 404


def test_nothing_is_left_to_import_at_the_top() -> None:
    for name in ("v1.js", "later.js"):
        assert not re.search(r"^import\b", bundle.join(name), re.MULTILINE)


def test_names_in_two_modules_are_noticed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "a.js").write_text('import { x } from "./b.js";\nconst one = 1;\n')
    (tmp_path / "b.js").write_text("export const x = 1;\nconst one = 2;\n")
    monkeypatch.setattr(bundle, "FOLDER", tmp_path)
    with pytest.raises(ValueError, match="one"):
        bundle.join("a.js")


def test_what_is_squeezed_says_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source = 'const a = "x , y" + `p ; q`;\n  // gone\nconst b = /[ ;] {2}/g, c = a / 2;\n'
    (tmp_path / "a.js").write_text(source)
    monkeypatch.setattr(bundle, "FOLDER", tmp_path)
    assert bundle.join("a.js") == 'const a="x , y" + `p ; q`;const b=/[ ;] {2}/g,c=a / 2;'


# --- Words --------------------------------------------------------------------------------------


def placeholders(entry: Entry) -> set[str]:
    forms = [entry] if isinstance(entry, str) else list(entry.values())
    return {name for form in forms for _, name, _, _ in string.Formatter().parse(form) if name}


@pytest.mark.parametrize("code", OTHERS)
def test_a_language_is_complete(code: str) -> None:
    ours, theirs = WORDS.entries(DEFAULT), WORDS.entries(code)
    assert set(theirs) == set(ours)
    assert [k for k in ours if placeholders(ours[k]) != placeholders(theirs[k])] == []


@pytest.mark.parametrize("code", WORDS.languages)
def test_what_is_counted_has_the_plurals_of_the_language(code: str) -> None:
    wanted = set(Locale(code).plural_form.tags) | {"other"}
    counted = {k: v for k, v in WORDS.entries(code).items() if not isinstance(v, str)}
    assert counted
    assert [key for key, forms in counted.items() if set(forms) != wanted] == []


def test_all_that_is_asked_for_is_there_and_used() -> None:
    """Scripts know words without the prefix that says when they are fetched; pages with it."""
    scripts = [*(EMBED / "v1").glob("*.js")]
    pages = [*EMBED.glob("*.py"), *(EMBED / "templates" / "embed").glob("*.html")]
    known = set(WORDS.entries(DEFAULT))
    in_scripts = {key.removeprefix(bundle.LATER) for key in known}
    tables = "|".join(sorted({key.rpartition(".")[0] for key in known | in_scripts}))
    name = re.compile(rf"""["']((?:{tables})\.[a-z_]+)["']""")

    def asked(sources: list[Path]) -> set[str]:
        return {key for path in sources for key in name.findall(path.read_text("utf-8"))}

    assert asked(scripts) - in_scripts == set()
    assert asked(pages) - known == set()
    used = asked(scripts) | {key.removeprefix(bundle.LATER) for key in asked(pages)}
    unused = {key for key in in_scripts - used if not key.startswith("report.of.")}
    assert unused <= {"own.edit", "own.withdraw", "own.dismiss", "list.newest", "list.oldest"}
