"""The measurements on the real model and the two pictures of the repository."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from skingpt_r1.dermbench.trust import chains, curves, faithfulness
from skingpt_r1.dermbench.trust.drawn import document
from skingpt_r1.dermbench.trust.journal import Journal, Line
from skingpt_r1.dermbench.trust.readings import Wanted, read
from skingpt_r1.images.reading import Photo, read_photo
from skingpt_r1.knowledge.labelsets import label_set
from skingpt_r1.models.diagnose import Model, Told
from skingpt_r1.models.pictures import html_report
from skingpt_r1.narrative import plain
from skingpt_r1.narrative.parse import parse, sections
from skingpt_r1.narrative.report import as_json
from skingpt_r1.records import Case, History, Urgency

pytestmark = pytest.mark.slow
ISIC = label_set("isic2017")


@pytest.fixture(scope="module")
def journal(tmp_path_factory: pytest.TempPathFactory) -> Journal:
    return Journal(tmp_path_factory.mktemp("trust") / "readings.jsonl")


@pytest.fixture(scope="module")
def said(model: Model, cases: list[Case], journal: Journal) -> dict[str, Line]:
    return {line["key"]: line for line in read(lambda: model, [Wanted(c) for c in cases], journal, "s")}


def test_what_is_read_once_is_not_read_again(said: dict[str, Line], cases: list[Case], journal: Journal) -> None:
    def never() -> Model:
        raise AssertionError("the model was asked for again")

    again = Journal(journal.path)
    lines = read(never, [Wanted(c) for c in cases], again, "s")
    assert {line["key"]: line["text"] for line in lines} == {name: line["text"] for name, line in said.items()}
    assert all(line["truth"] in ISIC.labels for line in lines)


def test_a_painted_over_lesion_is_read_otherwise(
    model: Model, said: dict[str, Line], cases: list[Case], journal: Journal
) -> None:
    wanted = list(faithfulness.wanted(cases[:1], cases[:1], said, lambda p: model.segmenter.probability(p) >= 0.5))
    names = [w.edit.partition("/")[0] for w in wanted]
    assert names[:2] == [faithfulness.NO_LESION, faithfulness.NO_BACKGROUND]
    before = read_photo(cases[0].image).pixels
    assert all(not np.array_equal(before, w.pixels()) for w in wanted)
    line = read(lambda: model, wanted[:1], journal, "s")[0]
    assert line["text"] != said[line["key"]]["text"]


def written(model: Model, case: Case, observation: str | None = None, chain: str | None = None) -> str:
    _, visual = model.look([read_photo(case.image).pixels])
    writer = model.writing(visual, [History()], ISIC)
    if chain is not None:
        return writer.conclude([chain])[0].text
    return writer.write(None if observation is None else [observation])[0].text


def test_its_own_reasoning_leads_to_its_own_answer(model: Model, said: dict[str, Line], cases: list[Case]) -> None:
    """Given back what it wrote itself, the model goes on as it did: forcing a text changes nothing but the text."""
    own = said[f"isic2017/{cases[0].id}"]["text"]
    assert written(model, cases[0], observation=sections(own)["observation"]) == own
    reasoning = chains.begun(chains.Chain.FOREIGN_REASONING, own, own)
    assert written(model, cases[0], chain=reasoning) == own


def test_no_reasoning_still_ends_in_an_answer(model: Model, said: dict[str, Line], cases: list[Case]) -> None:
    own, other = (said[f"isic2017/{c.id}"]["text"] for c in cases)
    text = written(model, cases[0], chain=chains.begun(chains.Chain.NONE, own, other))
    assert parse(text).diagnosis in ISIC.labels.values()
    assert not sections(text).get("observation")
    foreign = chains.begun(chains.Chain.FOREIGN_OBSERVATION, own, other)
    assert sections(written(model, cases[0], observation=foreign))["observation"] == sections(other)["observation"]


def test_curves_begin_and_end_where_they_must(model: Model, cases: list[Case]) -> None:
    """Nothing blurred is the same whatever the order; so is everything blurred; insertion runs the other way."""
    found = curves.curves(model, read_photo(cases[1].image).pixels, "melanoma", list(ISIC.labels.values()))
    whole = {found[f"deletion/{o}"][0] for o in curves.ORDERS} | {found[f"insertion/{o}"][-1] for o in curves.ORDERS}
    gone = {found[f"deletion/{o}"][-1] for o in curves.ORDERS} | {found[f"insertion/{o}"][0] for o in curves.ORDERS}
    assert max(whole) - min(whole) < 1e-2
    assert max(gone) - min(gone) < 1e-2
    assert abs(max(whole) - max(gone)) > 0.01


def test_a_document_is_refused_without_comfort(model: Model) -> None:
    page = Photo("page.png", document(np.random.default_rng(0), 256), "0" * 64)
    reading = model.diagnose_all([page], [Told()], ISIC)[0]
    told = as_json(reading.report)
    assert told["abstained"]
    assert told["outside"]
    assert told["outside"] in told["reason"]
    assert told["among"] is None
    assert told["summary"] == [plain.OUTSIDE]
    assert told["urgency"] != Urgency.SELF_WATCH.value
    assert "nothing here that calls for haste" not in told["advice"]
    page_html = html_report(reading)
    assert "Not a picture that this model can judge" in page_html
    assert "Closest match" not in page_html
    refused = model.scope(page.pixels)[1]
    assert next(r.reason for r in refused if r.outside) in told["outside"]


def test_a_lesion_is_let_through_with_its_set_where_one_is_fitted(said: dict[str, Line], model: Model) -> None:
    for line in said.values():
        assert line["outside"] is None
        assert (line["among"] is not None) == ("isic2017" in model.sets)


def test_the_command_measures_and_tells(tmp_path: Path, data_root: Path) -> None:
    from typer.testing import CliRunner

    from skingpt_r1.cli.main import app

    asked = ["trust", "scope", "--limit", "3", "--each", "1", "--sets", "isic2017", "--data", str(data_root)]
    told = CliRunner().invoke(app, [*asked, "--out", str(tmp_path)])
    assert told.exit_code == 0, told.output
    assert "Does it refuse" in told.output
    told = CliRunner().invoke(app, ["trust", "report", "--out", str(tmp_path)])
    assert told.exit_code == 0, told.output
    page = (tmp_path / "trust.html").read_text()
    assert "3 test pictures of ISIC-2017 (subset)" in page
    assert f"--limit 3 --each 1 --sets isic2017 --data {data_root}" in page  # the command measures the same again


def test_every_chain_is_read_once_for_each_case(
    model: Model, said: dict[str, Line], cases: list[Case], journal: Journal
) -> None:
    """The second case is said to be something else, so that each is the other's partner whatever the model named."""
    names = list(said)
    mine = said[names[0]]["diagnosis"]
    other = next(name for name in ISIC.labels.values() if name != mine)
    plain_lines = {names[0]: said[names[0]], names[1]: {**said[names[1]], "diagnosis": other}}
    lines = chains.read(lambda: model, cases, plain_lines, journal, "s")
    assert len(lines) == len(cases) * len(chains.Chain)
    assert {line["chain"] for line in lines} == {chain.value for chain in chains.Chain}
    assert all(line["diagnosis"] in ISIC.labels.values() for line in lines)
    before = len(journal)
    assert chains.read(lambda: model, cases, plain_lines, journal, "s") == lines
    assert len(journal) == before
    assert [f for f in chains.figures(lines) if "goes with it" in f.name]
