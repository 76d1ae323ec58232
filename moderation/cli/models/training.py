"""Train the bundled models, and export what was trained."""

from pathlib import Path

import click

from moderation.cli.models.printing import facts_in_a_line
from moderation.errors import ModerationError


@click.command()
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
@click.option(
    "--continue-from",
    help="Folder of an exported model to go on from, instead of the configured one; '' for none.",
)
@click.option("--epochs", type=int, help="Instead of the configured number.")
@click.option("--threads", type=int, help="Instead of the configured number.")
@click.option("--precision", help="Instead of the configured one: bfloat16 or float32.")
def train(
    data_dir: Path,
    config_path: Path,
    output_dir: Path,
    continue_from: str | None,
    epochs: int | None,
    threads: int | None,
    precision: str | None,
) -> None:
    """Train the compact toxicity model; an interrupted run goes on where it was.

    Needs the extras `detoxify` and `train`.
    """
    from tqdm import tqdm

    from moderation.scoring.detoxify_model import CHECKPOINT_FILE
    from moderation.scoring.train import ResumeMismatch, train
    from moderation.scoring.training_plan import load_plan

    plan = load_plan(
        config_path,
        base_continue_from=continue_from,
        epochs=epochs,
        threads=threads,
        precision=precision,
    )
    with tqdm(unit="step", smoothing=0.05, mininterval=1.0) as bar:

        def report(done: int, total: int, loss: float) -> None:
            bar.total = total
            bar.set_postfix(loss=f"{loss:.4f}", refresh=False)
            bar.update(done - bar.n)

        try:
            train(data_dir, output_dir, plan, report)
        except (FileNotFoundError, ModuleNotFoundError, ResumeMismatch, ModerationError) as error:
            raise click.ClickException(str(error)) from error
    click.echo(f"Wrote {output_dir / CHECKPOINT_FILE}.")


@click.command()
@click.argument(
    "models",
    metavar="MODEL...",
    nargs=-1,
    required=True,
    type=click.Path(exists=True, path_type=Path),
)
@click.option(
    "--data",
    "data_dir",
    required=True,
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="Folder that holds toxicity/train.csv.gz: its held-out rows calibrate.",
)
@click.option(
    "--output",
    "output_dir",
    default="var/models/averaged",
    show_default=True,
    type=click.Path(file_okay=False, path_type=Path),
)
@click.option(
    "--share", "shares", multiple=True, type=float, help="One a MODEL; equal ones without it."
)
@click.option(
    "--config",
    "config_path",
    default="config/training.toml",
    show_default=True,
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
)
def average(
    models: tuple[Path, ...],
    data_dir: Path,
    output_dir: Path,
    shares: tuple[float, ...],
    config_path: Path,
) -> None:
    """Average the weights of models that went on from one another, and calibrate the result.

    MODEL is the folder of an exported model, or a model.ckpt. Needs the extras `detoxify` and
    `train`.
    """
    from moderation.scoring.detoxify_model import CHECKPOINT_FILE
    from moderation.scoring.train import average
    from moderation.scoring.training_plan import load_plan

    if shares and len(shares) != len(models):
        raise click.UsageError(f"{len(models)} models need as many shares, not {len(shares)}.")
    if len(set(models)) != len(models):
        raise click.UsageError("The same model twice; give it a larger --share instead.")
    parts = dict(zip(models, shares or (1.0,) * len(models), strict=True))
    try:
        average(parts, data_dir, output_dir, load_plan(config_path))
    except (FileNotFoundError, ModuleNotFoundError, ValueError, ModerationError) as error:
        raise click.ClickException(str(error)) from error
    click.echo(f"Wrote {output_dir / CHECKPOINT_FILE}.")


@click.command("train-spam")
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
@click.option(
    "--made-up",
    "made_up_file",
    default="config/spam_examples.toml",
    show_default=True,
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Templates of comments to train on besides.",
)
def train_spam(data_dir: Path, output_dir: Path, made_up_file: Path) -> None:
    """Train the spam model, and measure it on each video held out in turn.

    Needs the extra `train`. The bundled one lies in moderation/scoring/models/spam.
    """
    from moderation.scoring.train_spam import train_spam

    manifest = train_spam(data_dir, output_dir, made_up_file=made_up_file)
    for source, measured in manifest["held_out"].items():
        click.echo(f"{source} held out: " + facts_in_a_line(measured))
    for kind, shares in manifest["false_alarms"].items():
        click.echo(f"{kind}, ordinary comments, called spam: " + facts_in_a_line(shares))
    click.echo(f"Wrote {output_dir}, trained on all sources.")


@click.command()
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
@click.option("--fp32-layers", default=2, show_default=True, help="Touchy matrices left at 32 bit.")
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
    exactly = facts_in_a_line(manifest["fp32_to_detoxify"])
    click.echo(f"fp32 against Detoxify on {len(texts)} texts: {exactly}")
    click.echo(f"int8 against fp32: {facts_in_a_line(manifest['int8_to_fp32'])}")
    click.echo(f"Wrote {output_dir} ({manifest['size_mb']} MB).")
