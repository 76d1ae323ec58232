"""The operators' door: alive, ready, metrics."""

from __future__ import annotations

from flask import Response, current_app

from moderation.adapters.metrics import Exposition
from moderation.api.parsing import Blueprint, json_response
from moderation.gate import public
from moderation.readiness import OK, readiness
from moderation.schemas.operations import HealthSchema, ReadinessSchema
from moderation.wiring import wired

blueprint = Blueprint("Operations", __name__, description="For load balancers and monitoring.")


@blueprint.route("/healthz", methods=["GET"])
@public
@blueprint.response(200, HealthSchema)
def healthz() -> Response:
    """This process is alive. Nothing else is looked at."""
    return json_response({"status": "ok"}, Cache_Control="no-store")


@blueprint.route("/readyz", methods=["GET"])
@public
@blueprint.response(200, ReadinessSchema)
@blueprint.alt_response(
    503, schema=ReadinessSchema, description="Something needed is missing; it says what."
)
def readyz() -> Response:
    """Whether requests can be served: database and its schema, broker, model."""
    checks = readiness(wired())
    ready = all(answer == OK for answer in checks.values())
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
        "moderation-metrics", Exposition(wiring.waiting, wiring.clock)
    )
    return Response(exposition.text(), content_type="text/plain; version=0.0.4; charset=utf-8")
