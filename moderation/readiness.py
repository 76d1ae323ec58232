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
from moderation.scoring.judge import DETOXIFY_PREFIX
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
    """The model the workers are to load is there; this process does not load it to find out."""
    engine = wiring.settings.toxicity_engine
    if folder := resolve(engine, wiring.settings.models_path):
        try:
            _verified(folder)
        except Unavailable as error:
            return error.detail.replace(f"{folder.parent}/", "")
    elif not engine.startswith(DETOXIFY_PREFIX):
        return f"there is no model {engine}: moderation models list names those there are"
    elif importlib.util.find_spec("detoxify") is None:
        return f"{engine} needs the extra: pip install 'moderation[detoxify]'"
    return OK


@cache
def _verified(folder: Path) -> None:
    """Once for good: hashing the model takes a while. A failure is not remembered."""
    read_manifest(folder)
