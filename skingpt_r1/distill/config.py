"""One training run of the adapters, as a dataclass; saved beside its checkpoint."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any, Final

from skingpt_r1.distill.losses import Alignment
from skingpt_r1.models.language import LORA_RANK
from skingpt_r1.records import SkinGPTError

_WRITES: Final = ("write_", "bias", "rank", "visual_weight", "history_share", "alignment")
_OF_LATER: Final = {"look": ("name_", "language", "claims", *_WRITES), "name": _WRITES, "write": ()}
"""How the names of settings begin that only later phases read. A new setting counts for all until it is here."""


@dataclass(frozen=True)
class DistillConfig:
    """Dual distillation in three phases: look, name, write.

    The published objective is the third phase, L = L_sft + b L_distill with b = 0.1. The first two are ours, and
    cheap: they give a language model that has never seen an image something to read before the
    expensive phase starts.
    """

    visual: bool = field(default=True, metadata={"help": "distil the teacher's embedding (off: language only)"})
    language: bool = field(default=True, metadata={"help": "train on narratives (off: visual only)"})
    bias: bool = field(default=True, metadata={"help": "vocabulary bias from the visual embedding"})
    rank: int = field(default=LORA_RANK, metadata={"help": "rank of LoRA"})
    claims: bool = field(default=True, metadata={"help": "narratives that argue from findings (off: diagnosis alone)"})
    visual_weight: float = field(default=0.1, metadata={"help": "weight b of the visual distillation loss"})
    label_weight: float = field(
        default=1.0,
        metadata={"help": "weight of the label loss, through the teacher's frozen head, while looking"},
    )
    look_steps: int = field(default=700, metadata={"help": "steps of the first phase: visual branch alone"})
    look_batch: int = field(default=96, metadata={"help": "pictures a step of the first phase"})
    look_rate: float = field(default=2e-3, metadata={"help": "peak learning rate of the first phase"})
    name_steps: int = field(
        default=2000, metadata={"help": "steps of the second phase: soft words towards word embeddings"}
    )
    name_batch: int = field(default=64, metadata={"help": "pictures a step of the second phase"})
    name_rate: float = field(default=1e-3, metadata={"help": "peak learning rate of the second phase"})
    write_steps: int = field(default=330, metadata={"help": "steps of the third phase: narratives, joint objective"})
    write_batch: int = field(default=8, metadata={"help": "narratives a step of the third phase"})
    write_rate: float = field(
        default=4e-4, metadata={"help": "peak learning rate of LoRA and connector in the third phase"}
    )
    write_visual_rate: float = field(default=3e-5, metadata={"help": "peak learning rate of the visual branch there"})
    write_sees: bool = field(
        default=True, metadata={"help": "train what sees there, too (off: LoRA and vocabulary bias only)"}
    )
    write_decision_weight: float = field(
        default=4.0,
        metadata={"help": "weight of the tokens that name category, first hypothesis and diagnosis; 1 is published"},
    )
    write_finding_weight: float = field(
        default=3.0, metadata={"help": "weight of the tokens of the observation that say a finding; 1 is published"}
    )
    language_rows: int = field(default=300, metadata={"help": "most rows of a source and label in the language phases"})
    history_share: float = field(default=0.4, metadata={"help": "share of narratives that are given the history"})
    alignment: Alignment = field(default=Alignment.PREDICTING, metadata={"help": "where the vocabulary bias is added"})
    seed: int = field(default=0, metadata={"help": "seed of sampling and initialisation"})

    def __post_init__(self) -> None:
        if not (self.visual or self.language):
            raise SkinGPTError("Nothing to train: visual and language distillation are both off.")

    def of_phase(self, phase: str) -> dict[str, Any]:
        """All settings but those that what this phase ("look", "name", "write") trains does not depend on."""
        return {name: value for name, value in asdict(self).items() if not name.startswith(_OF_LATER[phase])}
