"""Models that were added: whole or not at all, found by name."""

from __future__ import annotations

import os
import shutil
import time
from pathlib import Path

import pytest

from moderation.scoring.bundle import write_manifest
from moderation.scoring.errors import ScoringUnavailable
from moderation.scoring.judge import build_judge
from moderation.scoring.registry import (
    COMPACT_FOLDER,
    RegistryError,
    available,
    registering,
    remove,
    resolve,
)


def put(name: str, models_dir: Path) -> Path:
    """Register a copy of the bundled model."""
    with registering(name, models_dir) as folder:
        for file in ("model.onnx", "tokenizer.json", "manifest.json"):
            shutil.copyfile(COMPACT_FOLDER / file, folder / file)
    return models_dir / name


def test_a_registered_model_scores_by_its_name(tmp_path: Path) -> None:
    folder = put("house", tmp_path)
    assert resolve("house", tmp_path) == folder
    assert [model.name for model in available(tmp_path)] == ["house"]
    text = ["You are a worthless idiot."]
    by_name = build_judge("house", models_dir=tmp_path).assess(text)
    assert by_name[0].scores == build_judge().assess(text)[0].scores


def test_names_that_stand_for_no_model(tmp_path: Path) -> None:
    put("house", tmp_path)
    (tmp_path / "training").mkdir()
    for engine in ("home", "training", "spam", "detoxify", "../house", "", ".", "detoxify:house"):
        assert resolve(engine, tmp_path) is None
    assert resolve("house") is None
    assert resolve("compact", tmp_path) == resolve("compact") == COMPACT_FOLDER
    with pytest.raises(ScoringUnavailable, match="No toxicity engine 'home'"):
        build_judge("home", models_dir=tmp_path)


def test_an_addition_that_fails_leaves_nothing(tmp_path: Path) -> None:
    def fail() -> None:
        with registering("house", tmp_path) as folder:
            write_manifest(folder, [], {"version": "1"})
            assert available(tmp_path) == []
            raise KeyError

    with pytest.raises(KeyError):
        fail()
    assert list(tmp_path.iterdir()) == []


def test_what_a_killed_addition_left_is_no_model_and_cleared_later(tmp_path: Path) -> None:
    left = tmp_path / ".adding-killed"
    left.mkdir()
    write_manifest(left, [], {"version": "1"})
    assert available(tmp_path) == []
    put("house", tmp_path)
    assert left.exists()  # another addition may be at work there
    long_ago = time.time() - 2 * 24 * 3600
    os.utime(left, (long_ago, long_ago))
    put("home", tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["home", "house"]


@pytest.mark.parametrize("name", ["compact", "spam", "Über", "a/b", "", "x" * 41, ".hidden"])
def test_names_that_cannot_be_given(tmp_path: Path, name: str) -> None:
    with pytest.raises(RegistryError), registering(name, tmp_path):
        pass
    assert list(tmp_path.iterdir()) == []


def test_a_name_is_given_once(tmp_path: Path) -> None:
    put("house", tmp_path)
    with pytest.raises(RegistryError, match="remove house"):
        put("house", tmp_path)
    # Two additions at once: the second to finish is refused, and the first stands.
    late = registering("home", tmp_path)
    write_manifest(late.__enter__(), [], {"version": "late"})
    put("home", tmp_path)
    with pytest.raises(RegistryError):
        late.__exit__(None, None, None)
    by_name = {model.name: model.manifest["version"] for model in available(tmp_path)}
    assert by_name["home"] == by_name["house"] != "late"
    (tmp_path / "training").mkdir()
    with pytest.raises(RegistryError, match="is no model"):
        put("training", tmp_path)


def test_a_model_can_be_removed(tmp_path: Path) -> None:
    put("house", tmp_path)
    with pytest.raises(RegistryError, match="There are: house"):
        remove("compact", tmp_path)
    remove("house", tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_damaged_model_is_listed_and_refused(tmp_path: Path) -> None:
    folder = put("house", tmp_path)
    (folder / "manifest.json").write_text("{")
    assert available(tmp_path)[0].manifest == {}
    with pytest.raises(ScoringUnavailable, match="cannot be read"):
        build_judge("house", models_dir=tmp_path).assess(["text"])


def test_a_model_added_as_multilingual_reads_its_languages_unless_it_is_off(tmp_path: Path) -> None:
    french = ["Ce type est vraiment un imbécile"]

    def unsupported(multilingual: str) -> str | None:
        judge = build_judge(multilingual=multilingual, models_dir=tmp_path)
        return judge.assess(french)[0].unsupported

    assert unsupported("auto") == "language"
    shutil.copytree(COMPACT_FOLDER, tmp_path / "multilingual")
    assert unsupported("auto") is None
    assert unsupported("off") == "language"
    with pytest.raises(ScoringUnavailable, match="No toxicity engine 'no-such-model'"):
        unsupported("no-such-model")
