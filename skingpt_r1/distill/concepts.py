"""Train the concept heads on experts' criteria, and write down how far each may be believed.

Each criterion is learned among the annotated rows of the class for which experts could choose it, since its
absence elsewhere was never stated. Everything is chosen on training rows: penalty and threshold by
cross-validation with a lesion's pictures in one fold. The official `val` rows are only told.
"""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

import torch
import torch.nn.functional as F
from safetensors.torch import load_file
from torch import Tensor

from skingpt_r1.distill.run import RunFolder, data_hash
from skingpt_r1.images.reading import read_photo
from skingpt_r1.knowledge.criteria import HYPOTHESIS, VALUES
from skingpt_r1.models.concepts import (
    CLAMP,
    MODALITY,
    SHIPPED,
    ConceptHeads,
    ConceptQuality,
    concept_metadata,
)
from skingpt_r1.models.precision import STORED_ADAPTER
from skingpt_r1.models.segmenter import load_segmenter
from skingpt_r1.models.weights import save_tensors
from skingpt_r1.records import Case, Modality
from skingpt_r1.sources.registry import available, load
from skingpt_r1.sources.streams import write_text

log = logging.getLogger(__name__)
SHARD = 128
PENALTIES = (0.03, 0.1, 0.3, 1.0, 3.0)


@dataclass(frozen=True)
class ConceptConfig:
    """Training of the concept heads and the modality head."""

    folds: int = field(default=5, metadata={"help": "cross-validation folds, apart by lesion"})
    precision: float = field(default=0.6, metadata={"help": "cross-validated precision that makes a head usable"})
    aim: float = field(default=0.7, metadata={"help": "precision that a threshold is chosen for, if it can be had"})
    auc: float = field(default=0.6, metadata={"help": "area under the curve below which a head is not usable"})
    positives: int = field(default=60, metadata={"help": "annotated pictures with the criterion that a head needs"})
    called: int = field(default=30, metadata={"help": "pictures called positive that a threshold needs"})
    modality_rows: int = field(default=400, metadata={"help": "training pictures of each source for the modality head"})
    seed: int = field(default=0, metadata={"help": "seed of folds and of the sample for the modality head"})


@dataclass(frozen=True, slots=True)
class Rows:
    """Cases and their standardisable features [N, D]."""

    cases: Sequence[Case]
    features: Tensor


def annotated(case: Case, code: str) -> bool:
    """Whether an expert could have chosen this criterion for the case."""
    return case.concepts is not None and case.diagnosis == HYPOTHESIS[code]


def fit(features: Tensor, target: Tensor, penalty: float, start: Tensor | None = None) -> Tensor:
    """Logistic regression with a ridge, [N, D], [N] -> [D + 1]; the last entry is the bias."""
    weight = torch.zeros(features.shape[1] + 1) if start is None else start.clone()
    weight.requires_grad_(True)
    solver = torch.optim.LBFGS([weight], max_iter=60, tolerance_grad=1e-5, line_search_fn="strong_wolfe")

    def closure() -> Tensor:
        solver.zero_grad()
        logits = features @ weight[:-1] + weight[-1]
        loss = F.binary_cross_entropy_with_logits(logits, target) + penalty / 2 * weight[:-1].square().sum()
        loss.backward()  # type: ignore[no-untyped-call]
        return loss

    solver.step(closure)  # type: ignore[no-untyped-call]
    return weight.detach()


def fold_of(case: Case, folds: int, seed: int) -> int:
    """The fold of a case; all pictures of a lesion share it."""
    return int(hashlib.sha256(f"{seed} {case.group or case.id}".encode()).hexdigest()[:8], 16) % folds


def cross_validated(features: Tensor, target: Tensor, folds: Tensor, penalty: float) -> Tensor:
    """Probability of each row by the fit that has not seen its fold, [N]."""
    chance = torch.zeros(len(target))
    for fold in sorted(set(folds.tolist())):
        inside = folds == fold
        weight = fit(features[~inside], target[~inside], penalty)
        chance[inside] = (features[inside] @ weight[:-1] + weight[-1]).sigmoid()
    return chance


def area_under_curve(chance: Tensor, target: Tensor) -> float:
    """Share of (positive, negative) pairs in the right order, ties half; 0.5 without both kinds."""
    positive, negative = chance[target == 1], chance[target == 0]
    if not len(positive) or not len(negative):
        return 0.5
    above = (positive[:, None] > negative[None]).float() + 0.5 * (positive[:, None] == negative[None]).float()
    return float(above.mean())


def choose_threshold(chance: Tensor, target: Tensor, aim: float, floor: float, called: int) -> float:
    """Threshold of best F1 among those with precision `aim`, else `floor`, else the most precise one.

    Only thresholds that call at least `called` rows positive count.
    """
    order = chance.argsort(descending=True)
    precision = target[order].cumsum(0) / torch.arange(1, len(target) + 1)
    ranks = torch.arange(1, len(target) + 1)
    allowed = ranks >= min(called, len(target))
    balance = 2 * target[order].cumsum(0) / (ranks + target.sum())
    for bar in (aim, floor):
        good = (precision >= bar) & allowed
        if good.any():
            return float(chance[order[balance.masked_fill(~good, -1).argmax()]])
    return float(chance[order[precision.masked_fill(~allowed, -1).argmax()]])


def precision_and_recall(chance: Tensor, target: Tensor, threshold: float) -> tuple[int, float | None, float | None]:
    """Rows called positive, precision (None if there is none), recall (None without positives)."""
    called = chance >= threshold
    hits, positives = float(target[called].sum()), float(target.sum())
    count = int(called.sum())
    return count, hits / count if count else None, hits / positives if positives else None


def quality_of(code: str, train: Rows, val: Rows, config: ConceptConfig) -> tuple[Tensor, ConceptQuality]:
    """Fit one criterion; returns [D + 1] and what cross-validation and the val rows say of it."""
    mine, other = _conditional(train, code), _conditional(val, code)
    target, told = (torch.tensor([float(code in (c.concepts or ())) for c in rows.cases]) for rows in (mine, other))
    folds = torch.tensor([fold_of(c, config.folds, config.seed) for c in mine.cases])
    tried = {p: cross_validated(mine.features, target, folds, p) for p in PENALTIES}
    penalty = max(PENALTIES, key=lambda p: area_under_curve(tried[p], target))
    chance = tried[penalty]
    threshold = choose_threshold(chance, target, config.aim, config.precision, config.called)
    called, precision, recall = precision_and_recall(chance, target, threshold)
    weight = fit(mine.features, target, penalty)
    seen = (other.features @ weight[:-1] + weight[-1]).sigmoid()
    val_called, val_precision, val_recall = precision_and_recall(seen, told, threshold)
    auc, positives = area_under_curve(chance, target), int(target.sum())
    usable = (precision or 0) >= config.precision and auc >= config.auc
    usable = usable and positives >= config.positives and called >= config.called
    quality = ConceptQuality(
        n=len(target),
        positives=positives,
        threshold=threshold,
        precision=precision or 0.0,
        recall=recall or 0.0,
        auc=auc,
        called=called,
        val_n=len(told),
        val_positives=int(told.sum()),
        val_called=val_called,
        val_precision=val_precision,
        val_recall=val_recall,
        usable=usable,
    )
    log.info("%s (%s): ridge %g, %s", code, HYPOTHESIS[code], penalty, quality)
    return weight, quality


def _conditional(rows: Rows, code: str) -> Rows:
    keep = [i for i, case in enumerate(rows.cases) if annotated(case, code)]
    return Rows([rows.cases[i] for i in keep], rows.features[keep])


def pooled_features(cases: Sequence[Case], heads: ConceptHeads, folder: Path) -> Tensor:
    """Features of every case, [N, D], kept in shards: a killed run goes on at the first missing one."""
    folder.mkdir(parents=True, exist_ok=True)
    parts: list[Tensor] = []
    for start in range(0, len(cases), SHARD):
        part = cases[start : start + SHARD]
        key = hashlib.sha256("|".join(f"{c.dataset}/{c.id}" for c in part).encode()).hexdigest()[:24]
        place = folder / f"{key}.safetensors"
        if not place.exists():
            made = torch.stack([heads.features(read_photo(case.image).pixels) for case in part])
            save_tensors(place, {"features": made})
            log.info("pooled features %d/%d", start + len(part), len(cases))
        parts.append(load_file(place)["features"])
    return torch.cat(parts)


def fit_modality(train: Rows, penalty: float = 0.1) -> Tensor:
    """Dermoscopy (1) against clinical (0), both kinds weighing alike, [D + 1]."""
    target = torch.tensor([float(c.modality is Modality.DERMOSCOPY) for c in train.cases])
    few, many = sorted((torch.nonzero(target == k).flatten() for k in (0, 1)), key=len)
    balanced = torch.cat([many, few.repeat(-(-len(many) // len(few)))[: len(many)]])
    return fit(train.features[balanced], target[balanced], penalty)


def _modality_sample(cases: Sequence[Case], limit: int, seed: int) -> list[Case]:
    found: list[Case] = []
    for name in sorted({case.dataset for case in cases}):
        mine = sorted(
            (c for c in cases if c.dataset == name),
            key=lambda c: hashlib.sha256(f"{seed} {c.id}".encode()).digest(),
        )
        found += mine[:limit]
    return found


def train_concepts(
    config: ConceptConfig,
    out: Path,
    resume: bool = False,
    *,
    cache: Path | None = None,
    root: Path | None = None,
    dropped: frozenset[str] = frozenset(),
) -> Path:
    """Train all heads; returns the file with the weights and the table of qualities (in `out`).

    cache: where pooled features are kept, `out`/pooled by default. dropped: "dataset/id" to leave out.
    """
    cases = [c for source in available(root) for c in load(source.name, root) if f"{c.dataset}/{c.id}" not in dropped]
    learning, telling = ([c for c in cases if c.split == split] for split in ("train", "val"))
    run = RunFolder(out, asdict(config), data_hash([*learning, *telling]), resume)
    blank = {name: torch.zeros(1) for name in ("mean", "deviation", "weight", "bias")}
    heads = ConceptHeads(blank, {}, load_segmenter())
    kinds: dict[str, Rows] = {}
    for name, chosen in (
        ("train", [c for c in learning if c.concepts is not None]),
        ("val", [c for c in telling if c.concepts is not None]),
        ("modality train", _modality_sample(learning, config.modality_rows, config.seed)),
        ("modality val", _modality_sample(telling, config.modality_rows, config.seed)),
    ):
        kinds[name] = Rows(chosen, pooled_features(chosen, heads, cache or out / "pooled"))
    deviation, mean = torch.std_mean(kinds["train"].features, 0)
    deviation = deviation.clamp_min(1e-3)
    scaled = {
        name: Rows(rows.cases, ((rows.features - mean) / deviation).clamp(-CLAMP, CLAMP))
        for name, rows in kinds.items()
    }
    fitted = {code: quality_of(code, scaled["train"], scaled["val"], config) for code in VALUES}
    modality = fit_modality(scaled["modality train"])
    told = modality_accuracy(modality, scaled["modality val"])
    columns = torch.stack([*(weight for weight, _ in fitted.values()), modality], 1)
    tensors = {"mean": mean, "deviation": deviation, "weight": columns[:-1], "bias": columns[-1]}
    quality = {code: found for code, (_, found) in fitted.items()}
    target = run.file(SHIPPED)
    header = concept_metadata(quality, modality=told, config=vars(config))
    save_tensors(target, {name: value.to(STORED_ADAPTER) for name, value in tensors.items()}, header)
    write_text(run.file("metrics.json"), json.dumps({**json.loads(header["quality"]), MODALITY: told}, indent=1))
    return target


def modality_accuracy(weight: Tensor, rows: Rows) -> dict[str, float]:
    """Share of right calls at 0.5 for each kind of picture, with n."""
    found = (rows.features @ weight[:-1] + weight[-1]) >= 0
    told: dict[str, float] = {}
    for kind in Modality:
        mine = torch.tensor([c.modality is kind for c in rows.cases])
        told[f"{kind.value} n"] = int(mine.sum())
        told[kind.value] = float((found[mine] == (kind is Modality.DERMOSCOPY)).float().mean())
    return told
