"""A training run's folder, and a loop that resumes exactly after kill -9.

The folder says everything: `settings.json` (the whole config, data hash, versions, machine),
`journal.jsonl` (one line a logged step), `checkpoint.safetensors` (trainable parameters, optimiser moments
and the step, in one atomically replaced file), `best.safetensors`, `metrics.json`. Nothing random
outlives a step: each step seeds its own generators from (seed, step), so that a resumed run draws what the
undisturbed one would have drawn.
"""

from __future__ import annotations

import hashlib
import json
import logging
import math
import platform
import random
import signal
import threading
import time
from collections.abc import Iterable, Iterator, Mapping
from importlib.metadata import version
from pathlib import Path
from types import FrameType
from typing import Any

import torch
from safetensors.torch import load_file
from torch import Tensor, nn

from skingpt_r1.models.weights import save_tensors
from skingpt_r1.records import Case, SkinGPTError
from skingpt_r1.sources.streams import write_text

log = logging.getLogger(__name__)
MINUTE = 60.0
Parameters = Mapping[str, nn.Parameter]


def data_hash(cases: Iterable[Case]) -> str:
    """Short digest of which cases with which labels a run has seen."""
    digest = hashlib.sha256()
    for case in cases:
        digest.update(f"{case.dataset}/{case.id}/{case.split}/{case.label}\n".encode())
    return digest.hexdigest()[:16]


class RunFolder:
    """Where one run keeps its settings, journal and checkpoints."""

    def __init__(self, path: Path, config: Mapping[str, Any], data: str, resume: bool) -> None:
        self.path = path
        settings = {"config": config, "data": data}
        if self.file("settings.json").exists():
            self._check(settings, resume)
        else:
            path.mkdir(parents=True, exist_ok=True)
            machine = {"platform": platform.platform(), "threads": torch.get_num_threads()}
            versions = {name: version(name) for name in ("torch", "transformers", "peft", "numpy")}
            write_text(
                self.file("settings.json"),
                json.dumps({**settings, "versions": versions, "machine": machine}, indent=1, default=str),
            )

    def _check(self, settings: dict[str, Any], resume: bool) -> None:
        if not resume:
            raise SkinGPTError(f"{self.path}: holds a run already. Continue it with --resume, or name another --out.")
        kept = json.loads(self.file("settings.json").read_text())
        now = json.loads(json.dumps(settings, default=str))
        changed = [k for k in now["config"] if kept["config"].get(k) != now["config"][k]]
        changed += ["data"] if kept["data"] != now["data"] else []
        if changed:
            raise SkinGPTError(
                f"{self.path}: cannot resume, these differ from the saved run: {', '.join(changed)}. "
                "Use the saved settings, or name another --out."
            )

    def file(self, name: str) -> Path:
        """Path of one of the run's files."""
        return self.path / name

    def journal(self, **entry: Any) -> None:
        """Append one line; a torn last line (killed while writing) is cut by `Loop` on resume."""
        with self.file("journal.jsonl").open("a") as stream:
            stream.write(json.dumps(entry) + "\n")

    def cut_journal(self, step: int) -> None:
        """Drop lines at or after `step`, and a torn one: the resumed run writes them again."""
        path = self.file("journal.jsonl")
        if not path.exists():
            return
        kept: list[str] = []
        for line in path.read_text().splitlines():
            try:
                entry = json.loads(line)
            except json.JSONDecodeError:
                continue
            if entry["step"] < step:
                kept.append(line + "\n")
        write_text(path, "".join(kept))


class Loop:
    """Steps of one optimiser with schedule, journal, checkpoints and a clean stop on SIGTERM (a SkinGPTError).

    parameters: what is trained, by name. steps: total. peak: the schedule multiplies each group's
    learning rate by a warm-up (first `warmup` share) and a cosine to zero.
    """

    def __init__(
        self,
        run: RunFolder,
        parameters: Parameters,
        optimiser: torch.optim.Optimizer,
        steps: int,
        seed: int,
        *,
        warmup: float = 0.03,
        save_every: int = 50,
        clip: float = 1.0,
    ) -> None:
        self.run, self.parameters, self.optimiser = run, parameters, optimiser
        self.steps, self.seed, self.warmup, self.save_every, self.clip = steps, seed, warmup, save_every, clip
        self.rates = [group["lr"] for group in optimiser.param_groups]
        self.step, self.best = 0, -math.inf
        self._stop = False
        self._restore()

    def __iter__(self) -> Iterator[int]:
        previous = signal.signal(signal.SIGTERM, self._ask_to_stop) if _main_thread() else None
        began, first, said = time.monotonic(), self.step, time.monotonic()
        try:
            while self.step < self.steps and not self._stop:
                seed_step(self.seed, self.step)
                self._schedule()
                yield self.step
                self.step += 1
                if self.step % self.save_every == 0 or self.step == self.steps or self._stop:
                    self.save()
                if time.monotonic() - said > MINUTE or self.step == self.steps:
                    said = time.monotonic()
                    pace = (said - began) / (self.step - first)
                    log.info(
                        "step %d/%d, %.2f s a step, %.0f s left",
                        self.step,
                        self.steps,
                        pace,
                        pace * (self.steps - self.step),
                    )
        finally:
            if previous is not None:
                signal.signal(signal.SIGTERM, previous)
        if self.step < self.steps:  # or the next phase would go on from a half-trained one
            raise SkinGPTError(f"{self.run.path}: stopped at step {self.step}, as asked. Continue with --resume.")

    def update(self, loss: Tensor, **told: float) -> None:
        """Backward, clip, step, journal. Raises SkinGPTError when the loss is not finite."""
        value = float(loss.detach())
        if not math.isfinite(value):
            raise SkinGPTError(f"{self.run.path}: loss became {value} at step {self.step}. Lower the learning rate.")
        self.optimiser.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        torch.nn.utils.clip_grad_norm_(list(self.parameters.values()), self.clip)
        self.optimiser.step()
        self.run.journal(step=self.step, loss=round(value, 6), **{k: round(v, 6) for k, v in told.items()})

    def keep_if_best(self, score: float) -> bool:
        """Keep the present parameters as `best.safetensors` if `score` is the highest yet."""
        if score <= self.best:
            return False
        self.best = score
        save_tensors(
            self.run.file("best.safetensors"),
            self.parameters,
            {"score": f"{score:.6f}", "step": str(self.step)},
        )
        return True

    def load_best(self) -> None:
        """Put the best parameters back."""
        _copy(self.parameters, load_file(self.run.file("best.safetensors")))

    def save(self) -> None:
        """Write the checkpoint: parameters, optimiser moments, step and best score."""
        tensors: dict[str, Tensor] = {f"p/{name}": p for name, p in self.parameters.items()}
        for name, p in self.parameters.items():
            tensors |= {f"o/{name}/{key}": torch.as_tensor(v) for key, v in self.optimiser.state.get(p, {}).items()}
        tensors["loop"] = torch.tensor([self.step, self.best], dtype=torch.float64)
        save_tensors(self.run.file("checkpoint.safetensors"), tensors)

    def _restore(self) -> None:
        path = self.run.file("checkpoint.safetensors")
        if not path.exists():
            self.run.cut_journal(0)
            return
        saved = load_file(path)
        self.step, self.best = int(saved["loop"][0]), float(saved["loop"][1])
        _copy(self.parameters, {name[2:]: value for name, value in saved.items() if name.startswith("p/")})
        for name, p in self.parameters.items():
            prefix = f"o/{name}/"
            state = {k.removeprefix(prefix): v for k, v in saved.items() if k.startswith(prefix)}
            if state:  # the moments lie where the parameter does; the count of steps, a scalar, on the processor
                self.optimiser.state[p] = {k: v.to(p.device) if v.ndim else v for k, v in state.items()}
        self.run.cut_journal(self.step)
        log.info("resumed at step %d/%d", self.step, self.steps)

    def _schedule(self) -> None:
        for group, peak in zip(self.optimiser.param_groups, self.rates, strict=True):
            group["lr"] = peak * cosine(self.step / self.steps, self.warmup)

    def _ask_to_stop(self, number: int, frame: FrameType | None) -> None:
        log.info("asked to stop: finishing step %d", self.step)
        self._stop = True


def cosine(progress: float, warmup: float) -> float:
    """Linear warm-up to 1 over the first `warmup` share, then a cosine to 0."""
    if progress < warmup:
        return (progress + 1e-3) / (warmup + 1e-3)
    return 0.5 * (1 + math.cos(math.pi * (progress - warmup) / (1 - warmup)))


def seed_step(seed: int, step: int) -> random.Random:
    """Seed torch for this step and return a Python generator for it."""
    torch.manual_seed((seed * 1_000_003 + step) % 2**31)
    return random.Random(f"{seed} {step}")


def _copy(parameters: Parameters, values: Mapping[str, Tensor]) -> None:
    missing = parameters.keys() - values.keys()
    if missing:
        raise SkinGPTError(
            f"checkpoint lacks {len(missing)} parameters, first: {sorted(missing)[0]}. It is of another recipe."
        )
    with torch.no_grad():
        for name, p in parameters.items():
            p.copy_(values[name])


def _main_thread() -> bool:
    return threading.current_thread() is threading.main_thread()
