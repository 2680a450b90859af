"""Second stage: SOREB. The model's own samples, rewarded by their scores, on a leash to the supervised model."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path

import torch
from torch import Tensor

from skingpt_r1.dermeval.critique import parse
from skingpt_r1.dermeval.reader import Reader
from skingpt_r1.dermeval.training.config import EvalConfig
from skingpt_r1.dermeval.training.losses import divergence, moved, policy_loss, reward
from skingpt_r1.dermeval.training.supervised import Draw, Forced, forced
from skingpt_r1.distill.run import Loop, RunFolder
from skingpt_r1.models.precision import quick_products


def soreb(config: EvalConfig, reader: Reader, draw: Draw, data: str, out: Path, resume: bool) -> None:
    """Train LoRA in place, from the supervised model that `reader` is when this is called."""
    run = RunFolder(out, asdict(config), data, resume)
    parameters, device = reader.trained(), reader.device.type
    supervised = {name: p.detach().clone() for name, p in parameters.items()}
    optimiser = torch.optim.AdamW(parameters.values(), lr=config.soreb_rate, weight_decay=0.0)
    loop = Loop(run, parameters, optimiser, config.soreb_steps, config.seed, save_every=10)
    baseline = _baseline(run, config, loop.step)
    for step in loop:
        examples = draw(step)
        prompts = [reader.prompt(e.question) for e in examples]
        with torch.inference_mode(), quick_products(device):
            answers, _ = reader.generate(prompts, temperature=config.temperature)
        rewards = [rewarded(reader, ids, e.critique.scores) for ids, e in zip(answers, examples, strict=True)]
        mean = round(sum(rewards) / len(rewards), 6)  # as the journal keeps it, so that a resumed run goes on alike
        before = mean if baseline is None else baseline
        with torch.no_grad(), quick_products(device), _holding(parameters, supervised):
            reference = forced(reader, prompts, answers).logits
        reader.train()
        with quick_products(device):
            said = forced(reader, prompts, answers)
        leash = divergence(said.logits, reference)
        advantage = torch.tensor(rewards, device=leash.device) - before
        loss = policy_loss(taken(said), said.owner, advantage) + config.leash * leash
        loop.update(
            loss,
            reward=mean,
            kl=float(leash.detach()),
            parsed=sum(parse(reader.language.text(ids)) is not None for ids in answers) / len(answers),
            baseline=before,
        )
        baseline = moved(baseline, mean, config.momentum)


def rewarded(reader: Reader, ids: Sequence[int], target: Sequence[float]) -> float:
    """What an answer earns; one that was cut off before its end cannot be read."""
    critique = parse(reader.language.text(ids)) if ids[-1] == reader.language.end else None
    return reward(None if critique is None else critique.scores, target)


def taken(said: Forced) -> Tensor:
    """Log probability of each token that was written, [N]."""
    return said.logits.float().log_softmax(1).gather(1, said.ids[:, None])[:, 0]


def _baseline(run: RunFolder, config: EvalConfig, step: int) -> float | None:
    """The moving average as it stood before `step`, from the journal: nothing else outlives a kill."""
    baseline: float | None = None
    path = run.file("journal.jsonl")
    for line in path.read_text(encoding="utf-8").splitlines() if path.exists() else ():
        entry = json.loads(line)
        if entry["step"] < step:
            baseline = moved(baseline, entry["reward"], config.momentum)
    return baseline


@contextmanager
def _holding(parameters: Mapping[str, Tensor], values: Mapping[str, Tensor]) -> Iterator[None]:
    """The parameters hold other values inside the block."""
    kept = {name: p.detach().clone() for name, p in parameters.items()}
    _copy(parameters, values)
    try:
        yield
    finally:
        _copy(parameters, kept)


def _copy(parameters: Mapping[str, Tensor], values: Mapping[str, Tensor]) -> None:
    with torch.no_grad():
        for name, p in parameters.items():
            p.copy_(values[name])
