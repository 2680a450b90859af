"""The reference-based judge in real evaluations, asked over HTTP of a server that behaves, refuses, stalls or raves."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path

import pytest

pytest.importorskip("inspect_ai")
pytest.importorskip("openai")

from inspect_ai.dataset import Sample
from inspect_ai.scorer import Score

from skingpt_r1.dermbench.judges import reference_judge
from skingpt_r1.dermeval.raters import MEAN
from skingpt_r1.dermeval.rubric import DIMENSIONS
from tests.dermbench.evals import graded, replayed, run
from tests.dermbench.judge_server import Server, judging
from tests.dermcot.server import Reply, chat

REFERENCE = "The lesion is asymmetric. It is a melanoma; see a dermatologist within two weeks."
GOOD, BAD = "It is a melanoma.", "SPOIL: It is a mole."


@pytest.fixture(autouse=True)
def _own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("INSPECT_CACHE_DIR", str(tmp_path / "cache"))


def judged(server: Server, folder: Path, *texts: str, retries: int = 0, seconds: int = 20) -> list[Score]:
    samples = [Sample("", id=n, target=REFERENCE, metadata={"text": text}) for n, text in enumerate(texts)]
    judge = reference_judge(server.model(), retries=retries, seconds=seconds)
    log = run(samples, [judge], folder, solver=replayed())
    assert log.samples is not None
    return [s.scores["reference_judge"] for s in log.samples if s.scores is not None]


def test_scores_and_critique_come_back_and_the_question_is_repeatable(tmp_path: Path) -> None:
    with judging(lambda _: graded(3.5, "A small gap.", safety=2)) as server:
        (told,) = judged(server, tmp_path, GOOD)
    assert isinstance(told.value, dict) and list(told.value) == [*DIMENSIONS, MEAN]
    assert told.value["safety"] == 2 and told.value[MEAN] == pytest.approx((5 * 3.5 + 2) / 6)
    assert told.explanation == "A small gap." and told.metadata is not None
    assert told.metadata["judge"] == "reference_judge:openai-api/local/seer" and told.metadata["cached"] is False
    (asked,) = server.asked
    assert asked["temperature"] == 0 and asked["seed"] == 42
    assert all(isinstance(m["content"], str) for m in asked["messages"])  # words only, no picture


def test_a_second_run_asks_nothing_and_counts_its_cache_hits(tmp_path: Path) -> None:
    with judging(lambda _: graded()) as server:
        first = judged(server, tmp_path, GOOD, GOOD + " Soon.")
        again = judged(server, tmp_path, GOOD, GOOD + " Soon.", GOOD + " New.")
    assert len(server.asked) == 3
    assert [s.metadata["cached"] for s in (*first, *again) if s.metadata] == [False, False, True, True, False]
    assert [s.value for s in first] == [s.value for s in again[:2]]


@pytest.mark.parametrize(
    ("reply", "fault", "asked"),
    [
        (Reply("four out of five"), "nonsense", 2),
        (Reply("I'm sorry, I cannot help with that."), "refusal", 2),
        (Reply(chat({"role": "assistant", "content": None, "refusal": "No."})), "refusal", 2),
        (Reply(b"{}", status=429), "rate limit", None),
        (Reply(b"{}", status=500), "error", None),
        (Reply(b"{}", status=401), "error", 1),
        (Reply(graded(), after=3), "timeout", None),
    ],
)
def test_what_cannot_be_judged_waits_with_its_reason_and_the_run_goes_on(
    reply: Reply, fault: str, asked: int | None, tmp_path: Path
) -> None:
    def answer(message: str) -> Reply | str:
        return reply if "SPOIL" in message else graded(4)

    with judging(answer) as server:
        bad, good = judged(server, tmp_path, BAD, GOOD, seconds=1 if reply.after else 20)
    assert isinstance(bad.value, float) and math.isnan(bad.value)
    assert bad.reason == "grader_failed" and bad.metadata is not None and bad.metadata["fault"] == fault
    assert bad.explanation and isinstance(good.value, dict) and good.value[MEAN] == 4
    assert asked is None or sum("SPOIL" in str(a) for a in server.asked) == asked


@pytest.mark.parametrize("reply", [Reply("nonsense"), Reply(b"{}", status=500)])
def test_a_judge_that_failed_is_asked_again_by_the_next_run(reply: Reply, tmp_path: Path) -> None:
    answers = {"now": reply}
    with judging(lambda _: answers["now"]) as server:
        (first,) = judged(server, tmp_path, GOOD)
        answers["now"] = Reply(graded(2))
        before = len(server.asked)
        (second,) = judged(server, tmp_path, GOOD)
        assert len(server.asked) == before + 1
        (third,) = judged(server, tmp_path, GOOD)
        assert len(server.asked) == before + 1
    assert isinstance(first.value, float) and isinstance(second.value, dict) and second.value == third.value
    assert third.metadata is not None and third.metadata["cached"] is True


def test_a_good_second_try_counts_and_is_kept(tmp_path: Path) -> None:
    turns: list[Callable[[], str]] = [lambda: "nonsense", lambda: graded(3)]
    with judging(lambda _: turns[min(len(server.asked), 2) - 1]()) as server:
        (told,) = judged(server, tmp_path, GOOD)
        (again,) = judged(server, tmp_path, GOOD)
    assert len(server.asked) == 2 and isinstance(told.value, dict) and told.value == again.value
    assert told.metadata is not None and again.metadata is not None
    assert (told.metadata["tries"], told.metadata["cached"]) == (2, False)
    assert (again.metadata["tries"], again.metadata["cached"]) == (1, True)


def test_no_text_and_no_reference_are_no_question(tmp_path: Path) -> None:
    with judging(lambda _: graded()) as server:
        samples = [
            Sample("", id=1, target=REFERENCE, metadata={"text": "  "}),
            Sample("", id=2, metadata={"text": GOOD}),
            Sample("", id=3, metadata={"text": GOOD, "reference": REFERENCE}),
        ]
        log = run(samples, [reference_judge(server.model())], tmp_path, solver=replayed())
    assert log.samples is not None and len(server.asked) == 1
    told = [s.scores["reference_judge"] for s in log.samples if s.scores]
    assert [s.reason for s in told] == ["no_response", "scoring_failed", None]
