"""Operators' commands for the judges: train, export, measure, list."""

from pathlib import Path

import click


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
