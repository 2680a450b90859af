"""Third phase, the published one: narratives and the teacher's embedding, all adapters together.

L = L_sft + b L_distill. The vocabulary bias is in the logits that L_sft sees. Only positions that predict a
supervised token go through the output head: it is a fifth of the language model's work. Ours is the weight on
the tokens that decide: of some 120 in a narrative, ten name the category and the diagnosis and twenty the findings, and
at equal weight the wording of the others is learned first. Where the findings weighed no more than their frames,
the writer said of a lesion's shape what goes with its diagnosis.
"""

from __future__ import annotations

import json
import logging
import random
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from skingpt_r1.distill.config import DistillConfig
from skingpt_r1.distill.data import LabelledMaps
from skingpt_r1.distill.lessons import Lesson, Lessons, decisions, findings
from skingpt_r1.distill.losses import IGNORE, Alignment, bias_positions, distillation_loss, total_loss
from skingpt_r1.distill.run import Loop, RunFolder, data_hash
from skingpt_r1.distill.teacher import sampling
from skingpt_r1.models.embedded import SAYING, Embedded
from skingpt_r1.models.heads import VisualOutput
from skingpt_r1.sources.streams import write_text

log = logging.getLogger(__name__)
EVALUATE_EVERY = 50
VAL_ROWS = 48


def narrative_loss(
    model: Embedded,
    visual: VisualOutput,
    lessons: Sequence[Lesson],
    alignment: Alignment = Alignment.PREDICTING,
    decision_weight: float = 1.0,
    finding_weight: float = 1.0,
) -> tuple[Tensor, Tensor]:
    """(weighted mean next-token cross entropy of the lessons' texts, plain mean over the deciding tokens).

    From biased logits. The second is to be watched, not trained on.
    """
    language = model.speaker
    prompts = model.prompts(visual, [lesson.history for lesson in lessons])
    texts = [[*language.tokens(lesson.text), language.end] for lesson in lessons]
    longest = max(p.shape[0] + len(t) for p, t in zip(prompts, texts, strict=True))
    embedded = torch.zeros(len(texts), longest, prompts[0].shape[1])
    labels = torch.full((len(texts), longest), IGNORE)
    present = torch.zeros(len(texts), longest, dtype=torch.long)
    deciding = torch.zeros(len(texts), longest, dtype=torch.bool)
    weight = torch.ones(len(texts), longest)
    for i, (prompt, text) in enumerate(zip(prompts, texts, strict=True)):
        end = prompt.shape[0] + len(text)
        ids = torch.tensor(text)
        embedded[i, :end] = torch.cat([prompt, language.embed(ids)])
        labels[i, prompt.shape[0] : end] = ids
        present[i, :end] = 1
        written = slice(prompt.shape[0], end - 1)
        finds, decides = (
            torch.tensor(language.tokens_within(lessons[i].text, spans(lessons[i].text)))
            for spans in (findings, decisions)
        )
        weight[i, written][finds] = finding_weight
        weight[i, written][decides] = decision_weight
        deciding[i, written] = decides
    hidden = language.model.model(inputs_embeds=embedded, attention_mask=present, use_cache=False).last_hidden_state
    predicting = bias_positions(labels)
    logits = language.model.lm_head(hidden[predicting])  # [N, V]
    bias = model.bias(visual)
    if bias is not None:
        owner = predicting.nonzero()[:, 0]
        logits = logits + bias[owner] * bias_positions(labels, alignment)[predicting].unsqueeze(1)
    loss = F.cross_entropy(logits.float(), labels[:, 1:][predicting[:, :-1]], reduction="none")
    weight, decides = (of_token[:, 1:][predicting[:, :-1]] for of_token in (weight, deciding))
    return (loss * weight).sum() / weight.sum(), loss[decides].mean()


def write(
    config: DistillConfig,
    model: Embedded,
    target: Tensor | None,
    train: LabelledMaps,
    lessons: Lessons,
    val: tuple[LabelledMaps, Lessons],
    out: Path,
    resume: bool,
) -> None:
    """Train all adapters in place.

    target: teacher embeddings of the training rows, [N, T]; None without visual distillation.
    """
    run = RunFolder(out, config.of_phase("write"), data_hash([*train.cases, *val[0].cases]), resume)
    parameters = model.trained()
    if not config.bias:
        parameters = {n: p for n, p in parameters.items() if not n.startswith("vocabulary.")}
    if not config.write_sees:  # the evaluator and all else that builds on what is seen stay valid
        parameters = {n: p for n, p in parameters.items() if n.startswith(SAYING)}
    seeing = [p for n, p in parameters.items() if n.startswith(("encoder.", "visual."))]
    saying = [p for n, p in parameters.items() if not n.startswith(("encoder.", "visual."))]
    groups = [{"params": saying, "lr": config.write_rate}]
    groups += [{"params": seeing, "lr": config.write_visual_rate}] if seeing else []
    optimiser = torch.optim.AdamW(groups, weight_decay=0.01)
    loop = Loop(run, parameters, optimiser, config.write_steps, config.seed, save_every=25)
    weight, _ = sampling(train.columns, train.space, power=1.0)
    for step in loop:
        model.train()
        rng = np.random.default_rng([config.seed, 3, step])
        rows = rng.choice(len(weight), config.write_batch, p=weight).tolist()
        texts = [random.Random(f"{config.seed} {step} {i}") for i in range(len(rows))]
        taught = [
            lessons.narrative(row, r, r.random() < config.history_share) for row, r in zip(rows, texts, strict=True)
        ]
        with torch.set_grad_enabled(config.write_sees):
            visual = model.look(train.batch(rows, rng.integers(0, train.maps.shape[1], len(rows)).tolist()))
        language, decision = narrative_loss(
            model, visual, taught, config.alignment, config.write_decision_weight, config.write_finding_weight
        )
        distil = distillation_loss(visual.proj, target[rows]) if target is not None else None
        told = {"sft": float(language.detach()), "decision": float(decision.detach())}
        told |= {"distil": float(distil.detach())} if distil is not None else {}
        loop.update(total_loss(language, distil, config.visual_weight), **told)
        if (step + 1) % EVALUATE_EVERY == 0 or step + 1 == config.write_steps:
            found = evaluate(model, *val)
            run.journal(step=step, **found)
            log.info("write %d train %.3f val %s", step + 1, told["sft"], found)
            write_text(run.file("metrics.json"), json.dumps(found))


@torch.inference_mode()
def evaluate(model: Embedded, data: LabelledMaps, lessons: Lessons, rows: int = VAL_ROWS) -> dict[str, float]:
    """Mean cross entropy of all and of deciding tokens, on a fixed sample of held-out narratives without history."""
    model.eval()
    weight, _ = sampling(data.columns, data.space, power=1.0)
    rows = min(rows, len(weight))
    picked = np.random.default_rng(0).choice(len(weight), rows, p=weight).tolist()
    losses = []
    for start in range(0, rows, 8):
        chosen = picked[start : start + 8]
        taught = [lessons.narrative(row, random.Random(row), False) for row in chosen]
        visual = model.look(data.batch(chosen, [0] * len(chosen)))
        losses.append([float(loss) for loss in narrative_loss(model, visual, taught)])
    total, decision = np.mean(losses, 0)
    return {"val_sft": round(float(total), 5), "val_decision": round(float(decision), 5)}
