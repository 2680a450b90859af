"""Fixtures that any room's tests may use."""

from __future__ import annotations

import os
from collections import Counter
from pathlib import Path

import pytest

# Test processes beside each other share the cores; has to be known before torch is loaded. Nothing is set in the
# process that starts them: they would inherit it.
if beside := os.environ.get("PYTEST_XDIST_WORKER_COUNT"):
    os.environ.setdefault("OMP_NUM_THREADS", str(max(1, (os.cpu_count() or 1) // int(beside))))


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The slowest files first: or a process is left alone with one of them when the others are done."""
    minutes: Counter[Path] = Counter()
    for item in items:
        for marker in item.iter_markers("slow"):
            minutes[item.path] += marker.kwargs.get("minutes", 1)
    items.sort(key=lambda item: -minutes[item.path])  # keeps the order within a file


@pytest.fixture(scope="session")
def data_root() -> Path:
    """The folder of open dermatology data (see its README.md); tests that need it skip without it."""
    default = Path(__file__).resolve().parents[2] / "shared" / "data"
    root = Path(os.environ.get("SKINGPT_DATA", default))
    if not (root / "ham10000" / "cases.csv").is_file():
        pytest.skip("no open data: set SKINGPT_DATA to the folder that holds ham10000/")
    return root
