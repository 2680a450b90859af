"""Score tables by anybody: what is read, what is told of the rest, and the figures of two of them."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from skingpt_r1.dermeval.agreement import Estimate
from skingpt_r1.dermeval.bland_altman import draw
from skingpt_r1.dermeval.raters import MEAN, ScoreTable, as_json, compare, read_scores
from skingpt_r1.dermeval.rubric import DIMENSIONS
from skingpt_r1.records import SkinGPTError

HEADER = "ID;Accuracy;Safety;Medical Groundedness;Clinical Coverage;Reasoning Coherence;Description Precision;Rater"


def line(name: str, value: float | None) -> str:
    scores = None if value is None else dict.fromkeys(DIMENSIONS, value)
    return json.dumps({"id": name, "scores": scores, "critique": None, "failed": None if scores else "empty"}) + "\n"


def test_our_own_output_and_a_table_of_two_raters(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_text(line("x", 4.25) + line("y", None) + line("z", 2))
    (tmp_path / "b.csv").write_text(f"{HEADER}\nx;4;4;4;4;4;4;Ada\nx;3;3;3;3;3;5;Bo\nz;n/a;;;;;;Ada\n")
    a, b = read_scores(tmp_path / "a.jsonl"), read_scores(tmp_path / "b.csv")
    assert a == ScoreTable(tmp_path / "a.jsonl", {"x": (4.25,) * 6, "z": (2.0,) * 6}, (), 1)
    assert b == ScoreTable(tmp_path / "b.csv", {"x": (3.5, 3.5, 3.5, 3.5, 3.5, 4.5)}, ("Ada", "Bo"), 1)
    found = compare(a, b)
    assert (found.n, found.only) == (1, (1, 0))
    assert found.rows[0].figures["bias"] == Estimate(0.75) and found.rows[0].unknown == "under 5 cases"


def test_rows_that_cannot_be_used_have_their_line_and_the_others_are_read(tmp_path: Path) -> None:
    flat = {"id": 7, **dict.fromkeys(DIMENSIONS, "3.5")}
    rows = [
        json.dumps(flat),
        json.dumps(flat),
        json.dumps({"id": "high", "scores": dict.fromkeys(DIMENSIONS, 5.5)}),
        json.dumps({"id": "five", "scores": dict.fromkeys(DIMENSIONS[:5], 5)}),
        json.dumps({"id": "none", "text": "no scores"}),
        json.dumps({"scores": dict.fromkeys(DIMENSIONS, 5)}),
        json.dumps({"id": "list", "scores": [1, 2, 3]}),
        "[1]",
        "{torn",
        json.dumps({"id": "nan", "scores": dict.fromkeys(DIMENSIONS, float("nan"))}),
        json.dumps({"id": "true", "scores": dict.fromkeys(DIMENSIONS, True)}),
    ]
    (tmp_path / "a.jsonl").write_text("\n".join(rows))
    table = read_scores(tmp_path / "a.jsonl")
    assert table.scores == {"7": (3.5,) * 6} and table.unscored == 0
    reasons = (
        ":2: the id '7' stands twice; name who scored",
        ":3: accuracy is '5.5'",
        ":4: description_precision is 'None'",
        ":5: has no scores",
        ":6: has no id",
        ":7: its scores are no object",
        ":8: holds a list",
        ":9: malformed JSON",
        ":10: accuracy is 'nan'",
        ":11: accuracy is 'True'",
    )
    assert len(table.problems) == len(reasons)
    for reason, problem in zip(reasons, table.problems, strict=True):
        assert reason in problem
    (tmp_path / "b.csv").write_text("name,score\nx,4\n")
    with pytest.raises(SkinGPTError, match=r"no row holds an id and six scores .*:2: has no id"):
        read_scores(tmp_path / "b.csv")
    with pytest.raises(SkinGPTError, match="cannot be read"):
        read_scores(tmp_path / "gone.jsonl")
    with pytest.raises(SkinGPTError, match="no id stands in both"):
        compare(table, ScoreTable(tmp_path / "c.csv", {"8": (1.0,) * 6}))


def test_the_mean_is_the_mean_and_what_does_not_vary_is_said_to(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    truth = rng.uniform(1, 4, (40, 6))
    one = {str(i): tuple(row) for i, row in enumerate(truth + 0.5)}
    other = {str(i): (3.0, *row[1:]) for i, row in enumerate(truth)}
    found = compare(ScoreTable(Path("a"), one), ScoreTable(Path("b"), other))
    rows = {row.key: row for row in found.rows}
    assert list(rows) == [*DIMENSIONS, MEAN]
    assert rows["accuracy"].figures["pearson"] == Estimate() and rows["accuracy"].unknown == "no spread"
    safety = rows["safety"].figures
    assert safety["bias"].value == pytest.approx(0.5) and safety["pearson"].value == pytest.approx(1)
    assert rows[MEAN].figures["bias"].value == pytest.approx(
        np.mean(list(one.values())) - np.mean(list(other.values()))
    )
    told = as_json(found, ScoreTable(Path("a"), one), ScoreTable(Path("b"), other))
    again = json.loads(json.dumps(told, allow_nan=False))
    assert again["n"] == 40 and again["dimensions"]["accuracy"]["icc"]["value"] is not None
    assert again["dimensions"]["accuracy"]["pearson"] == {"value": None, "low": None, "high": None}
    draw(found, "a", "b", tmp_path / "plot.png")
    assert Image.open(tmp_path / "plot.png").size == (1950, 1230)
    with pytest.raises(SkinGPTError, match="cannot be written"):
        draw(found, "a", "b", tmp_path / "no" / "folder" / "plot.png")
