"""Second stage: SOREB. The model's own samples, rewarded by their scores, on a leash to the supervised model.

Several answers are sampled to each question. The reward is that of the whole answer, as published; but only the
tokens up to the last score are told it (`losses.credit`).
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import NamedTuple

import torch
from torch import Tensor

from skingpt_r1.dermeval.critique import parse, parse_scores
from skingpt_r1.dermeval.reader import Asked, Reader
from skingpt_r1.dermeval.training.config import EvalConfig
from skingpt_r1.dermeval.training.losses import credit, divergence, moved, policy_loss, reward
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
        answers = sampled(reader, prompts, config.soreb_samples, config.temperature)
        asked = zip(answers, examples, strict=True)
        earned = [rewarded(reader, ids, e.critique.scores) for own, e in asked for ids in own]
        mean = round(sum(e.whole for e in earned) / len(earned), 6)  # as journalled: a resumed run goes on alike
        before = mean if baseline is None else baseline
        with torch.no_grad(), quick_products(device), _holding(parameters, supervised):
            reference = forced(reader, prompts, answers).logits
        reader.train()
        with quick_products(device):
            said = forced(reader, prompts, answers)
        leash = divergence(said.logits, reference)
        credits = [credit(e.written, e.scored, e.scores, e.whole, before) for e in earned]
        advantage = torch.cat(credits).to(leash.device)
        loss = policy_loss(taken(said), advantage, len(earned)) + config.leash * leash
        loop.update(
            loss,
            reward=mean,
            kl=float(leash.detach()),
            parsed=sum(e.readable for e in earned) / len(earned),
            baseline=before,
        )
        baseline = moved(baseline, mean, config.momentum)


def sampled(reader: Reader, prompts: Sequence[Asked], samples: int, temperature: float = 1.0) -> list[list[list[int]]]:
    """So many answers to each prompt, as token ids; the reader is left in its evaluation mode."""
    with torch.inference_mode(), quick_products(reader.device.type):
        rows, _ = reader.generate(prompts, temperature=temperature, samples=samples)
    return [rows[start : start + samples] for start in range(0, len(rows), samples)]


class Earned(NamedTuple):
    """Of one answer. whole: its reward. scores: what its scores alone earn. written: its tokens.

    scored: those up to the last score. Where no scores open the answer, every token had a hand in what it earns:
    scores = whole, scored = written.
    """

    whole: float
    scores: float
    written: int
    scored: int
    readable: bool


def rewarded(reader: Reader, ids: Sequence[int], target: Sequence[float]) -> Earned:
    """What an answer earns; one that was cut off before its end cannot be read."""
    critique = parse(reader.language.text(ids)) if ids[-1] == reader.language.end else None
    whole, readable = reward(None if critique is None else critique.scores, target), critique is not None
    for scored in range(1, len(ids)):
        scores = parse_scores(reader.language.text(ids[:scored]))
        if scores is not None:
            return Earned(whole, reward(scores, target), len(ids), scored, readable)
    return Earned(whole, whole, len(ids), len(ids), readable)


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
