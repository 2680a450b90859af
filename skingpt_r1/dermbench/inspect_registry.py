"""What inspect_ai finds of ours by its entry point: tasks, scorers and the provider `skingpt`."""

from skingpt_r1.dermbench.scorers import readable
from skingpt_r1.dermbench.suites.task import dermbench
from skingpt_r1.dermbench.systems.provider import SkinGPT
from skingpt_r1.dermeval.inspect_scorer import dermeval

__all__ = ["SkinGPT", "dermbench", "dermeval", "readable"]
