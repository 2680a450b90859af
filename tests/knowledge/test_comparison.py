"""Comparisons show the shipped numbers, strongest first, and draw them."""

from __future__ import annotations

import builtins
import math
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from skingpt_r1.knowledge.comparison import compare, compare_experts, findings, in_digits, named
from skingpt_r1.knowledge.forest import draw
from skingpt_r1.knowledge.likelihoods import likelihood_ratio
from skingpt_r1.records import SkinGPTError


def test_a_comparison_shows_what_a_differential_says() -> None:
    found = compare("melanoma", "melanocytic nevus")
    assert len(found) > 20
    for finding in found:
        if finding.concept not in ("age", "site"):  # grouped values are no claims
            said = likelihood_ratio(finding.concept, finding.value, True, "melanoma", ["melanocytic nevus"])
            assert finding.ratio == said


def test_telling_findings_come_first_and_strongest_first() -> None:
    found = compare("melanoma", "melanocytic nevus")
    assert [f.telling for f in found] == sorted((f.telling for f in found), reverse=True)
    for telling in (True, False):
        strengths = [abs(math.log(f.ratio.value)) for f in found if f.telling == telling]
        assert strengths == sorted(strengths, reverse=True)


def test_turned_round_each_ratio_is_inverted() -> None:
    forth = {str(f): f.ratio.value for f in compare("melanoma", "melanocytic nevus")}
    back = {str(f): f.ratio.value for f in compare("melanocytic nevus", "melanoma")}
    assert set(forth) == set(back)
    for name, value in forth.items():
        assert value * back[name] == pytest.approx(1)


def test_what_cannot_be_compared_says_why() -> None:
    with pytest.raises(SkinGPTError, match="same diagnosis"):
        compare("melanoma", "melanoma")
    with pytest.raises(SkinGPTError, match="No table counts findings of both wart and melanoma"):
        compare("wart", "melanoma")
    with pytest.raises(SkinGPTError, match="Did you mean: melanoma"):
        named("melanom")
    assert findings("scabies") == []


def test_what_only_experts_compare_is_told_apart() -> None:
    assert compare("acne", "psoriasis") == []
    found = compare_experts("acne", "psoriasis")
    assert {f.ratio.source for f in found} == {"SkinCon", "DermXDB"}
    assert [f.telling for f in found] == sorted((f.telling for f in found), reverse=True)
    back = {(str(f), f.ratio.source): f.ratio.value for f in compare_experts("psoriasis", "acne")}
    assert len(back) == len(found)
    for f in found:
        assert f.ratio.value * back[str(f), f.ratio.source] == pytest.approx(1)


@pytest.mark.parametrize(
    ("number", "said"),
    [(0.00149, "0.0015"), (1.0, "1"), (4.14, "4.1"), (99.6, "100"), (372.0, "370"), (12345.0, "12,000")],
)
def test_two_digits_without_exponent(number: float, said: str) -> None:
    assert in_digits(number) == said


def test_the_plot_is_a_picture(tmp_path: Path) -> None:
    out = tmp_path / "plot.png"
    found = compare("melanoma", "melanocytic nevus")
    draw(found, "melanoma", "melanocytic nevus", out)
    with Image.open(out) as picture:
        assert picture.width > 1000 and picture.height > 500
        assert len(picture.convert("RGB").getcolors(1 << 20) or []) > 10
    taller = tmp_path / "taller.png"
    experts = compare_experts("melanoma", "melanocytic nevus")
    draw(found[:1], "melanoma", "melanocytic nevus", taller, experts)
    telling = sum(f.telling for f in experts)
    assert 0 < telling < len(experts)
    with Image.open(taller) as picture:
        assert picture.height == pytest.approx((1.9 + 0.34 * (1 + telling)) * 150, abs=2)
    with pytest.raises(SkinGPTError, match="cannot be written"):
        draw(found, "melanoma", "melanocytic nevus", tmp_path / "no such folder" / "plot.png")


def test_without_matplotlib_the_message_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real = builtins.__import__

    def missing(name: str, *rest: Any) -> Any:
        if name.startswith("matplotlib"):
            raise ImportError(name)
        return real(name, *rest)

    monkeypatch.setattr(builtins, "__import__", missing)
    with pytest.raises(SkinGPTError, match="pip install matplotlib"):
        draw(compare("melanoma", "melanocytic nevus"), "melanoma", "melanocytic nevus", tmp_path / "plot.png")
