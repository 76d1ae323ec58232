"""Score texts from the command line, one or a stream of them."""

import json
import sys
from collections.abc import Iterator
from typing import BinaryIO

import click

from moderation.errors import ModerationError
from moderation.labels import LABELS
from moderation.scoring.judge import Judge, build_judge
from moderation.settings import load_settings

_CHUNK_BYTES = 1 << 16


class BadLine(ValueError):
    """A line that is no text to score; the message names its number."""


@click.command()
@click.argument("texts", nargs=-1)
@click.option(
    "--jsonl",
    is_flag=True,
    help='Read standard input: one JSON string, or object with "text", a line.',
)
@click.option(
    "--explain",
    is_flag=True,
    help='Add "spans" (the words behind the toxicity: [start, end) in code points), "language", '
    '"unsupported" (why no model here is made for the text, or null) and "model_version".',
)
@click.option("--engine", help="Instead of the configured toxicity engine.")
def score(texts: tuple[str, ...], jsonl: bool, explain: bool, engine: str | None) -> None:
    """Score TEXTS, or the lines of standard input, for toxicity and spam.

    Writes one JSON object a text, in the order given. A line that cannot be read ends the run
    with exit code 2 after everything before it was scored; a model that cannot be loaded, with 1.
    """
    if jsonl == bool(texts):
        raise click.UsageError("Give texts, or --jsonl to read them from standard input.")
    settings = load_settings()
    try:
        judge = build_judge(
            engine or settings.toxicity_engine,
            multilingual=settings.multilingual_engine,
            threads=settings.scoring_threads,
            models_dir=settings.models_path,
        )
        if texts:
            _write(judge, list(texts), explain)
            return
        _score_stream(judge, sys.stdin.buffer, settings.scoring_batch_size, explain)
    except BadLine as error:
        click.echo(f"Error: {error}", err=True)
        sys.exit(2)
    except ModerationError as error:
        raise click.ClickException(str(error)) from error


def _score_stream(judge: Judge, stream: BinaryIO, batch_size: int, explain: bool) -> None:
    batch: list[str] = []
    number = 0
    for lines in _lines_as_they_come(stream):
        for line in lines:
            number += 1
            try:
                batch.append(_read_line(line))
            except ValueError as error:
                _write(judge, batch, explain)
                raise BadLine(f"line {number}: {error}") from error
            if len(batch) == batch_size:
                _write(judge, batch, explain)
                batch = []
        # Whoever writes one line and waits for its answer gets it, though the batch is small.
        _write(judge, batch, explain)
        batch = []


def _lines_as_they_come(stream: BinaryIO) -> Iterator[list[bytes]]:
    """Lines without their ends, in lists of what has arrived at once."""
    rest = b""
    while chunk := stream.read1(_CHUNK_BYTES):  # type: ignore[attr-defined]
        *lines, rest = (rest + chunk).split(b"\n")
        yield lines
    if rest:
        yield [rest]


def _read_line(line: bytes) -> str:
    try:
        value = json.loads(line)
    except UnicodeDecodeError as error:
        raise ValueError(f"not UTF-8 ({error.reason} at byte {error.start})") from error
    except json.JSONDecodeError as error:
        raise ValueError(f"not JSON ({error.msg} at column {error.colno})") from error
    except RecursionError as error:
        raise ValueError("JSON nested too deeply") from error
    text = value.get("text") if isinstance(value, dict) else value
    if not isinstance(text, str):
        raise ValueError('neither a JSON string nor an object with a string "text"')
    return text


def _write(judge: Judge, texts: list[str], explain: bool) -> None:
    for assessment in judge.assess(texts):
        answer = {label: round(assessment.scores[label], 6) for label in LABELS}
        if explain:
            answer |= {
                "spans": assessment.spans,
                "language": assessment.language,
                "unsupported": assessment.unsupported,
                "model_version": assessment.model_version,
            }
        click.echo(json.dumps(answer))
    sys.stdout.flush()
