"""The evaluator on real photos: it looks, it can say why, and it refuses what it was not made for."""

import dataclasses
import shutil
from pathlib import Path

import pytest
import torch
from PIL import Image

from skingpt_r1.dermeval import conformal
from skingpt_r1.dermeval.evaluator import Evaluator
from skingpt_r1.dermeval.judging import Judgement, Submission, judged
from skingpt_r1.dermeval.naming import Naming, fit_naming
from skingpt_r1.dermeval.reader import Reader
from skingpt_r1.dermeval.rubric import DIMENSIONS
from skingpt_r1.dermeval.saved import MARGINS, SHIPPED, load_adapters, made_of, save
from skingpt_r1.dermeval.sight import Sight, SightCache
from skingpt_r1.images.reading import Photo
from skingpt_r1.models.diagnose import ADAPTERS
from skingpt_r1.models.embedded import EMBED, visual_digest
from skingpt_r1.models.weights import load_named, save_named, save_tensors
from skingpt_r1.records import CaseError, SkinGPTError

PHOTOS = sorted((Path(__file__).parents[2] / "examples").glob("*.jpg"))[:2]
TEXT = (
    "<think>\n[observation] Dermoscopic image. It shows an irregular border, dark brown areas and black areas.\n"
    "[category] melanocytic, malignant given black areas.\n[differential] melanoma: for black areas. melanocytic "
    "nevus: against irregular border.\n[synthesis] Black areas: melanoma rather than melanocytic nevus.\n</think>\n"
    "<answer>melanoma | moderate | urgent: see a dermatologist within two weeks</answer>"
)


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder as `dermeval train` leaves it, with adapters that nobody has trained."""
    folder = tmp_path_factory.mktemp("dermeval")
    naming = fit_naming(torch.randn(12, EMBED), ["melanoma", "melanocytic nevus"] * 6, steps=3)
    save(Reader(), naming, folder / SHIPPED, {"sees": visual_digest(ADAPTERS / "writer.safetensors")})
    conformal.save(folder / MARGINS, dict.fromkeys(DIMENSIONS, 1.0), 100)
    return folder


@pytest.fixture(scope="module")
def judge(trained: Path) -> Evaluator:
    return Evaluator.load(trained)


def test_a_text_has_six_scores_with_intervals_and_reasons(judge: Evaluator) -> None:
    (told,) = judge.judge([Submission("a", PHOTOS[0], TEXT)])
    assert all(0 <= value <= 5 for value in told.scores.values())
    for value, (low, high) in zip(told.scores.values(), told.intervals, strict=True):
        assert low <= round(value, 3) + 0.001 and value - 0.001 <= high
    assert told.evidence[0].startswith("Picture: ") and told.assessment.critique
    assert judge.name.startswith("dermeval ")


def test_scores_alone_are_the_same_and_claim_no_soundness(judge: Evaluator) -> None:
    quick = Evaluator(judge.reader, judge.naming, judge.eye, judge.margins, "quick", critiques=False)
    asked = [Submission("a", PHOTOS[0], TEXT)]
    (told,), (whole,) = quick.judge(asked), judge.judge(asked)
    assert told.scores == pytest.approx(whole.scores, abs=1e-3)
    assert told.assessment.critique == "" != whole.assessment.critique  # not even "no fault found"


def test_the_picture_matters_and_none_is_told_as_none(judge: Evaluator) -> None:
    seen, unseen = judge.judge([Submission("a", PHOTOS[0], TEXT), Submission("b", None, TEXT)])
    assert seen.evidence != unseen.evidence and unseen.evidence[0] == "Picture: none."
    assert seen.mean != unseen.mean


def test_what_cannot_be_judged_costs_only_its_own_case(judge: Evaluator, tmp_path: Path) -> None:
    broken = tmp_path / "broken.jpg"
    broken.write_bytes(PHOTOS[0].read_bytes()[:2000])
    long = "The lesion is brown and has a regular border. " * 400
    told = judged(
        judge, [Submission("a", broken, TEXT), Submission("b", PHOTOS[0], long), Submission("c", PHOTOS[0], TEXT)]
    )
    assert isinstance(told[0], CaseError) and "broken.jpg" in str(told[0])
    assert isinstance(told[1], CaseError) and "tokens" in str(told[1])
    assert isinstance(told[2], Judgement)


def test_an_evaluator_of_another_visual_branch_is_refused(trained: Path, tmp_path: Path) -> None:
    for name in (SHIPPED, MARGINS):
        shutil.copy(trained / name, tmp_path / name)
    other = tmp_path / "other"
    other.mkdir()
    save_tensors(other / "writer.safetensors", {"visual.x": torch.zeros(2)})
    with pytest.raises(SkinGPTError, match="another visual branch"):
        Evaluator.load(tmp_path, other)
    (tmp_path / MARGINS).write_text("{}")
    with pytest.raises(SkinGPTError, match="no readable margins"):
        Evaluator.load(tmp_path)


def test_a_digest_names_the_visual_half_alone(tmp_path: Path) -> None:
    paths = [tmp_path / f"{i}.safetensors" for i in range(3)]
    save_tensors(paths[0], {"visual.x": torch.zeros(2), "language.y": torch.zeros(2)})
    save_tensors(paths[1], {"visual.x": torch.zeros(2), "language.y": torch.ones(2)})
    save_tensors(paths[2], {"visual.x": torch.ones(2), "language.y": torch.zeros(2)})
    same, also, other = map(visual_digest, paths)
    assert same == also != other


def test_sights_are_kept_and_read_back_alike(tmp_path: Path) -> None:
    image = tmp_path / "photo.png"
    Image.open(PHOTOS[0]).save(image)
    cache = SightCache(tmp_path / "sights")
    first = cache.get([str(image)])[str(image)]
    cache.adapters = tmp_path / "nowhere"  # a second look would fail
    second = cache.get([str(image)])[str(image)]
    assert first.words is not None and second.words is not None and torch.equal(first.words, second.words)
    assert first.supports == second.supports and first.dermoscopy == second.dermoscopy


def test_a_changed_picture_is_seen_changed_and_kept_apart(tmp_path: Path) -> None:
    def mirrored(photo: Photo) -> Photo:
        return dataclasses.replace(photo, pixels=photo.pixels[:, ::-1].copy())

    image = str(PHOTOS[0])
    plain, changed = SightCache(tmp_path), SightCache(tmp_path, change=mirrored)
    seen = [cache.get([image])[image].words for cache in (plain, changed, plain)]
    assert all(words is not None for words in seen)
    assert torch.equal(seen[0], seen[2]) and not torch.equal(seen[0], seen[1])


def test_a_diagnosis_head_is_kept_and_read_back_alike(tmp_path: Path) -> None:
    fitted = fit_naming(torch.randn(12, EMBED), ["melanoma", "melanocytic nevus"] * 6, steps=3)
    save_named(tmp_path / "new" / "naming.safetensors", fitted.names, fitted.tensors)
    sight = Sight(embed=torch.randn(EMBED))
    assert Naming(*load_named(tmp_path / "new" / "naming.safetensors")).of(sight) == fitted.of(sight)


def test_a_finished_evaluator_can_be_trained_on(trained: Path, tmp_path: Path) -> None:
    reader = Reader()
    with torch.no_grad():
        for parameter in reader.trained().values():
            parameter.fill_(0.5)  # exact in bfloat16
    naming = fit_naming(torch.randn(12, EMBED), ["melanoma", "melanocytic nevus"] * 6, steps=3)
    save(reader, naming, tmp_path / SHIPPED, {"data": "these texts"})
    again = Reader()
    load_adapters(tmp_path / SHIPPED, again)
    assert all(torch.equal(p, torch.full_like(p, 0.5)) and p.requires_grad for p in again.trained().values())
    assert made_of(tmp_path / SHIPPED)["data"] == "these texts"
    with pytest.raises(SkinGPTError, match="no readable evaluator"):
        made_of(tmp_path / MARGINS)
