"""Operators' commands for the judges: train, export, measure, list."""

import importlib.util
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click

from moderation.cli.model_tests import show_identity_bias
from moderation.errors import ModerationError
from moderation.scoring.bundle import read_manifest
from moderation.scoring.detoxify_model import NAMES as DETOXIFY_NAMES
from moderation.scoring.judge import build_judge
from moderation.scoring.registry import COMPACT_FOLDER
from moderation.scoring.spam import SPAM_FOLDER


@click.group()
def models() -> None:
    """Train, export, measure and list the scoring models."""


@models.command()
@click.option(
    "--data",
    "data_dir",
    required=True,
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="Folder that holds toxicity/train.csv.gz.",
)
@click.option(
    "--config",
    "config_path",
    default="config/training.toml",
    show_default=True,
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
)
@click.option(
    "--output",
    "output_dir",
    default="var/models/compact",
    show_default=True,
    type=click.Path(file_okay=False, path_type=Path),
)
@click.option("--epochs", type=int, help="Instead of the configured number.")
@click.option("--threads", type=int, help="Instead of the configured number.")
@click.option("--precision", help="Instead of the configured one: bfloat16 or float32.")
def train(
    data_dir: Path,
    config_path: Path,
    output_dir: Path,
    epochs: int | None,
    threads: int | None,
    precision: str | None,
) -> None:
    """Train the compact toxicity model; an interrupted run goes on where it was.

    Needs the extras `detoxify` and `train`.
    """
    from tqdm import tqdm

    from moderation.scoring.train import CHECKPOINT_FILE, train
    from moderation.scoring.training_plan import load_plan

    plan = load_plan(config_path, epochs=epochs, threads=threads, precision=precision)
    with tqdm(unit="step", smoothing=0.05, mininterval=1.0) as bar:

        def report(done: int, total: int, loss: float) -> None:
            bar.total = total
            bar.set_postfix(loss=f"{loss:.4f}", refresh=False)
            bar.update(done - bar.n)

        train(data_dir, output_dir, plan, report)
    click.echo(f"Wrote {output_dir / CHECKPOINT_FILE}.")


@models.command("train-spam")
@click.option(
    "--data",
    "data_dir",
    required=True,
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="Folder that holds spam/train.csv.gz and, better, toxicity/train.csv.gz.",
)
@click.option(
    "--output",
    "output_dir",
    default="var/models/spam",
    show_default=True,
    type=click.Path(file_okay=False, path_type=Path),
)
def train_spam(data_dir: Path, output_dir: Path) -> None:
    """Train the spam model, and measure it on each video held out in turn.

    Needs the extra `train`. The bundled one lies in moderation/scoring/models/spam.
    """
    from moderation.scoring.train_spam import train_spam

    manifest = train_spam(data_dir, output_dir)
    for source, measured in manifest["held_out"].items():
        click.echo(f"{source} held out: " + _facts(measured))
    if manifest["false_alarms"]:
        click.echo("news comments called spam: " + _facts(manifest["false_alarms"]))
    click.echo(f"Wrote {output_dir}, trained on all sources.")


@models.command()
@click.argument("checkpoint", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.argument("output_dir", metavar="DIR", type=click.Path(file_okay=False, path_type=Path))
@click.option("--model-version", default="1", show_default=True, help="Named in the manifest.")
@click.option(
    "--texts",
    "texts_file",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="CSV with a column `text` to compare the forms on; made-up sentences without it.",
)
@click.option("--rows", default=1000, show_default=True, help="Read this many of them.")
@click.option("--fp32-layers", default=1, show_default=True, help="Touchy matrices left at 32 bit.")
def export(
    checkpoint: Path,
    output_dir: Path,
    model_version: str,
    texts_file: Path | None,
    rows: int,
    fp32_layers: int,
) -> None:
    """Write CHECKPOINT as int8 ONNX into DIR, held to Detoxify's own predictions.

    Needs the extras `detoxify` and `train`.
    """
    from moderation.scoring.export import ExportMismatch, export, made_up_texts, read_texts

    texts = read_texts(texts_file, rows) if texts_file else made_up_texts()
    try:
        manifest = export(
            checkpoint, output_dir, version=model_version, texts=texts, fp32_layers=fp32_layers
        )
    except (ExportMismatch, ModerationError) as error:
        raise click.ClickException(str(error)) from error
    click.echo(
        f"fp32 against Detoxify on {len(texts)} texts: {_facts(manifest['fp32_to_detoxify'])}"
    )
    click.echo(f"int8 against fp32: {_facts(manifest['int8_to_fp32'])}")
    click.echo(f"Wrote {output_dir} ({manifest['size_mb']} MB).")


@models.command()
@click.argument(
    "file", required=False, type=click.Path(exists=True, dir_okay=False, path_type=Path)
)
@click.option("--engine", default="compact", show_default=True, help="The toxicity engine.")
@click.option("--text-column", default="text", show_default=True)
@click.option("--rows", default=0, help="Read only the first rows.")
@click.option("--json", "as_json", is_flag=True, help="Print nothing but one JSON object.")
@click.option("--identities", is_flag=True, help="Instead of FILE: sentences that name groups.")
@click.option(
    "--threshold",
    default=0.5,
    show_default=True,
    type=click.FloatRange(0, 1),
    help="With --identities: what counts as hateful.",
)
def evaluate(
    file: Path | None,
    engine: str,
    text_column: str,
    rows: int,
    as_json: bool,
    identities: bool,
    threshold: float,
) -> None:
    """Measure the judge on FILE: CSV, or .csv.gz, with `text` and `toxic` or `spam` in 0/1.

    With --identities, on the program's own sentences that name groups: does a name by itself
    raise the score?
    """
    from moderation.scoring.evaluate import evaluate, read_labelled

    if (file is None) is not identities:
        raise click.UsageError("Name either FILE or --identities.")
    try:
        if file is None:
            show_identity_bias(build_judge(engine), threshold=threshold, as_json=as_json)
            return
        labelled = read_labelled(file, text_column=text_column, rows=rows)
        report = evaluate(build_judge(engine), labelled)
    except (ValueError, ModerationError) as error:
        raise click.ClickException(str(error)) from error
    if not as_json:
        click.echo(f"{report['model_version']} on {report['rows']} rows of {file.name}")
        for column in set(report) & {"toxic", "spam"}:
            click.echo(f"{column}: {_facts(report[column])}")
    click.echo(json.dumps(report))


@models.command("list")
def list_models() -> None:
    """List the engines that a setting can name, and what the bundled models are."""
    for name, folder in (("compact", COMPACT_FOLDER), ("spam", SPAM_FOLDER)):
        try:
            manifest = read_manifest(folder)
        except ModerationError as error:
            click.echo(f"{name}: not usable. {error}")
            continue
        size_mb = sum(path.stat().st_size for path in folder.iterdir()) / 1e6
        click.echo(
            f"{name}: bundled, version {manifest['version']} of {manifest['made']}, "
            f"{size_mb:.1f} MB"
        )
    installed = importlib.util.find_spec("detoxify") is not None
    state = "installed" if installed else "needs the extra 'detoxify'"
    for name in DETOXIFY_NAMES:
        click.echo(f"detoxify:{name}: {state}; downloaded at the first use")
    click.echo(f"detoxify:PATH: {state}; a checkpoint with hf/ beside it")


def _facts(facts: Mapping[str, Any]) -> str:
    return "  ".join(
        f"{name} ({_facts(value)})" if isinstance(value, Mapping) else f"{name} {value}"
        for name, value in facts.items()
    )
