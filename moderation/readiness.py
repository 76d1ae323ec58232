"""Whether this installation can serve: database and schema, broker, model."""

from __future__ import annotations

import importlib.util
from functools import cache
from pathlib import Path

from sqlalchemy.exc import SQLAlchemyError

from moderation.adapters import schema
from moderation.adapters.broker import ping_broker
from moderation.errors import Unavailable
from moderation.scoring.bundle import read_manifest
from moderation.scoring.judge import DETOXIFY_PREFIX, second_engine
from moderation.scoring.registry import resolve
from moderation.wiring import Wiring

OK = "ok"


def readiness(wiring: Wiring) -> dict[str, str]:
    """Part (``database``, ``broker``, ``model``) -> ``OK`` or what is wrong with it.

    Anybody may read it: it names no address and no folder.
    """
    return {
        "database": _database(wiring),
        "broker": _broker(wiring),
        "model": _model(wiring),
    }


def _database(wiring: Wiring) -> str:
    try:
        wiring.database.ping()
    except SQLAlchemyError as error:
        return f"does not answer: {type(error).__name__}"
    found, wanted = wiring.database.revision(), schema.head(wiring.database.url)
    if found != wanted:
        return f"its schema is at {found or 'nothing'}, not {wanted}: run moderation db upgrade"
    return OK


def _broker(wiring: Wiring) -> str:
    try:
        ping_broker(wiring.settings)
    except Exception as error:  # each transport has errors of its own
        return f"does not answer: {type(error).__name__}"
    return OK


def _model(wiring: Wiring) -> str:
    """The models the workers are to load are there; this process does not load them to find out."""
    settings = wiring.settings
    wrong = [_engine("toxicity_engine", settings.toxicity_engine, settings.models_path)]
    second = second_engine(settings.multilingual_engine, settings.models_path)
    if second is not None:
        wrong.append(_engine("multilingual_engine", second, settings.models_path))
    return "; ".join(answer for answer in wrong if answer != OK) or OK


def _engine(setting: str, engine: str, models_dir: Path) -> str:
    if folder := resolve(engine, models_dir):
        try:
            _verified(folder)
        except Unavailable as error:
            return f"{setting}: " + error.detail.replace(f"{folder.parent}/", "")
    elif not engine.startswith(DETOXIFY_PREFIX):
        return (
            f"{setting}: there is no model {engine}: moderation models list names those there are"
        )
    elif importlib.util.find_spec("detoxify") is None:
        return f"{setting}: {engine} needs the extra: pip install 'moderation[detoxify]'"
    return OK


@cache
def _verified(folder: Path) -> None:
    """Once for good: hashing the model takes a while. A failure is not remembered."""
    read_manifest(folder)
