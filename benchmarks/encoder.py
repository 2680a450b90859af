"""Milliseconds a picture of the encoder's lower half: so many pictures at a time, side by side.

python -m benchmarks.encoder
"""

from __future__ import annotations

import statistics
import time

import torch

from benchmarks.results import keep, no_options
from skingpt_r1.models.embedding import frozen_encoder
from skingpt_r1.models.encoder import IMAGE_SIZE, Encoder

PICTURES = 32
AT_A_TIME = (1, 2, 4, 16, 32)
ROUNDS = 5


@torch.inference_mode()
def pace(encoder: Encoder, pixels: torch.Tensor, at_a_time: int) -> float:
    """Median of some rounds."""
    found = []
    for _ in range(ROUNDS):
        began = time.perf_counter()
        for few in pixels.split(at_a_time):
            encoder._pyramid(few)
        found.append((time.perf_counter() - began) / len(pixels) * 1000)
    return round(statistics.median(found[1:]), 1)


def main() -> None:
    no_options(__doc__)
    encoder = frozen_encoder()
    pixels = torch.rand(PICTURES, 3, IMAGE_SIZE, IMAGE_SIZE, generator=torch.Generator().manual_seed(0)) * 2 - 1
    figures: dict[str, dict[str, float]] = {}
    for threads in dict.fromkeys((1, torch.get_num_threads())):
        torch.set_num_threads(threads)
        figures[f"{threads} threads"] = {f"{n} at a time": pace(encoder, pixels, n) for n in AT_A_TIME}
    print(keep("encoder", {"milliseconds a picture": figures}).read_text())


if __name__ == "__main__":
    main()
