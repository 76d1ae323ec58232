"""Where a setting's value comes from: defaults, a file, a choice, a variable."""

from __future__ import annotations

from pathlib import Path

import pytest

from moderation.settings import CHOICES_FILE, SettingsError, choose, load_settings


def test_a_choice_wins_over_files_and_a_variable_over_a_choice(tmp_path: Path) -> None:
    own = tmp_path / "own.toml"
    own.write_text(f'toxicity_engine = "detoxify:original"\nvar_dir = "{tmp_path}"\n')
    environ = {"MODERATION_CONFIG": str(own)}
    settings = load_settings(environ)
    assert settings.toxicity_engine == "detoxify:original"
    odd = 'detoxify:/models/"house"\\Über'
    assert choose(settings, "toxicity_engine", odd) == tmp_path / CHOICES_FILE
    assert load_settings(environ).toxicity_engine == odd
    assert load_settings(environ | {"MODERATION_TOXICITY_ENGINE": "compact"}).toxicity_engine == (
        "compact"
    )
    choose(settings, "toxicity_engine", "compact")
    assert load_settings(environ).toxicity_engine == "compact"
    assert sorted(path.name for path in tmp_path.iterdir()) == [CHOICES_FILE, "own.toml"]


def test_a_choice_lies_where_the_variable_says(tmp_path: Path) -> None:
    environ = {"MODERATION_VAR_DIR": str(tmp_path / "here")}
    choose(load_settings(environ), "toxicity_engine", "house")
    assert load_settings(environ).toxicity_engine == "house"
    elsewhere = {"MODERATION_VAR_DIR": str(tmp_path / "there")}
    assert load_settings(elsewhere).toxicity_engine == "compact"


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("toxicity_engin = 'x'", "did you mean toxicity_engine"),
        ("toxicity_engine = 3", "expected text"),
        ("var_dir = 'elsewhere'", "cannot be chosen here"),
        ("toxicity_engine =", "not valid TOML"),
    ],
)
def test_choices_that_cannot_be_used_are_named(tmp_path: Path, content: str, message: str) -> None:
    (tmp_path / CHOICES_FILE).write_text(content)
    with pytest.raises(SettingsError, match=rf"{CHOICES_FILE}.*{message}"):
        load_settings({"MODERATION_VAR_DIR": str(tmp_path)})
