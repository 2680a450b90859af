"""A run that is killed at any moment and resumed ends where the undisturbed one ends, bit for bit."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import asdict, dataclass
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from skingpt_r1.distill.run import Loop, RunFolder, cosine
from skingpt_r1.records import SkinGPTError

STEPS = 40


@dataclass(frozen=True)
class Toy:
    rate: float = 0.01


def run(
    folder: Path, *, pause: float = 0.0, resume: bool = True, data: str = "d", stop_at: int | None = None
) -> dict[str, torch.Tensor]:
    torch.manual_seed(0)
    layer = torch.nn.Linear(4, 1)
    parameters = dict(layer.named_parameters())
    keeper = RunFolder(folder, asdict(Toy()), data, resume)
    loop = Loop(keeper, parameters, torch.optim.AdamW(layer.parameters(), lr=0.01), STEPS, seed=3, save_every=7)
    for step in loop:
        if step == stop_at:
            os.kill(os.getpid(), signal.SIGTERM)
        x = torch.randn(8, 4)  # drawn from the step's own seed
        loop.update(((layer(x) - x.sum(1, keepdim=True)) ** 2).mean())
        time.sleep(pause)
    return load_file(folder / "checkpoint.safetensors")


@pytest.mark.slow
def test_kill_minus_nine_and_resume_gives_the_same_tensors(tmp_path: Path) -> None:
    whole = run(tmp_path / "whole")
    folder = str(tmp_path / "killed")
    code = f"from tests.distill.test_run import *; run(Path({folder!r}), pause=0.05)"
    root = Path(__file__).parents[2]
    for kill_at in (9, 23):
        child = subprocess.Popen([sys.executable, "-c", code], cwd=root)
        journal = tmp_path / "killed" / "journal.jsonl"
        deadline = time.monotonic() + 120
        while not (journal.exists() and journal.read_text().count("\n") >= kill_at) and time.monotonic() < deadline:
            time.sleep(0.02)
        os.kill(child.pid, signal.SIGKILL)
        child.wait()
        assert child.returncode == -signal.SIGKILL
    resumed = run(tmp_path / "killed")
    assert whole.keys() == resumed.keys()
    assert all(torch.equal(whole[name], resumed[name]) for name in whole)
    steps = [json.loads(line)["step"] for line in (tmp_path / "killed" / "journal.jsonl").read_text().splitlines()]
    assert steps == list(range(STEPS))  # none lost, none twice


def test_a_second_run_in_the_same_folder_needs_resume(tmp_path: Path) -> None:
    run(tmp_path / "a", resume=False)
    with pytest.raises(SkinGPTError, match="--resume"):
        run(tmp_path / "a", resume=False)


def test_resume_refuses_other_data(tmp_path: Path) -> None:
    run(tmp_path / "a", resume=False)
    with pytest.raises(SkinGPTError, match="data"):
        run(tmp_path / "a", data="other")


def test_a_torn_journal_line_is_dropped(tmp_path: Path) -> None:
    keeper = RunFolder(tmp_path / "a", asdict(Toy()), "d", resume=False)
    keeper.journal(step=0, loss=1.0)
    with keeper.file("journal.jsonl").open("a") as stream:
        stream.write('{"step": 1, "lo')
    keeper.cut_journal(5)
    assert keeper.file("journal.jsonl").read_text() == '{"step": 0, "loss": 1.0}\n'


def test_a_loss_that_is_not_a_number_stops_the_run(tmp_path: Path) -> None:
    layer = torch.nn.Linear(1, 1)
    keeper = RunFolder(tmp_path / "a", asdict(Toy()), "d", resume=False)
    loop = Loop(keeper, dict(layer.named_parameters()), torch.optim.SGD(layer.parameters(), lr=1.0), 3, seed=0)
    with pytest.raises(SkinGPTError, match="nan"):
        loop.update(layer(torch.full((1, 1), float("nan"))).sum())


def test_schedule_warms_up_and_ends_at_zero() -> None:
    assert cosine(0.0, 0.1) < 0.05
    assert cosine(0.1, 0.1) == pytest.approx(1.0)
    assert cosine(1.0, 0.1) == pytest.approx(0.0)


def test_asked_to_stop_it_ends_in_an_error_so_that_nothing_goes_on_from_half_a_training(tmp_path: Path) -> None:
    whole = run(tmp_path / "whole")
    with pytest.raises(SkinGPTError, match=r"stopped at step 11, as asked\. Continue with --resume"):
        run(tmp_path / "stopped", stop_at=10)
    resumed = run(tmp_path / "stopped")
    assert all(torch.equal(whole[name], resumed[name]) for name in whole)
