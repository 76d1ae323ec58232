"""The commands about judges: score, models evaluate, models list."""

from __future__ import annotations

import csv
import gzip
import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from moderation.cli.models import models
from moderation.cli.score import score
from moderation.labels import LABELS
from moderation.scoring.registry import COMPACT_FOLDER, registering


@pytest.fixture(autouse=True)
def var_dir(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    monkeypatch.setenv("MODERATION_VAR_DIR", str(tmp_path / "var"))
    return tmp_path / "var"


def score_lines(content: str | bytes) -> Result:
    return CliRunner().invoke(score, ["--jsonl"], input=content)


def test_a_line_is_answered_by_a_line_in_order() -> None:
    texts = ["You are a worthless idiot.", "Thank you, I liked this.", "Subscribe to my channel!"]
    content = f"{json.dumps(texts[0])}\n" + json.dumps({"text": texts[1], "id": 7}) + "\n"
    result = score_lines(content + json.dumps(texts[2]))  # the last line needs no end
    assert result.exit_code == 0
    answers = [json.loads(line) for line in result.stdout.splitlines()]
    assert [tuple(answer) for answer in answers] == [LABELS] * 3
    assert all(0 <= value <= 1 for answer in answers for value in answer.values())
    assert answers[0]["toxicity"] > answers[1]["toxicity"]
    assert answers[2]["spam"] > max(answers[0]["spam"], answers[1]["spam"])


def test_an_explained_answer_has_what_is_behind_the_scores_too() -> None:
    content = '"You are wrong about this."\n"Tämä on täyttä roskaa ja te tiedätte sen"\n'
    result = CliRunner().invoke(score, ["--jsonl", "--explain"], input=content)
    english, finnish = (json.loads(line) for line in result.stdout.splitlines())
    more = ("spans", "language", "unsupported", "model_version")
    assert tuple(english) == tuple(finnish) == (*LABELS, *more)
    assert (english["language"], english["unsupported"]) == ("en", None)
    assert (finnish["language"], finnish["unsupported"]) == ("fi", "language")
    assert english["model_version"].startswith("compact/")


def test_many_lines_are_answered_as_one_is() -> None:
    lines = [json.dumps(f"comment number {number} on the bridge") for number in range(150)]
    together = score_lines("\n".join(lines) + "\n").stdout.splitlines()
    assert len(together) == 150
    for number in (0, 63, 64, 149):
        assert score_lines(lines[number]).stdout.splitlines() == [together[number]]


@pytest.mark.parametrize(
    ("bad", "why"),
    [
        (b"{", "not JSON"),
        (b"", "not JSON"),
        (b"7", "neither a JSON string"),
        (b'{"body": "x"}', "neither a JSON string"),
        (b'{"text": 3}', "neither a JSON string"),
        (b'"\xff"', "not UTF-8"),
        (b"[" * 200_000, "nested too deeply"),
    ],
)
def test_a_bad_line_is_named_after_the_good_ones_before_it(bad: bytes, why: str) -> None:
    result = score_lines(b'"one"\n"two"\n' + bad + b'\n"four"\n')
    assert result.exit_code == 2
    assert "line 3: " in result.stderr
    assert why in result.stderr
    assert len(result.stdout.splitlines()) == 2


def test_odd_text_is_scored() -> None:
    odd = ["", "\\ud800", "\\u0000", "x" * 9000]
    result = score_lines("".join(f'"{text}"\n' for text in odd))
    assert result.exit_code == 0, result.stderr
    assert len(result.stdout.splitlines()) == len(odd)


def test_nothing_in_gives_nothing_out() -> None:
    result = score_lines("")
    assert (result.exit_code, result.stdout) == (0, "")


def test_whoever_waits_for_an_answer_gets_it_before_the_next_line() -> None:
    process = subprocess.Popen(
        [sys.executable, "-c", "from moderation.cli.score import score; score()", "--jsonl"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    assert process.stdin
    assert process.stdout
    for text in ("one", "two"):
        process.stdin.write(json.dumps(text).encode() + b"\n")
        process.stdin.flush()
        assert set(json.loads(process.stdout.readline())) == set(LABELS)
    process.stdin.close()
    assert process.stdout.read() == b""
    assert process.wait() == 0
    process.stdout.close()


def test_texts_may_be_given_as_arguments() -> None:
    result = CliRunner().invoke(score, ["hello there"])
    assert result.exit_code == 0
    assert tuple(json.loads(result.stdout)) == LABELS


@pytest.mark.parametrize("arguments", [[], ["--jsonl", "text"]])
def test_what_to_score_must_be_clear(arguments: list[str]) -> None:
    result = CliRunner().invoke(score, arguments)
    assert result.exit_code == 2
    assert "Give texts, or --jsonl" in result.stderr


def test_an_engine_that_cannot_be_loaded_is_told_in_a_sentence() -> None:
    result = CliRunner().invoke(score, ["--engine", "detoxify:nothing", "text"])
    assert result.exit_code == 1
    assert "neither a Detoxify model" in result.stderr
    assert "Traceback" not in result.stderr


def _labelled(path: Path, header: list[str], rows: list[list[str]]) -> Path:
    with gzip.open(path, "wt", newline="") if path.suffix == ".gz" else path.open("w") as file:
        csv.writer(file).writerows([header, *rows])
    return path


def test_evaluate_measures_both_kinds_of_label(tmp_path: Path, var_dir: Path) -> None:
    file = _labelled(
        tmp_path / "labelled.csv.gz",
        ["text", "masked", "toxic", "spam"],
        [
            ["You are a worthless idiot.", "You are a w0rthless 1d1ot.", "1", "0"],
            ["Shut up, stupid.", "Shut up, s.t.u.p.i.d.", "1", "0"],
            ["Thank you for this.", "Thank you for this.", "0", "0"],
            ["Subscribe to my channel", "Subscribe to my channel", "0", "1"],
        ],
    )
    result = CliRunner().invoke(models, ["evaluate", str(file), "--json"])
    assert result.exit_code == 0, result.output
    report = json.loads(result.stdout)
    assert report["rows"] == 4
    assert report["model_version"].startswith("compact/")
    assert report["toxic"]["roc_auc"] == report["toxic"]["average_precision"] == 1.0
    assert report["spam"]["roc_auc"] == 1.0
    assert 0 <= report["spam"]["calibration_error"] <= 1
    assert len(report["sha256"]) == 64
    (written,) = (var_dir / "reports").iterdir()
    assert written.name.startswith(f"compact-labelled.csv-{report['sha256'][:8]}-")
    first = written.read_text()
    assert first.startswith("<!doctype")
    masked = CliRunner().invoke(models, ["evaluate", str(file), "--text-column", "masked"])
    assert masked.exit_code == 0
    assert "roc_auc 1.0" in masked.stdout
    assert "positives 2" in masked.stdout
    assert "{" not in masked.stdout  # JSON is for whoever asks
    # A report is a record: the next one has a name of its own, within the same second too.
    assert len(list((var_dir / "reports").iterdir())) == 2
    assert written.read_text() == first


@pytest.mark.parametrize(
    ("header", "rows", "message"),
    [
        (["body", "toxic"], [["a", "1"]], "needs a column 'text'"),
        (["text"], [["a"]], "one of toxic, spam"),
        (["text", "toxic"], [], "has no rows"),
        (["text", "toxic"], [["a", "yes"]], "line 2: toxic is 'yes'"),
        (["text", "toxic"], [["a", "1"], ["b", "1"]], "both kinds"),
        (["text", "toxic"], [["a", ""]], "line 2: toxic is ''"),
        (["text", "gold_threat"], [["a", "1.5"]], "line 2: gold_threat is '1.5', not a number"),
        (["text", "gold_threat"], [["a", "nan"]], "line 2: gold_threat is 'nan', not a number"),
        (["text", "gold_threat"], [["a", ""], ["b", ""]], "both kinds"),
    ],
)
def test_evaluate_says_what_is_wrong_with_a_file(
    tmp_path: Path, header: list[str], rows: list[list[str]], message: str
) -> None:
    file = _labelled(tmp_path / "labelled.csv", header, rows)
    result = CliRunner().invoke(models, ["evaluate", str(file)])
    assert result.exit_code == 1
    assert message in result.stderr


def test_soft_labels_count_from_a_cut_off_and_the_rest_is_left_out(tmp_path: Path) -> None:
    rows = [["You worthless idiot.", "0.6"], ["Thank you.", "0.2"], ["You idiot.", ""]]
    file = _labelled(tmp_path / "labelled.csv", ["text", "gold_insult"], rows)
    report = tmp_path / "report.html"
    arguments = ["evaluate", str(file), "--report", str(report), "--json", "--cut-off"]
    result = CliRunner().invoke(models, [*arguments, "0.5"])
    assert json.loads(result.stdout)["gold_insult"]["positives"] == 1
    assert "2 texts with a label" in report.read_text()
    # Above the highest share nobody is positive, and nothing can be measured.
    assert "both kinds" in CliRunner().invoke(models, [*arguments, "0.7"]).stderr


def test_compare_puts_two_engines_side_by_side(tmp_path: Path, var_dir: Path) -> None:
    with registering("house", var_dir / "models") as folder:
        shutil.copytree(COMPACT_FOLDER, folder, dirs_exist_ok=True)
    rows = [
        ["You worthless idiot.", "1"],
        ["Thank you.", "0"],
        ["Shut up, fool.", "1"],
        ["Yes.", "0"],
    ]
    file = _labelled(tmp_path / "labelled.csv", ["text", "toxic"], rows)
    told = CliRunner().invoke(models, ["compare", "compact", "house", str(file)])
    assert told.exit_code == 0, told.output
    assert "{" not in told.stdout
    assert "would decide 100.00% alike" in told.stdout
    result = CliRunner().invoke(models, ["compare", "compact", "house", str(file), "--json"])
    found = json.loads(result.stdout)
    assert found["toxic"]["auc_difference"]["difference"] == 0
    assert found["outcome_agreement"] == 1
    assert found["labels"]["toxicity"]["rank_correlation"] == 1
    assert set(found["labels"]["toxicity"]["agreement"]) == {"0.1", "0.5", "0.97"}
    written = list((var_dir / "reports").iterdir())
    assert len(written) == 2
    assert all(path.name.startswith("compact-house-labelled.csv-") for path in written)
    refused = CliRunner().invoke(models, ["compare", "compact", "home", str(file)])
    assert refused.exit_code == 1
    assert "No toxicity engine 'home'" in refused.stderr
    refused = CliRunner().invoke(
        models, ["compare", "compact", "house", str(file), "--policy", "stern"]
    )
    assert "No policy 'stern'" in refused.stderr


def test_list_names_every_engine() -> None:
    result = CliRunner().invoke(models, ["list"])
    assert result.exit_code == 0
    words = " ".join(result.stdout.split())
    for name in ("* compact bundled", "* spam bundled", "detoxify:unbiased", "detoxify:PATH"):
        assert name in words
