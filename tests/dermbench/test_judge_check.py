"""judge-check finds the faults that are planted in a judge, with their sign and size, and none in an honest one."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

pytest.importorskip("inspect_ai")
pytest.importorskip("openai")

from typer.testing import CliRunner

from skingpt_r1.dermbench.judges.check.agreeing import human_scores
from skingpt_r1.dermbench.judges.check.checking import CheckConfig, JudgeReport, Report, check
from skingpt_r1.dermbench.judges.check.effects import Effect, repeat_effects
from skingpt_r1.dermbench.judges.check.families import family_of
from skingpt_r1.dermbench.judges.check.probes import INJECTIONS, PROBES
from skingpt_r1.dermbench.judges.check.running import hear, of_pairs
from skingpt_r1.dermbench.judges.check.texts import WHOLE, Pair, drawn, of_file, of_runs, of_samples
from skingpt_r1.dermbench.judges.naming import named_judge
from skingpt_r1.dermbench.reading import CaseOf, Runs, SystemRun, Written
from skingpt_r1.dermeval.degrade.manipulate import _DEMANDS
from skingpt_r1.dermeval.degrade.styles import PROSE
from skingpt_r1.dermeval.raters import read_scores
from skingpt_r1.dermeval.rubric import DIMENSIONS
from skingpt_r1.records import SkinGPTError
from tests.dermbench.bench_app import app
from tests.dermbench.evals import good, graded, sample
from tests.dermbench.judge_server import Server, block, judging
from tests.dermeval.subjects import subject

N = 20


@pytest.fixture
def pairs() -> list[Pair]:
    """Every second text is by a model of the judge's family, which the planted judge knows by its layout."""
    models = ("openai/gpt-4o-mini", "openai-api/local/qwen3-vl")
    ends = ("", "\n\n---")
    return [
        Pair(
            models[n % 2],
            str(n),
            f"p{n // 2}",
            f"Case number {n} of all.\n{good(n)}{ends[n % 2]}",
            f"Case number {n} of all.\n{subject(n).text}",
            models[n % 2],
        )
        for n in range(N)
    ]


@pytest.fixture
def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    """A judge of the qwen family: demands +1, length +0.5, own layout +0.75, candidate first -0.25."""

    def answer(message: str) -> str:
        candidate, reference = block(message, "candidate"), block(message, "reference")
        value = 1.0 + 2 * (reference.splitlines()[0] in candidate)  # both begin with the case's number
        value += 1.0 * any(demand in candidate for demand in _DEMANDS)
        value += 0.5 * (len(candidate) > 1.6 * len(reference))
        value += 0.75 * candidate.rstrip().endswith("---")
        value -= 0.25 * (message.index("<<<candidate") < message.index("<<<reference"))
        return graded(value)

    monkeypatch.setenv("INSPECT_CACHE_DIR", str(tmp_path / "cache"))
    with judging(answer) as made:
        monkeypatch.setenv("LOCAL_BASE_URL", made.url)
        monkeypatch.setenv("LOCAL_API_KEY", "none")
        yield made


def effect(told: JudgeReport, name: str, kind: str = "") -> Effect:
    (found,) = [e for e in told.effects if (e.name, e.kind) == (name, kind)]
    return found


@pytest.mark.slow
def test_planted_faults_are_found_with_sign_and_size(pairs: list[Pair], server: Server, tmp_path: Path) -> None:
    judges = [named_judge("reference:openai-api/local/qwen-planted"), named_judge("offline")]
    report = check(judges, pairs, tmp_path / "logs", CheckConfig(repeats=2))
    planted, honest = report.judges
    assert (report.n, report.cases, planted.scored, planted.unscored) == (N, N // 2, N, {})
    assert planted.readings == N * (2 + 2 + len(INJECTIONS) + 1) and planted.family == "qwen"
    for name, kind, size in (
        ("repeat", "", 0.0),
        ("order", "", -0.25),
        ("length", "", 0.5),
        ("injection", "demand", 1.0),
        ("injection", "flattery", 0.0),
        ("swapped reference", "", None),
    ):
        told = effect(planted, name, kind)
        assert told.n == N and told.cases == N // 2 and told.sign and not told.missing
        assert told.told.value is not None and told.told.low is not None and told.told.high is not None
        assert told.told.low <= told.told.value <= told.told.high
        assert size is None or told.told.value == pytest.approx(size, abs=1e-9), (name, kind)
    swapped = effect(planted, "swapped reference").told
    assert swapped.high is not None and swapped.high < 0
    own = effect(planted, "own family", "qwen")
    assert own.told.value is not None and 0.5 < own.told.value < 1.0 and own.told.low is not None and own.told.low > 0
    rose = effect(planted, "injection", "share that rose by 0.25 or more").told.value
    assert rose is not None and 0.1 <= rose <= 0.9
    assert effect(honest, "repeat").told.value == 0
    assert effect(honest, "order").missing == "this judge is not asked in words"
    assert effect(honest, "injection", "share that rose by 0.25 or more").told.value == 0
    for kind in INJECTIONS:
        value = effect(honest, "injection", kind).told.value
        assert value is not None and value <= 0
    (agreed,) = report.agreement
    assert (agreed.one, agreed.other, agreed.n) == (judges[0].name, "offline", N)
    assert agreed.figures["mean"]["bias"].low is not None and agreed.limits["mean"] is not None
    assert json.loads(report.to_json())["judges"][0]["effects"]


def test_a_second_check_is_answered_by_the_cache(pairs: list[Pair], server: Server, tmp_path: Path) -> None:
    judges = [named_judge("reference:openai-api/local/qwen-cached")]
    first = check(judges, pairs[:2], tmp_path / "one", CheckConfig(repeats=2)).judges[0]
    asked = len(server.asked)
    second = check(judges, pairs[:2], tmp_path / "two", CheckConfig(repeats=2)).judges[0]
    assert len(server.asked) == asked == first.readings and first.cached == 0
    assert second.cached == second.readings == first.readings
    assert second.effects == first.effects  # repeats were kept apart, not answered alike


def test_luck_is_found_by_repeating(pairs: list[Pair], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: Counter[str] = Counter()

    def lucky(message: str) -> str:
        seen[message] += 1
        return graded(3 + 0.5 * (seen[message] % 2))

    monkeypatch.setenv("INSPECT_CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.setenv("LOCAL_API_KEY", "none")
    with judging(lucky) as server:
        monkeypatch.setenv("LOCAL_BASE_URL", server.url)
        judge = named_judge("reference:openai-api/local/lucky").scorer()
        base = hear(judge, of_pairs(pairs), tmp_path / "logs", "luck", epochs=2)
    spread, whole = repeat_effects(base, pairs)
    assert spread.told.value == pytest.approx(0.5 / 2**0.5) and whole.told.value == pytest.approx(0.5)
    assert (spread.n, spread.cases) == (N, N // 2)


def test_a_judge_that_raves_is_counted_and_has_no_effect(
    pairs: list[Pair], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("INSPECT_CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.setenv("LOCAL_API_KEY", "none")
    with judging(lambda _: "no idea") as server:
        monkeypatch.setenv("LOCAL_BASE_URL", server.url)
        judges = [named_judge("reference:openai-api/local/raving")]
        report = check(judges, pairs[:2], tmp_path / "logs", CheckConfig(repeats=2))
    (told,) = report.judges
    assert told.scored == 0 and told.unscored == {"nonsense": told.readings}
    assert all(e.missing and e.told.value is None for e in told.effects)


def test_people_are_compared_with_judges(pairs: list[Pair], tmp_path: Path) -> None:
    table = tmp_path / "people.csv"
    lines = [f"{n},anna,{','.join(['4'] * 6)}\n{n},ben,{','.join(['3'] * 6)}" for n in range(8)]
    table.write_text("\n".join([f"id,rater,{','.join(DIMENSIONS)}", *lines]))
    people = read_scores(table)
    assert set(human_scores(people, pairs)) == {p.id for p in pairs[:8]}
    report = check([named_judge("offline")], pairs, tmp_path / "logs", CheckConfig(repeats=2), people)
    (agreed,) = report.agreement
    assert (agreed.one, agreed.other, agreed.n, agreed.cases) == ("offline", "people", 8, 4)
    mine = [4.9, 5.0]
    bias = agreed.figures["mean"]["bias"].value
    assert bias is not None and mine[0] - 3.5 <= bias <= mine[1] - 3.5


def test_probes_leave_the_medicine_alone(pairs: list[Pair]) -> None:
    for probe in PROBES.values():
        made = list(probe.make(pairs, 0))
        assert made and made == list(probe.make(pairs, 0)) and len({v.id for v in made}) == len(made)
        for variant in made:
            assert variant.pair != variant.of and variant.pair.id == variant.of.id
            changed_text = variant.pair.candidate != variant.of.candidate
            assert changed_text == (probe.name != "swapped reference")
    groups = {p.reference: p.group for p in pairs}
    assert all(groups[v.pair.reference] != v.of.group for v in PROBES["swapped reference"].make(pairs, 0))


def test_texts_come_from_logs_files_and_samples(pairs: list[Pair], tmp_path: Path) -> None:
    cases = {"a": CaseOf("a", "g", "the reference"), "b": CaseOf("b", "g")}
    written = {"a": Written("text"), "b": Written("text")}
    systems = [SystemRun("x/y", "x/y", written), SystemRun("skingpt/majority", "skingpt/majority", written)]
    assert [(p.id, p.reference) for p in of_runs(Runs(systems, cases, (), 1))] == [("x/y|a", "the reference")]
    made = of_samples([sample(n) for n in range(4)])
    assert [p.system for p in made] == [WHOLE] * 4
    assert [p.candidate == p.reference for p in made] == [True, False, True, False]
    file = tmp_path / "t.jsonl"
    file.write_text(json.dumps({"id": "a", "candidate": "one", "reference": "two", "group": "g"}) + "\n")
    assert of_file(file) == [Pair("file", "a", "g", "one", "two")]
    file.write_text(json.dumps({"id": "a", "candidate": "one"}) + "\n")
    with pytest.raises(SkinGPTError, match="needs id, candidate and reference"):
        of_file(file)
    assert len({p.case for p in drawn(pairs, 5)}) == 5 and drawn(pairs, None) == pairs


@pytest.mark.parametrize(
    ("model", "family"),
    [("openai/gpt-4o-mini", "openai"), ("openai-api/local/qwen2.5-vl-7b", "qwen"), ("vllm/Osilly/Vision-R1-7B", "qwen"),
     ("anthropic/claude-sonnet-5", "anthropic"), ("google/medgemma-4b", "google"), ("skingpt/embedded", "skingpt"),
     ("openai/o4-mini", "openai"), ("ollama/llava", "llava"), ("hf/nobody/knows", None)],
)  # fmt: skip
def test_families(model: str, family: str | None) -> None:
    assert family_of(model) == family


@pytest.mark.parametrize("word", ["", "gpt", "reference", "reference:gpt", "offline:x", "reference:"])
def test_a_judge_that_there_is_not(word: str) -> None:
    with pytest.raises(SkinGPTError, match="--judge"):
        named_judge(word)


def test_command(pairs: list[Pair], tmp_path: Path) -> None:
    file, out = tmp_path / "t.jsonl", tmp_path / "out"
    rows = [{"id": p.case, "candidate": p.candidate, "reference": p.reference, "group": p.group} for p in pairs]
    file.write_text("".join(json.dumps(row) + "\n" for row in rows))
    words = ["judge-check", "--judge", "offline", "--texts", str(file), "--limit", "10", "--out", str(out)]
    done = CliRunner().invoke(app, words, env={"COLUMNS": "160"})
    assert done.exit_code == 0, done.output
    for part in (
        "swapped reference",
        "zero-width text",
        "below 0: the judge uses the reference",
        "needs a second judge",
    ):
        assert part in done.output
    told = json.loads((out / "judge-check.json").read_text())
    assert told["n"] == 10 and {e["name"] for e in told["judges"][0]["effects"]} >= {*PROBES, "repeat", "order"}
    assert isinstance(CliRunner().invoke(app, words[:3]).exception, SkinGPTError)


def test_files_of_texts_that_cannot_be_used(tmp_path: Path) -> None:
    row = {"id": "a", "candidate": "x", "reference": "y"}
    path = tmp_path / "texts.jsonl"
    path.write_text("".join(json.dumps(r) + "\n" for r in (row, {**row, "candidate": "z"})))
    with pytest.raises(SkinGPTError, match="stands twice"):
        of_file(path)
    path.write_text("".join(json.dumps({**row, "system": s}) + "\n" for s in "ab"))
    assert len(of_file(path)) == 2
    path.write_text("{half\n")
    with pytest.raises(SkinGPTError, match=r"texts\.jsonl:1"):
        of_file(path)


def test_a_judge_whose_model_cannot_be_used_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    with pytest.raises(SkinGPTError, match=r"openai/gpt-4o.*OPENAI_API_KEY"):
        named_judge("reference:openai/gpt-4o").scorer()


def test_a_report_without_texts_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SkinGPTError, match="no text has a reference"):
        check([named_judge("offline")], [], tmp_path)
    twice = [named_judge("offline")] * 2
    with pytest.raises(SkinGPTError, match="the same judge twice"):
        check(twice, [Pair("s", "c", "g", good(0), subject(0, PROSE).text)], tmp_path)
    assert Report(0, 0, (), ()).to_json().startswith("{")
