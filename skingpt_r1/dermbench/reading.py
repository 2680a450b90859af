"""Logs of inspect_ai as plain records: what each system wrote of each case, and what each judge made of it.

One log is one system; the log's metadata say its name (`system`, else the model's) and whether it was `blind`. Of
several logs of one system the newest text and verdict of a case count, and a verdict that there is stays where the
newer log has none. Logs are read sample by sample, so that their events never stand in memory together.
"""

from __future__ import annotations

import importlib.util
import math
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from skingpt_r1.dermeval.raters import MEAN
from skingpt_r1.dermeval.rubric import DIMENSIONS
from skingpt_r1.records import SkinGPTError

if TYPE_CHECKING:
    from inspect_ai.log import EvalLog, EvalSample
    from inspect_ai.model import ModelUsage
    from inspect_ai.scorer import Score

JUDGES: Final = ("dermeval", "reference_judge", "offline_judge")
"""Names of the scorers that judge narratives, as the logs have them."""
BLIND: Final = "+blind"
_SAME: Final = ("suite", "digest", "history", "versions")  # of all logs in one table
_CONTROLS: Final = ("skingpt/majority", "skingpt/probe", "skingpt/reference", "skingpt/other-reference")
_NOT_READ: Final = {"events", "store", "attachments", "messages", "timelines"}


@dataclass(frozen=True, slots=True)
class Verdict:
    """scores: by dimension and `mean`, 0..5; None where the judge gave none, with the reason."""

    scores: Mapping[str, float] | None
    critique: str = ""
    reason: str = ""
    cached: bool | None = None


_NONE: Final = Verdict(None)


@dataclass(frozen=True, slots=True)
class Written:
    """What a system wrote of a case. failed: why there is no text, empty if there is one.

    seconds, tokens, cost (US dollars): of the system alone, None where the log does not say.
    """

    text: str
    failed: str = ""
    seconds: float | None = None
    tokens: int | None = None
    cost: float | None = None
    verdicts: Mapping[str, Verdict] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class CaseOf:
    """What all systems were asked about. group: what is drawn together. image: path or data URI, None without."""

    id: str
    group: str
    reference: str = ""
    image: str | None = None
    diagnosis: str = ""
    category: str = ""
    source: str = ""
    history: Mapping[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class SystemRun:
    """One system's texts by case id. model: as inspect_ai names it. blind: it was shown no picture."""

    name: str
    model: str
    written: Mapping[str, Written]
    blind: bool = False

    @property
    def control(self) -> bool:
        """Whether it is no system but a yardstick."""
        return self.blind or self.name.startswith(_CONTROLS) or self.name.endswith(BLIND)


@dataclass(frozen=True, slots=True)
class Runs:
    """systems: in the order of their names, controls last. judges: by name. logs: how many files were read."""

    systems: Sequence[SystemRun]
    cases: Mapping[str, CaseOf]
    judges: tuple[str, ...]
    logs: int

    def system(self, name: str) -> SystemRun:
        """The system of that name. Raises SkinGPTError naming those that there are."""
        for run in self.systems:
            if run.name == name:
                return run
        raise SkinGPTError(f"no log holds the system {name!r}. There are: {', '.join(r.name for r in self.systems)}.")

    def judge(self, name: str | None) -> str:
        """The judge of that name, or the only one; "reference:MODEL" and "offline" are read as judge-check's are.

        Raises SkinGPTError naming those that there are.
        """
        kind, colon, model = (name or "").partition(":")
        names = {kind, f"{kind}_judge"} if not colon else {f"{kind}:{model}", f"{kind}_judge:{model}"}
        found = [j for j in self.judges if name is None or j in names or (not colon and j.partition(":")[0] in names)]
        if len(found) == 1:
            return found[0]
        there = ", ".join(self.judges) or "none"
        raise SkinGPTError(f"--judge: name one of the judges in the logs ({there}).")


def read_logs(folder: Path) -> Runs:
    """Every log of a folder (of those below it where it holds none itself), or one log.

    Raises SkinGPTError where there is none that can be read, or where two are of other suites, questions or judges.
    """
    if importlib.util.find_spec("inspect_ai") is None:
        raise SkinGPTError("reading logs needs more packages: pip install 'skingpt-r1[bench]'.")
    paths = [folder] if folder.is_file() else sorted(folder.glob("*.eval")) or sorted(folder.rglob("*.eval"))
    if not paths:
        raise SkinGPTError(f"{folder}: holds no .eval log; run `skingpt bench run` or name another folder.")
    cases: dict[str, CaseOf] = {}
    systems: dict[str, SystemRun] = {}
    headers = {path: _header(path) for path in paths}
    headers = {path: header for path, header in headers.items() if not _recognition(header)}
    if not headers:
        raise SkinGPTError(f"{folder}: holds logs of recognition alone; see skingpt bench classify-table.")
    _of_one_run(headers)
    for path, header in sorted(headers.items(), key=lambda found: str(found[1].eval.created)):
        name = _name(header)
        model, written = header.eval.model, dict[str, Written]()
        for sample in _samples(path):
            key = str(sample.id)
            case = _case(key, sample)
            cases[key] = case if key not in cases else _fuller(cases[key], case)
            written[key] = _written(sample, model)
        former = systems[name].written if name in systems else {}
        merged = {key: _merged(former.get(key), told) for key, told in written.items()}
        systems[name] = SystemRun(name, model, {**former, **merged}, bool((header.eval.metadata or {}).get("blind")))
    runs = list(systems.values())
    judges = {judge for run in runs for told in run.written.values() for judge in told.verdicts}
    ordered = sorted(runs, key=lambda run: (run.control, run.name))
    return Runs(ordered, cases, tuple(sorted(judges)), len(headers))


def verdicts_of(sample: EvalSample) -> dict[str, Verdict]:
    """What each judge of narratives said of a sample; other scorers are passed over."""
    return dict(_verdicts(sample.scores or {}))


def _header(path: Path) -> EvalLog:
    from inspect_ai.log import read_eval_log

    try:
        return read_eval_log(str(path), header_only=True)
    except Exception as error:  # zip, JSON and validation errors of another library
        raise SkinGPTError(f"{path}: cannot be read as a log of inspect_ai ({error}); take it away.") from error


def _recognition(header: EvalLog) -> bool:
    """Whether it is a log of the classification benchmark, which no judge of narratives has read."""
    return (header.eval.metadata or {}).get("benchmark") == "classify"


def _of_one_run(headers: Mapping[Path, EvalLog]) -> None:
    """Raises SkinGPTError where two logs are of other cases or of other questions: they belong into no table."""
    first: dict[str, tuple[Any, Path]] = {}
    for path, header in headers.items():
        told = header.eval.metadata or {}
        for name in _SAME:
            if name in told and first.setdefault(name, (told[name], path))[0] != told[name]:
                raise SkinGPTError(f"{first[name][1]} and {path} are of another {name}; name one run's folder.")


def _samples(path: Path) -> Iterator[EvalSample]:
    from inspect_ai.log import read_eval_log_samples

    yield from read_eval_log_samples(str(path), all_samples_required=False, exclude_fields=_NOT_READ)


def _name(header: EvalLog) -> str:
    told = (header.eval.metadata or {}).get("system")
    return told if isinstance(told, str) and told else header.eval.model


def _case(key: str, sample: EvalSample) -> CaseOf:
    told = sample.metadata
    target = sample.target if isinstance(sample.target, str) else ""
    history = told.get("history")
    image = told.get("image")
    return CaseOf(
        id=key,
        group=str(told.get("group") or key),
        reference=str(told.get("reference") or target),
        image=image if isinstance(image, str) and image else None,
        diagnosis=str(told.get("diagnosis") or ""),
        category=str(told.get("category") or ""),
        source=str(told.get("source") or ""),
        history=history if isinstance(history, dict) else None,
    )


def _fuller(one: CaseOf, other: CaseOf) -> CaseOf:
    """What the first lacks from the second: an image-blind run knows no image."""
    return replace(one, image=one.image or other.image, reference=one.reference or other.reference)


def _written(sample: EvalSample, model: str) -> Written:
    text = sample.output.completion if sample.output.choices else ""
    usage = sample.model_usage.get(model) or sample.output.usage
    return Written(
        text=text,
        failed=_failure(sample, text),
        seconds=(sample.output.metadata or {}).get("seconds", sample.output.time),  # its own, without the queue
        tokens=_tokens(usage),
        cost=usage.total_cost if usage is not None else None,
        verdicts=verdicts_of(sample),
    )


def _failure(sample: EvalSample, text: str) -> str:
    if text.strip():
        return ""
    if sample.error is not None:
        return " ".join(sample.error.message.split())[:200] or "error"
    if sample.output.error:
        return " ".join(sample.output.error.split())[:200]
    return "refused" if sample.output.choices and sample.output.stop_reason == "content_filter" else "the text is empty"


def _tokens(usage: ModelUsage | None) -> int | None:
    return usage.total_tokens or usage.input_tokens + usage.output_tokens or None if usage is not None else None


def _verdicts(scores: Mapping[str, Score]) -> Iterator[tuple[str, Verdict]]:
    for name, score in scores.items():
        told = score.metadata or {}
        base = re.sub(r"\d+$", "", name.rpartition("/")[2])
        if base not in JUDGES:
            continue
        judge = told.get("judge")
        critique, cached = score.explanation or "", told.get("cached")
        values = _six(score.value)
        reason = "" if values is not None else f"{told.get('fault') or score.reason or 'unscored'}: {critique}"[:300]
        yield (
            judge if isinstance(judge, str) and judge else base,
            Verdict(values, critique, reason, cached if isinstance(cached, bool) else None),
        )


def _six(value: Any) -> dict[str, float] | None:
    """The six and their mean, None where one is missing or no number."""
    if not isinstance(value, dict):
        return None
    found = {key: value.get(key) for key in DIMENSIONS}
    if not all(isinstance(v, int | float) and math.isfinite(v) for v in found.values()):
        return None
    six = {key: float(v) for key, v in found.items() if v is not None}
    return {**six, MEAN: sum(six.values()) / len(six)}


def _merged(former: Written | None, newer: Written) -> Written:
    if former is None:
        return newer
    if newer.failed and not former.failed:
        return former
    if former.text != newer.text:
        return newer
    lost = [j for j, v in former.verdicts.items() if v.scores and not newer.verdicts.get(j, _NONE).scores]
    kept = {j: former.verdicts[j] for j in lost}
    return replace(newer, verdicts={**newer.verdicts, **kept})
