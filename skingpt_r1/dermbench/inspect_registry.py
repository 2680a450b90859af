"""What inspect_ai finds of ours by its entry point: tasks, scorers and the provider `skingpt`."""

from skingpt_r1.dermbench.classify.same import same_diagnosis, same_diagnosis_offline
from skingpt_r1.dermbench.classify.scoring import labelled
from skingpt_r1.dermbench.classify.task import classify
from skingpt_r1.dermbench.judges import offline_judge, reference_judge
from skingpt_r1.dermbench.scorers import readable
from skingpt_r1.dermbench.suites.task import dermbench
from skingpt_r1.dermbench.systems.provider import SkinGPT
from skingpt_r1.dermeval.inspect_scorer import dermeval

__all__ = [
    "SkinGPT",
    "classify",
    "dermbench",
    "dermeval",
    "labelled",
    "offline_judge",
    "readable",
    "reference_judge",
    "same_diagnosis",
    "same_diagnosis_offline",
]
