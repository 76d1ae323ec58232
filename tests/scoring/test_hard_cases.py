"""The project's own hard cases, on judges with planted faults."""

import json
import re
from collections import Counter

import pytest
from click.testing import CliRunner

from moderation.cli.models import models
from moderation.labels import LABELS
from moderation.scoring import made_up
from moderation.scoring.hard_cases import hard_cases, measure
from moderation.scoring.identity_bias import identity_sentences
from moderation.scoring.judge import Assessment

CASES = {case.text: case for case in hard_cases()}


class PlantedJudge:
    """Right about every case, but for the kinds that ``misread`` names."""

    model_version = "planted/1"

    def __init__(self, *misread: str) -> None:
        self._misread = misread

    def assess(self, texts):
        for text in texts:
            case = CASES[text]
            toxic = case.toxic is not (case.kind in self._misread)
            yield Assessment(dict.fromkeys(LABELS, 0.9 if toxic else 0.1), self.model_version)


def test_a_judge_without_fault() -> None:
    report = measure(PlantedJudge())
    assert report.summary() == {
        "sentences": len(CASES),
        "accuracy": 1,
        "accuracy_harmless": 1,
        "accuracy_toxic": 1,
        "roc_auc": 1,
    }
    assert report.mistakes == ()


@pytest.mark.parametrize("kind", ["counter_speech", "implied_threat"])
def test_a_misread_kind_shows_and_no_other(kind) -> None:
    report = measure(PlantedJudge(kind))
    wrong = {row["kind"] for row in report.rows() if row["accuracy"] < 1}
    assert wrong == {kind}
    [row] = [row for row in report.rows() if row["kind"] == kind]
    assert (row["accuracy"], row["roc_auc"]) == (0, 0.5)
    assert report.roc_auc < 1
    assert {mistake.kind for mistake in report.mistakes} == {kind}
    side = "accuracy_toxic" if row["toxic"] else "accuracy_harmless"
    assert report.summary()[side] < 1


def test_the_threshold_decides() -> None:
    assert measure(PlantedJudge(), 0.05).summary()["accuracy_harmless"] == 0
    assert measure(PlantedJudge(), 0.95).summary()["accuracy_toxic"] == 0


def test_every_kind_has_enough_cases() -> None:
    sizes = Counter(case.kind for case in hard_cases())
    assert min(sizes.values()) >= 25
    for toxic in (True, False):
        assert len({case.kind for case in hard_cases() if case.toxic is toxic}) >= 12
    assert len(CASES) == len(hard_cases())


SLOT = re.compile(r"\{(?:a_)?([a-z_.]+)2?\}")


def slot_pattern(name: str) -> str:
    """A pattern of all that a slot of a training template can become."""
    if name == "group":
        words = [term.plural for term in made_up.IDENTITY_TERMS]
    elif name == "adj":
        words = [term.adjective for term in made_up.IDENTITY_TERMS]
    elif name == "manwoman":
        words = ["man", "woman", "person"]
    elif name.startswith("sentence."):
        return ".+"
    else:
        words = list(made_up._material.slots[name])
    return f"(?:an? )?(?:{'|'.join(map(re.escape, words))})"


def test_no_case_was_seen_in_training() -> None:
    """No template can make one, and no five words in a row are a template's own."""

    def words(text: str) -> list[str]:
        return re.sub(r"[^\w{} ]", "", re.sub(r"\{[^}]*\}", " {} ", text.lower())).split()

    def runs(text: str) -> set[tuple[str, ...]]:
        found = words(text)
        return {tuple(found[at : at + 5]) for at in range(len(found) - 4)}

    templates = [
        sentence
        for category in made_up._material.categories.values()
        for sentence in category.sentences
    ]
    own_runs = {run for template in templates for run in runs(template) if "{}" not in run}
    patterns = [
        re.compile(
            "".join(
                re.escape(part) if at % 2 == 0 else slot_pattern(part)
                for at, part in enumerate(SLOT.split(template.rstrip(".!")))
            ),
            re.IGNORECASE,
        )
        for template in templates
    ]
    assert any(pattern.fullmatch("Someone should strangle greeks") for pattern in patterns)
    for text in CASES:
        assert not runs(text) & own_runs, text
        assert not any(pattern.fullmatch(text.rstrip(".!")) for pattern in patterns), text
    assert not {sentence.text for sentence in identity_sentences()} & set(CASES)


def test_the_command_prints_a_table_or_json(monkeypatch) -> None:
    judge = PlantedJudge("sarcastic_insult")
    monkeypatch.setattr("moderation.cli.models.measuring.build_judge", lambda engine, **more: judge)
    run = CliRunner().invoke(models, ["evaluate", "--hard-cases"])
    assert run.exit_code == 0, run.output
    assert re.search(r"^sarcastic_insult +yes +25 +0\.000", run.stdout, re.MULTILINE)
    assert re.search(r"^reclaimed +- +25 +1\.000", run.stdout, re.MULTILINE)
    assert "The worst of 25 mistakes" in run.stdout
    run = CliRunner().invoke(models, ["evaluate", "--hard-cases", "--json"])
    body = json.loads(run.stdout)
    assert len(body["mistakes"]) == 25
    assert body["summary"]["accuracy_harmless"] == 1


def test_one_thing_is_measured_at_a_time() -> None:
    run = CliRunner().invoke(models, ["evaluate", "--hard-cases", "--identities"])
    assert run.exit_code == 2
    assert "--hard-cases" in run.output
