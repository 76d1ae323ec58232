"""Which ONNX models this installation has, by name: the bundled one and those that were added.

``moderation models add`` puts each model into a folder of its own, ``var/models/NAME``, as the
bundled one lies in ``moderation/scoring/models/compact``: model, tokenizer, and a manifest with
labels, version, differences found while exporting, measures, and the SHA-256 of each file. A
folder without a manifest, such as the one training writes to, is no model.
"""

import json
import re
import shutil
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from moderation.scoring.bundle import MANIFEST, MODELS
from moderation.scoring.errors import ScoringUnavailable

COMPACT = "compact"
COMPACT_FOLDER = MODELS / COMPACT

_NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,39}")
_RESERVED = frozenset({COMPACT, "spam", "detoxify"})
_UNFINISHED = ".adding-"
_ABANDONED_AFTER_S = 24 * 3600


class RegistryError(ValueError):
    """A model cannot be registered or removed under this name; the message says why."""


@dataclass(frozen=True, slots=True)
class RegisteredModel:
    """A model that was added. ``manifest`` is as it stands in the file, unverified."""

    name: str
    folder: Path
    manifest: Mapping[str, Any]


def available(models_dir: Path) -> list[RegisteredModel]:
    """The models that were added, by name; one whose manifest cannot be read has an empty one."""
    found = []
    for manifest in sorted(models_dir.glob(f"*/{MANIFEST}")):
        name = manifest.parent.name
        if not _NAME.fullmatch(name) or name in _RESERVED:
            continue
        try:
            facts = json.loads(manifest.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            facts = {}
        found.append(RegisteredModel(name, manifest.parent, facts if type(facts) is dict else {}))
    return found


def resolve(engine: str, models_dir: Path | None = None) -> Path | None:
    """The folder of the ONNX model that an engine's name stands for; None where it is none.

    The folder of an added model is there; whether it is whole, loading finds out.

    Args:
        engine: a name as settings hold it: ``compact``, a registered name, or any other.
        models_dir: where added models lie; None for an installation without any.
    """
    if engine == COMPACT:
        return COMPACT_FOLDER
    if models_dir is None or not _NAME.fullmatch(engine) or engine in _RESERVED:
        return None
    folder = models_dir / engine
    return folder if (folder / MANIFEST).is_file() else None


def check_free(name: str, models_dir: Path) -> None:
    """Raises RegistryError where no model can be added under this name."""
    if not _NAME.fullmatch(name):
        raise RegistryError(
            f"{name!r} is no name for a model: use at most 40 of a-z, 0-9, '.', '_' and '-'."
        )
    if name in _RESERVED:
        raise RegistryError(f"The name {name!r} is taken by a bundled model: choose another.")
    if (models_dir / name / MANIFEST).exists():
        raise RegistryError(
            f"There is a model {name!r} already. Choose another name, or remove that one: "
            f"moderation models remove {name}"
        )
    if (models_dir / name).exists():
        raise RegistryError(f"{models_dir / name} exists and is no model: choose another name.")


@contextmanager
def registering(name: str, models_dir: Path) -> Iterator[Path]:
    """A folder to put a model's files into; it becomes the model ``name`` when all went well.

    It appears under its name whole, by one rename. After an error nothing is left; what a killed
    process leaves is no model, and is cleared away by the first addition a day later.

    Raises:
        RegistryError: the name cannot be used, or was taken meanwhile.
        OSError: the folder cannot be written.
    """
    check_free(name, models_dir)
    models_dir.mkdir(parents=True, exist_ok=True)
    for left in models_dir.glob(_UNFINISHED + "*"):
        if time.time() - left.stat().st_mtime > _ABANDONED_AFTER_S:
            shutil.rmtree(left, ignore_errors=True)
    folder = Path(tempfile.mkdtemp(prefix=_UNFINISHED, dir=models_dir))
    try:
        yield folder
        check_free(name, models_dir)
        folder.chmod(0o755)  # mkdtemp's are for their maker alone; workers may be somebody else
        folder.rename(models_dir / name)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def remove(name: str, models_dir: Path) -> None:
    """Delete an added model.

    Raises:
        RegistryError: there is none of that name.
        OSError: its files cannot be deleted.
    """
    folder = None if name == COMPACT else resolve(name, models_dir)
    if folder is None:
        names = ", ".join(model.name for model in available(models_dir)) or "none"
        raise RegistryError(f"No model {name!r} was added. There are: {names}.")
    # Gone at once for whoever looks, whatever becomes of the files.
    gone = folder.rename(Path(tempfile.mkdtemp(prefix=_UNFINISHED, dir=models_dir)) / name)
    shutil.rmtree(gone.parent)


def unknown_engine(engine: str, setting: str = "toxicity_engine") -> ScoringUnavailable:
    """What to raise for an engine's name, given by ``setting``, that stands for nothing."""
    return ScoringUnavailable(
        f"No toxicity engine {engine!r} ({setting}): use {COMPACT!r}, 'detoxify:NAME', "
        "'detoxify:PATH' or the name of a model that was added (moderation models list, "
        "moderation models add)."
    )
