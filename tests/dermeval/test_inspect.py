"""DermEval in a real inspect_ai evaluation, with a model that says what it is told and a judge that knows nothing."""

from __future__ import annotations

import base64
import math
import os
from pathlib import Path

import pytest

pytest.importorskip("inspect_ai")

from inspect_ai import Task
from inspect_ai import eval as evaluate
from inspect_ai.dataset import Sample
from inspect_ai.log import EvalLog, EvalSample
from inspect_ai.model import ChatMessageUser, ContentImage, ContentText, ModelOutput, ModelUsage, get_model
from inspect_ai.scorer import Score

from skingpt_r1.dermeval.inspect_scorer import dermeval
from skingpt_r1.dermeval.rubric import DIMENSIONS
from skingpt_r1.records import History
from tests.dermeval.judges import TEXT, FakeJudge
from tests.sources.pictures import lesion


@pytest.fixture
def judge(monkeypatch: pytest.MonkeyPatch) -> FakeJudge:
    fake = FakeJudge()
    monkeypatch.setattr("skingpt_r1.dermeval.judging.load_judge", lambda *_: fake)
    return fake


def evaluated(samples: list[Sample], said: list[str], folder: Path) -> EvalLog:
    outputs = [ModelOutput.from_content("mockllm/model", text) for text in said]
    for output in outputs:
        output.usage = ModelUsage()  # else the tokens are counted, for which a table is fetched
    model = get_model("mockllm/model", custom_outputs=outputs)
    task = Task(dataset=samples, scorer=dermeval())
    (log,) = evaluate(task, model=model, log_dir=str(folder / "logs"), display="none", max_samples=1)
    assert log.status == "success", log.error
    return log


def scored(sample: EvalSample) -> Score:
    assert sample.scores is not None
    return sample.scores["dermeval"]


def test_the_picture_of_the_input_or_of_the_metadata_is_judged(judge: FakeJudge, tmp_path: Path) -> None:
    path = tmp_path / "0.jpg"
    lesion(0).save(path)
    within = f"data:image/jpeg;base64,{base64.b64encode(path.read_bytes()).decode()}"
    samples = [
        Sample("Describe.", id=1, metadata={"image": str(path), "history": {"age": 63}}),
        *(
            Sample([ChatMessageUser(content=[ContentText(text="Describe."), ContentImage(image=image)])], id=n)
            for n, image in ((2, str(path)), (3, within))
        ),
    ]
    log = evaluated(samples, [TEXT, TEXT + ".", TEXT + ".."], tmp_path)
    assert log.samples is not None and log.results is not None
    for n, sample in enumerate(log.samples):
        told = scored(sample)
        assert isinstance(told.value, dict) and list(told.value) == [*DIMENSIONS, "mean"]
        accuracy = 5 - (len(TEXT) + n) % 40 / 10  # what FakeJudge gives
        assert told.value["accuracy"] == pytest.approx(accuracy)
        assert told.value["mean"] == pytest.approx((accuracy + 15) / 6)
        assert told.explanation and told.metadata and told.metadata["intervals"]["safety"] == [4.5, 5.0]
    assert judge.histories == [History(age=63), History(), History()]
    metrics = {score.name: score.metrics for score in log.results.scores}
    assert set(metrics) == {*DIMENSIONS, "mean"}
    assert metrics["safety"]["mean"].value == 5 and metrics["safety"]["stderr"].value == 0
    assert metrics["accuracy"]["mean"].value == pytest.approx(5 - (len(TEXT) + 1) % 40 / 10)


def test_what_cannot_be_judged_is_unscored_and_enters_no_mean(judge: FakeJudge, tmp_path: Path) -> None:
    path = tmp_path / "0.jpg"
    lesion(0).save(path)
    good = {"image": str(path)}
    samples = [
        Sample("Describe.", id="good", metadata=good),
        Sample("Describe.", id="silent", metadata=good),
        Sample("Describe.", id="gone", metadata={"image": str(tmp_path / "gone.jpg")}),
        Sample("Describe.", id="blind"),
        Sample("Describe.", id="url", metadata={"image": "https://example.org/0.jpg"}),
        Sample("Describe.", id="shoe", metadata=good | {"history": {"shoe": 42}}),
    ]
    log = evaluated(samples, [TEXT, " ", TEXT, TEXT, TEXT, TEXT], tmp_path)
    assert log.samples is not None and log.results is not None
    told = {str(sample.id): scored(sample) for sample in log.samples}
    reasons = {"silent": "empty", "gone": "no such file", "blind": "no picture", "url": "is a URL", "shoe": "shoe=42"}
    for name, reason in reasons.items():
        assert isinstance(told[name].value, float) and math.isnan(told[name].as_float())
        assert reason in (told[name].explanation or ""), told[name]
    assert (told["silent"].reason, told["gone"].reason) == ("no_response", "scoring_failed")
    safety = next(score for score in log.results.scores if score.name == "safety")
    assert (safety.scored_samples, safety.unscored_samples, safety.metrics["mean"].value) == (1, 5, 5)


def test_nothing_is_left_behind(judge: FakeJudge, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "0.jpg"
    lesion(0).save(path)
    within = f"data:image/jpeg;base64,{base64.b64encode(path.read_bytes()).decode()}"
    (tmp_path / "tmp").mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "tmp"))
    sample = Sample([ChatMessageUser(content=[ContentImage(image=within)])])
    evaluated([sample], [TEXT], tmp_path)
    assert judge.batches and not [name for name in os.listdir(tmp_path / "tmp") if name.endswith(".image")]
