"""Real runs of inspect_ai over a small suite, against a local server that answers, refuses, stalls or breaks."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

pytest.importorskip("inspect_ai")

from inspect_ai import eval as evaluate
from inspect_ai.log import read_eval_log

from skingpt_r1.dermbench import running, scorers
from skingpt_r1.dermbench.judges import offline
from skingpt_r1.dermbench.running import Result, RunConfig, run
from skingpt_r1.dermbench.suites.benchmark import OnSuite
from skingpt_r1.dermbench.suites.task import dermbench
from skingpt_r1.dermbench.systems.registry import named
from skingpt_r1.models.diagnose import ADAPTERS
from skingpt_r1.models.weights import digest_of
from skingpt_r1.records import SkinGPTError
from tests.dermbench.classified import output, saying
from tests.dermbench.judge import SEEN
from tests.dermbench.server import ANSWER, Server, serving
from tests.dermbench.small import small_suite

SERVICE = "openai-api/stand-in"


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> object:
    with serving() as running:
        monkeypatch.setenv("STAND_IN_BASE_URL", running.url)
        monkeypatch.setenv("STAND_IN_API_KEY", "none")
        yield running


def done(root: Path, names: list[str], *, resume: bool = False, **changes: object) -> dict[str, Result]:
    how = {name: changes.pop(name) for name in list(changes) if name in RunConfig.__dataclass_fields__}
    config = RunConfig(**{"data": root, "tries": 2, "timeout": 20, "at_once": 4} | how)
    suite = OnSuite(**{"suite": root / "suite", "data": root} | changes)
    results = run(suite, config, [named(name) for name in names], root / "logs", resume)
    return {result.system: result for result in results}


def test_two_systems_by_the_whole_path(server: Server, tmp_path: Path) -> None:
    suite = small_suite(tmp_path)
    found = done(tmp_path, [f"{SERVICE}/fine", f"{SERVICE}/slow+blind"])
    assert [r.standing.finished for r in found.values()] == [6, 6]
    assert all(not r.standing.pending for r in found.values())
    seen = [a for a in server.requests if a.model == "fine"]
    assert len(seen) == 6 and len({a.picture for a in seen}) == 6
    for asked in seen:
        assert asked.kind == "image/jpeg" and 3_136 <= asked.size[0] * asked.size[1] <= 1_003_520
        assert {k: asked.body[k] for k in ("temperature", "top_p", "seed", "max_tokens")} == {
            "temperature": 0.7, "top_p": 0.9, "seed": 42, "max_tokens": 4096,
        }  # fmt: skip
        assert [m["role"] for m in asked.body["messages"]] == ["user"]
        told = str([part for part in asked.body["messages"][0]["content"] if part["type"] == "text"])
        assert "melan" not in told and ".png" not in told and "history" not in told.lower()
    blind = [a for a in server.requests if a.model == "slow"]
    assert len(blind) == 6 and {a.kind for a in blind} == {"image/png"}
    assert len(list((tmp_path / "logs").glob("*.eval"))) == 2
    log = read_eval_log(str(found[f"{SERVICE}/fine"].log))
    assert log.samples is not None and log.eval.metadata is not None
    assert log.eval.metadata["digest"] == suite.digest and log.eval.metadata["system"] == f"{SERVICE}/fine"
    for sample in log.samples:
        assert sample.output.completion == ANSWER and sample.scores is not None
        assert sample.scores["readable"].value == 1.0
        assert set(sample.metadata) >= {
            "image",
            "history",
            "reference",
            "diagnosis",
            "label",
            "category",
            "group",
            "source",
        }
        assert sample.target == sample.metadata["reference"]
        assert "base64," not in str(sample.messages)  # the log holds no picture


@pytest.mark.parametrize(
    ("model", "reason"),
    [
        ("refusing", "refused"),
        ("filtered", "refused"),
        ("gibberish", "no answer in words"),
        ("nonsense", "no chat answer"),
        ("busy", "too many requests"),
        ("silent", "timed out"),
    ],
)
def test_no_answer_is_pending_with_its_reason_and_asked_again(
    server: Server, tmp_path: Path, model: str, reason: str
) -> None:
    small_suite(tmp_path, 2)
    name = f"{SERVICE}/{model}"
    found = done(tmp_path, [name], timeout=1 if model == "silent" else 20)[name].standing
    assert found.finished == 0 and sum(found.pending.values()) == 2
    kind = "unusable" if model in ("refusing", "filtered", "gibberish") else "pending"
    assert all(why.startswith(f"{kind}: ") and reason in why for why in found.pending), found.pending
    log = read_eval_log(str(next((tmp_path / "logs").glob("*.eval"))))
    assert log.status == "success" and log.samples is not None
    assert all(not sample.scores for sample in log.samples)  # never a zero
    before = len(server.requests)
    server.mended.add(model)
    mended = done(tmp_path, [name], resume=True)[name].standing
    assert mended.finished == 2 and not mended.pending
    assert len(server.requests) == before + 2
    assert len(list((tmp_path / "logs").glob("*.eval"))) == 1


def test_429_is_tried_again(server: Server, tmp_path: Path) -> None:
    small_suite(tmp_path, 2)
    found = done(tmp_path, [f"{SERVICE}/flaky"])[f"{SERVICE}/flaky"].standing
    assert found.finished == 2 and not found.pending
    assert sorted(a.status for a in server.requests) == [200, 200, 429, 429]


def test_a_finished_run_asks_nothing_and_another_one_is_refused(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    small_suite(tmp_path, 3)
    done(tmp_path, [f"{SERVICE}/fine"])
    with pytest.raises(SkinGPTError, match="--resume"):
        done(tmp_path, [f"{SERVICE}/fine"])
    monkeypatch.delenv("STAND_IN_API_KEY")  # who asks nothing needs no key
    done(tmp_path, [f"{SERVICE}/fine"], resume=True)
    assert len(server.requests) == 3
    with pytest.raises(SkinGPTError, match="limit"):
        done(tmp_path, [f"{SERVICE}/fine"], resume=True, limit=2)


def test_a_run_is_of_certain_weights_and_of_certain_judges(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    small_suite(tmp_path)
    suite = OnSuite(tmp_path / "suite", tmp_path, judges=("offline", "dermeval"))
    assert suite.settings()["versions"] == {"offline": offline.VERSION, "dermeval": digest_of(ADAPTERS)}
    assert running._asked(named("skingpt/embedded"))["adapters"] == digest_of(ADAPTERS)
    assert "adapters" not in running._asked(named("skingpt/majority"))


def test_the_controls_recite(tmp_path: Path) -> None:
    suite = small_suite(tmp_path)
    found = done(tmp_path, ["skingpt/reference", "skingpt/other-reference", "skingpt/majority"], history=True)
    rows = {row.id: row for row in suite.rows}
    own = read_eval_log(str(found["skingpt/reference"].log)).samples or []
    other = read_eval_log(str(found["skingpt/other-reference"].log)).samples or []
    assert len(own) == len(other) == 6
    for sample in own:
        row = rows[str(sample.id)]
        assert sample.output.completion == (row.with_history or row.reference)
    for sample in other:
        said = next(r for r in suite.rows if sample.output.completion in (r.reference, r.with_history))
        assert said.diagnosis != rows[str(sample.id)].diagnosis
    majority = read_eval_log(str(found["skingpt/majority"].log)).samples or []
    assert {s.output.completion.count("<answer>melanocytic nevus |") for s in majority} == {1}
    assert all(s.output.metadata and s.output.metadata["label_probability"] for s in majority)


def test_a_provider_without_its_key_is_told_before_anything_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("NOBODY_API_KEY", raising=False)
    small_suite(tmp_path, 2)
    with pytest.raises(SkinGPTError, match="NOBODY"):
        done(tmp_path, ["openai-api/nobody/model"])
    assert not (tmp_path / "logs").exists()


def test_a_case_that_a_judge_left_pending_is_judged_again_by_that_judge_alone(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(scorers.JUDGES, "offline", "tests.dermbench.judge:moody_judge")  # type: ignore[arg-type]
    monkeypatch.setitem(scorers.JUDGES, "dermeval", "tests.dermbench.judge:steady_judge")  # type: ignore[arg-type]
    SEEN.clear()
    small_suite(tmp_path, 3)
    judges = ("offline", "dermeval")
    first = done(tmp_path, [f"{SERVICE}/fine"], judges=judges)[f"{SERVICE}/fine"].standing
    assert first.finished == 3 and first.unscored == {"moody_judge": {"status 429, 5 times": 1}}
    assert len(SEEN) == 6
    second = done(tmp_path, [f"{SERVICE}/fine"], judges=judges, resume=True)[f"{SERVICE}/fine"]
    assert second.standing.complete(3)
    assert SEEN[6:] == ["ham10000/1"]
    assert len(server.requests) == 3  # the answer came from the cache
    samples = read_eval_log(str(second.log)).samples or []
    assert {s.scores["moody_judge"].value for s in samples if s.scores} == {4}
    assert {s.scores["steady_judge"].value for s in samples if s.scores} == {2}


def test_inspect_itself_answers_from_no_cache_of_ours(tmp_path: Path) -> None:
    """Its own cache knows neither adapters nor blindness: a second system would get the first one's answers."""
    suite, asked = small_suite(tmp_path, 2), []
    for answer in ("A brown melanocytic nevus.", "A pink basal cell carcinoma."):
        model = saying([output(answer)] * 2)
        task = dermbench(str(tmp_path / "suite"), str(tmp_path), judges=["offline"])
        (log,) = evaluate(task, model=model, log_dir=str(tmp_path / answer), display="none")
        asked.append([sample.output.completion for sample in log.samples or []])
    assert [set(told) for told in asked] == [{"A brown melanocytic nevus."}, {"A pink basal cell carcinoma."}] and len(
        suite.rows
    ) == 2


def test_what_cannot_be_run_is_told_before_anything_is_claimed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    small_suite(tmp_path, 2)
    suite = OnSuite(tmp_path / "suite", tmp_path)
    wrong = [
        replace(named("mockllm/model"), settings={"temprature": 0}),
        replace(named("skingpt/majority"), args={"adapter": "x"}),
    ]
    for system in wrong:
        with pytest.raises(SkinGPTError, match=system.name):
            list(run(suite, RunConfig(), [system], tmp_path / "out"))
    with pytest.raises(SkinGPTError, match="the judge openai/gpt-4o"):
        done(tmp_path, ["skingpt/reference"], judges=("reference",), judge_model="openai/gpt-4o")
    with pytest.raises(SkinGPTError, match="no system"):
        list(run(suite, RunConfig(), [], tmp_path / "out"))
    with pytest.raises(SkinGPTError, match="'#'"):
        list(run(suite, RunConfig(), [named("skingpt/reference")], tmp_path / "out#1"))
    assert not (tmp_path / "out").exists() and not (tmp_path / "logs").exists()


def test_unknown_judges_and_a_judge_without_its_model(tmp_path: Path) -> None:
    small_suite(tmp_path, 2)
    with pytest.raises(SkinGPTError, match="no judge 'nobody'"):
        done(tmp_path, ["skingpt/majority"], judges=("nobody",))
    with pytest.raises(SkinGPTError, match="--judge-model"):
        done(tmp_path, ["skingpt/majority"], judges=("reference",))
