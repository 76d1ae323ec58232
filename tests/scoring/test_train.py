"""The project's own training, end to end, on made-up data and a tiny encoder."""

from __future__ import annotations

import csv
import gzip
import json
import os
import random
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner

from moderation.cli.models import models
from moderation.labels import TOXICITY_LABELS
from moderation.scoring.detoxify_model import load_detoxify
from moderation.scoring.metrics import roc_auc
from moderation.scoring.train import ResumeMismatch, train
from moderation.scoring.training_data import (
    epoch_examples,
    read_examples,
    split_holdout,
    telling_words,
)
from moderation.scoring.training_plan import TrainingPlan, load_plan

ROOT = Path(__file__).resolve().parents[2]
CONFIG = """
seed = 3
[base]
package = "tiny_encoder"
folder = "model"
[data]
max_chars = 200
max_tokens = 32
holdout_share = 0.1
gold_share = 0.5
disguised_share = 0.1
neutral_identity_rows = 4
[data.epoch_share]
crowd = 0.9
[run]
epochs = 3
batch_size = 8
learning_rate = 3e-3
warmup_share = 0.1
weight_decay = 0.01
precision = "float32"
threads = 1
checkpoint_every_steps = 3
"""


@pytest.fixture(autouse=True)
def _tiny_encoder(encoder_package: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(encoder_package))


@pytest.fixture
def config(tmp_path: Path) -> Path:
    (tmp_path / "training.toml").write_text(CONFIG)
    return tmp_path / "training.toml"


@pytest.fixture(scope="module")
def data_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("data")
    (folder / "toxicity").mkdir()
    rng = random.Random(5)
    gold = ["gold_toxicity", "gold_obscene", "gold_threat", "gold_insult", "gold_identity_attack"]
    lstm = [f"lstm_{label}" for label in TOXICITY_LABELS]
    with gzip.open(folder / "toxicity" / "train.csv.gz", "wt", newline="") as file:
        writer = csv.DictWriter(file, ["text", "source", *gold, *lstm])
        writer.writeheader()
        for number in range(160):
            toxic = number % 2
            words = rng.choices(["the", "bridge", "town", "day", "is"], k=6)
            words[rng.randrange(6)] = "fool" if toxic else "nice"
            row: dict[str, Any] = {"text": f"{' '.join(words)} {number}", "source": "crowd"}
            row |= {"gold_toxicity": 0.9 if toxic else 0.1} if number % 4 < 2 else {}
            writer.writerow(row | dict.fromkeys(lstm, 0.8 if toxic else 0.05))
    return folder


def test_training_makes_a_checkpoint_that_detoxify_loads_and_that_has_learnt(
    data_dir: Path, config: Path, tmp_path: Path
) -> None:
    command = ["train", "--data", str(data_dir), "--config", str(config)]
    result = CliRunner().invoke(
        models, [*command, "--output", str(tmp_path / "out"), "--epochs", "6"]
    )
    assert result.exit_code == 0, result.output
    toxic = ["the fool is the town", "fool day", "the bridge is fool"]
    kind = ["the nice is the town", "nice day", "the bridge is nice"]
    scores = load_detoxify(str(tmp_path / "out")).score(toxic + kind)
    assert roc_auc([1, 1, 1, 0, 0, 0], scores[:, 0]) == 1.0
    log = [json.loads(line) for line in (tmp_path / "out" / "log.jsonl").open()]
    assert [line["event"] for line in log if line["event"] != "step"] == (
        ["started", "planned"] + ["epoch"] * 6 + ["finished"]
    )
    measured = [line["held_out_loss"] for line in log if line["event"] == "epoch"]
    assert measured[-1] < measured[0]
    assert not (tmp_path / "out" / "latest.pt").exists()


_KILLED_AT_STEP_7 = """
import os, signal, sys
from pathlib import Path
from moderation.scoring.train import train
from moderation.scoring.training_plan import load_plan

def report(step, of, loss):
    if step == 7:
        os.kill(os.getpid(), signal.SIGKILL)

train(Path(sys.argv[1]), Path(sys.argv[3]), load_plan(Path(sys.argv[2])), report)
"""


def test_a_killed_run_goes_on_and_ends_in_the_same_model(
    data_dir: Path, config: Path, tmp_path: Path, encoder_package: Path
) -> None:
    plan = load_plan(config)
    train(data_dir, tmp_path / "whole", plan)
    killed = subprocess.run(
        [
            sys.executable,
            "-c",
            _KILLED_AT_STEP_7,
            str(data_dir),
            str(config),
            str(tmp_path / "cut"),
        ],
        env=os.environ | {"PYTHONPATH": os.pathsep.join([str(ROOT), str(encoder_package)])},
        capture_output=True,
        check=False,
    )
    assert killed.returncode == -signal.SIGKILL, killed.stderr.decode()
    steps = []
    train(data_dir, tmp_path / "cut", plan, lambda step, of, loss: steps.append(step))
    assert steps[0] == 7  # step 6 was the last one saved
    texts = ["the fool is the town", "nice day", "bridge"]
    whole = load_detoxify(str(tmp_path / "whole")).score(texts)
    resumed = load_detoxify(str(tmp_path / "cut")).score(texts)
    assert np.abs(whole - resumed).max() < 1e-4


def test_an_unfinished_run_with_other_numbers_is_not_mixed_with_this_one(
    data_dir: Path, config: Path, tmp_path: Path
) -> None:
    class Interrupted(Exception):
        pass

    def interrupt(step: int, of: int, loss: float) -> None:
        if step == 4:
            raise Interrupted

    with pytest.raises(Interrupted):
        train(data_dir, tmp_path / "out", load_plan(config), interrupt)
    with pytest.raises(ResumeMismatch, match="another plan"):
        train(data_dir, tmp_path / "out", load_plan(config, seed=4))


def test_a_shorter_run_may_be_asked_for_half_way(
    data_dir: Path, config: Path, tmp_path: Path
) -> None:
    class Interrupted(Exception):
        pass

    def interrupt(step: int, of: int, loss: float) -> None:
        if step == 10:
            raise Interrupted

    with pytest.raises(Interrupted):
        train(data_dir, tmp_path / "out", load_plan(config), interrupt)
    finished = train(data_dir, tmp_path / "out", load_plan(config, epochs=1))
    planned = [
        json.loads(line) for line in (tmp_path / "out" / "log.jsonl").open() if '"planned"' in line
    ]
    assert finished["steps"] == planned[-1]["steps"] < planned[0]["steps"]


def test_a_missing_encoder_package_is_named(data_dir: Path, config: Path, tmp_path: Path) -> None:
    plan = load_plan(config, base_package="no_such_encoder")
    with pytest.raises(ModuleNotFoundError, match=r"no_such_encoder.*extra 'train'"):
        train(data_dir, tmp_path / "out", plan)


def test_targets_mix_people_and_teacher(data_dir: Path) -> None:
    path = data_dir / "toxicity" / "train.csv.gz"
    examples = read_examples(path, gold_share=0.5, max_chars=300)
    assert examples[0].targets[0] == pytest.approx(0.5 * 0.1 + 0.5 * 0.05)
    assert examples[2].targets[0] == pytest.approx(0.05)  # nobody said: the teacher alone
    assert examples[1].targets[4] == pytest.approx(0.8)
    assert all(len(example.targets) == len(TOXICITY_LABELS) for example in examples)


def test_held_out_rows_are_the_same_every_time_and_never_trained_on(data_dir: Path) -> None:
    path = data_dir / "toxicity" / "train.csv.gz"
    examples = read_examples(path, gold_share=0.5, max_chars=300)
    kept, held = split_holdout(examples, 0.2)
    assert split_holdout(examples[::-1], 0.2)[1] == held[::-1]
    assert 0 < len(held) < len(kept)
    assert not {example.text for example in kept} & {example.text for example in held}


def test_epochs_differ_but_repeat_themselves(data_dir: Path) -> None:
    path = data_dir / "toxicity" / "train.csv.gz"
    examples = read_examples(path, gold_share=0.5, max_chars=300)

    def epoch(number: int) -> list[Any]:
        return epoch_examples(
            examples,
            epoch=number,
            seed=1,
            epoch_share={"crowd": 0.5},
            disguised_share=0.5,
            telling=frozenset({"fool"}),
            neutral_identity_rows=7,
        )

    assert epoch(0) == epoch(0) != epoch(1)
    assert sum(example.source == "neutral_identity" for example in epoch(0)) == 7
    assert 0.3 < (len(epoch(0)) - 7) / len(examples) < 0.7
    plain = {example.text for example in examples}
    assert any(example.text not in plain for example in epoch(0) if example.source == "crowd")


def test_telling_words_are_those_of_toxic_rows(data_dir: Path) -> None:
    path = data_dir / "toxicity" / "train.csv.gz"
    examples = read_examples(path, gold_share=0.5, max_chars=300)
    assert telling_words(examples, count=1) == {"fool"}


@pytest.mark.parametrize(
    ("line", "replacement", "message"),
    [
        ("seed = 3", "", "missing .*seed"),
        ("epochs = 3", "epochs = 3\nepoch = 3", "unknown .*epoch"),
        ('precision = "float32"', 'precision = "float8"', "precision is one of"),
        ("batch_size = 8", "batch_size = 0", "at least 1"),
    ],
)
def test_a_wrong_plan_is_said_precisely(
    tmp_path: Path, line: str, replacement: str, message: str
) -> None:
    (tmp_path / "plan.toml").write_text(CONFIG.replace(line, replacement))
    with pytest.raises(ValueError, match=message):
        load_plan(tmp_path / "plan.toml")


def test_the_shipped_plan_can_be_read() -> None:
    plan = load_plan(ROOT / "config" / "training.toml", epochs=1)
    assert isinstance(plan, TrainingPlan)
    assert plan.epochs == 1
    assert plan.fingerprint() == load_plan(ROOT / "config" / "training.toml").fingerprint()
