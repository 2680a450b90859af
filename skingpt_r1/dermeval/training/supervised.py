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
    """Of every written token, answer after answer: logits [N, V] before it and its id [N]."""

    logits: Tensor
    ids: Tensor


Draw = Callable[[int], list[Example]]
"""The examples of a step; the same step draws the same ones."""


def forced(reader: Reader, prompts: Sequence[Asked], answers: Sequence[Sequence[Sequence[int]]]) -> Forced:
    """The model reads prompts and the given answers to each; only places that predict a written token reach the head.

    The answers to one prompt stand in its row one after the other. Each sees the prompt and itself, and counts its
    places from the prompt's end: so the prompt, ten times as long as an answer, is read once. The first look is part of
    the logits, as it is when an answer is generated.
    """
    language, pairs = reader.language, list(zip(prompts, answers, strict=True))
    embedded = [[language.embed(torch.tensor(answer)) for answer in own] for own in answers]
    whole = padded([p.followed(*own) for p, own in zip(prompts, embedded, strict=True)], left=False)
    longest = whole["attention_mask"].shape[1]
    if any(len(own) > 1 for own in answers):
        whole["attention_mask"] = _apart(pairs, longest).to(whole["attention_mask"].device)
    places: list[int] = []
    for i, (prompt, own) in enumerate(pairs):
        start = end = i * longest + len(prompt)
        for answer in own:
            places += (start - 1, *range(end, end + len(answer) - 1))
            end += len(answer)
    hidden = language.model.model(**whole, use_cache=False).last_hidden_state
    logits = _looked(reader, pairs, language.model.lm_head(hidden.flatten(0, 1)[places]).float())
    ids = [token for own in answers for answer in own for token in answer]
    return Forced(logits, torch.tensor(ids, device=logits.device))


_Pair = tuple[Asked, Sequence[Sequence[int]]]


def _apart(pairs: Sequence[_Pair], longest: int) -> Tensor:
    """[B, 1, T, T]: what each place sees, the prompt and its own answer up to itself, nothing of the other answers."""
    part = torch.full((len(pairs), longest), -1)  # 0 the prompt, 1 .. its answers, -1 padding
    for i, (prompt, own) in enumerate(pairs):
        lengths = torch.tensor([len(prompt), *map(len, own)])
        part[i, : int(lengths.sum())] = torch.arange(len(lengths)).repeat_interleave(lengths)
    sees = (part[:, :, None] == part[:, None, :]) | (part == 0)[:, None, :]
    return sees.tril()[:, None]


def _looked(reader: Reader, pairs: Sequence[_Pair], logits: Tensor) -> Tensor:
    """The logits [N, V] with each prompt's first look where scores stand in its answers."""
    rows: list[int] = []
    parts: list[Tensor] = []
    start = 0
    for prompt, own in pairs:
        for answer in own:
            places = [place for place in reader.score_places() if place < len(answer)]
            if prompt.outlook is not None and places:
                rows += [start + place for place in places]
                parts.append(prompt.outlook[: len(places)])
            start += len(answer)
    if not rows:
        return logits
    device = logits.device
    where = (torch.tensor(rows, device=device)[:, None], torch.tensor(reader.digits, device=device)[None])
    return logits.index_put(where, torch.cat(parts).to(logits), accumulate=True)


def answer_ids(reader: Reader, critique: Critique) -> list[int]:
    """The tokens of an answer, its end included."""
    return [*reader.language.tokens(render(critique)), reader.language.end]


def supervised_loss(reader: Reader, examples: Sequence[Example], config: EvalConfig) -> tuple[Tensor, Tensor]:
    """(loss, mean squared error of the mean scores). Loss: weighted cross entropy, and that error by its weight."""
    answers = [answer_ids(reader, e.critique) for e in examples]
    said = forced(reader, [reader.prompt(e.question) for e in examples], [[answer] for answer in answers])
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
