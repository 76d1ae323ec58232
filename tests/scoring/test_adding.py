"""Adding, using and removing models, through the commands."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner, Result

from moderation.cli.models import models
from moderation.scoring.detoxify_model import load_detoxify
from moderation.scoring.judge import build_judge
from moderation.settings import load_settings


@pytest.fixture(autouse=True)
def var_dir(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    monkeypatch.setenv("MODERATION_VAR_DIR", str(tmp_path / "var"))
    return tmp_path / "var"


@pytest.fixture
def labelled_file(tmp_path: Path) -> Path:
    rows = ["text,toxic", *(f"you are a fool {n},1\nthe bridge is good {n},0" for n in range(6))]
    (tmp_path / "labelled.csv").write_text("\n".join(rows) + "\n")
    return tmp_path / "labelled.csv"


def run(*arguments: object) -> Result:
    return CliRunner().invoke(models, [str(one) for one in arguments])


def listed() -> dict[str, dict[str, object]]:
    return {row["engine"]: row for row in json.loads(run("list", "--json").stdout)}


def test_a_checkpoint_is_added_measured_and_used(
    tiny_checkpoint: Path, labelled_file: Path, var_dir: Path
) -> None:
    added = run("add", tiny_checkpoint, "--name", "house", "--measure", labelled_file)
    assert added.exit_code == 0, added.output
    assert "Registered as house" in added.stdout
    assert "fp32 ONNX against Detoxify on 12 texts" in added.stdout
    manifest = json.loads((var_dir / "models" / "house" / "manifest.json").read_text())
    assert manifest["measured"]["file"] == "labelled.csv"
    assert manifest["measured"]["rows"] == 12
    assert manifest["made_by"] == "moderation models add"
    row = listed()["house"]
    assert (row["in_use"], row["kind"], row["labels"], row["needs"]) == (
        False,
        "added",
        6,
        "nothing",
    )
    assert row["roc_auc"] == f"{manifest['measured']['toxic']['roc_auc']:.4f} toxic on labelled.csv"

    used = run("use", "house")
    assert used.exit_code == 0, used.output
    for told in ("Nothing is scored again", "moderation rescore", "start them again"):
        assert told in used.stdout
    assert load_settings().toxicity_engine == "house"
    assert listed()["house"]["in_use"]
    assert not listed()["compact"]["in_use"]
    assert "* house" in " ".join(run("list").stdout.split())

    assert "is in use" in run("remove", "house").stderr
    assert run("use", "compact").exit_code == 0
    assert run("remove", "house").exit_code == 0
    assert "house" not in listed()


def test_an_added_model_scores_as_detoxify_does(official_checkpoint: Path, var_dir: Path) -> None:
    added = run("add", official_checkpoint, "--name", "house", "--no-quantise")
    assert added.exit_code == 0, added.output
    texts = ["You are a f.o.o.l", "nice day in the town", ""]
    judge = build_judge("house", models_dir=var_dir / "models")
    expected = load_detoxify(str(official_checkpoint)).score(texts)
    found = [list(one.scores.values())[:6] for one in judge.assess(texts)]
    assert np.array(found) == pytest.approx(expected, abs=1e-3)
    assert judge.model_version.startswith("house/")


def test_offline_says_so_plainly_and_registers_nothing(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, var_dir: Path
) -> None:
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "torch"))
    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:1")  # wherever the tests run
    result = run("add", "unbiased")
    assert result.exit_code == 1
    assert "'unbiased' could not be loaded" in result.stderr
    assert "Nothing was registered." in result.stderr
    assert "Traceback" not in result.output
    assert list((var_dir / "models").iterdir()) == []


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["nothing"], "neither a Detoxify model"),
        (["unbiased", "--name", "Über"], "no name for a model"),
        (["unbiased", "--name", "compact"], "taken by a bundled model"),
        (["/"], "no name for a model"),
    ],
)
def test_what_cannot_be_added_is_refused(arguments: list[str], told: str) -> None:
    result = run("add", *arguments)
    assert result.exit_code == 1
    assert told in result.stderr


def test_a_bad_labelled_file_is_refused_before_anything_is_loaded(tmp_path: Path) -> None:
    (tmp_path / "bad.csv").write_text("text,toxic\nhello,perhaps\n")
    result = run("add", "unbiased", "--measure", tmp_path / "bad.csv")
    assert result.exit_code == 1
    assert "line 2: toxic is 'perhaps'" in result.stderr


def test_an_addition_that_is_killed_leaves_no_model(tiny_checkpoint: Path, var_dir: Path) -> None:
    code = "from moderation.cli.models import models; models()"
    arguments = [sys.executable, "-c", code, "add", str(tiny_checkpoint), "--name", "house"]
    process = subprocess.Popen(arguments, stderr=subprocess.PIPE, env=os.environ.copy(), text=True)
    assert process.stderr
    while "exporting" not in (line := process.stderr.readline()):
        assert line, "it ended before it exported"
    time.sleep(0.5)
    process.send_signal(signal.SIGKILL)
    process.wait()
    process.stderr.close()
    assert "house" not in listed()
    assert run("add", tiny_checkpoint, "--name", "house").exit_code == 0


def test_what_cannot_be_loaded_is_not_taken() -> None:
    for engine, told in (("home", "No toxicity engine"), ("detoxify:none", "neither a Detoxify")):
        result = run("use", engine)
        assert result.exit_code == 1
        assert told in result.stderr
        assert "Still in use: compact" in result.stderr
    assert load_settings().toxicity_engine == "compact"


def test_a_variable_that_wins_is_named(
    monkeypatch: pytest.MonkeyPatch, tiny_checkpoint: Path
) -> None:
    monkeypatch.setenv("MODERATION_TOXICITY_ENGINE", "compact")
    monkeypatch.chdir(tiny_checkpoint.parent)
    result = run("use", "detoxify:model.ckpt")
    assert result.exit_code == 0, result.output
    assert "MODERATION_TOXICITY_ENGINE is set to compact here, and wins" in result.stdout
    monkeypatch.delenv("MODERATION_TOXICITY_ENGINE")
    assert load_settings().toxicity_engine == f"detoxify:{tiny_checkpoint.resolve()}"
    assert listed()[f"detoxify:{tiny_checkpoint.resolve()}"]["in_use"]


def test_a_damaged_model_is_named(tiny_checkpoint: Path, var_dir: Path) -> None:
    assert run("add", tiny_checkpoint, "--name", "house").exit_code == 0
    with (var_dir / "models" / "house" / "model.onnx").open("ab") as file:
        file.write(b" ")
    told = run("list").stdout
    assert "house: not usable." in told
    assert "model.onnx is not what its manifest says" in told
