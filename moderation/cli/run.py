"""Running the service: all of it as one group, or its parts one by one."""

from __future__ import annotations

import os
import shutil
import sys
from dataclasses import replace
from pathlib import Path

import click

from moderation.settings import Settings, load_settings

METRICS_VARIABLE = "PROMETHEUS_MULTIPROC_DIR"


@click.command()
@click.option("--port", type=click.IntRange(1, 65535), help="Port of the web process.")
def up(port: int | None) -> None:
    """Run everything: web, worker and schedule as one group, until Ctrl-C."""
    settings = load_settings()
    if port is not None:
        settings = replace(settings, http_port=port)
    from moderation.cli.supervise import run_group

    sys.exit(run_group(settings))


@click.command()
@click.option("--host", help="Address to listen on.")
@click.option("--port", type=click.IntRange(1, 65535), help="Port to listen on.")
@click.option("--workers", type=click.IntRange(1), help="Processes that answer requests.")
@click.option("--threads", type=click.IntRange(1), help="Threads in each of them.")
def serve(host: str | None, port: int | None, workers: int | None, threads: int | None) -> None:
    """Run the web part alone (gunicorn, threads)."""
    given = {
        "http_host": host,
        "http_port": port,
        "http_workers": workers,
        "http_threads": threads,
    }
    settings = replace(load_settings(), **{k: v for k, v in given.items() if v is not None})
    share_metrics(settings)
    from moderation.adapters.logs import configure_logs
    from moderation.cli.web_server import serve_forever

    configure_logs(settings, part="web")
    serve_forever(settings)


@click.command()
def worker() -> None:
    """Run a worker: it scores comments and keeps the schedule. Run as many as you like."""
    settings = load_settings()
    share_metrics(settings)
    from moderation.adapters.logs import configure_logs

    configure_logs(settings, part="worker")
    # By name: nothing in this package imports the workers.
    from importlib import import_module

    import_module("workers.run").run_worker(settings)


def share_metrics(settings: Settings) -> None:
    """Let the processes of this machine add up their metrics, in a folder of files.

    Before anything imports prometheus_client, which decides at import time.
    """
    folder = Path(os.environ.setdefault(METRICS_VARIABLE, str(settings.var_path / "metrics")))
    folder.mkdir(parents=True, exist_ok=True)


def forget_metrics(settings: Settings) -> None:
    """Start the counting anew: files of processes that are gone would be added up for ever."""
    shutil.rmtree(settings.var_path / "metrics", ignore_errors=True)
