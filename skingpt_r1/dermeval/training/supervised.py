"""First stage: scores and critique as text. Also what both stages share: logits of given answers."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import NamedTuple

import torch
from torch import Tensor

from skingpt_r1.dermeval.critique import Critique, render
from skingpt_r1.dermeval.reader import Question, Reader
from skingpt_r1.dermeval.training.config import EvalConfig
from skingpt_r1.dermeval.training.losses import expected_error, weighted_cross_entropy
from skingpt_r1.distill.run import Loop, RunFolder
from skingpt_r1.models.precision import quick_products


@dataclass(frozen=True)
class Example:
    """A question and what should be answered."""

    question: Question
    critique: Critique


class Forced(NamedTuple):
    """Of every written token, answer after answer: logits [N, V] before it and its id [N]."""

    logits: Tensor
    ids: Tensor


Draw = Callable[[int], list[Example]]
"""The examples of a step; the same step draws the same ones."""


def forced(reader: Reader, prompts: Sequence[Tensor], answers: Sequence[Sequence[Sequence[int]]]) -> Forced:
    """The model reads prompts [T_i, H] and the given answers to each; only places that predict reach the head.

    The answers to one prompt stand in its row one after the other. Each sees the prompt and itself, and counts its
    places from the prompt's end: so the prompt, ten times as long as an answer, is read once.
    """
    language = reader.language
    longest = max(p.shape[0] + sum(map(len, own)) for p, own in zip(prompts, answers, strict=True))
    embedded = torch.zeros(len(prompts), longest, prompts[0].shape[1])
    part = torch.full((len(prompts), longest), -1)  # 0 the prompt, 1 .. its answers, -1 padding
    position = torch.zeros(len(prompts), longest, dtype=torch.long)
    places, ids = list[int](), list[int]()
    for i, (prompt, own) in enumerate(zip(prompts, answers, strict=True)):
        start = end = prompt.shape[0]
        embedded[i, :start], part[i, :start], position[i, :start] = prompt, 0, torch.arange(start)
        for number, answer in enumerate(own, 1):
            here = slice(end, end + len(answer))
            embedded[i, here], part[i, here] = language.embed(torch.tensor(answer)), number
            position[i, here] = start + torch.arange(len(answer))
            places += [i * longest + place for place in (start - 1, *range(end, end + len(answer) - 1))]
            ids += answer
            end += len(answer)
    sees = ((part[:, :, None] == part[:, None, :]) | (part == 0)[:, None, :]).tril()
    hidden = language.model.model(
        inputs_embeds=embedded, attention_mask=sees[:, None], position_ids=position, use_cache=False
    ).last_hidden_state
    return Forced(language.model.lm_head(hidden.flatten(0, 1)[places]), torch.tensor(ids))


def answer_ids(reader: Reader, critique: Critique) -> list[int]:
    """The tokens of an answer, its end included."""
    return [*reader.language.tokens(render(critique)), reader.language.end]


def supervised_loss(reader: Reader, examples: Sequence[Example], config: EvalConfig) -> tuple[Tensor, Tensor]:
    """(loss, mean squared error of the mean scores). Loss: weighted cross entropy, and that error by its weight."""
    answers = [answer_ids(reader, e.critique) for e in examples]
    said = forced(reader, [reader.prompt(e.question) for e in examples], [[answer] for answer in answers])
    scoring = torch.cat([_scoring(reader, len(answer)) for answer in answers])
    target = torch.tensor([float(s) for e in examples for s in e.critique.scores])
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
        with quick_products():
            loss, error = supervised_loss(reader, examples, config)
        loop.update(loss, error=float(error))


def _settings(config: EvalConfig) -> dict[str, object]:
    """What this stage depends on."""
    later = ("soreb_", "momentum", "leash", "temperature")
    return {name: value for name, value in asdict(config).items() if not name.startswith(later)}
