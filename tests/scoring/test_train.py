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
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from click.testing import CliRunner

from moderation.cli.models import models
from moderation.labels import TOXICITY_LABELS
from moderation.scoring.detoxify_model import load_detoxify
from moderation.scoring.export import export
from moderation.scoring.metrics import roc_auc
from moderation.scoring.onnx_model import OnnxToxicity
from moderation.scoring.train import ResumeMismatch, train
from moderation.scoring.training_checkpoint import checkpoint_of, weights_of
from moderation.scoring.training_data import (
    Example,
    measured_texts,
    read_examples,
    read_spans,
    runs,
    split_holdout,
    telling_words,
)
from moderation.scoring.training_epochs import Changes, epoch_examples
from moderation.scoring.training_plan import TrainingPlan, load_plan

ROOT = Path(__file__).resolve().parents[2]
CONFIG = """
seed = 3
[base]
package = "tiny_encoder"
folder = "model"
continue_from = ""
[data]
max_chars = 200
max_tokens = 32
holdout_share = 0.1
calibration_sources = ["crowd"]
disguised_share = 0.1
swapped_share = 0.3
long_rows = 3
made_up_rows = 0
[data.gold_share]
other = 0.5
[data.epoch_share]
crowd = 0.9
other = 1.0
[run]
epochs = 3
batch_size = 8
learning_rate = 3e-3
warmup_share = 0.1
weight_decay = 0.01
span_loss_share = 0.5
average_decay = 0.9
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
    marked: list[dict[str, Any]] = []
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
            at = row["text"].find("fool")
            marked.append({"text": row["text"], "spans": [*range(at, at + 4)] if toxic else []})
    with (folder / "toxicity" / "spans_train.csv").open("w", newline="") as file:
        writer = csv.DictWriter(file, ["spans", "text"])
        writer.writeheader()
        writer.writerows(marked)
    return folder


def examples_of(data_dir: Path) -> list[Example]:
    return read_examples(
        data_dir / "toxicity" / "train.csv.gz", gold_share={"other": 0.5}, max_chars=300
    )


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
        ["started", "planned"] + ["epoch"] * 6 + ["calibrated", "span_threshold", "finished"]
    )
    measured = [line["held_out_loss"] for line in log if line["event"] == "epoch"]
    assert measured[-1] < measured[0]
    assert not (tmp_path / "out" / "latest.pt").exists()


def test_the_words_behind_a_score_are_learnt_and_survive_the_export(
    data_dir: Path, config: Path, tmp_path: Path
) -> None:
    train(data_dir, tmp_path / "out", load_plan(config, epochs=12))
    texts = ["the f.o.o.l is the town", "the bridge, FOOOOL!", "the bridge is nice"]
    export(tmp_path / "out" / "model.ckpt", tmp_path / "onnx", version="1", texts=texts)
    spans = OnnxToxicity(tmp_path / "onnx").read(texts).spans
    assert [[text[slice(*span)] for span in of] for text, of in zip(texts, spans, strict=True)] == [
        ["f.o.o.l"],
        ["FOOOOL"],
        [],
    ]


def test_training_goes_on_from_an_exported_model(
    data_dir: Path, config: Path, tmp_path: Path
) -> None:
    plan = load_plan(config)
    train(data_dir, tmp_path / "first", plan)
    texts = ["the fool is the town", "nice day", "the bridge is nice"]
    export(tmp_path / "first" / "model.ckpt", tmp_path / "onnx", version="1", texts=texts)
    onward = replace(plan, base_continue_from=str(tmp_path / "onnx"), learning_rate=1e-9)
    train(data_dir, tmp_path / "second", onward)
    before = load_detoxify(str(tmp_path / "first")).score(texts)
    after = load_detoxify(str(tmp_path / "second")).score(texts)
    order = np.argsort(before[:, 0])
    assert (np.argsort(after[:, 0]) == order).all()
    again = load_detoxify(str(checkpoint_of(tmp_path / "onnx", tmp_path / "back"))).score(texts)
    assert np.abs(again - before).max() < 0.05


def test_models_are_averaged_and_calibrated_anew(
    data_dir: Path, config: Path, tmp_path: Path
) -> None:
    plan = load_plan(config)
    texts = ["the fool is the town", "fool day", "the bridge is nice", "nice day"]
    train(data_dir, tmp_path / "first", plan)
    export(tmp_path / "first" / "model.ckpt", tmp_path / "onnx", version="1", texts=texts)
    train(data_dir, tmp_path / "second", replace(plan, base_continue_from=str(tmp_path / "onnx")))
    command = ["average", str(tmp_path / "onnx"), str(tmp_path / "second" / "model.ckpt")]
    command += ["--data", str(data_dir), "--config", str(config), "--share", "1", "--share", "3"]
    result = CliRunner().invoke(models, [*command, "--output", str(tmp_path / "mean")])
    assert result.exit_code == 0, result.output
    first, second, mean = (
        weights_of(path)
        for path in (tmp_path / "onnx", *(tmp_path / d / "model.ckpt" for d in ("second", "mean")))
    )
    for name in ("bert.encoder.layer.0.output.dense.weight", "span_head.weight"):
        assert torch.allclose(mean[name], first[name] / 4 + second[name] * 3 / 4, atol=1e-6), name
    scores = load_detoxify(str(tmp_path / "mean")).score(texts)
    assert roc_auc([1, 1, 0, 0], scores[:, 0]) == 1.0


def test_what_cannot_be_averaged_is_said(data_dir: Path, config: Path, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    command = ["average", "--data", str(data_dir), "--config", str(config)]
    wrong = CliRunner().invoke(models, [*command, str(tmp_path / "empty"), "--share", "1"])
    assert wrong.exit_code == 1
    assert "manifest.json is missing" in wrong.output
    few = CliRunner().invoke(models, [*command, str(tmp_path), str(data_dir), "--share", "1"])
    assert "2 models need as many shares, not 1" in few.output
    assert CliRunner().invoke(models, [*command, str(tmp_path), str(tmp_path)]).exit_code == 2


def test_a_model_to_go_on_from_that_is_missing_is_named(
    data_dir: Path, config: Path, tmp_path: Path
) -> None:
    command = ["train", "--data", str(data_dir), "--config", str(config)]
    command += ["--output", str(tmp_path / "out"), "--continue-from", str(tmp_path / "gone")]
    result = CliRunner().invoke(models, command)
    assert result.exit_code == 1
    assert f"{tmp_path / 'gone' / 'manifest.json'} is missing" in result.output


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
    examples = examples_of(data_dir)
    assert examples[0].targets[0] == pytest.approx(0.5 * 0.1 + 0.5 * 0.05)
    assert examples[2].targets[0] == pytest.approx(0.05)  # nobody said: the teacher alone
    assert examples[1].targets[4] == pytest.approx(0.8)
    assert all(len(example.targets) == len(TOXICITY_LABELS) for example in examples)


def test_a_source_may_have_a_share_of_its_own(data_dir: Path) -> None:
    path = data_dir / "toxicity" / "train.csv.gz"
    people = read_examples(path, gold_share={"crowd": 1.0, "other": 0.0}, max_chars=300)
    teacher = read_examples(path, gold_share={"other": 0.0}, max_chars=300)
    assert people[0].targets[0] == pytest.approx(0.1)
    assert teacher[0].targets[0] == pytest.approx(0.05)


def test_what_is_measured_on_is_never_trained_on(data_dir: Path, tmp_path: Path) -> None:
    text = examples_of(data_dir)[3].text
    (tmp_path / "toxicity").mkdir()
    with (tmp_path / "toxicity" / "spans_dev.csv").open("w", newline="") as file:
        csv.writer(file).writerows([["spans", "text"], ["[]", text]])
    never = measured_texts(tmp_path)
    assert never == {text}
    kept = read_examples(
        data_dir / "toxicity" / "train.csv.gz",
        gold_share={"other": 0.5},
        max_chars=300,
        never=never,
    )
    assert text not in {example.text for example in kept}
    assert len(kept) == len(examples_of(data_dir)) - 1


def test_offsets_become_spans(data_dir: Path) -> None:
    assert runs([7, 3, 4, 5, 9, 8]) == ((3, 6), (7, 10))
    spans = read_spans(data_dir / "toxicity" / "spans_train.csv")
    assert {text[slice(*span)] for text, of in spans.items() for span in of} == {"fool"}


def test_held_out_rows_are_the_same_every_time_and_never_trained_on(data_dir: Path) -> None:
    examples = examples_of(data_dir)
    kept, held = split_holdout(examples, 0.2)
    assert split_holdout(examples[::-1], 0.2)[1] == held[::-1]
    assert 0 < len(held) < len(kept)
    assert not {example.text for example in kept} & {example.text for example in held}


def test_epochs_differ_but_repeat_themselves(data_dir: Path) -> None:
    examples = examples_of(data_dir)
    changes = Changes({"crowd": 0.5, "other": 1.0}, 0.5, 0.5, long_rows=6, made_up_rows=7)

    def epoch(number: int) -> list[Any]:
        return epoch_examples(examples, changes, epoch=number, seed=1, telling=frozenset({"fool"}))

    assert epoch(0) == epoch(0) != epoch(1)
    sources = [example.source for example in epoch(0)]
    assert sum(source.startswith("made_up") for source in sources) == 7
    assert sources.count("joined") == 6
    assert 0.3 < sources.count("crowd") / len(examples) < 0.7
    plain = {example.text for example in examples}
    assert any(example.text not in plain for example in epoch(0) if example.source == "crowd")


def test_a_joined_text_is_as_toxic_as_its_worst_part(data_dir: Path) -> None:
    examples = examples_of(data_dir)
    changes = Changes({"other": 0.0}, 0.0, 0.0, long_rows=40, made_up_rows=0)
    joined = epoch_examples(examples, changes, epoch=0, seed=1, telling=frozenset())
    assert {"fool" in example.text for example in joined} == {True, False}
    for example in joined:
        assert (example.targets[0] > 0.4) == ("fool" in example.text)


def test_a_changed_row_loses_its_spans() -> None:
    examples = [Example("Jewish fool", "crowd", (0.9,) * 6, ((7, 11),))] * 40
    changes = Changes({"other": 1.0}, 0.0, 0.5, long_rows=0, made_up_rows=0)
    read = epoch_examples(examples, changes, epoch=0, seed=1, telling=frozenset())
    assert {example.text == "Jewish fool" for example in read} == {True, False}
    for example in read:
        assert (example.spans is None) == (example.text != "Jewish fool")


def test_telling_words_are_those_of_toxic_rows(data_dir: Path) -> None:
    assert telling_words(examples_of(data_dir), count=1) == {"fool"}


@pytest.mark.parametrize(
    ("line", "replacement", "message"),
    [
        ("seed = 3", "", "missing .*seed"),
        ("epochs = 3", "epochs = 3\nepoch = 3", "unknown .*epoch"),
        ('precision = "float32"', 'precision = "float8"', "precision is one of"),
        ("batch_size = 8", "batch_size = 0", "at least 1"),
        ("average_decay = 0.9", "average_decay = 1.0", "average_decay"),
        ("[data.gold_share]\nother = 0.5", "[data.gold_share]\ncrowd = 0.5", "gold_share .*other"),
    ],
)
def test_a_wrong_plan_is_said_precisely(
    tmp_path: Path, line: str, replacement: str, message: str
) -> None:
    (tmp_path / "plan.toml").write_text(CONFIG.replace(line, replacement))
    with pytest.raises(ValueError, match=message):
        load_plan(tmp_path / "plan.toml")


def test_the_shipped_plan_can_be_read() -> None:
    plan = load_plan(ROOT / "config" / "training.toml", epochs=7)
    assert isinstance(plan, TrainingPlan)
    assert plan.epochs == 7
    assert plan.fingerprint() == load_plan(ROOT / "config" / "training.toml").fingerprint()
