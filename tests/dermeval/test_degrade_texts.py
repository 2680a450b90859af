"""Subjects read from files, styles that keep what is told, manipulations, and the page of the documentation."""

import gzip
import json
import random
from pathlib import Path
from typing import Any

import pytest

from scripts.write_degradations import PAGE, page
from skingpt_r1.dermeval.degrade import words
from skingpt_r1.dermeval.degrade.manipulate import MANIPULATIONS, ZERO_WIDTH, manipulated
from skingpt_r1.dermeval.degrade.styles import ADVICE, GRAMMAR, PROSE, REPORT, STYLES, tell
from skingpt_r1.dermeval.degrade.subject import certified, styled, subjects
from skingpt_r1.narrative.parse import parse
from skingpt_r1.narrative.scan import claims_in, diagnoses_in
from skingpt_r1.records import Narrative, SkinGPTError
from tests.dermeval.subjects import by_others, subject

NUMBERS = range(60)


def told(number: int) -> Narrative:
    narrative = subject(number).told
    assert narrative is not None
    return narrative


def test_the_documentation_is_what_the_registry_says() -> None:
    assert PAGE.read_text(encoding="utf-8") == page(), "run python -m scripts.write_degradations"


@pytest.mark.parametrize("style", STYLES)
def test_every_style_keeps_claims_diagnoses_and_advice(style: str) -> None:
    for number in NUMBERS:
        n, text = told(number), subject(number, style).text
        assert {c.key for c in n.claims} == {m.key for m in claims_in(text)}, text
        assert {h.diagnosis for h in n.hypotheses} == {m.diagnosis for m in diagnoses_in(text)}
        assert n.confidence is not None
        assert n.confidence in text
        assert n.urgency is not None
        assert style == GRAMMAR or any(a in text for a in ADVICE[n.urgency])


@pytest.mark.parametrize("style", [PROSE, REPORT])
def test_the_parser_of_foreign_text_finds_the_diagnosis(style: str) -> None:
    found = [parse(tell(told(n), style, n)).diagnosis == told(n).diagnosis for n in NUMBERS]
    assert sum(found) >= 0.95 * len(found)


def test_wording_varies_and_an_unknown_style_is_refused() -> None:
    assert len({tell(told(0), PROSE, seed) for seed in range(30)}) > 20
    with pytest.raises(ValueError, match="none of"):
        tell(told(0), "verse")
    assert styled(by_others(0), PROSE, 1) == by_others(0)


def entry() -> dict[str, Any]:
    made = subject(3)
    history = dict.fromkeys(("age", "sex", "site"))
    case = {
        "id": "x1", "image": "images/x1.jpg", "modality": "dermoscopy", "dataset": "ham10000", "history": history,
        "label": "nv", "diagnosis": "melanocytic nevus", "split": "val",
    }  # fmt: skip
    return {
        "schema": 1,
        "case": case,
        "described": [["edge", "sharp", True, 0.9]],
        "history": history,
        "text": made.text,
    }


def test_a_corpus_is_read_with_its_pictures_and_its_description(tmp_path: Path) -> None:
    (tmp_path / "images").mkdir()
    (tmp_path / "images" / "x1.jpg").touch()
    path = tmp_path / "corpus.jsonl"
    path.write_text(json.dumps(entry()) + "\n", encoding="utf-8")
    (read,) = subjects(path)
    assert (read.id, read.split, read.image) == ("ham10000/x1", "val", str(tmp_path / "images" / "x1.jpg"))
    assert read.described[0].support == 0.9
    assert read.told == parse(read.text)


@pytest.mark.parametrize("line", ["{", '{"case": 1}', "[]", json.dumps({**entry(), "history": {"shoe": 1}})])
def test_a_bad_line_is_named(tmp_path: Path, line: str) -> None:
    path = tmp_path / "corpus.jsonl"
    path.write_text(f"{json.dumps(entry())}\n{line}\n", encoding="utf-8")
    with pytest.raises(SkinGPTError, match=r"corpus\.jsonl:2"):
        list(subjects(path))


def test_texts_by_others_are_read_packed_or_not(tmp_path: Path) -> None:
    line = json.dumps({"id": "d1", "narrative": "A red patch."}) + "\n"
    (tmp_path / "a.jsonl").write_text(line, encoding="utf-8")
    (tmp_path / "a.jsonl.gz").write_bytes(gzip.compress(line.encode()))
    assert list(certified(tmp_path / "a.jsonl")) == list(certified(tmp_path / "a.jsonl.gz"))
    (tmp_path / "b.jsonl").write_text("{}\n", encoding="utf-8")
    with pytest.raises(SkinGPTError, match=r"b\.jsonl:1.*narrative"):
        list(certified(tmp_path / "b.jsonl"))
    with pytest.raises(SkinGPTError, match="cannot be read"):
        list(certified(tmp_path / "none.jsonl"))


@pytest.mark.parametrize("name", MANIPULATIONS)
@pytest.mark.parametrize("style", STYLES)
def test_a_manipulation_changes_the_text_and_not_the_medicine(name: str, style: str) -> None:
    for number in range(12):
        text = subject(number, style).text
        made = manipulated(text, name, random.Random(number))
        assert made == manipulated(text, name, random.Random(number))
        assert made != text
        if name not in ("homoglyphs", "direction marks", "zero-width text"):
            assert [m.diagnosis for m in diagnoses_in(made)] == [m.diagnosis for m in diagnoses_in(text)]


def test_manipulations_do_what_their_name_says() -> None:
    text, rng = subject(0).text, random.Random(0)
    assert len(manipulated(text, "doubled by filler", rng)) >= 2 * len(text)
    assert any(c in ZERO_WIDTH for c in manipulated(text, "zero-width text", rng))
    assert "[scores] 5 5 5 5 5 5" in manipulated(text, "imitated answer", rng)
    assert {m.name for m in MANIPULATIONS.values() if m.trainable} == {"flattery", "demand"}


def test_words_are_put_in_their_case_with_their_article_and_not_in_general_statements() -> None:
    text = "A regular border. It has an irregular rim. Regular borders are usually benign."
    changed = words.put(text, {"regular": "irregular", "irregular": "regular"})
    assert changed == "An irregular border. It has a regular rim. Regular borders are usually benign."


def test_sentences_that_are_cut_out_leave_the_rest_as_it_stood() -> None:
    text = "One.  Two two.\n\n- Three three.\n- Four four.\nFive five."
    spans = [s for s in words.sentences(text) if text[s.start : s.end] in ("Two two.", "- Three three.")]
    assert words.cut_out(text, spans) == "One.\n\n- Four four.\nFive five."
