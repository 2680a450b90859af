"""The gate refuses far pictures and the wrong side of near ones, keeps its validation rows, and never reassures."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest
import torch

from skingpt_r1.dermbench.trust.fitting import REFUSED, fitted
from skingpt_r1.images.quality import QualityIssue, QualityReport
from skingpt_r1.models import gate as gates
from skingpt_r1.models.gate import Gate, refusals
from skingpt_r1.records import SkinGPTError

WIDE = gates.USED.stop


@pytest.fixture(scope="module")
def made() -> tuple[Gate, torch.Generator, torch.Tensor]:
    """A gate on made-up features: in scope a flat cloud, out of scope one to its side, within the same plane."""
    rng = torch.Generator().manual_seed(0)
    basis = torch.linalg.qr(torch.randn(1280, 60, generator=rng))[0]
    return fitted(cloud(600, rng, basis), [cloud(400, rng, basis)], side(200, rng, basis)), rng, basis


def cloud(n: int, rng: torch.Generator, basis: torch.Tensor) -> torch.Tensor:
    return torch.randn(n, 60, generator=rng) @ basis.T + 0.02 * torch.randn(n, 1280, generator=rng) + 1


def side(n: int, rng: torch.Generator, basis: torch.Tensor) -> torch.Tensor:
    return cloud(n, rng, basis) + 6 * basis[:, 0]


def share(gate: Gate, rows: torch.Tensor) -> float:
    padded = torch.zeros(len(rows), WIDE)
    padded[:, gates.USED] = rows
    return float(np.mean([gate.refuses(row) for row in padded]))


def test_what_it_was_shown_and_what_it_was_not(made: tuple[Gate, torch.Generator, torch.Tensor]) -> None:
    gate, rng, basis = made
    assert share(gate, cloud(400, rng, basis)) <= sum(REFUSED) + 0.02
    assert share(gate, side(200, rng, basis)) > 0.95
    off_the_plane = cloud(100, rng, basis) + torch.randn(100, 1280, generator=rng) * 0.4
    assert share(gate, off_the_plane) > 0.95  # nothing like it was in the fit


def test_it_comes_back_as_it_was_measured(made: tuple[Gate, torch.Generator, torch.Tensor], tmp_path: Path) -> None:
    gate, rng, basis = made
    gates.save(tmp_path / gates.SHIPPED, gate, {"seed": 0})
    again = gates.load(tmp_path / gates.SHIPPED)
    assert again is not None
    assert again.limits == gate.limits
    row = torch.zeros(WIDE)
    row[gates.USED] = cloud(1, rng, basis)[0]
    assert again.score(row) == gate.score(row)
    assert (tmp_path / gates.SHIPPED).stat().st_size < 300_000
    assert gates.load(tmp_path / "none.safetensors") is None
    (tmp_path / "bad.safetensors").write_bytes(b"not tensors")
    with pytest.raises(SkinGPTError, match="fit-gate"):
        gates.load(tmp_path / "bad.safetensors")


def test_every_reason_is_told(made: tuple[Gate, torch.Generator, torch.Tensor]) -> None:
    gate, rng, basis = made
    far = torch.zeros(WIDE)
    far[gates.USED] = side(1, rng, basis)[0] * 3
    issue = QualityIssue("blur", 0.1, 0.15, "Hold still.", True)
    blurred = QualityReport((issue, dataclasses.replace(issue, name="too small", blocking=False)))
    found = refusals(blurred, False, far, gate)
    assert [(r.name, r.outside) for r in found] == [("quality", False), ("no lesion", True), ("unlike", True)]
    assert refusals(QualityReport(), True, far, None) == ()
    assert refusals(QualityReport((dataclasses.replace(issue, name="no skin"),)), True, far, None)[0].outside
