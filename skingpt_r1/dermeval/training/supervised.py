"""First stage: scores and critique as text. Also what both stages share: logits of given answers."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import NamedTuple

import torch
from torch import Tensor

from skingpt_r1.dermeval.critique import Critique, render
from skingpt_r1.dermeval.reader import Asked, Question, Reader
from skingpt_r1.dermeval.training.config import EvalConfig
from skingpt_r1.dermeval.training.losses import expected_error, weighted_cross_entropy
from skingpt_r1.distill.run import Loop, RunFolder
from skingpt_r1.models.precision import quick_products
from skingpt_r1.models.prompts import padded


@dataclass(frozen=True)
class Example:
    """A question and what should be answered."""

    question: Question
    critique: Critique


class Forced(NamedTuple):
    """Of every written token, row after row: logits [N, V] before it, its id [N] and its row [N]."""

    logits: Tensor
    ids: Tensor
    owner: Tensor


Draw = Callable[[int], list[Example]]
"""The examples of a step; the same step draws the same ones."""


def forced(reader: Reader, prompts: Sequence[Asked], answers: Sequence[Sequence[int]]) -> Forced:
    """The model reads prompts and given answers; only places that predict a written token reach the head.

    The first look is part of the logits, as it is when an answer is generated.
    """
    language, pairs = reader.language, list(zip(prompts, answers, strict=True))
    whole = padded([prompt.followed(language.embed(torch.tensor(answer))) for prompt, answer in pairs], left=False)
    longest = whole["attention_mask"].shape[1]
    places: list[int] = []
    ids: list[int] = []
    owner: list[int] = []
    for i, (prompt, answer) in enumerate(pairs):
        first = i * longest + len(prompt) - 1
        places += range(first, first + len(answer))
        ids += list(answer)
        owner += [i] * len(answer)
    hidden = language.model.model(**whole, use_cache=False).last_hidden_state
    logits = _looked(reader, prompts, answers, language.model.lm_head(hidden.flatten(0, 1)[places]).float())
    return Forced(logits, torch.tensor(ids, device=logits.device), torch.tensor(owner, device=logits.device))


def _looked(reader: Reader, prompts: Sequence[Asked], answers: Sequence[Sequence[int]], logits: Tensor) -> Tensor:
    """The logits [N, V] with each row's first look where its scores stand."""
    rows: list[int] = []
    parts: list[Tensor] = []
    start = 0
    for prompt, answer in zip(prompts, answers, strict=True):
        places = [place for place in reader.score_places() if place < len(answer)]
        if prompt.outlook is not None and places:
            rows += [start + place for place in places]
            parts.append(prompt.outlook[: len(places)])
        start += len(answer)
    if not rows:
        return logits
    where = (torch.tensor(rows)[:, None], torch.tensor(reader.digits)[None])
    return logits.index_put(where, torch.cat(parts).to(logits), accumulate=True)


def answer_ids(reader: Reader, critique: Critique) -> list[int]:
    """The tokens of an answer, its end included."""
    return [*reader.language.tokens(render(critique)), reader.language.end]


def supervised_loss(reader: Reader, examples: Sequence[Example], config: EvalConfig) -> tuple[Tensor, Tensor]:
    """(loss, mean squared error of the mean scores). Loss: weighted cross entropy, and that error by its weight."""
    answers = [answer_ids(reader, e.critique) for e in examples]
    said = forced(reader, [reader.prompt(e.question) for e in examples], answers)
    scoring = torch.cat([_scoring(reader, len(answer)) for answer in answers]).to(said.logits.device)
    target = torch.tensor([float(s) for e in examples for s in e.critique.scores], device=said.logits.device)
    error = expected_error(said.logits[scoring][:, reader.digits], target)
    loss = weighted_cross_entropy(said.logits, said.ids, torch.where(scoring, config.score_weight, 1.0))
    return loss + config.error_weight * error, error.detach()


def _scoring(reader: Reader, length: int) -> Tensor:
    """Which tokens of an answer are scores."""
    mask = torch.zeros(length, dtype=torch.bool)
    mask[reader.score_places()] = True
    return mask


def supervise(config: EvalConfig, reader: Reader, draw: Draw, data: str, out: Path, resume: bool) -> None:
    """Train LoRA in place. data: digest of what is drawn from."""
    run = RunFolder(out, _settings(config), data, resume)
    parameters = reader.trained()
    optimiser = torch.optim.AdamW(parameters.values(), lr=config.rate, weight_decay=0.01)
    reader.train()
    for step in (loop := Loop(run, parameters, optimiser, config.steps, config.seed, save_every=25)):
        examples = draw(step)
        with quick_products(reader.device.type):
            loss, error = supervised_loss(reader, examples, config)
        loop.update(loss, error=float(error))


def _settings(config: EvalConfig) -> dict[str, object]:
    """What this stage depends on."""
    later = ("soreb_", "momentum", "leash", "temperature")
    return {name: value for name, value in asdict(config).items() if not name.startswith(later)}
