"""The pictures of a report, drawn from a reading."""

from __future__ import annotations

import numpy as np
from PIL import Image

from skingpt_r1.images.picture import heat_picture, measurement_picture, outline_picture
from skingpt_r1.models.diagnose import Reading
from skingpt_r1.narrative.report_html import Pictures, html


def html_report(reading: Reading) -> str:
    """One self-contained HTML file."""
    pixels, measurement = reading.pixels, reading.report.measurement
    return html(
        reading.report,
        Pictures(
            photo=Image.fromarray(pixels),
            outline=outline_picture(pixels, reading.lesion >= 0.5),
            evidence=heat_picture(pixels, _whole_frame(reading)),
            measurement=measurement_picture(pixels, measurement) if measurement else None,
        ),
    )


def _whole_frame(reading: Reading) -> np.ndarray:
    """The evidence map of the centre square, placed in the whole photo; nothing was looked at outside."""
    height, width = reading.pixels.shape[:2]
    side = min(height, width)
    square = Image.fromarray(reading.evidence).resize((side, side), Image.Resampling.BICUBIC)
    frame = np.zeros((height, width), np.float32)
    top, left = (height - side) // 2, (width - side) // 2
    frame[top : top + side, left : left + side] = np.clip(np.asarray(square), 0, 1)
    return frame
