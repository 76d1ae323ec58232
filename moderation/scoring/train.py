"""Train the compact toxicity model: a small BERT encoder, six sigmoid outputs, soft targets.

A second head learns, in the same pass, which tokens people marked as toxic: what the model shows
as its reasons. What is kept is a moving average of the weights, calibrated on held-out rows.

``train`` writes into one folder:

* ``model.ckpt``: Detoxify's checkpoint format (``config`` + ``state_dict``), the second head in
  ``config.moderation``, where Detoxify does not look;
* ``hf/``: the encoder's ``config.json`` and tokenizer, Detoxify's ``huggingface_config_path``;
* ``log.jsonl``: what happened, one JSON object a line;
* ``latest.pt``: everything needed to go on after an interruption; removed at the end.

torch and transformers are imported inside functions: the service that scores has neither.
"""

import importlib.util
import json
import os
import random
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from moderation.labels import TOXICITY_LABELS
from moderation.scoring.calibration import fit_platt
from moderation.scoring.normalise import normalise
from moderation.scoring.spans import best_threshold
from moderation.scoring.training_checkpoint import (
    averaged_weights,
    load_weights,
    save_detoxify_checkpoint,
    two_heads,
)
from moderation.scoring.training_data import (
    SPANS_FILE,
    TRAIN_FILE,
    Example,
    measured_texts,
    read_examples,
    read_spans,
    split_holdout,
    telling_words,
)
from moderation.scoring.training_epochs import Changes, epoch_examples
from moderation.scoring.training_plan import TrainingPlan

if TYPE_CHECKING:
    import torch

LOG_FILE = "log.jsonl"
LATEST_FILE = "latest.pt"

_BUCKET_BATCHES = 40
"""Batches are cut from this many at a time, sorted by length: little padding, still shuffled."""

Report = Callable[[int, int, float], None]
"""Told (steps done, steps in all, mean loss of late) after every step."""


_NOT_MARKED = -1.0
"""The label of tokens that nobody was asked about, which the loss leaves out."""


@dataclass(frozen=True, slots=True)
class Row:
    """A training text as the model reads it: its tokens, six targets, and a label a token."""

    token_ids: list[int]
    targets: Sequence[float]
    token_labels: list[float] | None


class ResumeMismatch(ValueError):
    """The unfinished run in the output folder was made with other numbers or data."""


def base_folder(plan: TrainingPlan) -> Path:
    """Where the pretrained encoder lies, without importing its package.

    Raises:
        ModuleNotFoundError: the package is not installed; the message says which extra has it.
    """
    spec = importlib.util.find_spec(plan.base_package)
    if spec is None or not spec.submodule_search_locations:
        raise ModuleNotFoundError(
            f"the package {plan.base_package} is not installed: install the extra 'train'"
        )
    return Path(spec.submodule_search_locations[0]) / plan.base_folder


def train(
    data_dir: Path, output_dir: Path, plan: TrainingPlan, report: Report | None = None
) -> dict[str, Any]:
    """Train, or go on with, the model in ``output_dir``; returns the last line of the log.

    ``data_dir`` holds ``toxicity/train.csv.gz`` and, for the second head, ``spans_train.csv``
    beside it. The same plan, data and machine give the same model, interrupted or not, up to the
    processor's rounding.

    Raises:
        FileNotFoundError: the training file is missing.
        ModuleNotFoundError: the pretrained encoder's package is missing.
        ScoringUnavailable: the model to go on from is missing or damaged.
        ResumeMismatch: ``output_dir`` holds an unfinished run with another plan or other data.
    """
    run = _run(data_dir, output_dir, plan)
    run.resume()
    return run.finish(report)


def average(
    models: Mapping[Path, float], data_dir: Path, output_dir: Path, plan: TrainingPlan
) -> dict[str, Any]:
    """Write the average of trained models' weights into ``output_dir``, calibrated anew.

    Models that went on from one another lie in one basin, where the average does what each does
    better than either (Wortsman et al. 2022, arXiv:2203.05482 and arXiv:2109.01903). Returns the
    last line of the log.

    Args:
        models: folder of an exported model, or a checkpoint -> its share; shares need not add
            up to 1.
        data_dir, plan: as for :func:`train`; nothing is trained, the rows held out calibrate.

    Raises:
        FileNotFoundError, ModuleNotFoundError, ScoringUnavailable: as for :func:`train`.
        ValueError: the models are not built alike.
    """
    weights = averaged_weights(models)
    run = _run(data_dir, output_dir, replace(plan, base_continue_from=""))
    load_weights(run.average.module, weights)
    run.log("averaged", models={str(path): share for path, share in models.items()})
    run.log("measured", **run.measure())
    run.settle()
    return run.log("finished", steps=0)


def _run(data_dir: Path, output_dir: Path, plan: TrainingPlan) -> "_Run":
    os.environ.setdefault("HF_HUB_OFFLINE", "1")
    # Idle OpenMP threads spin by default, which halves the speed on cores shared with others.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    spans_file = data_dir / SPANS_FILE
    examples = read_examples(
        data_dir / TRAIN_FILE,
        gold_share=plan.gold_share,
        max_chars=plan.max_chars,
        spans=read_spans(spans_file) if spans_file.exists() else {},
        never=measured_texts(data_dir),
    )
    kept, held = split_holdout(examples, plan.holdout_share)
    return _Run(plan, kept, held, output_dir)


class _Run:
    """The state of one training run; what ``latest.pt`` stores and ``resume`` reads."""

    def __init__(
        self,
        plan: TrainingPlan,
        kept: Sequence[Example],
        held: Sequence[Example],
        output_dir: Path,
    ) -> None:
        import torch
        from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn
        from transformers import AutoTokenizer

        torch.manual_seed(plan.seed)
        torch.set_num_threads(plan.threads)
        self.plan, self.kept, self.held, self.output_dir = plan, kept, held, output_dir
        self.telling = telling_words(kept)
        source = base_folder(plan)
        self.tokenizer = AutoTokenizer.from_pretrained(source)
        self.model = two_heads(source, plan.base_continue_from)
        self.average = AveragedModel(
            self.model, multi_avg_fn=get_ema_multi_avg_fn(plan.average_decay)
        )
        self.optimizer = torch.optim.AdamW(
            self.model.parameters(),
            lr=plan.learning_rate,
            weight_decay=plan.weight_decay,
            fused=True,
        )
        self.span_threshold = 0.5
        self.identity = f"{plan.fingerprint()}:{len(kept)}"
        self.step = 0
        output_dir.mkdir(parents=True, exist_ok=True)

    def log(self, event: str, **facts: Any) -> dict[str, Any]:
        line = {"time": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()), "event": event} | facts
        with (self.output_dir / LOG_FILE).open("a", encoding="utf-8") as file:
            file.write(json.dumps(line) + "\n")
        return line

    def resume(self) -> None:
        import torch

        latest = self.output_dir / LATEST_FILE
        if not latest.exists():
            self.log("started", plan=asdict(self.plan), rows=len(self.kept), held=len(self.held))
            return
        state = torch.load(latest, weights_only=True)
        if state["identity"] != self.identity:
            raise ResumeMismatch(
                f"{latest} belongs to a run with another plan or other data; "
                "remove it to start afresh, or restore the plan to go on"
            )
        self.model.load_state_dict(state["model"])
        self.average.load_state_dict(state["average"])
        self.optimizer.load_state_dict(state["optimizer"])
        self.step = state["step"]
        self.log("resumed", step=self.step, epochs=self.plan.epochs)

    def save_latest(self) -> None:
        import torch

        part = self.output_dir / (LATEST_FILE + ".part")
        torch.save(
            {
                "identity": self.identity,
                "step": self.step,
                "model": self.model.state_dict(),
                "average": self.average.state_dict(),
                "optimizer": self.optimizer.state_dict(),
            },
            part,
        )
        part.replace(self.output_dir / LATEST_FILE)

    def batches_of_epoch(self, epoch: int) -> list[list[Row]]:
        plan = self.plan
        chosen = epoch_examples(
            self.kept,
            Changes(
                plan.epoch_share,
                plan.disguised_share,
                plan.swapped_share,
                plan.long_rows,
                plan.made_up_rows,
            ),
            epoch=epoch,
            seed=plan.seed,
            telling=self.telling,
        )
        rows = self.encode(chosen)
        rng = random.Random(f"{plan.seed}:{epoch}:batches")
        batches = []
        bucket_rows = plan.batch_size * _BUCKET_BATCHES
        for first in range(0, len(rows), bucket_rows):
            by_length = sorted(
                rows[first : first + bucket_rows], key=lambda row: len(row.token_ids)
            )
            cut = [
                by_length[start : start + plan.batch_size]
                for start in range(0, len(by_length), plan.batch_size)
            ]
            rng.shuffle(cut)
            batches.extend(cut)
        return batches

    def encode(self, examples: Sequence[Example]) -> list[Row]:
        rows = []
        for example in examples:
            read = normalise(example.text)
            encoded = self.tokenizer(
                read.text,
                truncation=True,
                max_length=self.plan.max_tokens,
                return_attention_mask=False,
                return_token_type_ids=False,
                return_offsets_mapping=example.spans is not None,
            )
            labels = None
            if example.spans is not None:
                toxic = {at for start, end in example.spans for at in range(start, end)}
                labels = [
                    _NOT_MARKED if start == end else _share(read.original_span(start, end), toxic)
                    for start, end in encoded["offset_mapping"]
                ]
            rows.append(Row(encoded["input_ids"], example.targets, labels))
        return rows

    def finish(self, report: Report | None) -> dict[str, Any]:
        plan = self.plan
        # Lengths of epochs differ by chance but depend on the seed alone, so that the schedule
        # can be laid over all of them before the first step.
        epochs = [self.batches_of_epoch(epoch) for epoch in range(plan.epochs)]
        total_steps = sum(map(len, epochs))
        self.log("planned", steps=total_steps, steps_per_epoch=[len(epoch) for epoch in epochs])
        done_before = 0
        for epoch, batches in enumerate(epochs):
            self.run_epoch(batches, done_before, total_steps, report)
            done_before += len(batches)
            if self.step == done_before:
                self.log("epoch", epoch=epoch + 1, step=self.step, **self.measure())
                self.save_checkpoint()
        self.settle()
        (self.output_dir / LATEST_FILE).unlink(missing_ok=True)
        return self.log("finished", steps=self.step)

    def settle(self) -> None:
        """What follows once the weights are final: scaling, the threshold, the checkpoint."""
        self.calibrate()
        self.choose_span_threshold()
        self.save_checkpoint()

    def run_epoch(
        self,
        batches: Sequence[Sequence[Row]],
        done_before: int,
        total_steps: int,
        report: Report | None,
    ) -> None:
        import torch

        self.model.train()
        mean_loss, since = 0.0, time.monotonic()
        for batch in batches[max(0, self.step - done_before) :]:
            # The seed of a step's dropout depends on the step alone: resuming changes nothing.
            torch.manual_seed(self.plan.seed * 1_000_003 + self.step)
            rate = self.plan.learning_rate * _schedule(
                self.step, total_steps, self.plan.warmup_share
            )
            for group in self.optimizer.param_groups:
                group["lr"] = rate
            loss = self.loss(self.model, batch)
            loss.backward()
            torch.nn.utils.clip_grad_norm_(self.model.parameters(), 1.0)
            self.optimizer.step()
            self.optimizer.zero_grad()
            self.average.update_parameters(self.model)
            self.step += 1
            mean_loss = loss.item() if mean_loss == 0.0 else 0.98 * mean_loss + 0.02 * loss.item()
            if report:
                report(self.step, total_steps, mean_loss)
            if self.step % self.plan.checkpoint_every_steps == 0:
                self.save_latest()
                seconds, since = time.monotonic() - since, time.monotonic()
                self.log(
                    "step", step=self.step, of=total_steps, loss=round(mean_loss, 5),
                    learning_rate=rate, seconds=round(seconds, 1),
                )  # fmt: skip

    def loss(self, model: "torch.nn.Module", batch: Sequence[Row]) -> "torch.Tensor":
        import torch

        entropy = torch.nn.functional.binary_cross_entropy_with_logits
        logits, token_logits = self.outputs(model, [row.token_ids for row in batch])
        loss = entropy(logits, torch.tensor([row.targets for row in batch]))
        labels = torch.full_like(token_logits, _NOT_MARKED)
        for number, row in enumerate(batch):
            if row.token_labels is not None:
                labels[number, : len(row.token_labels)] = torch.tensor(row.token_labels)
        asked = labels != _NOT_MARKED
        if asked.any():
            loss = loss + self.plan.span_loss_share * entropy(token_logits[asked], labels[asked])
        return loss

    def outputs(
        self, model: "torch.nn.Module", batch_ids: Sequence[Sequence[int]]
    ) -> tuple["torch.Tensor", "torch.Tensor"]:
        """Logits of shapes (texts, 6) and (texts, tokens of the longest)."""
        import torch

        longest = max(map(len, batch_ids))
        pad = self.tokenizer.pad_token_id
        ids = torch.tensor([[*row, *[pad] * (longest - len(row))] for row in batch_ids])
        half = self.plan.precision == "bfloat16"
        with torch.autocast("cpu", dtype=torch.bfloat16, enabled=half):
            logits, token_logits = model(ids, (ids != pad).long())
        return logits.float(), token_logits.float()

    def held_out_logits(self) -> "torch.Tensor":
        """What the averaged model says of the held-out rows: (rows, 6)."""
        import torch

        self.average.eval()
        rows = self.encode(self.held)
        order = sorted(range(len(rows)), key=lambda row: len(rows[row].token_ids))
        logits = torch.zeros(len(order), len(TOXICITY_LABELS))
        with torch.no_grad():
            for chunk in _chunks(order, 128):
                logits[chunk] = self.outputs(self.average, [rows[row].token_ids for row in chunk])[
                    0
                ]
        return logits

    def measure(self) -> dict[str, Any]:
        """Loss on the held-out rows, and ROC AUC by source against targets above one half."""
        import numpy as np
        import torch
        from sklearn.metrics import roc_auc_score

        if not self.held:
            return {}
        logits = self.held_out_logits()
        targets = torch.tensor([example.targets for example in self.held])
        loss = torch.nn.functional.binary_cross_entropy_with_logits(logits, targets).item()
        toxic, toxicity = (targets[:, 0] > 0.5).numpy(), logits[:, 0].numpy()
        sources = np.array([example.source for example in self.held])
        aucs = {}
        for source in ["all", *sorted(set(sources.tolist()))]:
            of_source = (sources == source) | (source == "all")
            if 0 < toxic[of_source].sum() < of_source.sum():
                auc = roc_auc_score(toxic[of_source], toxicity[of_source])
                aucs[source] = round(float(auc), 4)
        return {"held_out_loss": round(loss, 5), "held_out_auc": aucs}

    def calibrate(self) -> None:
        """Fold Platt's scaling, fitted on held-out rows, into the classifier's weights.

        For toxicity the rows are those of the plan's ``calibration_sources``, for the other
        labels all: few sources asked people about these. A row counts as having a label where its
        target is above one half, and each source counts as much as another.
        """
        import numpy as np
        import torch

        if not self.held:
            return
        logits = self.held_out_logits().numpy()
        targets = np.array([example.targets for example in self.held])
        sources = np.array([example.source for example in self.held])
        counts = Counter(sources.tolist())
        weights = np.array([1.0 / counts[source] for source in sources])
        chosen = weights * np.isin(sources, list(self.plan.calibration_sources))
        fitted = {}
        classifier = self.average.module.bert.classifier
        for column, label in enumerate(TOXICITY_LABELS):
            counted = chosen if label == "toxicity" and chosen.any() else weights
            slope, shift = fit_platt(logits[:, column], targets[:, column] > 0.5, counted)
            fitted[label] = [round(slope, 4), round(shift, 4)]
            with torch.no_grad():
                classifier.weight[column] *= slope
                classifier.bias[column] = classifier.bias[column] * slope + shift
        self.log("calibrated", slope_and_shift=fitted)

    def choose_span_threshold(self) -> None:
        """The probability from which a token counts as telling: best on held-out marked texts."""
        import torch

        marked = [example for example in self.held if example.spans is not None]
        if not marked:
            return
        self.average.eval()
        rows = []
        for example in marked:
            read = normalise(example.text)
            encoded = self.tokenizer(
                read.text,
                truncation=True,
                max_length=self.plan.max_tokens,
                return_offsets_mapping=True,
            )
            with torch.no_grad():
                logits = self.outputs(self.average, [encoded["input_ids"]])[1]
            offsets = encoded["offset_mapping"][1:-1]
            rows.append((read, offsets, torch.sigmoid(logits[0, 1:-1]).numpy()))
        self.span_threshold, f1 = best_threshold(rows, [example.spans or () for example in marked])
        self.log("span_threshold", threshold=self.span_threshold, character_f1=round(f1, 4))

    def save_checkpoint(self) -> None:
        heads = self.average.module
        save_detoxify_checkpoint(
            heads.bert,
            self.tokenizer,
            self.output_dir,
            span_head=heads.span_head.state_dict(),
            span_threshold=self.span_threshold,
        )


def _share(span: tuple[int, int], toxic: set[int]) -> float:
    """1.0 where at least half of the characters of ``span`` were marked, else 0.0."""
    marked = sum(at in toxic for at in range(*span))
    return float(2 * marked >= span[1] - span[0])


def _schedule(step: int, total_steps: int, warmup_share: float) -> float:
    """Linear warm-up, then linear decay to zero after the last step."""
    warmup = max(1, round(total_steps * warmup_share))
    if step < warmup:
        return (step + 1) / warmup
    return (total_steps - step) / max(1, total_steps - warmup)


def _chunks(items: Sequence[int], size: int) -> Iterator[list[int]]:
    for first in range(0, len(items), size):
        yield list(items[first : first + size])
