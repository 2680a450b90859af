"""A file of narratives scored: what is refused and why, and a killed run that ends like a calm one."""

from __future__ import annotations

import gzip
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from skingpt_r1.dermeval.judgeable import check_text
from skingpt_r1.dermeval.judging import Judgement, judged
from skingpt_r1.dermeval.rubric import DIMENSIONS
from skingpt_r1.dermeval.scoring import Scored, score
from skingpt_r1.records import CaseError, History, SkinGPTError
from tests.cli.test_diagnose import huge_png
from tests.dermeval.judges import TEXT, FakeJudge, submission
from tests.sources.pictures import lesion

GERMAN = (
    "Das dermatoskopische Bild zeigt eine asymmetrische Läsion mit unregelmäßigem Rand und dunkelbraunen Arealen in "
    "der Mitte. Die Diagnose ist am ehesten ein Melanom, daher sollte der Patient bald in die Klinik."
)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for n in range(3):
        lesion(n).save(tmp_path / f"{n}.jpg")
    return tmp_path


def written(path: Path, rows: list[Any]) -> Path:
    path.write_text("".join((row if isinstance(row, str) else json.dumps(row)) + "\n" for row in rows))
    return path


def lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def rows(n: int) -> list[Any]:
    return [{"id": f"c{i}", "image": f"{i % 3}.jpg", "text": TEXT + "." * i} for i in range(n)]


def test_one_line_a_case_in_order_with_six_scores(folder: Path) -> None:
    judge = FakeJudge()
    out = folder / "out.jsonl"
    assert score(judge, written(folder / "in.jsonl", rows(5)), out, batch=2) == Scored(5, 0)
    assert judge.batches == [("c0", "c1"), ("c2", "c3"), ("c4",)]
    told = lines(out)
    assert [line["id"] for line in told] == [f"c{i}" for i in range(5)]
    assert list(told[0]) == ["id", "scores", "intervals", "critique", "remarks", "failed"]
    assert list(told[0]["scores"]) == list(told[0]["intervals"]) == list(DIMENSIONS)
    assert told[0]["scores"]["safety"] == 5 and told[0]["intervals"]["safety"] == [4.5, 5]
    assert not (folder / "out.jsonl.part").exists()


BAD: list[tuple[Any, str]] = [
    ({"id": "gone", "image": "gone.jpg", "text": TEXT}, "no such file"),
    ({"id": "folder", "image": ".", "text": TEXT}, "a folder, not a photo"),
    ({"id": "cut", "image": "cut.jpg", "text": TEXT}, "damaged or cut off"),
    ({"id": "huge", "image": "huge.png", "text": TEXT}, "the limit is 64 megapixels"),
    ({"id": "flat", "image": "flat.png", "text": TEXT}, "cannot judge: "),
    ({"id": "empty", "image": "0.jpg", "text": " \n"}, "the text is empty"),
    ({"id": "few", "image": "0.jpg", "text": "melanoma 12"}, "8 letters"),
    ({"id": "german", "image": "0.jpg", "text": GERMAN}, "it reads English only"),
    (
        {"id": "chinese", "image": "0.jpg", "text": "皮肤镜图像显示不对称病变，边缘不规则，深棕色区域。" * 3},
        "English only",
    ),
    ({"id": "half", "image": "0.jpg", "text": TEXT + "\ud800"}, "half of a character pair"),
    ({"id": "long", "image": "0.jpg", "text": TEXT * 6000}, "the limit is 1,000,000"),
    ({"id": "longer", "image": "0.jpg", "text": "x" * (9 * 2**20)}, "9 MB long"),
    ({"id": "keys", "picture": "0.jpg", "narrative": TEXT}, "has no image; its keys are id, narrative, picture"),
    ({"id": "number", "image": "0.jpg", "text": 7}, "has no text"),
    ({"image": "0.jpg", "text": TEXT}, "has no id"),
    ({"id": "c0", "image": "0.jpg", "text": TEXT}, "the id 'c0' stood in line 1"),
    ({"id": "told", "image": "0.jpg", "text": TEXT, "history": {"shoe": 42}}, "its history: 'shoe=42'"),
    ({"id": "listed", "image": "0.jpg", "text": TEXT, "history": ["age"]}, "its history is a list"),
    ({"id": "spoils", "image": "2.jpg", "text": TEXT}, "the evaluator cannot look at it"),
    ("[1, 2]", "holds a list"),
    ('{"id": "torn", "image": ', "malformed JSON"),
    ({}, "has no id; it is empty"),
]


def test_bad_lines_fail_with_a_reason_and_spoil_no_other(folder: Path) -> None:
    (folder / "cut.jpg").write_bytes((folder / "0.jpg").read_bytes()[:900])
    huge_png(folder / "huge.png")
    Image.new("RGB", (200, 200), "blue").save(folder / "flat.png")
    good = {"id": "last", "image": "1.jpg", "text": TEXT, "history": {"age": 63, "bleed": True, "site": None}}
    file = written(folder / "in.jsonl", [*rows(1), *(row for row, _ in BAD), good])
    judge = FakeJudge("2.jpg")
    assert score(judge, file, folder / "out.jsonl", batch=4) == Scored(len(BAD) + 2, len(BAD))
    first, *bad, last = lines(folder / "out.jsonl")
    for (_, reason), line in zip(BAD, bad, strict=True):
        assert reason in line["failed"], line
        assert [line[key] for key in ("scores", "intervals", "critique", "remarks")] == [None] * 4
    assert first["failed"] is None and last["failed"] is None and last["id"] == "last"
    assert judge.histories[-1] == History(age=63, bleed=True)


def test_a_corpus_is_read_as_it_was_built(folder: Path) -> None:
    case = {"id": "p1", "dataset": "mine", "image": "0.jpg", "label": "mel"}
    other = case | {"id": "p2", "image": str(folder / "1.jpg")}
    entries = [{"case": case, "text": TEXT, "history": {"age": 50}}, {"case": other, "text": None}]
    judge = FakeJudge()
    score(judge, written(folder / "corpus.jsonl", entries), folder / "out.jsonl")
    one, two = lines(folder / "out.jsonl")
    assert (one["id"], one["failed"]) == ("mine/p1", None) and judge.histories == [History(age=50)]
    assert two["failed"].startswith("has no text")


def test_lists_and_gzip_are_read_and_nothing_is_refused(folder: Path) -> None:
    (folder / "in.json").write_text(json.dumps(rows(2), indent=1))
    with gzip.open(folder / "in.jsonl.gz", "wt") as stream:
        stream.write("\n".join(map(json.dumps, rows(2))))
    for name in ("in.json", "in.jsonl.gz"):
        assert score(FakeJudge(), folder / name, folder / f"{name}.out") == Scored(2, 0)
    (folder / "empty.jsonl").write_text("\n")
    for name, reason in (("empty.jsonl", "holds no rows"), ("gone.jsonl", "cannot be read")):
        with pytest.raises(SkinGPTError, match=reason):
            score(FakeJudge(), folder / name, folder / "x.jsonl")


def test_a_score_that_is_no_number_is_no_score() -> None:
    class Broken(FakeJudge):
        def _judgement(self, submission: Any) -> Judgement:
            good = super()._judgement(submission)
            return Judgement(type(good.assessment)("", float("nan"), 5, 5, 5, 5, 5))

    (told,) = judged(Broken(), [submission()])
    assert isinstance(told, CaseError) and "no score for accuracy" in str(told)
    assert judged(FakeJudge(), []) == []


@pytest.mark.parametrize(
    "text",
    [
        "Asymmetric, irregular border, dark brown, blue-white veil. Dx: melanoma. Refer urgently.",
        "Melanoma. Excision biopsy recommended.",
        "𝐓𝐡𝐞 𝐥𝐞𝐬𝐢𝐨𝐧 𝐢𝐬 𝐚𝐬𝐲𝐦𝐦𝐞𝐭𝐫𝐢𝐜 𝐰𝐢𝐭𝐡 𝐚𝐧 𝐢𝐫𝐫𝐞𝐠𝐮𝐥𝐚𝐫 𝐛𝐨𝐫𝐝𝐞𝐫",
        "The le\u200bsion is asym\u200bmetric with an irreg\u200bular border.",
    ],
)
def test_shorthand_and_disguised_english_are_judged(text: str) -> None:
    check_text(text)


def test_a_run_is_not_overwritten_and_a_changed_input_is_refused(folder: Path) -> None:
    file, out = written(folder / "in.jsonl", rows(3)), folder / "deep" / "out.jsonl"
    score(FakeJudge(), file, out)
    with pytest.raises(SkinGPTError, match="--resume"):
        score(FakeJudge(), file, out)
    judge = FakeJudge()
    assert score(judge, file, out, resume=True) == Scored(3, 0) and judge.batches == []
    judge.name = "fake 2"
    with pytest.raises(SkinGPTError, match="another judge"):
        score(judge, file, out, resume=True)
    written(file, rows(4))
    with pytest.raises(SkinGPTError, match="another input"):
        score(FakeJudge(), file, out, resume=True)
    (folder / "mine.txt").write_text("kept")
    with pytest.raises(SkinGPTError, match="exists already"):
        score(FakeJudge(), file, folder / "mine.txt")
    with pytest.raises(SkinGPTError, match="cannot be written"):
        score(FakeJudge(), file, folder / "mine.txt" / "out.jsonl")


KILLED = """
import sys
from pathlib import Path
from skingpt_r1.dermeval.scoring import score
from tests.dermeval.judges import FakeJudge
score(FakeJudge(seconds=0.02, dies=int(sys.argv[3])), Path(sys.argv[1]), Path(sys.argv[2]), batch=3, resume=True)
"""


def test_kill_9_loses_and_repeats_no_line(folder: Path) -> None:
    file = written(folder / "in.jsonl", [*rows(12), "{", *({**row, "id": f"d{row['id']}"} for row in rows(9))])
    calm, killed = folder / "calm.jsonl", folder / "killed.jsonl"
    score(FakeJudge(), file, calm)
    for dies in (1, 5, 8):
        done = subprocess.run([sys.executable, "-c", KILLED, str(file), str(killed), str(dies)], check=False)
        assert done.returncode == -9 and not killed.exists()
    part = folder / "killed.jsonl.part"
    assert 0 < len(lines(part)) < 22
    with part.open("a") as stream:
        stream.write('{"id": "c1", "sco')  # what a kill in the middle of a write leaves
    judge = FakeJudge()
    before = len(part.read_text().splitlines()) - 1
    assert score(judge, file, killed, resume=True) == Scored(22, 1)
    assert killed.read_bytes() == calm.read_bytes()
    assert sum(map(len, judge.batches)) == 22 - before - (before <= 12)
