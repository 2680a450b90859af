"""What is taken away or chosen otherwise, and what the result is held against.

The main four are the paper's: the frozen base, each distillation alone, both. In the embedded scale the base has never
seen a picture, so it is at chance by construction: what "both" gains over it says little, what it gains over each half
says all. Without language distillation the soft words are still taught: they are how a picture reaches the language
model at all.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from skingpt_r1.distill.config import DistillConfig
from skingpt_r1.records import SkinGPTError

BOTH: Final = "both"
FILTERED: Final = "filtered"


@dataclass(frozen=True)
class Variant:
    """changes: settings of `DistillConfig`. asks: the question that is answered yes where `BOTH` is better.

    main: of the first table. corpus: kind of texts that it is taught.
    """

    name: str
    asks: str
    changes: Mapping[str, Any] = field(default_factory=dict)
    main: bool = False
    corpus: str = ""

    def config(self, budget: Mapping[str, Any], seed: int) -> DistillConfig:
        """The run's settings: the budget that all variants share, then the variant's own."""
        return DistillConfig(**{**budget, **self.changes, "seed": seed})

    @property
    def of_writing(self) -> bool:
        """Whether it differs from the recipe in the last phase alone."""
        return self.config({}, 0).of_phase("look") == DistillConfig().of_phase("look")


VARIANTS: Final[dict[str, Variant]] = {
    v.name: v
    for v in (
        Variant("base", "Does any training help?", {"look_steps": 0, "name_steps": 0, "write_steps": 0}, True),
        Variant("visual", "Does language distillation add to visual distillation?", {"write_steps": 0}, True),
        Variant("language", "Does visual distillation add to language distillation?", {"visual": False}, True),
        Variant(BOTH, "The recipe.", main=True),
        Variant("no-labels", "Does the teacher's label head help beside its embedding?", {"label_weight": 0.0}),
        Variant("no-bias", "Does the vocabulary bias help?", {"bias": False}),
        Variant("no-claims", "Does arguing from findings help?", {"claims": False}),
        Variant(FILTERED, "Is the plain corpus better than one that DermEval filtered?", corpus=FILTERED),
        Variant("rank-4", "Is LoRA of rank 16 better than of rank 4?", {"rank": 4}),
        Variant("rank-64", "Is LoRA of rank 16 better than of rank 64?", {"rank": 64}),
    )
}
MAIN: Final = tuple(name for name, v in VARIANTS.items() if v.main)


def chosen(names: Sequence[str]) -> list[Variant]:
    """The variants by name, each once, `BOTH` among them. Raises SkinGPTError on an unknown one."""
    if unknown := [name for name in names if name not in VARIANTS]:
        raise SkinGPTError(f"There is no variant {unknown[0]!r}; there are: {', '.join(VARIANTS)}.")
    return [VARIANTS[name] for name in dict.fromkeys((*names, BOTH))]
