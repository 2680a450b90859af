"""Pictures out of scope that are drawn by a program: documents, charts, screenshots, noise, textures, gradients.

Each is a pure function of a random generator and a side in pixels. `SEEN` are the families that the gate may be fitted
on, `UNSEEN` those that only the test has. Many are drawn in skin tones: a gate that merely knows colours must fail.
"""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import Final

import numpy as np
import scipy.ndimage as ndi
from numpy.random import Generator
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from skingpt_r1.images.decoding import Pixels
from skingpt_r1.records import SkinGPTError

Draw = Callable[[Generator, int], Pixels]
_TEXT: Final = (
    "account address amount annual board budget client committee contract date delivery department draft due estimate "
    "figure general invoice item letter meeting minutes month notice number office order page payment percent plan "
    "price project quarter receipt record reference report request room schedule section service signed summary "
    "supplier table tax team total unit value week year "
)
_WORDS: Final = tuple(_TEXT.split())
_SKIN: Final = ((236, 200, 176), (224, 178, 150), (198, 146, 116), (160, 110, 84), (112, 74, 56))


def _tone(rng: Generator) -> NDArray[np.float64]:
    """A skin tone three times of four, any colour otherwise."""
    if rng.random() < 0.75:
        return np.array(_SKIN[rng.integers(len(_SKIN))]) + rng.normal(0, 8, 3)
    return rng.uniform(0, 255, 3)


def _clipped(values: NDArray[np.floating]) -> Pixels:
    return np.clip(values, 0, 255).round().astype(np.uint8)


def _words(rng: Generator, count: int) -> str:
    return " ".join(rng.choice(_WORDS, count))


def document(rng: Generator, side: int) -> Pixels:
    """A page of text on white or tinted paper, sometimes photographed askew."""
    paper = tuple(_clipped(np.array([250, 248, 240]) - rng.uniform(0, 30) * np.array([0.3, 0.6, 1.0])).tolist())
    page = Image.new("RGB", (side, round(side * 1.3)), paper)
    pen = ImageDraw.Draw(page)
    size = int(rng.integers(8, 16))
    font = ImageFont.load_default(size)
    pen.text((12, 8), _words(rng, 3).title(), (20, 20, 30), ImageFont.load_default(size + 6))
    for row in range(30, page.height - size, size + int(rng.integers(3, 8))):
        if rng.random() > 0.15:
            pen.text((12, row), _words(rng, int(rng.integers(3, 12))), (30, 30, 40), font)
    if rng.random() < 0.5:
        page = page.rotate(rng.uniform(-12, 12), Image.Resampling.BICUBIC, fillcolor=(120, 100, 80))
    return np.asarray(page)


def screenshot(rng: Generator, side: int) -> Pixels:
    """A window: title bar, side bar, rows of text with buttons, now and then a dark theme."""
    dark = rng.random() < 0.4
    ground, ink = ((32, 34, 40), (220, 220, 224)) if dark else ((246, 247, 249), (40, 44, 52))
    accent = tuple(int(c) for c in rng.integers(30, 230, 3))
    shot = Image.new("RGB", (round(side * 1.5), side), ground)
    pen = ImageDraw.Draw(shot)
    pen.rectangle((0, 0, shot.width, 22), fill=accent)
    pen.text((8, 5), _words(rng, 2).title(), (255, 255, 255), ImageFont.load_default(11))
    pen.rectangle((0, 22, 70, side), fill=tuple(int(c * 0.9) for c in ground))
    font = ImageFont.load_default(10)
    for row in range(32, side - 14, 22):
        pen.text((6, row), str(rng.choice(_WORDS)), ink, font)
        pen.text((84, row), _words(rng, int(rng.integers(2, 6))), ink, font)
        if rng.random() < 0.4:
            left = int(rng.integers(200, 300))
            pen.rounded_rectangle((left, row - 2, left + 56, row + 14), 4, fill=accent)
    return np.asarray(shot)


def chart(rng: Generator, side: int) -> Pixels:
    """Lines, bars, dots, a pie or a heat map of random numbers. Raises SkinGPTError without matplotlib."""
    try:
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure
    except ImportError as error:
        raise SkinGPTError("charts need matplotlib: pip install 'skingpt-r1[bench]'.") from error
    figure = Figure(figsize=(side / 64, side / 80), dpi=80)
    canvas = FigureCanvasAgg(figure)
    axes = figure.subplots()
    kind = rng.integers(5)
    values = rng.normal(size=(3, 24)).cumsum(1)
    if kind == 0:
        axes.plot(values.T)
    elif kind == 1:
        axes.bar(range(8), rng.uniform(1, 9, 8), color=_tone(rng).clip(0, 255) / 255)
    elif kind == 2:
        axes.scatter(values[0], values[1], c=values[2], cmap=str(rng.choice(["viridis", "copper", "pink"])))
    elif kind == 3:
        axes.pie(rng.uniform(1, 5, 5), labels=list(rng.choice(_WORDS, 5)))
    else:
        axes.imshow(rng.random((6, 9)), cmap=str(rng.choice(["magma", "copper", "pink"])))
    axes.set_title(_words(rng, 3))
    drawn = io.BytesIO()
    canvas.print_png(drawn)
    return np.asarray(Image.open(drawn).convert("RGB"))


def noise(rng: Generator, side: int) -> Pixels:
    """Noise of one of several grains round a tone, grey or coloured."""
    grain = rng.choice([0.0, 1.0, 3.0, 8.0])
    field = rng.normal(size=(side, side, 3 if rng.random() < 0.5 else 1))
    field = ndi.gaussian_filter(field, (grain, grain, 0)) if grain else field
    return _clipped(_tone(rng) + rng.uniform(10, 70) * field / field.std())


def clouds(rng: Generator, side: int) -> Pixels:
    """Noise of all grains at once (1/f), which is how much of nature looks from afar."""
    frequency = np.hypot(*np.meshgrid(np.fft.fftfreq(side), np.fft.fftfreq(side)))
    spectrum = np.fft.fft2(rng.normal(size=(side, side))) / np.maximum(frequency, 1 / side) ** rng.uniform(1.0, 2.2)
    field = np.fft.ifft2(spectrum).real
    field = (field - field.mean()) / field.std()
    return _clipped(_tone(rng) + field[..., None] * rng.uniform(8, 35) * rng.uniform(0.5, 1.0, 3))


def gradient(rng: Generator, side: int) -> Pixels:
    """Two tones that pass into each other, straight or round."""
    y, x = np.mgrid[:side, :side] / side
    angle = rng.uniform(0, 2 * np.pi)
    way = x * np.cos(angle) + y * np.sin(angle)
    if rng.random() < 0.5:
        way = np.hypot(x - rng.uniform(0.2, 0.8), y - rng.uniform(0.2, 0.8))
    share = ((way - way.min()) / np.ptp(way))[..., None]
    return _clipped(_tone(rng) * (1 - share) + _tone(rng) * share + rng.normal(0, rng.uniform(0, 3), (side, side, 1)))


def stripes(rng: Generator, side: int) -> Pixels:
    """Woven cloth: two crossed waves over a tone, with grain."""
    y, x = np.mgrid[:side, :side]
    angle, period = rng.uniform(0, np.pi), rng.uniform(3, 14)
    turned = (x * np.cos(angle) + y * np.sin(angle), y * np.cos(angle) - x * np.sin(angle))
    weave = sum(np.sin(2 * np.pi * t / period) for t in turned)
    return _clipped(_tone(rng) + rng.uniform(6, 30) * weave[..., None] + rng.normal(0, 6, (side, side, 1)))


def wood(rng: Generator, side: int) -> Pixels:
    """Growth rings round a far centre, warped: brown, with dark lines, much like a lesion's colours."""
    y, x = np.mgrid[:side, :side] / side
    warp = ndi.gaussian_filter(rng.normal(size=(side, side)), 18)
    rings = np.hypot((x + rng.uniform(0.2, 2)) * 0.3, y - 0.5) + 0.05 * warp / warp.std()
    grain = np.sin(2 * np.pi * rings * rng.uniform(12, 40))[..., None]
    return _clipped(
        np.array([164, 116, 74]) + rng.normal(0, 14, 3) + grain * np.array([26, 24, 18]) * rng.uniform(0.4, 1)
    )


def tiles(rng: Generator, side: int) -> Pixels:
    """A wall or floor: rectangles of nearly one tone with joints."""
    picture = Image.new("RGB", (side, side), tuple(_clipped(_tone(rng)).tolist()))
    pen = ImageDraw.Draw(picture)
    tone, size = _tone(rng), int(rng.integers(18, 60))
    for row, top in enumerate(range(0, side, size)):
        for left in range(-(row % 2) * size // 2, side, size):
            colour = tuple(_clipped(tone + rng.normal(0, 10, 3)).tolist())
            pen.rectangle((left, top, left + size - 4, top + size - 4), fill=colour)
    return _clipped(np.asarray(picture) + rng.normal(0, 4, (side, side, 1)))


SEEN: Final[dict[str, Draw]] = {
    "documents": document,
    "noise": noise,
    "gradients": gradient,
    "cloth": stripes,
    "tiles": tiles,
}
UNSEEN: Final[dict[str, Draw]] = {
    "charts": chart,
    "screenshots": screenshot,
    "clouds": clouds,
    "wood": wood,
}
