"""How many pieces of work fit side by side."""

from __future__ import annotations

import pytest
import torch

from skingpt_r1.models import threads


def test_work_side_by_side_fills_the_cores(monkeypatch: pytest.MonkeyPatch) -> None:
    before = torch.get_num_threads()
    monkeypatch.setattr(threads, "CORES", 4)
    try:
        torch.set_num_threads(4)
        assert threads.side_by_side() == 1
        with threads.one_thread_each():
            assert torch.get_num_threads() == 1
            assert threads.side_by_side() == 4
        assert torch.get_num_threads() == 4
        torch.set_num_threads(8)  # more than there are
        assert threads.side_by_side() == 1
    finally:
        torch.set_num_threads(before)
