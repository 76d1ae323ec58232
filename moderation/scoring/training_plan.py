"""The numbers that shape a training run, read from ``config/training.toml``."""

import hashlib
import json
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

from moderation.scoring.training_data import OTHER_SOURCES

PRECISIONS = ("bfloat16", "float32")


@dataclass(frozen=True, slots=True)
class TrainingPlan:
    """One run's numbers; ``config/training.toml`` explains each."""

    seed: int
    base_package: str
    base_folder: str
    base_continue_from: str
    max_chars: int
    max_tokens: int
    holdout_share: float
    calibration_sources: Sequence[str]
    gold_share: Mapping[str, float]
    disguised_share: float
    swapped_share: float
    long_rows: int
    made_up_rows: int
    epoch_share: Mapping[str, float]
    epochs: int
    batch_size: int
    learning_rate: float
    warmup_share: float
    weight_decay: float
    span_loss_share: float
    average_decay: float
    precision: str
    threads: int
    checkpoint_every_steps: int

    def fingerprint(self) -> str:
        """Names everything that must stay the same for a run to be resumed.

        The number of epochs may change: the learning rate then falls to zero over the new
        number. So may what only concerns the machine.
        """
        free = {"epochs", "threads", "precision", "checkpoint_every_steps"}
        fixed = {name: value for name, value in asdict(self).items() if name not in free}
        return hashlib.sha256(json.dumps(fixed, sort_keys=True).encode()).hexdigest()[:16]


def load_plan(path: Path, **overrides: Any) -> TrainingPlan:
    """Read a plan; ``overrides`` that are not None replace single numbers.

    Raises:
        FileNotFoundError: no such file.
        ValueError: a key is missing, unknown or out of range; the message names it.
    """
    with path.open("rb") as file:
        tables = tomllib.load(file)
    values: dict[str, Any] = {"seed": tables.pop("seed", None)}
    values |= {f"base_{key}": value for key, value in tables.pop("base", {}).items()}
    values |= tables.pop("data", {}) | tables.pop("run", {})
    values |= {key: value for key, value in overrides.items() if value is not None}
    known = {field.name for field in fields(TrainingPlan)}
    missing = sorted(name for name in known if values.get(name) is None)
    unknown = sorted({*values, *tables} - known)
    if missing or unknown:
        raise ValueError(f"{path}: missing {missing or 'nothing'}, unknown {unknown or 'nothing'}")
    plan = TrainingPlan(**values)
    if plan.precision not in PRECISIONS:
        raise ValueError(f"{path}: precision is one of {', '.join(PRECISIONS)}")
    if min(plan.epochs, plan.batch_size, plan.checkpoint_every_steps, plan.threads) < 1:
        raise ValueError(f"{path}: epochs, batch_size, threads, … must be at least 1")
    if not 0 <= plan.average_decay < 1:
        raise ValueError(f"{path}: average_decay must be at least 0 and below 1")
    for name in ("gold_share", "epoch_share"):
        if OTHER_SOURCES not in getattr(plan, name):
            raise ValueError(f"{path}: {name} needs {OTHER_SOURCES!r}, for sources not named")
    return plan
