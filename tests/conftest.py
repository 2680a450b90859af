"""Fixtures that any room's tests may use."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

# Test processes beside each other share the cores; has to be known before torch is loaded. Nothing is set in the
# process that starts them: they would inherit it.
if beside := os.environ.get("PYTEST_XDIST_WORKER_COUNT"):
    os.environ.setdefault("OMP_NUM_THREADS", str(max(1, (os.cpu_count() or 1) // int(beside))))


@pytest.fixture(scope="session")
def data_root() -> Path:
    """The folder of open dermatology data (see its README.md); tests that need it skip without it."""
    default = Path(__file__).resolve().parents[2] / "shared" / "data"
    root = Path(os.environ.get("SKINGPT_DATA", default))
    if not (root / "ham10000" / "cases.csv").is_file():
        pytest.skip("no open data: set SKINGPT_DATA to the folder that holds ham10000/")
    return root
