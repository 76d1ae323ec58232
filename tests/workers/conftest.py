"""An installation on SQLite whose worker's part the tests run themselves."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from factories import Service


@pytest.fixture
def service(tmp_path: Path) -> Iterator[Service]:
    made = Service(tmp_path, scoring_lease_s=60, scoring_max_attempts=3, scoring_retry_s=5)
    yield made
    assert made.drift() == []
    made.close()
