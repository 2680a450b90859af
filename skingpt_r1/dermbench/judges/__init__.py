"""Judges of narratives as scorers of inspect_ai, and what is wrong with each of them (`check`)."""

from skingpt_r1.dermbench.judges.offline import offline_judge
from skingpt_r1.dermbench.judges.reference import reference_judge

__all__ = ["offline_judge", "reference_judge"]
