"""Our provider says what `skingpt diagnose` says, and answers together what arrives together."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Sequence
from pathlib import Path

import anyio
import numpy as np
import pytest
from typer.testing import CliRunner

pytest.importorskip("inspect_ai")

from inspect_ai import Task
from inspect_ai import eval as evaluate
from inspect_ai.dataset import Sample
from inspect_ai.log import EvalSample
from inspect_ai.model import ChatMessageUser, ContentImage, ContentText, get_model
from inspect_ai.solver import generate

from skingpt_r1.cli.main import app
from skingpt_r1.dermbench import inspect_registry, protocol
from skingpt_r1.dermbench.systems.asking import Question, Told, candidates
from skingpt_r1.dermbench.systems.batching import MOST, Batcher
from skingpt_r1.dermbench.systems.embedded import model_of
from skingpt_r1.dermbench.systems.pictures import data_url, flat, photo_of, within
from skingpt_r1.images.reading import read_photo
from skingpt_r1.knowledge.labelsets import BUILT_IN, LabelSet
from skingpt_r1.records import CaseError, History, SkinGPTError

PHOTOS = sorted((Path(__file__).parents[2] / "examples").glob("*.jpg"))
LABELS = list(BUILT_IN["isic2017"].labels)


def asked(photo: Path, n: int, labels: list[str] | None, history: History | None = None) -> Sample:
    content = [ContentImage(image=str(photo)), ContentText(text=protocol.question(labels, history))]
    return Sample([ChatMessageUser(content=content)], id=n)


def told(samples: list[Sample], folder: Path, model: str = "skingpt/embedded", **args: object) -> list[EvalSample]:
    assert inspect_registry.SkinGPT
    chosen = get_model(model, memoize=False, **args)
    (log,) = evaluate(
        Task(dataset=samples, solver=generate()), model=chosen, log_dir=str(folder), display="none", log_images=False
    )
    assert log.status == "success" and log.samples is not None, log.error
    return sorted(log.samples, key=lambda s: int(s.id))


@pytest.mark.slow
def test_the_benchmark_and_diagnose_agree_case_by_case(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert len(PHOTOS) == 2
    samples = [asked(photo, n, LABELS) for n, photo in enumerate(PHOTOS)]
    found = told(samples, tmp_path)
    monkeypatch.setattr("skingpt_r1.models.diagnose.load", lambda: model_of(None))  # it is loaded already
    said = CliRunner().invoke(app, ["diagnose", "--json", "--label-set", "isic2017", *map(str, PHOTOS)])
    assert said.exit_code == 0, said.output
    for sample, line in zip(found, said.stdout.splitlines(), strict=True):
        report = json.loads(line)
        narrative, _, last = sample.output.completion.rpartition("\n")
        assert narrative == report["text"]
        assert last == f"Final label: {report['label']}"
        assert protocol.answered(sample.output.completion, LABELS) == report["label"]
        numbers = sample.output.metadata
        assert numbers is not None and f"<answer>{report['diagnosis']} |" in narrative
        assert numbers["confidence"] == pytest.approx(report["confidence"], abs=1e-3)
        assert numbers["abstained"] == report["abstained"]
        assert sum(numbers["label_probability"].values()) == pytest.approx(1)
        assert set(numbers["label_probability"]) == set(BUILT_IN["isic2017"].labels.values())


@pytest.mark.slow
def test_an_open_question_a_history_and_a_blind_one(tmp_path: Path) -> None:
    history = History(age=71, site="nose", bleed=True)
    (found,) = told([asked(PHOTOS[0], 0, None, history)], tmp_path / "open")
    assert protocol.FINAL not in found.output.completion
    assert found.output.completion == model_of(None).diagnose(PHOTOS[0], history).text
    (blind,) = told([asked(PHOTOS[0], 0, LABELS)], tmp_path / "blind", blind=True)
    flattened = model_of(None).diagnose(flat(read_photo(PHOTOS[0])), labels=BUILT_IN["isic2017"]).text
    assert blind.output.completion.startswith(flattened)
    sent = data_url(flat(read_photo(PHOTOS[0])).pixels, lossless=True)
    assert np.array_equal(photo_of(sent).pixels, flat(read_photo(PHOTOS[0])).pixels)  # what `+blind` shows to others


class Counting:
    """Notes how many questions come together."""

    def __init__(self, spoilt: float | None = None) -> None:
        self.batches: list[list[float]] = []
        self.threads: set[int] = set()
        self.spoilt = spoilt

    def answer(self, questions: Sequence[Question], labels: LabelSet | None) -> list[Told]:
        self.threads.add(threading.get_ident())
        time.sleep(0.05)
        ages = [q.asked.history.age or 0 for q in questions]
        if self.spoilt in ages:
            raise SkinGPTError("spoilt")
        self.batches.append(ages)
        return [Told(f"{age:g} {labels.name if labels else 'open'}") for age in ages]


class Together:
    """Answers a batch once another is being answered."""

    def __init__(self) -> None:
        self.both = threading.Barrier(2)

    def answer(self, questions: Sequence[Question], labels: LabelSet | None) -> list[Told]:
        self.both.wait(timeout=20)
        return [Told("") for _ in questions]


def question(age: float, labels: tuple[str, ...] | None = None) -> Question:
    return Question(read_photo(PHOTOS[0]), protocol.Asked(labels, History(age=age)))


def ask_all(batcher: Batcher, questions: list[Question]) -> list[Told | SkinGPTError]:
    answers: dict[int, Told | SkinGPTError] = {}

    async def one(n: int, q: Question) -> None:
        try:
            answers[n] = await batcher.ask(q)
        except SkinGPTError as error:
            answers[n] = error

    async def everyone() -> None:
        async with anyio.create_task_group() as group:
            for n, q in enumerate(questions):
                group.start_soon(one, n, q)

    anyio.run(everyone)
    return [answers[n] for n in range(len(questions))]


def test_questions_are_answered_together_and_each_gets_its_own_answer() -> None:
    system = Counting()
    batcher = Batcher(system)
    found = ask_all(batcher, [question(n, tuple(LABELS) if n % 2 else None) for n in range(40)])
    assert [t.narrative for t in found if isinstance(t, Told)] == [
        f"{n} {'isic2017' if n % 2 else 'open'}" for n in range(40)
    ]
    assert sorted(map(len, system.batches)) == [4, 4, 16, 16] and max(map(len, system.batches)) == MOST
    assert threading.get_ident() not in system.threads
    assert batcher.waiting == []


def test_batches_are_answered_side_by_side() -> None:
    system = Together()
    found = ask_all(Batcher(system, at_once=2), [question(n) for n in range(2 * MOST)])
    assert all(isinstance(t, Told) for t in found)  # each waited for the other: one after the other would never end


def test_a_question_that_spoils_its_batch_costs_its_own_answer() -> None:
    found = ask_all(Batcher(Counting(spoilt=3)), [question(n) for n in range(5)])
    assert [isinstance(answer, SkinGPTError) for answer in found] == [False, False, False, True, False]


def test_a_question_that_is_given_up_does_not_hold_up_the_others() -> None:
    system = Counting()
    batcher = Batcher(system)
    answers: list[Told] = []

    async def hurried() -> None:
        with anyio.move_on_after(0.07):
            await batcher.ask(question(1))

    async def patient() -> None:
        await anyio.sleep(0.01)
        answers.append(await batcher.ask(question(2)))

    async def both() -> None:
        async with anyio.create_task_group() as group:
            group.start_soon(hurried)
            group.start_soon(patient)

    anyio.run(both)
    assert [t.narrative for t in answers] == ["2 open"]


def test_candidates() -> None:
    assert candidates(None) is None
    assert candidates(list(reversed(LABELS))) == BUILT_IN["isic2017"]
    other = candidates(["Melanoma", "a rash from Mars", "BCC"])
    assert other is not None and other.labels == {"Melanoma": "melanoma", "BCC": "basal cell carcinoma"}
    with pytest.raises(SkinGPTError, match="none of them"):
        candidates(["Mars", "Venus"])


def test_pictures_within_limits() -> None:
    rng = np.random.default_rng(0)
    for height, width in ((20, 30), (500, 3000), (100, 100), (56, 56)):
        pixels = rng.integers(0, 255, (height, width, 3)).astype(np.uint8)
        small = within(pixels, 3_136, 100_000)
        assert 3_136 <= small.shape[0] * small.shape[1] <= 100_000
        assert small.shape[1] / small.shape[0] == pytest.approx(width / height, rel=0.03)
    assert within(pixels, 3_136, 100_000) is pixels
    with pytest.raises(CaseError, match="not fetched"):
        photo_of("https://example.org/0.jpg")
    with pytest.raises(CaseError, match="base64"):
        photo_of("data:image/png;base64,a")
