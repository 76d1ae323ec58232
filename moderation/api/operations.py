"""The operators' door: alive, ready, metrics."""

from __future__ import annotations

import importlib.util
from functools import cache
from pathlib import Path

from flask import Response, current_app
from sqlalchemy.exc import SQLAlchemyError

from moderation.adapters import schema
from moderation.adapters.broker import ping_broker
from moderation.adapters.metrics import Exposition
from moderation.api.access import public
from moderation.api.parsing import Blueprint, json_response
from moderation.errors import Unavailable
from moderation.scoring.bundle import MODELS, read_manifest
from moderation.wiring import Wiring, wired

blueprint = Blueprint("Operations", __name__, description="For load balancers and monitoring.")


@blueprint.route("/healthz", methods=["GET"])
@public
@blueprint.response(200)
def healthz() -> Response:
    """This process is alive. Nothing else is looked at."""
    return json_response({"status": "ok"}, Cache_Control="no-store")


@blueprint.route("/readyz", methods=["GET"])
@public
@blueprint.response(200)
@blueprint.alt_response(503, description="Something needed is missing; it says what.")
def readyz() -> Response:
    """Whether requests can be served: database and its schema, broker, model."""
    checks = readiness(wired())
    ready = all(answer == "ok" for answer in checks.values())
    return json_response(
        {"status": "ready" if ready else "not ready", "checks": checks},
        200 if ready else 503,
        Cache_Control="no-store",
    )


@blueprint.route("/metrics", methods=["GET"])
@public
@blueprint.response(200, content_type="text/plain")
def show_metrics() -> Response:
    """Prometheus metrics of this machine's processes and of the database."""
    wiring = wired()
    exposition = current_app.extensions.setdefault(
        "moderation-metrics", Exposition(wiring.database, wiring.clock)
    )
    return Response(exposition.text(), content_type="text/plain; version=0.0.4; charset=utf-8")


def readiness(wiring: Wiring) -> dict[str, str]:
    """Part -> "ok" or what is wrong with it."""
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
    return "ok"


def _broker(wiring: Wiring) -> str:
    try:
        ping_broker(wiring.settings)
    except Exception as error:  # each transport has errors of its own
        return f"does not answer: {type(error).__name__}"
    return "ok"


def _model(wiring: Wiring) -> str:
    """The model the workers are to load is there; this process does not load it to find out."""
    engine = wiring.settings.toxicity_engine
    if engine == "compact":
        try:
            _verified(MODELS / engine)
        except Unavailable as error:
            return error.detail
    elif importlib.util.find_spec("detoxify") is None:
        return f"{engine} needs the extra: pip install 'moderation[detoxify]'"
    return "ok"


@cache
def _verified(folder: Path) -> None:
    """Once for good: hashing the model takes a while. A failure is not remembered."""
    read_manifest(folder)
