"""What decides about comments: policies and models."""

from __future__ import annotations

import importlib.util
import time
from collections.abc import Iterator
from math import isfinite
from pathlib import Path

from moderation.cli.doctor.finding import Finding, good, hint, reason, wrong
from moderation.domain.policy import PolicyError
from moderation.labels import LABELS
from moderation.scoring.bundle import read_manifest
from moderation.scoring.detoxify_model import NAMES as DETOXIFY_NAMES
from moderation.scoring.errors import ScoringUnavailable
from moderation.scoring.judge import COMPACT, DETOXIFY_PREFIX
from moderation.scoring.registry import resolve, unknown_engine
from moderation.scoring.spam import SPAM_FOLDER
from moderation.settings import SettingsError
from moderation.wiring import Wiring

COURTESY = "Thank you, this is a thoughtful article."
INSULT = "What an awful, stupid idiot you are."


def policies(wiring: Wiring) -> Iterator[Finding]:
    what = "Policies"
    try:
        found = wiring.policy_files
    except PolicyError as error:
        detail = "\n".join((f"in {error.path}", *error.messages))
        yield wrong(what, detail, "Correct the files; docs/policy.md explains every key.")
        return
    except SettingsError as error:
        mend = "Bring strict.toml back, or set MODERATION_POLICIES_DIR to the folder that has it."
        yield wrong(what, str(error), mend)
        return
    yield good(what, f"valid: {', '.join(sorted(found))}")


def spam_signals(wiring: Wiring) -> Iterator[Finding]:
    """The weights of what spam scores are made of can be read."""
    what = "Spam signals"
    try:
        wiring.spam_signals  # noqa: B018  (reading it is what may fail)
    except SettingsError as error:
        yield wrong(what, str(error), "Correct the file; config/spam_signals.toml explains it.")
        return
    yield good(what, "weights are valid")


def model_files(wiring: Wiring) -> Iterator[Finding]:
    """The models' files are what their manifests say; the extra is there if chosen."""
    what, engine = "Model files", wiring.settings.toxicity_engine
    folders = {"spam": SPAM_FOLDER}
    if (folder := resolve(engine, wiring.settings.models_path)) is not None:
        folders = {engine: folder, **folders}
    elif not engine.startswith(DETOXIFY_PREFIX):
        mend = f"$ moderation models list\n$ moderation models add {engine}"
        yield wrong(what, reason(unknown_engine(engine)), mend)
        return
    for folder in folders.values():
        try:
            read_manifest(folder)
        except ScoringUnavailable as error:
            yield wrong(what, reason(error))
            return
    if engine.startswith(DETOXIFY_PREFIX) and importlib.util.find_spec("detoxify") is None:
        mend = "$ pip install 'moderation[detoxify]'\nor set MODERATION_TOXICITY_ENGINE=compact"
        yield wrong(what, f"{engine} needs the extra 'detoxify', which is not installed", mend)
        return
    yield good(what, f"intact: {', '.join(folders)}")


def model(wiring: Wiring) -> Iterator[Finding]:
    """Load the model as a worker does, and let it score."""
    what, engine = "Model", wiring.settings.toxicity_engine
    if _would_download(engine):
        yield hint(
            what,
            f"{engine} is not downloaded yet: the first comment waits for that",
            "Download it now:\n$ moderation score hello",
        )
        return
    started_s = time.monotonic()
    try:
        polite, rude = wiring.judge.assess([COURTESY, INSULT])
    except ScoringUnavailable as error:
        mend = "Until then comments go to the moderators marked 'not scored'."
        if engine != COMPACT:
            mend += "\nThe bundled model: MODERATION_TOXICITY_ENGINE=compact"
        yield wrong(what, reason(error), mend)
        return
    took_s = time.monotonic() - started_s
    scores = [one.scores.get(label) for one in (polite, rude) for label in LABELS]
    if not all(score is not None and isfinite(score) and 0 <= score <= 1 for score in scores):
        yield wrong(what, f"{rude.model_version} gives scores that are no numbers from 0 to 1")
        return
    told = f"insult {rude.scores['toxicity']:.2f}, thanks {polite.scores['toxicity']:.2f}"
    if rude.scores["toxicity"] <= polite.scores["toxicity"]:
        mend = "Set MODERATION_TOXICITY_ENGINE=compact, or train and export the model again."
        yield wrong(what, f"{rude.model_version} cannot tell an insult: {told}", mend)
        return
    yield good(what, f"{rude.model_version}\nloads and scores in {took_s:.1f} s: {told}")


def _would_download(engine: str) -> bool:
    """Whether loading this engine would fetch some hundred megabytes: no doctor's business."""
    name = engine.removeprefix(DETOXIFY_PREFIX)
    if name == engine or name not in DETOXIFY_NAMES:
        return False
    try:
        import torch
        from detoxify.detoxify import MODEL_URLS
    except ImportError:
        return False  # told already
    return not (Path(torch.hub.get_dir()) / "checkpoints" / Path(MODEL_URLS[name]).name).exists()
