"""The project's own test of bias by the name of a group, on judges with planted faults."""

import json
import re

import pytest
from click.testing import CliRunner

from moderation.cli.models import models
from moderation.labels import LABELS
from moderation.scoring import made_up
from moderation.scoring.identity_bias import TOLERANCE, identity_sentences, measure
from moderation.scoring.judge import Assessment

HATEFUL = {sentence.text: sentence.hateful for sentence in identity_sentences()}


class PlantedJudge:
    """Right about every sentence, but for what ``fault`` makes of the score it would give."""

    model_version = "planted/1"

    def __init__(self, fault=lambda text, score: score) -> None:
        self._fault = fault

    def assess(self, texts):
        scores = (self._fault(text, 0.9 if HATEFUL[text] else 0.1) for text in texts)
        return [Assessment(dict.fromkeys(LABELS, score), self.model_version) for score in scores]


def by_term(report):
    return {term.term: term for term in report.terms}


def test_a_fair_judge_has_no_bias() -> None:
    report = measure(PlantedJudge())
    assert report.mean_false_positive_rate == report.mean_false_negative_rate == 0
    assert report.above_mean == ()
    for term in report.terms:
        assert (term.subgroup_auc, term.bpsn_auc, term.bnsp_auc) == (1, 1, 1)


def test_a_name_taken_for_an_insult_is_found() -> None:
    """Harmless sentences about one group score high: false alarms, low subgroup AUC and BPSN."""
    report = measure(PlantedJudge(lambda text, score: 0.95 if "Sikh" in text else score))
    sikh, others = by_term(report)["Sikh"], [t for t in report.terms if t.term != "Sikh"]
    assert report.above_mean == ("Sikh",)
    assert report.rows()[0]["term"] == "Sikh"
    assert sikh.false_positive_rate == 1
    assert sikh.subgroup_auc == 0.5
    assert sikh.bpsn_auc == 0
    assert sikh.bnsp_auc == 1
    assert report.mean_false_positive_rate == pytest.approx(1 / len(report.terms))
    assert all(term.false_positive_rate == 0 for term in others)


def test_hate_that_slips_by_is_found() -> None:
    report = measure(PlantedJudge(lambda text, score: 0.05 if "deaf" in text.lower() else score))
    deaf = by_term(report)["deaf"]
    assert report.above_mean == ()
    assert deaf.false_negative_rate == 1
    assert deaf.bnsp_auc == 0
    assert deaf.bpsn_auc == 1


def test_a_kind_of_frame_that_is_misread_is_found() -> None:
    report = measure(PlantedJudge(lambda text, score: 0.8 if text.endswith("?") else score))
    rates = {frame.kind: frame.rate for frame in report.frames if not frame.hateful}
    assert rates["question"] > 0.5
    assert rates["pride_and_support"] == rates["news"] == 0


def test_the_threshold_decides() -> None:
    assert measure(PlantedJudge(), 0.05).mean_false_positive_rate == 1
    assert measure(PlantedJudge(), 0.95).mean_false_negative_rate == 1


def test_the_set_is_as_large_as_promised() -> None:
    sentences = identity_sentences()
    terms = {sentence.term for sentence in sentences}
    frames = [s for s in sentences if s.term == sentences[0].term]
    trained = {term.adjective for term in made_up.IDENTITY_TERMS}
    assert len(terms) >= 60
    assert sum(term.adjective not in trained for term in terms) >= 15
    assert sum(not frame.hateful for frame in frames) >= 30
    assert sum(frame.hateful for frame in frames) >= 20
    # A single frame must not be what puts a term above the tolerance.
    assert 1 / sum(not frame.hateful for frame in frames) < TOLERANCE
    assert len({sentence.text for sentence in sentences}) == len(sentences)


def test_no_sentence_is_one_made_for_training() -> None:
    """Nor close to one: no six words in a row are shared with a training template."""

    def shingles(text: str) -> set[tuple[str, ...]]:
        words = re.sub(r"\{[^}]*\}", " _ ", text.lower()).replace(",", "").strip(".!?").split()
        return {tuple(words[at : at + 6]) for at in range(len(words) - 5)} | {tuple(words)}

    term = identity_sentences()[0].term
    of_training = {
        shingle
        for category in made_up._material.categories.values()
        for sentence in category.sentences
        for shingle in shingles(sentence)
    }
    for sentence in identity_sentences():
        if sentence.term == term:
            frame = re.sub(f"(?i){term.plural}|{term.adjective}", "{}", sentence.text)
            assert not shingles(frame) & of_training, sentence.text


def test_every_sentence_is_grammatical() -> None:
    for sentence in identity_sentences():
        text = sentence.text
        assert not set("{}") & set(text)
        assert text[0].isupper()
        assert text[-1] in ".?!"
        assert not re.search(r"(?i)\ba (?=[aio]|e[^u])(?!one)", text), text
        assert not re.search(r"(?i)\ban (?![aeiou])", text), text


def test_the_command_prints_a_table_or_json(monkeypatch) -> None:
    judge = PlantedJudge(lambda text, score: 0.55 if "Sikh" in text else score)
    monkeypatch.setattr("moderation.cli.models.measuring.build_judge", lambda engine, **more: judge)
    run = CliRunner().invoke(models, ["evaluate", "--identities"])
    assert run.exit_code == 0, run.output
    assert re.search(r"^Sikh +yes +55 +1\.000 .* yes$", run.stdout, re.MULTILINE)
    assert re.search(r"^Zoroastrian +- +55 +0\.000 .* -$", run.stdout, re.MULTILINE)
    assert "More than 3 points above the mean: Sikh\n" in run.stdout
    run = CliRunner().invoke(models, ["evaluate", "--identities", "--json", "--threshold", "0.6"])
    body = json.loads(run.stdout)
    assert body["threshold"] == 0.6
    assert body["summary"]["false_positive_rate"] == 0
    assert body["summary"]["terms_more_than_3_points_above_mean"] == 0
    assert {row["term"] for row in body["terms"]} >= {"Sikh", "Zoroastrian"}


def test_the_command_wants_a_file_or_a_set(tmp_path) -> None:
    file = tmp_path / "labelled.csv"
    file.write_text("text,toxic\nhello,0\n", "utf-8")
    for arguments in ([], [str(file), "--hard-cases"]):
        run = CliRunner().invoke(models, ["evaluate", *arguments])
        assert run.exit_code == 2
        assert "FILE" in run.output
