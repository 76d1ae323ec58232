"""Train the compact toxicity model: a small BERT encoder, six sigmoid outputs, soft targets.

``train`` writes into one folder:

* ``model.ckpt``: Detoxify's checkpoint format (``config`` + ``state_dict``);
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
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from moderation.labels import TOXICITY_LABELS
from moderation.scoring.normalise import NORMALISER_VERSION, normalised_text
from moderation.scoring.training_data import (
    TRAIN_FILE,
    Example,
    epoch_examples,
    read_examples,
    split_holdout,
    telling_words,
)
from moderation.scoring.training_plan import TrainingPlan

if TYPE_CHECKING:
    import torch

CHECKPOINT_FILE = "model.ckpt"
HF_FOLDER = "hf"
LOG_FILE = "log.jsonl"
LATEST_FILE = "latest.pt"

_BUCKET_BATCHES = 40
"""Batches are cut from this many at a time, sorted by length: little padding, still shuffled."""

Report = Callable[[int, int, float], None]
"""Told (steps done, steps in all, mean loss of late) after every step."""


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

    ``data_dir`` holds ``toxicity/train.csv.gz``. The same plan, data and machine give the same
    model, interrupted or not, up to the processor's rounding.

    Raises:
        FileNotFoundError: the training file is missing.
        ModuleNotFoundError: the pretrained encoder's package is missing.
        ResumeMismatch: ``output_dir`` holds an unfinished run with another plan or other data.
    """
    os.environ.setdefault("HF_HUB_OFFLINE", "1")
    # Idle OpenMP threads spin by default, which halves the speed on cores shared with others.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    examples = read_examples(
        data_dir / TRAIN_FILE, gold_share=plan.gold_share, max_chars=plan.max_chars
    )
    kept, held = split_holdout(examples, plan.holdout_share)
    run = _Run(plan, kept, held, output_dir)
    run.resume()
    return run.finish(report)


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
        from transformers import AutoTokenizer, BertForSequenceClassification

        torch.manual_seed(plan.seed)
        torch.set_num_threads(plan.threads)
        self.plan, self.kept, self.held, self.output_dir = plan, kept, held, output_dir
        self.telling = telling_words(kept)
        source = base_folder(plan)
        self.tokenizer = AutoTokenizer.from_pretrained(source)
        self.model = BertForSequenceClassification.from_pretrained(
            source, num_labels=len(TOXICITY_LABELS), problem_type="multi_label_classification"
        )
        self.optimizer = torch.optim.AdamW(
            self.model.parameters(),
            lr=plan.learning_rate,
            weight_decay=plan.weight_decay,
            fused=True,
        )
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
                "optimizer": self.optimizer.state_dict(),
            },
            part,
        )
        part.replace(self.output_dir / LATEST_FILE)

    def batches_of_epoch(self, epoch: int) -> list[tuple[list[list[int]], list[Sequence[float]]]]:
        plan = self.plan
        chosen = epoch_examples(
            self.kept,
            epoch=epoch,
            seed=plan.seed,
            epoch_share=plan.epoch_share,
            disguised_share=plan.disguised_share,
            telling=self.telling,
            neutral_identity_rows=plan.neutral_identity_rows,
        )
        token_ids = self.encode([example.text for example in chosen])
        rng = random.Random(f"{plan.seed}:{epoch}:batches")
        batches = []
        bucket_rows = plan.batch_size * _BUCKET_BATCHES
        for first in range(0, len(chosen), bucket_rows):
            rows = range(first, min(first + bucket_rows, len(chosen)))
            by_length = sorted(rows, key=lambda row: len(token_ids[row]))
            cut = [
                by_length[start : start + plan.batch_size]
                for start in range(0, len(by_length), plan.batch_size)
            ]
            rng.shuffle(cut)
            batches.extend(cut)
        return [
            ([token_ids[row] for row in batch], [chosen[row].targets for row in batch])
            for batch in batches
        ]

    def encode(self, texts: Sequence[str]) -> list[list[int]]:
        encoded = self.tokenizer(
            [normalised_text(text) for text in texts],
            truncation=True,
            max_length=self.plan.max_tokens,
            return_attention_mask=False,
            return_token_type_ids=False,
        )
        return encoded["input_ids"]

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
        self.save_checkpoint()
        (self.output_dir / LATEST_FILE).unlink(missing_ok=True)
        return self.log("finished", steps=self.step)

    def run_epoch(
        self,
        batches: Sequence[tuple[list[list[int]], list[Sequence[float]]]],
        done_before: int,
        total_steps: int,
        report: Report | None,
    ) -> None:
        import torch

        self.model.train()
        mean_loss, since = 0.0, time.monotonic()
        for batch_ids, targets in batches[max(0, self.step - done_before) :]:
            # The seed of a step's dropout depends on the step alone: resuming changes nothing.
            torch.manual_seed(self.plan.seed * 1_000_003 + self.step)
            rate = self.plan.learning_rate * _schedule(
                self.step, total_steps, self.plan.warmup_share
            )
            for group in self.optimizer.param_groups:
                group["lr"] = rate
            logits = self.logits(batch_ids)
            loss = torch.nn.functional.binary_cross_entropy_with_logits(
                logits, torch.tensor(targets)
            )
            loss.backward()
            torch.nn.utils.clip_grad_norm_(self.model.parameters(), 1.0)
            self.optimizer.step()
            self.optimizer.zero_grad()
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

    def logits(self, batch_ids: Sequence[Sequence[int]]) -> "torch.Tensor":
        import torch

        longest = max(map(len, batch_ids))
        pad = self.tokenizer.pad_token_id
        ids = torch.tensor([[*row, *[pad] * (longest - len(row))] for row in batch_ids])
        half = self.plan.precision == "bfloat16"
        with torch.autocast("cpu", dtype=torch.bfloat16, enabled=half):
            output = self.model(input_ids=ids, attention_mask=(ids != pad).long())
        return output.logits.float()

    def measure(self) -> dict[str, Any]:
        """Loss on the held-out rows, and ROC AUC by source against targets above one half."""
        import numpy as np
        import torch
        from sklearn.metrics import roc_auc_score

        if not self.held:
            return {}
        self.model.eval()
        token_ids = self.encode([example.text for example in self.held])
        order = sorted(range(len(token_ids)), key=lambda row: len(token_ids[row]))
        logits = torch.zeros(len(order), len(TOXICITY_LABELS))
        with torch.no_grad():
            for rows in _chunks(order, 128):
                logits[rows] = self.logits([token_ids[row] for row in rows])
        targets = torch.tensor([example.targets for example in self.held])
        loss = torch.nn.functional.binary_cross_entropy_with_logits(logits, targets).item()
        toxic, toxicity = (targets[:, 0] > 0.5).numpy(), logits[:, 0].numpy()
        sources = np.array([example.source for example in self.held])
        aucs = {}
        for source in ["all", *sorted(set(sources))]:
            of_source = (sources == source) | (source == "all")
            if 0 < toxic[of_source].sum() < of_source.sum():
                auc = roc_auc_score(toxic[of_source], toxicity[of_source])
                aucs[source] = round(float(auc), 4)
        return {"held_out_loss": round(loss, 5), "held_out_auc": aucs}

    def save_checkpoint(self) -> None:
        save_detoxify_checkpoint(self.model, self.tokenizer, self.output_dir)


def save_detoxify_checkpoint(model: Any, tokenizer: Any, output_dir: Path) -> None:
    """Write ``model.ckpt`` and ``hf/`` so that ``detoxify.Detoxify`` loads them offline.

    Detoxify reads ``config.arch.args`` (class names, a folder with ``config.json``) and
    ``config.dataset.args.classes`` (detoxify 0.5.4, ``detoxify/detoxify.py``).
    """
    import torch

    folder = output_dir / HF_FOLDER
    model.config.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    checkpoint = {
        "config": {
            "arch": {
                "type": "BERT",
                "args": {
                    "model_type": str(folder.resolve()),
                    "model_name": "BertForSequenceClassification",
                    "tokenizer_name": "BertTokenizerFast",
                    "num_classes": len(TOXICITY_LABELS),
                },
            },
            "dataset": {"args": {"classes": list(TOXICITY_LABELS)}},
            "moderation": {"normaliser_version": NORMALISER_VERSION},
        },
        "state_dict": {name: value.detach().clone() for name, value in model.state_dict().items()},
    }
    part = output_dir / (CHECKPOINT_FILE + ".part")
    torch.save(checkpoint, part)
    part.replace(output_dir / CHECKPOINT_FILE)


def _schedule(step: int, total_steps: int, warmup_share: float) -> float:
    """Linear warm-up, then linear decay to zero after the last step."""
    warmup = max(1, round(total_steps * warmup_share))
    if step < warmup:
        return (step + 1) / warmup
    return (total_steps - step) / max(1, total_steps - warmup)


def _chunks(items: Sequence[int], size: int) -> Iterator[list[int]]:
    for first in range(0, len(items), size):
        yield list(items[first : first + size])
