"""The floors of the house hold: the import contracts in pyproject.toml pass, and each can fail."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]


def lint_imports(folder: Path) -> subprocess.CompletedProcess[str]:
    program = Path(sys.executable).with_name("lint-imports")
    return subprocess.run(
        [program, "--no-cache"],
        cwd=folder,
        env={**os.environ, "COLUMNS": "200"},
        capture_output=True,
        text=True,
        check=False,
    )


def test_every_import_contract_holds() -> None:
    result = lint_imports(ROOT)
    assert result.returncode == 0, result.stdout + result.stderr


@pytest.mark.parametrize(
    ("module", "violation", "contract"),
    [
        ("moderation/domain/planted.py", "import moderation.services", "Layers of moderation"),
        ("moderation/services/planted.py", "import moderation.api", "Layers of moderation"),
        ("moderation/api/planted.py", "import moderation.cli", "Layers of moderation"),
        ("moderation/utils.py", "", "Layers of moderation"),
        ("moderation/cli/planted.py", "import workers", "moderation never imports workers"),
        ("workers/planted.py", "import moderation.cli", "Workers stand beside"),
        ("moderation/schemas/planted.py", "import moderation.scoring", "Shapes and adapters know"),
        ("moderation/services/planted.py", "import flask", "No web, queue or model library in ser"),
        ("moderation/domain/planted.py", "import torch", "No web, queue or model library in ser"),
        ("moderation/schemas/planted.py", "import flask", "No web, queue or model library in sch"),
        ("moderation/scoring/planted.py", "import sqlalchemy", "Judges know no database"),
        ("moderation/domain/policy/planted.py", "import sqlalchemy", "The policy is pure"),
    ],
)
def test_each_import_contract_can_fail(
    tmp_path: Path, module: str, violation: str, contract: str
) -> None:
    for package in ("moderation", "workers"):
        shutil.copytree(
            ROOT / package,
            tmp_path / package,
            ignore=lambda _, names: [name for name in names if not is_code(name)],
        )
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    with (tmp_path / module).open("a") as source:
        source.write(f"\n{violation}\n")

    result = lint_imports(tmp_path)

    assert result.returncode == 1
    broken = [line for line in result.stdout.splitlines() if "BROKEN" in line]
    assert len(broken) == 1, result.stdout
    assert broken[0].startswith(contract)


def is_code(name: str) -> bool:
    return name.endswith(".py") or "." not in name
