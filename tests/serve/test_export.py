"""Certified cases leave as a chain that shows each change, and the pipeline goes on from them."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from skingpt_r1.dermcot.export import Form
from skingpt_r1.dermcot.export import export as give_away
from skingpt_r1.records import SkinGPTError
from skingpt_r1.serve.certify.accounts import Viewer
from skingpt_r1.serve.certify.answers import submit, take_back
from skingpt_r1.serve.certify.chain import START, digest, verify_chain, write_chain
from skingpt_r1.serve.certify.export import export
from skingpt_r1.serve.certify.overview import pairs
from skingpt_r1.serve.certify.refusal import Stale
from skingpt_r1.serve.certify.store import Store
from skingpt_r1.serve.certify.tables import Role
from tests.serve.test_answers import answer, both, edited, work

Person = Callable[..., Viewer]


@pytest.fixture
def chain(tmp_path: Path) -> Path:
    entries = [{"n": i, "text": f"náevus {i}", "score": i / 3} for i in range(5)]
    made = write_chain(tmp_path / "chain.jsonl", entries)
    assert made.lines == 5
    assert verify_chain(tmp_path / "chain.jsonl", made.head) == made
    return tmp_path / "chain.jsonl"


def change(path: Path, line: int, **told: Any) -> None:
    lines = path.read_text(encoding="utf-8").splitlines()
    lines[line - 1] = json.dumps(json.loads(lines[line - 1]) | told, ensure_ascii=False)
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")


def test_a_changed_line_is_named(chain: Path) -> None:
    change(chain, 3, text="melanoma")
    with pytest.raises(SkinGPTError, match=r"chain.jsonl:3: was changed"):
        verify_chain(chain)
    forged = json.loads(chain.read_text().splitlines()[2])
    change(chain, 3, hash=digest(forged))  # whoever changes a line can give it a hash; the next line tells
    with pytest.raises(SkinGPTError, match=r"chain.jsonl:4: does not follow"):
        verify_chain(chain)


@pytest.mark.parametrize(
    ("do", "message"),
    [
        (lambda x: x[:1] + x[2:], "2: does not follow"),
        (lambda x: [x[0], x[2], x[1], *x[3:]], "2: does not follow"),
        (lambda x: [*x[:2], x[1], *x[2:]], "3: does not follow"),
        (lambda x: x[1:], "1: does not follow"),
        (lambda x: [*x[:3], "", *x[3:]], "4: no JSON"),
        (lambda x: [*x[:3], "[1]", *x[3:]], "4: no link"),
        (lambda x: [*x[:4], x[4].replace('"n": 4', '"n": 4, "n": 4')], "5: no JSON object .a key stands twice"),
        (lambda x: [*x[:4], x[4].replace('"n": 4', '"n": NaN')], "5: was changed"),
        (lambda x: [*x[:4], x[4].replace('"n": 4', '"n": "\\ud800"')], "5: was changed"),
    ],
)
def test_the_first_broken_line_is_named(chain: Path, do: Callable[[list[str]], list[str]], message: str) -> None:
    chain.write_text("\n".join(do(chain.read_text(encoding="utf-8").splitlines())) + "\n", encoding="utf-8")
    with pytest.raises(SkinGPTError, match=rf"chain.jsonl:{message}"):
        verify_chain(chain)


def test_a_cut_end_is_told_by_the_head_only(chain: Path) -> None:
    head = verify_chain(chain).head
    whole = chain.read_text(encoding="utf-8")
    chain.write_text("\n".join(whole.splitlines()[:3]) + "\n", encoding="utf-8")
    assert verify_chain(chain).lines == 3  # a shorter chain is whole in itself
    with pytest.raises(SkinGPTError, match=r":3: the chain ends with .* lines are missing"):
        verify_chain(chain, head)
    chain.write_text(whole[:-10], encoding="utf-8")
    with pytest.raises(SkinGPTError, match="5: the last line is cut off"):
        verify_chain(chain)
    with pytest.raises(SkinGPTError, match="cannot be read"):
        verify_chain(chain.with_name("none"))


def test_the_hash_is_what_the_docstring_says(chain: Path) -> None:
    import hashlib

    first = json.loads(chain.read_text(encoding="utf-8").splitlines()[0])
    bare = json.dumps(
        {k: v for k, v in first.items() if k != "hash"}, sort_keys=True, separators=(",", ":"), ensure_ascii=False
    )
    assert first["previous"] == START
    assert first["hash"] == hashlib.sha256(bare.encode()).hexdigest()


def test_certified_cases_go_straight_into_the_pipeline(queued: Store, person: Person, tmp_path: Path) -> None:
    a, b, judge = person("Ada"), person("Bo"), person("Cy", Role.ADJUDICATOR)
    with pytest.raises(SkinGPTError, match="no case is certified"):
        export(queued, tmp_path / "out")
    changed = edited(queued)
    both(queued, a, b, verdict="edit", text=changed)  # one accepts, one edits the content: disputed
    submit(queued, judge, answer(work(queued, judge), "edit", text=changed, scores={"safety": 3}))
    both(queued, a, b, scores={"safety": 5})
    one, other = work(queued, a), work(queued, b)
    submit(queued, a, answer(one, "reject"))
    submit(queued, b, answer(other, "reject"))
    made = export(queued, tmp_path / "out")
    assert made.lines == 2
    lines = [json.loads(x) for x in (tmp_path / "out" / "corpus.jsonl").read_text().splitlines()]
    judged, agreed = sorted(lines, key=lambda x: x["certification"]["decided_by"])
    assert judged["text"] == changed != judged["certification"]["draft"]
    assert judged["certification"]["edited"] and judged["certification"]["text_by"] == judge.id
    assert judged["score"] == {"scorer": "dermatologists", "value": round(23 / 6, 3), "reason": "of the draft as shown"}
    assert [x["role"] for x in judged["certification"]["answers"]] == ["rater", "rater", "adjudicator"]
    assert judged["certification"]["dispute"] == ["The texts say different things."]
    assert not agreed["certification"]["edited"] and agreed["certification"]["text_by"] is None
    assert agreed["score"]["value"] == round((24 + 25) / 12, 3)
    assert "Ada" not in json.dumps(lines)
    assert len((tmp_path / "out" / "rejected.jsonl").read_text().splitlines()) == 1
    for name in ("corpus.jsonl", "rejected.jsonl"):
        verify_chain(tmp_path / "out" / name)
    folder, problems = give_away(tmp_path / "out", tmp_path / "given", [Form.SHAREGPT])
    assert problems == []
    rows = [json.loads(x) for x in (folder / "corpus.jsonl").read_text().splitlines()]
    assert {row["scorer"] for row in rows} == {"dermatologists"} and changed in {row["text"] for row in rows}
    card = (folder / "README.md").read_text()
    assert "two dermatologists, blind to each other" in card and "no dermatologist" not in card
    with pytest.raises(Stale):  # exported: nothing is taken back
        take_back(queued, b)
    with pytest.raises(SkinGPTError, match="exists already"):
        export(queued, tmp_path / "out")
    assert export(queued, tmp_path / "again.jsonl").lines == 2
    with queued.begin() as session:
        assert len(pairs(session)) == 3
