"""One training of DermEval, as a dataclass; saved beside its checkpoint."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True)
class EvalConfig:
    """Supervised training, then SOREB. Steps of 0 leave a stage out."""

    steps: int = field(default=400, metadata={"help": "steps of the supervised stage"})
    batch: int = field(default=8, metadata={"help": "narratives a step"})
    rate: float = field(default=1e-3, metadata={"help": "peak learning rate of LoRA"})
    score_weight: float = field(default=4.0, metadata={"help": "weight of the score tokens in the supervised loss"})
    error_weight: float = field(default=0.3, metadata={"help": "weight of the mean scores' squared error beside it"})
    group: int = field(default=4, metadata={"help": "texts of a case read side by side, the first of them sound"})
    second_share: float = field(default=0.2, metadata={"help": "share of damaged narratives with a second damage"})
    free_share: float = field(default=0.2, metadata={"help": "share of steps with texts by others, without picture"})
    blind_share: float = field(default=0.1, metadata={"help": "share of our narratives judged without their picture"})
    addressed_share: float = field(default=0.05, metadata={"help": "share of narratives that speak to the evaluator"})
    soreb_steps: int = field(default=60, metadata={"help": "steps of SOREB"})
    soreb_rate: float = field(default=1e-4, metadata={"help": "peak learning rate of SOREB"})
    soreb_samples: int = field(default=4, metadata={"help": "answers that SOREB samples to each question"})
    momentum: float = field(default=0.9, metadata={"help": "of the reward's moving average"})
    leash: float = field(default=0.1, metadata={"help": "weight of the divergence from the supervised model"})
    temperature: float = field(default=1.0, metadata={"help": "of the samples that SOREB rewards"})
    words: bool = field(default=True, metadata={"help": "feed the visual branch's soft words, or the backbone's own"})
    naming: bool = field(default=True, metadata={"help": "feed the diagnosis head's answer"})
    checks: bool = field(default=True, metadata={"help": "feed each claim's check by measurement and history"})
    rules: bool = field(default=True, metadata={"help": "feed the rules of lint that the text breaks"})
    known: bool = field(default=True, metadata={"help": "feed what is known of the diagnosis and its findings"})
    counts: bool = field(default=True, metadata={"help": "weigh in a first look's scores by what was counted"})
    first_groups: int = field(default=1500, metadata={"help": "cases that the first look is fitted on"})
    seed: int = field(default=0, metadata={"help": "seed of sampling and initialisation"})
