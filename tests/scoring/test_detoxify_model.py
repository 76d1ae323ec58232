"""Detoxify's own loading and predicting, on a tiny checkpoint."""

from __future__ import annotations

import builtins
import re
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from moderation.labels import LABELS, TOXICITY_LABELS
from moderation.scoring.detoxify_model import DetoxifyToxicity, load_detoxify
from moderation.scoring.errors import ScoringUnavailable
from moderation.scoring.judge import build_judge
from moderation.scoring.normalise import normalised_text


def test_detoxify_itself_loads_the_checkpoint_without_a_network(tiny_checkpoint: Path) -> None:
    from detoxify import Detoxify

    detoxify = Detoxify(
        checkpoint=str(tiny_checkpoint),
        huggingface_config_path=str(tiny_checkpoint.parent / "hf"),
    )
    predicted = detoxify.predict("you are a fool")
    assert list(predicted) == list(TOXICITY_LABELS)
    assert all(0 <= value <= 1 for value in predicted.values())


def test_scores_are_detoxifys_predictions_of_the_normalised_texts(
    tiny_checkpoint: Path, texts: list[str]
) -> None:
    from detoxify import Detoxify

    detoxify = Detoxify(
        checkpoint=str(tiny_checkpoint),
        huggingface_config_path=str(tiny_checkpoint.parent / "hf"),
    )
    scores = load_detoxify(str(tiny_checkpoint)).score(texts)
    for row, text in enumerate(texts):
        predicted = detoxify.predict(normalised_text(text))
        expected = [predicted[label] for label in TOXICITY_LABELS]
        assert scores[row] == pytest.approx(expected, abs=1e-5)
    assert len(np.unique(scores.round(4))) > len(texts)  # the model does tell texts apart


def test_the_folder_that_training_writes_is_a_path_too(tiny_checkpoint: Path) -> None:
    by_folder, by_file = (
        load_detoxify(str(tiny_checkpoint.parent)),
        load_detoxify(str(tiny_checkpoint)),
    )
    assert by_folder.version == by_file.version
    assert by_folder.version.startswith("detoxify:model+")


def test_a_judge_of_the_detoxify_engine_answers_all_seven_labels(tiny_checkpoint: Path) -> None:
    judge = build_judge(f"detoxify:{tiny_checkpoint}", threads=1)
    texts = ["you are a fool", "", "nice day", "\ud800 odd", "x" * 9000]
    assessed = judge.assess(texts)
    assert [list(one.scores) for one in assessed] == [list(LABELS)] * len(texts)
    assert all(0 <= value <= 1 for one in assessed for value in one.scores.values())
    assert assessed[0].model_version == judge.model_version


def _with_classes(checkpoint: Path, folder: Path, classes: list[str], **more: Any) -> Path:
    import torch

    stored = torch.load(checkpoint, weights_only=False)
    stored["config"]["dataset"]["args"]["classes"] = classes
    stored["config"] |= more
    shutil.copytree(checkpoint.parent / "hf", folder / "hf")
    torch.save(stored, folder / "model.ckpt")
    return folder / "model.ckpt"


def test_labels_of_the_unbiased_models_find_their_columns(
    tiny_checkpoint: Path, tmp_path: Path
) -> None:
    classes = ["sexual_explicit", "toxicity", "threat", "identity_attack", "insult", "obscene"]
    checkpoint = _with_classes(tiny_checkpoint, tmp_path, classes)
    original = load_detoxify(str(tiny_checkpoint)).score(["you are a fool"])[0]
    renamed = load_detoxify(str(checkpoint)).score(["you are a fool"])[0]
    by_label = dict(zip(TOXICITY_LABELS, renamed, strict=True))
    assert by_label.pop("severe_toxicity") == 0  # those models do not know it
    for label, value in by_label.items():
        assert value == pytest.approx(original[classes.index(label)], abs=1e-6)


def test_names_of_the_jigsaw_data_are_understood(tiny_checkpoint: Path, tmp_path: Path) -> None:
    classes = ["toxic", "severe_toxic", "obscene", "threat", "insult", "identity_hate"]
    checkpoint = _with_classes(tiny_checkpoint, tmp_path, classes)
    one = load_detoxify(str(tiny_checkpoint)).score(["you are a fool"])
    assert load_detoxify(str(checkpoint)).score(["you are a fool"]) == pytest.approx(one, abs=1e-6)


def test_a_checkpoint_without_a_normaliser_reads_texts_as_they_are(
    tiny_checkpoint: Path, tmp_path: Path
) -> None:
    checkpoint = _with_classes(tiny_checkpoint, tmp_path, list(TOXICITY_LABELS), moderation={})
    raw, normalising = load_detoxify(str(checkpoint)), load_detoxify(str(tiny_checkpoint))
    disguised = ["f.o.o.l"]
    assert raw.score(disguised) != pytest.approx(normalising.score(disguised), abs=1e-4)


def test_a_checkpoint_of_another_normaliser_is_refused(
    tiny_checkpoint: Path, tmp_path: Path
) -> None:
    other = {"normaliser_version": 99}
    checkpoint = _with_classes(tiny_checkpoint, tmp_path, list(TOXICITY_LABELS), moderation=other)
    with pytest.raises(ScoringUnavailable, match="normaliser 99"):
        load_detoxify(str(checkpoint))


def test_an_unreachable_hub_is_said_plainly(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    with pytest.raises(ScoringUnavailable, match=r"'original'.*downloads it.*'compact'"):
        load_detoxify("original")


def test_a_missing_extra_is_said_plainly(monkeypatch: pytest.MonkeyPatch) -> None:
    really_import = builtins.__import__

    def without_detoxify(name: str, *args: Any, **kwargs: Any) -> Any:
        if name == "detoxify":
            raise ImportError("No module named 'detoxify'")
        return really_import(name, *args, **kwargs)

    monkeypatch.setattr(builtins, "__import__", without_detoxify)
    with pytest.raises(ScoringUnavailable, match="extra 'detoxify'"):
        DetoxifyToxicity(model_type="original")


@pytest.fixture(scope="module")
def fool_checkpoint(tiny_checkpoint: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The tiny model made to look for one word: the larger its part of a text, the more toxic.

    All tokens are given the same attention, the layers hand their embeddings on, and every class
    asks how much of the direction of "fool" there is.
    """
    import torch

    stored = torch.load(tiny_checkpoint, weights_only=False)
    vocabulary = load_detoxify(str(tiny_checkpoint))._detoxify.tokenizer.get_vocab()
    weights = stored["state_dict"]
    keeps = ("self.value.weight", "attention.output.dense.weight", "pooler.dense.weight")
    for name, weight in weights.items():
        if "LayerNorm.weight" not in name and "word_embeddings" not in name:
            weight[:] = torch.eye(*weight.shape) if name.endswith(keeps) else 0.0
    embeddings, fool = weights["bert.embeddings.word_embeddings.weight"], vocabulary["fool"]
    direction = embeddings[fool] - embeddings[fool].mean()
    direction /= direction.norm()
    embeddings -= torch.outer(embeddings @ direction, direction)  # nothing else points there
    embeddings[fool] = 2 * direction
    weights["classifier.weight"][:] = 5 * direction
    weights["classifier.bias"][:] = -1.0
    folder = tmp_path_factory.mktemp("fool")
    shutil.copytree(tiny_checkpoint.parent / "hf", folder / "hf")
    torch.save(stored, folder / "model.ckpt")
    return folder / "model.ckpt"


@pytest.mark.parametrize("text", ["the fool is nice", "You are a f.o.o.l you", "  FO0L! day "])
def test_the_words_behind_the_score_are_told_in_the_text_as_it_was_given(
    fool_checkpoint: Path, text: str
) -> None:
    read = load_detoxify(str(fool_checkpoint)).read([text, "a nice day"])
    (start, end), *others = read.spans[0]
    assert read.scores[0, 0] > 0.5 > read.scores[1, 0]
    assert normalised_text(text[start:end]) == "fool"
    assert others == []


def test_a_model_of_texts_as_they_are_tells_words_with_whatever_is_in_front(
    fool_checkpoint: Path, tmp_path: Path
) -> None:
    checkpoint = _with_classes(fool_checkpoint, tmp_path, list(TOXICITY_LABELS), moderation={})
    texts = ["\ud800 👍🏽  the fool", "the FOOL is é"]
    read = load_detoxify(str(checkpoint)).read(texts)
    told = [text[slice(*spans[0])] for text, spans in zip(texts, read.spans, strict=True)]
    assert told == ["fool", "FOOL"]


def test_reading_gives_the_scores_of_scoring(tiny_checkpoint: Path, texts: list[str]) -> None:
    model = load_detoxify(str(tiny_checkpoint))
    read = model.read(texts)
    assert read.scores == pytest.approx(model.score(texts), abs=1e-5)
    for text, spans in zip(texts, read.spans, strict=True):
        ends = [0, *(position for span in spans for position in span)]
        assert ends == sorted(ends)
        assert ends[-1] <= len(text)


def test_every_official_architecture_tells_whole_words(
    official_checkpoint: Path, texts: list[str]
) -> None:
    model = load_detoxify(str(official_checkpoint))
    some = [*texts[:20], "\ud800 👍🏽 ẗhé  fool", ""]
    read = model.read(some)
    assert read.scores == pytest.approx(model.score(some), abs=1e-5)
    assert read.spans[-1] == ()
    told = [(text, span) for text, spans in zip(some, read.spans, strict=True) for span in spans]
    assert len(told) > 10
    for text, (start, end) in told:
        assert re.fullmatch(r"[\w'’]+", text[start:end])
        assert not re.match(r"\w\w", text[max(0, start - 1) : start + 1])


def test_a_judge_tells_no_words_of_what_is_not_toxic(fool_checkpoint: Path) -> None:
    judge = build_judge(f"detoxify:{fool_checkpoint}", threads=1)
    toxic, harmless = judge.assess(["the fool", "the day"])
    assert toxic.spans == ((4, 8),)
    assert harmless.spans == ()


def test_the_multilingual_engine_reads_its_languages_beside_the_bundled_one(
    fool_checkpoint: Path,
) -> None:
    texts = ["The fool said it again, did you hear?", "Ce type est vraiment un fool imbécile"]
    judge = build_judge(multilingual=f"detoxify:{fool_checkpoint}", threads=1)
    english, french = judge.assess(texts)
    assert english.model_version.startswith("compact/")
    assert french.model_version.startswith("detoxify:model+")
    assert (french.language, french.unsupported) == ("fr", None)
    expected = load_detoxify(str(fool_checkpoint)).score(texts[1:])
    assert list(french.scores.values())[:6] == pytest.approx(expected[0].tolist(), abs=1e-5)


@pytest.mark.parametrize("content", [b"", b"no checkpoint"])
def test_a_broken_checkpoint_is_said_plainly(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "model.ckpt").write_bytes(content)
    with pytest.raises(ScoringUnavailable, match="could not be loaded"):
        load_detoxify(str(tmp_path))


def test_a_name_that_is_none_is_said_plainly() -> None:
    with pytest.raises(ScoringUnavailable, match="neither a Detoxify model"):
        load_detoxify("originale")
