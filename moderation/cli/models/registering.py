"""Which models there are, which is in use, and adding and removing them."""

import importlib.util
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import click

from moderation.cli.models.printing import facts_in_a_line, table
from moderation.errors import ModerationError
from moderation.scoring import registry
from moderation.scoring.bundle import read_manifest
from moderation.scoring.detoxify_model import NAMES as DETOXIFY_NAMES
from moderation.scoring.judge import DETOXIFY_PREFIX, build_judge
from moderation.scoring.registry import COMPACT, COMPACT_FOLDER, RegistryError
from moderation.scoring.spam import SPAM_FOLDER
from moderation.settings import PREFIX, choose, load_settings

_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)
_AGREEMENT = 0.995
"""Below this share of equal decisions, int8 is not quite the model any more."""


@click.command("list")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def list_models(as_json: bool) -> None:
    """List the models: those there are, and those that can be had.

    `*` marks the toxicity model in use. `ROC AUC` is what the model's manifest says of a labelled
    file; `needs` what has to be there before a comment can be scored.
    """
    settings = load_settings()
    rows = list(_rows(settings.toxicity_engine, settings.models_path))
    if as_json:
        click.echo(json.dumps(rows))
        return
    columns = {name: name.replace("_", " ") for name in rows[0] if name != "wrong"}
    columns |= {"in_use": "", "size_mb": "MB", "roc_auc": "ROC AUC"}
    shown = [
        {**row, "in_use": "*" if row["in_use"] else ""}
        | {name: str(row[name] or "-") for name in ("version", "labels", "size_mb", "roc_auc")}
        for row in rows
    ]
    table(shown, columns)
    for row in rows:
        if row["wrong"]:
            click.echo(f"\n{row['engine']}: not usable. {row['wrong']}")


def _rows(in_use: str, models_dir: Path) -> Iterator[dict[str, Any]]:
    yield _row(COMPACT, "bundled", COMPACT_FOLDER, in_use == COMPACT)
    yield _row("spam", "bundled", SPAM_FOLDER, True)
    names = {COMPACT}
    for model in registry.available(models_dir):
        names.add(model.name)
        yield _row(model.name, "added", model.folder, in_use == model.name)
    has_extra = importlib.util.find_spec("detoxify") is not None
    extra = "" if has_extra else "the extra 'detoxify', "
    others = [*(DETOXIFY_PREFIX + name for name in DETOXIFY_NAMES), DETOXIFY_PREFIX + "PATH"]
    if in_use not in {*names, *others}:
        others.append(in_use)
    for engine in others:
        official = engine.removeprefix(DETOXIFY_PREFIX) in DETOXIFY_NAMES
        needs = f"{extra}a first download" if official else f"{extra}a checkpoint"
        yield {
            "in_use": in_use == engine,
            "engine": engine,
            "kind": "Detoxify",
            "version": "",
            "labels": 0,
            "size_mb": 0.0,
            "roc_auc": "",
            "needs": needs,
            "wrong": "" if engine.startswith(DETOXIFY_PREFIX) else "There is no such model.",
        }


def _row(engine: str, kind: str, folder: Path, in_use: bool) -> dict[str, Any]:
    manifest: Mapping[str, Any] = {}
    wrong = ""
    try:
        manifest = read_manifest(folder)
    except ModerationError as error:
        wrong = str(error)
    measured = manifest.get("measured", {})
    aucs = [
        f"{found['roc_auc']:.4f} {column} on {measured.get('file', 'a file')}"
        for column, found in measured.items()
        if isinstance(found, Mapping) and "roc_auc" in found
    ]
    files = [path for path in folder.iterdir() if path.is_file()] if folder.is_dir() else []
    return {
        "in_use": in_use,
        "engine": engine,
        "kind": kind,
        "version": f"{manifest['version']} of {manifest['made']}" if manifest else "",
        "labels": len(manifest.get("labels", ())) or int(engine == "spam"),
        "size_mb": round(sum(path.stat().st_size for path in files) / 1e6, 1),
        "roc_auc": aucs[0] if aucs else "",
        "needs": "nothing",
        "wrong": wrong,
    }


@click.command()
@click.argument("source", metavar="NAME|PATH")
@click.option("--name", help="What to call it here; by default NAME, or the folder's name.")
@click.option(
    "--measure",
    "measure_file",
    type=_FILE,
    help="Labelled file to measure it on, as for `models evaluate`.",
)
@click.option("--text-column", default="text", show_default=True, help="Of that file.")
@click.option(
    "--quantise/--no-quantise",
    default=True,
    show_default=True,
    help="Keep it as int8: a quarter of the size, faster, a little different.",
)
@click.option("--rows", default=0, help="Measure on the first rows only.")
def add(
    source: str,
    name: str | None,
    measure_file: Path | None,
    text_column: str,
    quantise: bool,
    rows: int,
) -> None:
    """Add a Detoxify model by NAME, or from PATH.

    NAME is original, unbiased, multilingual, original-small or unbiased-small; PATH a
    checkpoint in Detoxify's format with `hf/` beside it, or the folder that holds both.
    The model is loaded by Detoxify itself, which downloads an official one the first time; then
    it is exported to ONNX, held to Detoxify's own predictions, measured if a file is given, and
    registered under its name, all of it or nothing. From then on neither torch nor a network is
    needed. Needs the extras `detoxify` and `train`.
    """
    from moderation.scoring.adding import add_model
    from moderation.scoring.evaluate import read_labelled
    from moderation.scoring.export import ExportMismatch, made_up_texts

    source = source.removeprefix(DETOXIFY_PREFIX)
    name = name or _name_of(source)
    models_dir = load_settings().models_path
    try:
        registry.check_free(name, models_dir)
        measure_on, texts = None, made_up_texts()
        if measure_file:
            labelled = read_labelled(measure_file, text_column=text_column, rows=rows)
            measure_on, texts = (
                (measure_file, labelled),
                [one[:300] for one in labelled.texts[:500]],
            )
        manifest = add_model(
            source,
            name,
            models_dir,
            texts=texts,
            quantise=quantise,
            measure_on=measure_on,
            tell=lambda step: click.echo(f"{name}: {step} …", err=True),
        )
    except (ModerationError, ExportMismatch, RegistryError, ValueError, ImportError) as error:
        raise click.ClickException(f"{error}\nNothing was registered.") from error
    click.echo(f"{manifest['origin']}")
    click.echo(
        f"fp32 ONNX against Detoxify on {manifest['compared_texts']} texts: "
        f"{facts_in_a_line(manifest['fp32_to_detoxify'])}"
    )
    if quantise:
        found = manifest["int8_to_fp32"]
        click.echo(f"int8 against fp32: {facts_in_a_line(found)}")
        if min(found["decision_agreement"].values()) < _AGREEMENT:
            click.echo("Some decisions change by int8; --no-quantise keeps all of the model.")
    for column, measured in manifest.get("measured", {}).items():
        if isinstance(measured, Mapping):
            click.echo(f"{column}: {facts_in_a_line(measured)}")
    click.echo(
        f"Registered as {name} ({manifest['size_mb']} MB). To use it: moderation models use {name}"
    )


def _name_of(source: str) -> str:
    path = Path(source)
    if source in DETOXIFY_NAMES or not path.exists():
        return source  # what is neither, loading tells
    return (path if path.is_dir() else path.parent).resolve().name.lower()


@click.command()
@click.argument("engine", metavar="NAME")
def use(engine: str) -> None:
    """Make NAME this installation's toxicity model.

    NAME is `compact`, a model that was added, or `detoxify:…` as `models list` shows. It is loaded
    first; one that cannot be loaded is not taken. The choice is kept in var/chosen.toml, over what
    files say; the variable MODERATION_TOXICITY_ENGINE wins over it. Workers that run already go on
    with the model they have until they are started again. No comment is scored again by this.
    """
    settings = load_settings()
    path = Path(engine.removeprefix(DETOXIFY_PREFIX))
    if engine.startswith(DETOXIFY_PREFIX) and str(path) not in DETOXIFY_NAMES and path.exists():
        engine = DETOXIFY_PREFIX + str(path.resolve())  # a worker may start in another folder
    try:
        judge = build_judge(
            engine, threads=settings.scoring_threads, models_dir=settings.models_path
        )
        version = judge.model_version
    except ModerationError as error:
        raise click.ClickException(f"{error}\nStill in use: {settings.toxicity_engine}") from error
    kept = choose(settings, "toxicity_engine", engine)
    click.echo(f"{engine} ({version}) is this installation's model, kept in {kept}.")
    in_force = load_settings().toxicity_engine
    if in_force != engine:
        click.echo(
            f"But {PREFIX}TOXICITY_ENGINE is set to {in_force} here, and wins: unset the variable, "
            "wherever web and workers have it."
        )
    click.echo(
        "Running workers go on with the model they have: start them again to change over "
        "(moderation up, or moderation worker).\n"
        "Nothing is scored again: every score names the version that made it. To score what waits, "
        "or a period for comparison: moderation rescore --help"
    )


@click.command()
@click.argument("name")
def remove(name: str) -> None:
    """Delete a model that was added. The one in use stays."""
    settings = load_settings()
    if name == settings.toxicity_engine:
        raise click.ClickException(f"{name} is in use; first: moderation models use compact")
    try:
        registry.remove(name, settings.models_path)
    except RegistryError as error:
        raise click.ClickException(str(error)) from error
    click.echo(f"Removed {name}. Scores it has made keep its version.")
