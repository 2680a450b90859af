"""Each measurement finds what was planted in made-up readings, and a report of them says so."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from skingpt_r1.dermbench.metrics import aurc, expected_calibration_error, risk_coverage
from skingpt_r1.dermbench.trust import abstention, chains, confidence, curves, faithfulness, robustness, scope
from skingpt_r1.dermbench.trust.report import CARD, PAGE, write
from skingpt_r1.dermbench.trust.section import Section, figure, mean_of, read_section, save
from skingpt_r1.models.conformal import Sets
from skingpt_r1.records import SkinGPTError
from tests.dermbench.trust.samples import NAMES, line


def value(section: Section, name: str) -> float:
    found = [f.estimate.value for f in section.figures if f.name == name]
    assert len(found) == 1, (name, [f.name for f in section.figures])
    assert found[0] is not None
    return found[0]


def calibrated() -> Section:
    """40 readings at 0.8, of which 30 are right; a set that holds what has 0.15 at least."""
    lines = [line(n, said="nevus" if n < 30 else "melanoma", confidence=0.8) for n in range(40)]
    sets = {"isic2017": Sets(0.9, dict.fromkeys(NAMES.values(), 0.15), dict.fromkeys(NAMES.values(), 25))}
    return confidence.measure(lines, sets)


def test_calibration_and_coverage_are_counted() -> None:
    found = calibrated()
    assert value(found, "expected calibration error") == pytest.approx(0.05)
    assert value(found, "isic2017: coverage") == 0.75  # the others had 0.1
    assert value(found, "isic2017: melanocytic nevus") == 0.75
    assert value(found, "isic2017: diagnoses in a set") == 1
    assert found.series["reliability"] == [{"confidence": 0.8, "right": 0.75, "n": 40}]


def test_without_fitted_sets_there_is_no_coverage() -> None:
    found = confidence.measure([line(n) for n in range(12)], {})
    assert not [f for f in found.figures if "coverage" in f.name]
    assert any("No prediction sets" in limit for limit in found.limits)


def abstaining() -> Section:
    """The ten least sure of 40 are all wrong, the others right."""
    return abstention.measure(
        [
            line(n, said="nevus" if n < 30 else "melanoma", confidence=0.9 - n / 100, abstained=n >= 35)
            for n in range(40)
        ]
    )


def test_abstaining_finds_the_errors() -> None:
    found = abstaining()
    assert value(found, "wrong among the surest 50%") == 0
    assert value(found, "wrong among the surest 100%") == 0.25
    surest = next(f for f in found.figures if f.name == "wrong among the surest 50%")
    assert surest.n == surest.groups == 20  # what it is of, not what there is
    assert surest.estimate.high == pytest.approx(1 - 0.025 ** (1 / 20), abs=1e-4)
    assert value(found, "wrong where it does not abstain") == pytest.approx(5 / 35, abs=1e-4)
    expected = sum((n - 30) / n for n in range(31, 41)) / 40  # by hand: the k-th wrong comes in at n = 30 + k
    assert value(found, "area under the risk-coverage curve (AURC)") == pytest.approx(expected, abs=1e-4)


def test_ties_are_not_sorted_by_luck() -> None:
    right = np.array([True, False] * 10)
    assert aurc(np.full(20, 0.5), right) == pytest.approx(0.5)
    assert risk_coverage([0.9, 0.1], [True, False])[1].tolist() == [0.0, 0.5]
    assert expected_calibration_error([1.0, 1.0], [True, False]) == pytest.approx(0.5)


def robust() -> Section:
    """Blur 3 changes every second diagnosis, with a warning in one of five; hair none; half of all pairs differ."""
    lines = [line(n, said="nevus" if n % 2 else "melanoma") for n in range(20)]
    for n in range(20):
        mine = "nevus" if n % 2 else "melanoma"
        kept = mine if n < 10 else "seborrheic_keratosis"
        lines.append(line(n, said=kept, edit="blur/3/0", urgency="soon", abstained=n in (8, 9, 18, 19)))
        lines.append(line(n, said=mine, edit="hair/1/0"))
    return robustness.measure(lines)


def test_changes_are_counted_by_corruption_and_severity() -> None:
    found = robust()
    assert value(found, "blur, severity 3: diagnosis changed") == 0.5
    assert value(found, "blur, severity 3: diagnosis changed, and not abstained") == 0.4
    assert value(found, "blur, severity 3: urgency changed") == 1
    assert value(found, "hair, severity 1: diagnosis changed") == 0
    assert found.series["between_patients"]["diagnosis changed"] == pytest.approx(100 / 190, abs=1e-4)


def faithful() -> Section:
    """Symmetry is said whatever is shown; the border goes with the lesion; red comes when painted red."""
    both, habit = [("symmetry", "symmetric"), ("border", "regular")], [("symmetry", "symmetric")]
    lines, chained, curved = [], [], []
    for n in range(20):
        lines += [
            line(n, claims=[*both, ("colour", "dark brown")]),
            line(n, claims=habit, edit=faithfulness.NO_LESION, said="melanoma"),
            line(n, claims=both, edit=faithfulness.NO_BACKGROUND),
            line(n, claims=habit, edit=f"{faithfulness.SWAPPED}/isic2017/{(n + 1) % 20}"),
            line(n, claims=[*both, ("colour", "red")], edit=f"{faithfulness.RECOLOURED}/red"),
        ]
        for chain in chains.Chain:
            goes = chain in (chains.Chain.FOREIGN_REASONING, chains.Chain.FOREIGN_OBSERVATION)
            chained.append(
                {"chain": chain.value, "group": str(n), "own": "a", "foreign": "b", "diagnosis": "b" if goes else "a"}
            )
        heights = {f"{m}/{o}": [1.0] * len(curves.FRACTIONS) for m in curves.MODES for o in curves.ORDERS}
        heights["deletion/evidence"] = [0.5] * len(curves.FRACTIONS)
        curved.append({"group": str(n), "curves": heights})
    return faithfulness.measure(lines, chained, curved)


def test_what_is_said_by_habit_is_counted_against_us() -> None:
    found = faithful()
    assert value(found, "lesion painted over: claims still made") == pytest.approx(1 / 3, abs=1e-4)
    assert value(found, "background painted over: claims still made") == pytest.approx(2 / 3, abs=1e-4)
    assert value(found, "lesion painted over: same diagnosis, and not abstained") == 0
    assert value(found, "lesion recoloured: old colour still claimed") == 0
    assert value(found, "lesion recoloured: new colour claimed") == 1
    assert value(found, "deletion: evidence map better than the same map elsewhere") == 0.5
    assert value(found, "insertion: evidence map better than the same map elsewhere") == 0
    assert value(found, "another case's reasoning: answer goes with it") == 1
    assert value(found, "no reasoning at all: answer stays") == 1
    beside = next(f.against for f in found.figures if f.name == "lesion painted over: claims still made")
    assert beside.endswith("1.00")  # of another patient's plain picture the same is said


def scoped() -> Section:
    """40 lesions, one refused; documents refused; wood, never shown to the gate, passed."""
    made = [
        {"family": f"{scope.INSIDE}: isic2017", "group": str(n), "seen": True, "refused": ["unlike"] if n == 0 else []}
        for n in range(40)
    ]
    made += [
        {"family": "documents", "group": str(n), "seen": True, "refused": ["quality", "unlike"]} for n in range(20)
    ]
    made += [{"family": "wood", "group": str(n), "seen": False, "refused": []} for n in range(20)]
    return scope.measure(made)


def test_scope_tells_kinds_apart() -> None:
    found = scoped()
    assert value(found, "in scope, passed") == 0.975
    assert value(found, "out of scope, all kinds") == 0.5
    assert value(found, "kinds that it never saw") == 0
    assert value(found, "wood *") == 0
    assert value(found, "refused without the gate: out of scope") == 0.5
    assert value(found, "refused without the gate: in scope") == 0


def test_a_page_tells_every_section_and_what_is_missing(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    for section in (calibrated(), abstaining(), robust(), faithful()):
        save(section, tmp_path)
    page, card = (path.read_text() for path in write(tmp_path))
    assert page.count("data:image/svg+xml") == 4
    assert "skingpt trust scope" in page
    assert "<script" not in page
    assert "0.750 (0." in page  # a value with its interval
    for key in ("calibration", "abstention", "robustness", "faithfulness"):
        assert f"| {key} |" in card
    save(scoped(), tmp_path)
    write(tmp_path)
    assert "Not measured" not in (tmp_path / PAGE).read_text()
    assert "| scope |" in (tmp_path / CARD).read_text()


def test_a_section_comes_back_and_few_cases_claim_nothing(tmp_path: Path) -> None:
    found = confidence.measure([line(n) for n in range(5)], {})
    save(found, tmp_path)
    assert read_section(tmp_path / "calibration.json") == found
    assert "too small" in found.figures[0].told
    (tmp_path / "scope.json").write_text("{}")
    with pytest.raises(SkinGPTError, match="not a section"):
        write(tmp_path)


def test_nothing_measured_and_mixed_adapters_are_refused(tmp_path: Path) -> None:
    import dataclasses

    with pytest.raises(SkinGPTError, match="no section was measured"):
        write(tmp_path)
    save(dataclasses.replace(calibrated(), settings="a"), tmp_path)
    save(dataclasses.replace(abstaining(), settings="b"), tmp_path)
    with pytest.raises(SkinGPTError, match="different adapters"):
        write(tmp_path)


def test_a_perfect_share_still_has_doubt() -> None:
    """Of 20 sources none failed: a failure rate of 17 % would do that one time in forty."""
    found = figure("all", mean_of([1.0] * 40), [str(n % 20) for n in range(40)])
    assert found.estimate.high == 1.0
    assert found.estimate.low == pytest.approx(0.8316, abs=1e-3)
    assert figure("none", mean_of([0.0] * 20), [str(n) for n in range(20)]).estimate.high == pytest.approx(
        0.168, abs=1e-3
    )
