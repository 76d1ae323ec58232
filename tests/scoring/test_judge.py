"""The judge that ships, at its promised interface."""

from __future__ import annotations

import json
import multiprocessing
import pickle
import subprocess
import sys
import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest
import structlog
from hypothesis import example, given, settings
from hypothesis import strategies as st

from moderation.labels import LABELS, TOXICITY_LABELS
from moderation.scoring import judge as judge_module
from moderation.scoring.bundle import read_manifest
from moderation.scoring.errors import ScoringUnavailable
from moderation.scoring.judge import EXPLAINED_FROM, ModelJudge, ToxicityReadings, build_judge
from moderation.scoring.registry import COMPACT_FOLDER
from moderation.scoring.spam import SPAM_FOLDER

JUDGE = build_judge(remembered=0)  # every call is work

ORDERINGS = [
    ("toxicity", "You are a worthless idiot.", "You are a careful writer."),
    ("toxicity", "Shut up, you stupid fool.", "Shut the door when you leave, please."),
    ("toxicity", "What a load of crap, moron.", "What a load of work, thank you."),
    ("toxicity", "You are an i.d.i.o.t", "You are an a.c.t.o.r"),
    ("toxicity", "yоu аre аn 1d1ot", "you are an editor"),
    ("insult", "You pathetic loser.", "You lucky winner."),
    ("threat", "I will kill you and your dog.", "I will call you and your dog."),
    ("identity_attack", "All immigrants are filthy animals.", "My neighbours are immigrants."),
    ("obscene", "This is fucking bullshit.", "This is quite wrong."),
    ("spam", "Subscribe to my channel, free prizes http://a.example", "I read it twice."),
]


@pytest.mark.parametrize(("label", "worse", "better"), ORDERINGS)
def test_what_is_worse_scores_higher(label: str, worse: str, better: str) -> None:
    first, second = JUDGE.assess([worse, better])
    assert first.scores[label] > second.scores[label] + 0.1


def test_the_name_of_a_group_is_no_insult() -> None:
    names = ["I am a gay man.", "My neighbour is Muslim.", "A black woman wrote this."]
    assert max(one.scores["toxicity"] for one in JUDGE.assess(names)) < 0.5


def test_every_assessment_has_the_seven_labels_and_the_version() -> None:
    (assessed,) = JUDGE.assess(["hello"])
    assert tuple(assessed.scores) == LABELS
    assert all(type(value) is float for value in assessed.scores.values())
    assert assessed.model_version == JUDGE.model_version
    assert assessed.model_version.startswith("compact/")
    assert " spam/" in assessed.model_version
    assert len(assessed.model_version) <= 200


def test_the_manifests_vouch_for_the_files() -> None:
    manifest = read_manifest(COMPACT_FOLDER)
    assert set(manifest["sha256"]) == {"model.onnx", "tokenizer.json"}
    assert manifest["sha256"]["model.onnx"][:8] in JUDGE.model_version
    assert read_manifest(SPAM_FOLDER)["sha256"]["weights.npz"][:8] in JUDGE.model_version
    assert (COMPACT_FOLDER / "model.onnx").stat().st_size <= 30_000_000
    for folder in (COMPACT_FOLDER, SPAM_FOLDER):
        assert (folder / "MODEL_CARD.md").exists()


def test_the_shipped_model_was_held_to_its_checkpoint() -> None:
    manifest = read_manifest(COMPACT_FOLDER)
    assert manifest["fp32_to_detoxify"]["max_difference"] <= 1e-3
    assert min(manifest["int8_to_fp32"]["rank_correlation"].values()) >= 0.99
    assert min(manifest["int8_to_fp32"]["decision_agreement"].values()) >= 0.99


def test_results_come_in_input_order_whatever_the_batch() -> None:
    texts = [text for _, worse, better in ORDERINGS for text in (worse, better)]
    texts = [*texts, "", "word " * 200]
    together = JUDGE.assess(texts)
    assert JUDGE.assess(texts[::-1])[::-1] == together
    assert [JUDGE.assess([text])[0] for text in texts] == together


def test_no_texts_need_no_model() -> None:
    def fail() -> None:
        raise AssertionError("loaded")

    assert ModelJudge(fail, fail).assess([]) == []  # type: ignore[arg-type]


ODD = st.text(st.characters(codec=None, exclude_categories=()), max_size=400)


@settings(max_examples=40, deadline=None)
@given(st.lists(ODD, max_size=3))
@example(["\ud800", "\x00", "\u202e\u200f"])
@example(["👩‍👩‍👧‍👦" * 75, "a" + "\u0301" * 299, "ﷺ" * 300])
@example(["word " * 30_000])
def test_any_text_is_judged(texts: list[str]) -> None:
    for assessed in JUDGE.assess(texts):
        assert all(0.0 <= value <= 1.0 for value in assessed.scores.values())


def test_threads_that_start_together_load_once_and_agree() -> None:
    loads = []
    gate = threading.Barrier(8)

    class Six:
        version = "six"

        def score(self, texts: Sequence[str]) -> np.ndarray:
            return np.full((len(texts), 6), 0.25, dtype=np.float32)

        def read(self, texts: Sequence[str]) -> ToxicityReadings:
            return ToxicityReadings(self.score(texts), [()] * len(texts))

    class One:
        version = "one"

        def score(self, texts: Sequence[str]) -> np.ndarray:
            return np.full(len(texts), 0.5, dtype=np.float32)

    def load() -> Six:
        loads.append(1)
        return Six()

    judge = ModelJudge(load, One)

    def work(_: int) -> float:
        gate.wait()
        return judge.assess(["text"])[0].scores["toxicity"]

    with ThreadPoolExecutor(8) as pool:
        assert set(pool.map(work, range(8))) == {0.25}
    assert len(loads) == 1


class Listening:
    """A toxicity model, or a spam model with ``columns`` of none, that notes what it is given."""

    def __init__(self, version: str, toxicity: float = 0.9, columns: int | None = 6) -> None:
        self.version = version
        self.heard: list[str] = []
        self._shape = () if columns is None else (columns,)
        self._toxicity = toxicity

    def score(self, texts: Sequence[str]) -> np.ndarray:
        self.heard += texts
        return np.full((len(texts), *self._shape), self._toxicity, dtype=np.float32)

    def read(self, texts: Sequence[str]) -> ToxicityReadings:
        return ToxicityReadings(self.score(texts), [((0, 3),)] * len(texts))


def listening_judge(*, toxicity: float = 0.9, **more: Any) -> tuple[ModelJudge, Listening]:
    model = Listening("t/1", toxicity)
    return ModelJudge(lambda: model, lambda: Listening("s/1", columns=None), **more), model


def test_the_same_text_is_judged_once_in_a_batch_and_afterwards() -> None:
    judge, model = listening_judge()
    first = judge.assess(["one", "two", "one", "one"])
    assert model.heard == ["one", "two"]
    assert first[0] == first[2] == first[3]
    assert judge.assess(["two", "three", "one"]) == [first[1], *judge.assess(["three"]), first[0]]
    assert model.heard == ["one", "two", "three"]
    first[0].scores["toxicity"] = 0.0  # type: ignore[index]
    assert judge.assess(["one"])[0].scores["toxicity"] == pytest.approx(0.9)


def test_what_differs_by_a_character_is_another_text() -> None:
    judge, model = listening_judge()
    texts = ["One", "one", "one ", "", "\ud800", "\ud801", "é", "e\u0301"]
    judge.assess(texts)
    assert model.heard == texts


def test_only_so_many_texts_are_remembered_and_none_is_kept() -> None:
    judge, model = listening_judge(remembered=2)
    judge.assess(["first text", "second text", "third text"])
    judge.assess(["third text", "second text"])
    assert len(model.heard) == 3
    judge.assess(["first text"])  # gone, and takes the place of the one used longest ago
    judge.assess(["second text", "third text"])
    assert model.heard[3:] == ["first text", "third text"]
    assert b"second text" not in pickle.dumps(judge._memory._found)


def test_nothing_is_remembered_where_nothing_is_to_be() -> None:
    judge, model = listening_judge(remembered=0)
    judge.assess(["one"])
    judge.assess(["one"])
    assert model.heard == ["one", "one"]


def test_words_are_told_from_the_toxicity_on_that_is_worth_explaining() -> None:
    for toxicity, spans in ((EXPLAINED_FROM - 0.01, ()), (EXPLAINED_FROM + 0.01, ((0, 3),))):
        judge, _ = listening_judge(toxicity=toxicity)
        assert judge.assess(["you fool"])[0].spans == spans


@pytest.mark.parametrize(
    ("text", "language", "unsupported"),
    [
        ("You are wrong about all of this.", "en", None),
        ("fool!", None, None),
        ("Tämä on täyttä roskaa ja te tiedätte sen", "fi", "language"),
        ("https://a.example/b 👉 www.b.example", None, "links"),
        ("👍👍👍 100", None, "no_words"),
        ("", None, "no_words"),
    ],
)
def test_what_no_model_was_made_for_is_marked_and_scored(
    text: str, language: str | None, unsupported: str | None
) -> None:
    judge, _ = listening_judge()
    (assessed,) = judge.assess([text])
    assert (assessed.language, assessed.unsupported) == (language, unsupported)
    assert assessed.scores["toxicity"] == pytest.approx(0.9)
    assert assessed.spans == (() if unsupported else ((0, 3),))


def test_another_model_reads_its_languages_and_says_so() -> None:
    other = Listening("m/1", 0.2)
    judge, model = listening_judge(load_other=lambda: other, other_languages=["en", "fr", "it"])
    english, french, finnish = "You are wrong about that", "Ce type est un imbécile", "Hyvää päivää"
    finnish += " kaikille lukijoille"
    assessed = judge.assess([finnish, french, english, french])
    assert (model.heard, other.heard) == ([finnish, english], [french])
    assert [one.model_version for one in assessed] == ["t/1 s/1", "m/1 s/1", "t/1 s/1", "m/1 s/1"]
    assert [one.unsupported for one in assessed] == ["language", None, None, None]
    assert [one.scores["toxicity"] for one in assessed] == pytest.approx([0.9, 0.2, 0.9, 0.2])
    assert len(judge.assess([english])) == 1
    # Beforehand too, for whoever asks which judgements are not theirs.
    assert judge.model_version == "t/1 s/1"
    assert judge.versions_by_language == dict.fromkeys(["fr", "it"], "m/1 s/1")


def test_a_model_of_many_languages_needs_no_other() -> None:
    def fail() -> Listening:
        raise AssertionError("loaded")

    judge, model = listening_judge(
        languages=["en", "fr"], load_other=fail, other_languages=["en", "fr"]
    )
    assert judge.versions_by_language == {}
    (assessed,) = judge.assess(["Ce type est un imbécile"])
    assert (model.heard, assessed.unsupported) == (["Ce type est un imbécile"], None)


@pytest.mark.parametrize("error", [ScoringUnavailable("no such file"), OSError("no such file")])
def test_without_the_other_model_its_languages_are_unsupported(
    monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    tries, other = [], Listening("m/1", 0.2)

    def load() -> Listening:
        tries.append(1)
        if len(tries) < 3:
            raise error
        return other

    judge, _ = listening_judge(load_other=load, other_languages=["fr"])
    english, french = "You are wrong about that", "Ce type est un imbécile"
    with structlog.testing.capture_logs() as logs:
        first, second = judge.assess([french, english])
    assert (first.model_version, first.language, first.unsupported, first.spans) == (
        "t/1 s/1",
        "fr",
        "language",
        (),
    )
    assert (second.unsupported, second.spans) == (None, ((0, 3),))
    (logged,) = logs
    assert (logged["event"], logged["log_level"]) == ("second_model_not_loaded", "error")
    assert "no such file" in logged["error"]

    # Whoever asks is told; a failure is not tried again with every batch.
    with pytest.raises(ScoringUnavailable, match="no such file"):
        judge.versions_by_language  # noqa: B018
    assert len(tries) == 1
    monkeypatch.setattr(judge_module, "RELOAD_AFTER_S", 0)
    judge.assess([french])
    assert len(tries) == 1  # assessing does not wait for it
    with pytest.raises(ScoringUnavailable, match="no such file"):
        judge.versions_by_language  # noqa: B018
    assert judge.versions_by_language == {"fr": "m/1 s/1"}
    (again,) = judge.assess([french])
    assert (again.model_version, again.unsupported) == ("m/1 s/1", None)


def test_several_threads_may_judge_at_once() -> None:
    texts = [text for _, worse, better in ORDERINGS for text in (worse, better)]
    alone = JUDGE.assess(texts)
    with ThreadPoolExecutor(4) as pool:
        assert all(result == alone for result in pool.map(JUDGE.assess, [texts] * 8))


def _judge_in_child(queue: multiprocessing.Queue) -> None:
    queue.put(JUDGE.assess(["You are a worthless idiot."])[0].scores["toxicity"])


def test_a_child_of_a_process_that_has_judged_can_judge() -> None:
    before = JUDGE.assess(["You are a worthless idiot."])[0].scores["toxicity"]
    context = multiprocessing.get_context("fork")
    queue = context.Queue()
    child = context.Process(target=_judge_in_child, args=(queue,))
    child.start()
    assert queue.get(timeout=60) == before
    child.join()


def test_neither_torch_nor_scikit_learn_is_loaded_to_judge() -> None:
    code = (
        "import json, sys\n"
        "from moderation.scoring.judge import build_judge\n"
        "build_judge(threads=1).assess(['hello'])\n"
        "print(json.dumps(sorted({name.split('.')[0] for name in sys.modules})))\n"
    )
    output = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, check=True, text=True
    ).stdout
    loaded = set(json.loads(output))
    assert "onnxruntime" in loaded
    heavy = {"torch", "transformers", "sklearn", "scipy", "detoxify", "onnx", "pandas"}
    assert not heavy & loaded


@pytest.mark.parametrize("engine", ["", "compakt", "detoxify", "detoxify:"])
def test_an_engine_that_is_none_is_refused_at_once(engine: str) -> None:
    with pytest.raises(ScoringUnavailable, match="No toxicity engine"):
        build_judge(engine)


def test_a_second_engine_that_is_none_is_refused_by_the_name_of_its_setting() -> None:
    with pytest.raises(ScoringUnavailable, match=r"No toxicity engine 'x' \(multilingual_engine\)"):
        build_judge(multilingual="x")


def test_a_spam_engine_that_is_none_is_refused_at_once() -> None:
    with pytest.raises(ScoringUnavailable, match="No spam engine"):
        build_judge("compact", "bayes")


def test_nothing_is_loaded_before_the_first_text() -> None:
    judge = build_judge("detoxify:no-such-model")
    with pytest.raises(ScoringUnavailable, match="neither a Detoxify model"):
        judge.assess(["text"])


def test_labels_come_in_detoxifys_order() -> None:
    assert read_manifest(COMPACT_FOLDER)["labels"] == list(TOXICITY_LABELS)
