"""Folders that hold a model and the ``manifest.json`` that vouches for its files."""

import hashlib
import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from moderation.scoring.errors import ScoringUnavailable

MANIFEST = "manifest.json"
MODELS = Path(__file__).parent / "models"


def sha256_of(path: Path) -> str:
    """The SHA-256 of a file, in hex."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def read_manifest(folder: Path) -> dict[str, Any]:
    """The manifest of ``folder``, after each file it lists has been found to be unchanged.

    Raises:
        ScoringUnavailable: the manifest or a file is missing, or was changed.
    """
    mend = "Restore it from the repository or the package, or export the model again."
    try:
        manifest = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
        for name, expected in manifest["sha256"].items():
            if sha256_of(folder / name) != expected:
                raise ScoringUnavailable(f"{folder / name} is not what its manifest says. {mend}")
    except FileNotFoundError as error:
        raise ScoringUnavailable(f"{error.filename} is missing. {mend}") from error
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise ScoringUnavailable(f"{folder / MANIFEST} cannot be read ({error}). {mend}") from error
    return manifest


def write_manifest(folder: Path, files: Iterable[str], facts: Mapping[str, Any]) -> dict[str, Any]:
    """Write ``manifest.json`` with ``facts`` and the SHA-256 of each of ``files``."""
    hashes = {name: sha256_of(folder / name) for name in files}
    manifest = {**facts, "sha256": hashes}
    text = json.dumps(manifest, indent=2, ensure_ascii=False) + "\n"
    (folder / MANIFEST).write_text(text, encoding="utf-8")
    return manifest


def version_name(name: str, manifest: Mapping[str, Any], main_file: str) -> str:
    """``name/version+hash``: what a stored judgement says of the model that made it."""
    return f"{name}/{manifest['version']}+{manifest['sha256'][main_file][:8]}"
