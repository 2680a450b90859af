"""Milliseconds of one core that measuring a lesion takes, beside scikit-image's table of region properties.

python -m benchmarks.measuring
"""

from __future__ import annotations

import time
from collections.abc import Callable

import numpy as np
from skimage.measure import regionprops

from benchmarks.results import keep, no_options
from skingpt_r1.images.measure import measure_lesion

SIDES = (300, 1000)
ROUNDS = 15
SHAPE = ("area", "perimeter", "eccentricity", "orientation", "solidity", "intensity_mean")


def pace(call: Callable[[], object]) -> dict[str, float]:
    """Least and median of some rounds, processor time in milliseconds."""
    found = []
    for _ in range(ROUNDS):
        began = time.process_time()
        call()
        found.append((time.process_time() - began) * 1000)
    return {"least": round(min(found), 1), "median": round(float(np.median(found)), 1)}


def main() -> None:
    no_options(__doc__)
    figures: dict[str, dict[str, dict[str, float]]] = {}
    for side in SIDES:
        y, x = np.mgrid[:side, :side] + 0.5 - side / 2
        mask = (x / (side / 4)) ** 2 + (y / (side / 5)) ** 2 <= 1
        noise = np.random.default_rng(0).integers(-15, 16, (side, side, 3))
        pixels = (np.where(mask[..., None], (105, 70, 48), (205, 165, 145)) + noise).clip(0, 255).astype(np.uint8)

        def properties(mask: np.ndarray = mask, pixels: np.ndarray = pixels) -> None:
            region = regionprops(mask.astype(np.uint8), pixels)[0]
            for name in SHAPE:
                getattr(region, name)

        figures[f"{side} x {side}"] = {
            "measure_lesion": pace(lambda mask=mask, pixels=pixels: measure_lesion(pixels, mask)),  # type: ignore[misc]
            "regionprops": pace(properties),
        }
    print(figures)
    print(keep("measuring", {"rounds": ROUNDS, "milliseconds": figures}))


if __name__ == "__main__":
    main()
