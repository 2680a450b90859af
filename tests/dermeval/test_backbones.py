"""The evaluator on a Qwen2.5-VL: a tiny random one, through the same code as the embedded backbone."""

from __future__ import annotations

import json
import os
import shutil
import signal
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors import safe_open
from safetensors.torch import load_file
from torch import Tensor
from transformers import AutoTokenizer

from skingpt_r1.dermcot.draft import ScoredClaim
from skingpt_r1.dermcot.scoring import LintScorer
from skingpt_r1.dermcot.stages import BuildConfig, Tools, as_line, entry_of
from skingpt_r1.dermeval import conformal
from skingpt_r1.dermeval.critique import Critique, Fault, Remark, render
from skingpt_r1.dermeval.evaluator import Evaluator
from skingpt_r1.dermeval.judging import Submission
from skingpt_r1.dermeval.naming import fit_naming
from skingpt_r1.dermeval.reader import Asked, Question, Reader, Senses
from skingpt_r1.dermeval.rubric import DIMENSIONS
from skingpt_r1.dermeval.saved import MARGINS, SHIPPED, load, save
from skingpt_r1.dermeval.sight import Sight, SightCache
from skingpt_r1.dermeval.training.config import EvalConfig
from skingpt_r1.dermeval.training.recipe import train
from skingpt_r1.dermeval.training.soreb import soreb
from skingpt_r1.dermeval.training.supervised import Example, answer_ids, forced, supervise, supervised_loss
from skingpt_r1.models.diagnose import ADAPTERS
from skingpt_r1.models.embedded import EMBED, visual_digest
from skingpt_r1.models.language import EMBEDDED
from skingpt_r1.models.prompts import padded
from skingpt_r1.models.qwen import PICTURE_TOKENS, Qwen
from skingpt_r1.models.weights import save_tensors
from skingpt_r1.records import Case, CaseError, Claim, History, Modality, SkinGPTError
from tests.dermeval.judges import TEXT
from tests.models.tiny_qwen import tiny_qwen
from tests.sources.pictures import lesion

WIDE = np.asarray(lesion(1, (330, 120)))
TALL = np.asarray(lesion(2, (90, 150)))
CRITIQUE = Critique((Remark("irregular border", Fault.UNSEEN),), (5, 5, 4, 5, 5, 2))


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_qwen(tmp_path_factory.mktemp("tiny"))


@pytest.fixture(scope="module")
def opened(folder: Path) -> Reader:
    return Reader(backbone=str(folder))


@pytest.fixture
def reader(opened: Reader) -> Reader:
    """With adapters that already say something, so that no test passes without them."""
    torch.manual_seed(0)
    with torch.no_grad():
        for parameter in opened.trained().values():
            torch.nn.init.normal_(parameter, std=0.1)
    return opened.eval()


@pytest.fixture
def questions(reader: Reader) -> list[Question]:
    """Two pictures of different grids with texts of different lengths, and none."""
    shown = [reader.language.look(WIDE), reader.language.look(TALL)]
    sights = [Sight(one.words, torch.zeros(8), 0.99, grid=one.grid) for one in shown if one is not None]
    named = {"melanoma": 0.7, "melanocytic nevus": 0.2}
    return [
        Question(TEXT, History(age=60.0), sights[0], named),
        Question("melanoma", History(), sights[1], named),
        Question("melanoma, perhaps", History(), Sight(), {}),
    ]


def native(language: Qwen, texts: list[tuple[str, np.ndarray | None, str]], left: bool) -> dict[str, Tensor]:
    """The same prompts as the model's own processor puts them: ids with placeholders, and pixels."""
    cell = 28 * 28
    size = {"shortest_edge": 4 * cell, "longest_edge": PICTURE_TOKENS * cell}
    pictures = [pixels for _, pixels, _ in texts if pixels is not None]
    seen = language.shrinker(pictures, size=size, return_tensors="pt")
    counts = (seen["image_grid_thw"].prod(1) // 4).tolist()
    places = [f"<|vision_start|>{'<|image_pad|>' * count}<|vision_end|>" for count in counts]
    spelt = [before + (places.pop(0) if pixels is not None else "") + after for before, pixels, after in texts]
    language.tokenizer.padding_side = "left" if left else "right"
    read = language.tokenizer(spelt, padding=True, return_tensors="pt")
    kinds = (read["input_ids"] == language.model.config.image_token_id).int()
    return {**read, **seen, "mm_token_type_ids": kinds}


@pytest.mark.parametrize("left", [True, False])
def test_prompts_are_read_as_the_model_itself_reads_ids_and_pixels(reader: Reader, left: bool) -> None:
    language = reader.language
    assert isinstance(language, Qwen)
    opening, closing = "<|im_start|>user\n", "<|im_end|>\n<|im_start|>assistant\n"
    texts = [(opening, WIDE, TEXT + closing), (opening, TALL, "Age 60." + closing), (opening, None, "Red." + closing)]
    prompts = [language.ask(a, None if x is None else language.look(x), b) for a, x, b in texts]
    inputs = padded(prompts, left)
    with torch.inference_mode():
        wanted = language.model(**native(language, texts, left)).logits
        found = language.model(**inputs).logits
        inputs.pop("position_ids")
        counted_one_by_one = language.model(**inputs, position_ids=inputs["attention_mask"].cumsum(1) - 1).logits
    there = inputs["attention_mask"].bool()
    assert torch.allclose(found[there], wanted[there], atol=1e-4)
    assert not torch.allclose(counted_one_by_one[:2][there[:2]], wanted[:2][there[:2]], atol=1e-2)


def test_it_goes_on_writing_as_the_model_itself_does(reader: Reader) -> None:
    language = reader.language
    assert isinstance(language, Qwen)
    texts = [("<|im_start|>user\n", WIDE, TEXT), ("<|im_start|>user\n", TALL, "Age 60.")]
    prompts = [language.ask(a, language.look(x), b) for a, x, b in texts]
    ids, logits = reader.generate([Asked(p.embedded, p.positions) for p in prompts], most=12)
    out = language.model.generate(
        **native(language, texts, left=True), max_new_tokens=12, do_sample=False, eos_token_id=language.end,
        pad_token_id=language.end, return_dict_in_generate=True, output_logits=True,
    )  # fmt: skip
    assert torch.allclose(logits, torch.stack(out.logits), atol=1e-4)
    assert len(ids[0]) > 1


def test_every_answer_can_be_read(reader: Reader, questions: list[Question]) -> None:
    answers = reader.answer(questions)
    for answer in answers:
        assert len(answer.scores) == 6 and all(0 <= score <= 5 for score in answer.scores)
        assert answer.written.startswith("[scores] ") and answer.written.count("\n") == 1
    (alone,) = reader.answer(questions[1:2])
    assert alone.written == answers[1].written and alone.scores == pytest.approx(answers[1].scores, abs=1e-3)
    (quick,) = reader.answer(questions[1:2], critiques=False)
    assert quick.scores == pytest.approx(alone.scores, abs=1e-5)


def test_scores_stand_where_they_are_looked_for(reader: Reader) -> None:
    ids = answer_ids(reader, CRITIQUE)
    assert [reader.digits.index(ids[place]) for place in reader.score_places()] == list(CRITIQUE.scores)
    assert reader.language.text(ids) == render(CRITIQUE)


def test_the_picture_is_seen_and_can_be_taken_away(reader: Reader, questions: list[Question]) -> None:
    first = questions[0]
    shown = replace(first, sight=replace(first.sight, words=torch.zeros_like(first.sight.words)))  # type: ignore[arg-type]
    with_it, without = reader.answer([first, shown], critiques=False)
    assert with_it.scores != pytest.approx(without.scores, abs=1e-3)
    length, reader.senses = len(reader.prompt(first)), Senses(words=False)
    assert first.sight.words is not None
    assert len(reader.prompt(first)) == length - len(first.sight.words) - 2
    reader.senses = Senses()


def test_given_answers_get_the_logits_with_which_they_were_written(reader: Reader, questions: list[Question]) -> None:
    prompts = [reader.prompt(question) for question in questions]
    with torch.inference_mode():
        ids, logits = reader.generate(prompts, most=24)
        said = forced(reader, prompts, [[row] for row in ids])
        twice = forced(reader, prompts, [[row[:9], row] for row in ids])  # neither answer sees the other
    for i, (row, part) in enumerate(zip(ids, said.logits.split([len(row) for row in ids]), strict=True)):
        assert torch.allclose(part, logits[: len(row), i], atol=1e-4)
    again = twice.logits.split([9 + len(row) for row in ids])
    for part, both in zip(said.logits.split([len(row) for row in ids]), again, strict=True):
        assert torch.allclose(both[:9], part[:9], atol=1e-4) and torch.allclose(both[9:], part, atol=1e-4)


def test_only_language_layers_are_trained_and_no_layer_twice_kept(reader: Reader, questions: list[Question]) -> None:
    trained = [name for name, p in reader.language.model.named_parameters() if p.requires_grad]
    assert trained and all("language_model.layers" in name and "lora_" in name for name in trained)
    gradients = []
    for checkpointed in (True, False):  # as in training, and as without
        reader.train(checkpointed)
        reader.zero_grad()
        supervised_loss(reader, [Example(questions[0], CRITIQUE)], EvalConfig())[0].backward()
        gradients.append([p.grad.clone() for p in reader.trained().values() if p.grad is not None])
    assert len(gradients[0]) == len(reader.trained())
    assert all(torch.allclose(a, b, atol=1e-5) for a, b in zip(*gradients, strict=True))


def test_in_bfloat16_as_on_a_gpu_adapters_stay_single_and_apart(folder: Path, questions: list[Question]) -> None:
    half = Reader(backbone=str(folder))
    for parameter in set(half.language.model.parameters()) - set(half.trained().values()):
        parameter.data = parameter.data.bfloat16()
    examples = [Example(question, CRITIQUE) for question in questions]
    loss, _ = supervised_loss(half.train(), examples, EvalConfig())
    loss.backward()
    assert all(p.dtype == torch.float32 and p.grad is not None for p in half.trained().values())
    prompts = [half.prompt(question) for question in questions]
    assert {prompt.embedded.dtype for prompt in prompts} == {torch.bfloat16}
    with torch.no_grad():
        for parameter in half.trained().values():
            parameter.fill_(1e-4)  # a change that a weight in bfloat16 could not hold
        ids, logits = half.generate(prompts, most=4)
        layer = half.language.model.model.language_model.layers[0].self_attn.q_proj
        weight = layer.base_layer.weight.clone()
        half.language.merge()
        said = forced(half, prompts, [[row] for row in ids])
    assert not layer.merged and torch.equal(layer.base_layer.weight, weight)
    assert torch.allclose(said.logits[: len(ids[0])].float(), logits[: len(ids[0]), 0].float(), atol=0.2)


def test_learning_an_answer_makes_it_likelier_and_a_file_keeps_it(
    reader: Reader, questions: list[Question], folder: Path, tmp_path: Path
) -> None:
    config = EvalConfig(steps=8, batch=1, rate=1e-2)
    examples = [Example(question, CRITIQUE) for question in questions[:2]]
    before, _ = supervised_loss(reader, examples, config)
    supervise(config, reader, lambda step: examples, "none", tmp_path / "run", resume=False)
    after, _ = supervised_loss(reader, examples, config)
    assert float(after.detach()) < 0.7 * float(before.detach())
    file = tmp_path / SHIPPED
    naming = fit_naming(torch.eye(4, 8), ["melanoma", "melanocytic nevus"] * 2, steps=2)
    save(reader, naming, file, {"sees": "abc"})
    read, _, metadata = load(file)
    assert metadata["backbone"] == str(folder) and metadata["sees"] == "abc"
    wanted, found = reader.answer(questions), read.answer(questions)  # bfloat16 in the file
    assert all(f.scores == pytest.approx(w.scores, abs=0.1) for w, f in zip(wanted, found, strict=True))


def test_a_prompt_that_is_read_once_gives_the_answers_of_one_that_is_read_each_time(
    reader: Reader, questions: list[Question]
) -> None:
    prompts = [reader.prompt(q) for q in questions]
    for temperature in (0.0, 1.0):
        drawn = []
        for given, samples in (([p for p in prompts for _ in range(3)], 1), (prompts, 3)):
            torch.manual_seed(0)
            with torch.inference_mode():
                drawn.append(reader.generate(given, temperature=temperature, most=12, samples=samples))
        (each, logits), (once, same) = drawn
        assert once == each and len(once) == 3 * len(questions)
        assert torch.allclose(same, logits, atol=1e-3)
    assert len({tuple(row) for row in once}) > len(questions)  # samples differ


def test_soreb_goes_on_after_a_stop_as_if_there_had_been_none(
    reader: Reader, questions: list[Question], tmp_path: Path
) -> None:
    config = EvalConfig(soreb_steps=2, soreb_rate=1e-3)
    draw = lambda step: [Example(questions[step], CRITIQUE)]  # noqa: E731
    start = {name: p.detach().clone() for name, p in reader.trained().items()}

    def restart() -> None:
        with torch.no_grad():
            for name, p in reader.trained().items():
                p.copy_(start[name])

    soreb(config, reader, draw, "none", tmp_path / "whole", resume=False)
    whole = {name: p.detach().clone() for name, p in reader.trained().items()}
    assert any(not torch.equal(start[name], p) for name, p in whole.items())
    restart()

    def stopping(step: int) -> list[Example]:
        os.kill(os.getpid(), signal.SIGTERM)  # asked to stop: the step is finished and saved
        return draw(step)

    with pytest.raises(SkinGPTError, match="stopped at step 1"):
        soreb(config, reader, stopping, "none", tmp_path / "cut", resume=False)
    restart()
    soreb(config, reader, draw, "none", tmp_path / "cut", resume=True)
    assert all(torch.equal(whole[name], p) for name, p in reader.trained().items())


@pytest.fixture(scope="module")
def trained(opened: Reader, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder as `dermeval train --backbone` leaves it."""
    out = tmp_path_factory.mktemp("dermeval")
    naming = fit_naming(torch.randn(12, EMBED), ["melanoma", "melanocytic nevus"] * 6, steps=2)
    save(opened, naming, out / SHIPPED, {"sees": visual_digest(ADAPTERS / "writer.safetensors")})
    conformal.save(out / MARGINS, dict.fromkeys(DIMENSIONS, 1.0), 100)
    return out


def test_another_backbone_is_refused_and_a_moved_one_is_named(trained: Path, tmp_path: Path) -> None:
    file, moved = trained / SHIPPED, tiny_qwen(tmp_path / "moved", shard="200KB")
    assert len(list(moved.glob("*.safetensors"))) > 1  # the same weights in other files
    assert load(file, str(moved))[0].language.name == str(moved)
    for other in (str(tiny_qwen(tmp_path / "other", seed=1)), EMBEDDED):
        with pytest.raises(SkinGPTError, match=r"belongs to the backbone .* is another one.*--backbone FOLDER"):
            load(file, other)
    with pytest.raises(SkinGPTError, match=r"belongs to the backbone .*nowhere.*no folder here"):
        load(file, str(tmp_path / "nowhere"))


def test_a_file_that_names_no_backbone_is_of_the_embedded_one(trained: Path, folder: Path, tmp_path: Path) -> None:
    old = tmp_path / SHIPPED
    save(Reader(), fit_naming(torch.eye(4, 8), ["a", "b"] * 2, steps=1), old, {})
    with safe_open(old, "pt") as file:
        told, tensors = file.metadata(), {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    save_tensors(old, tensors, {key: told[key] for key in ("kind", "names", "senses")})  # as it was written before
    assert told["kind"] == "skingpt-r1 dermeval, embedded"
    assert load(old)[0].language.name == EMBEDDED
    with pytest.raises(SkinGPTError, match="belongs to the backbone embedded"):
        load(old, str(folder))


def test_what_is_no_backbone_is_refused_in_one_sentence(folder: Path, tmp_path: Path) -> None:
    def spoilt(name: str, **changes: object) -> str:
        copy = tmp_path / name
        shutil.copytree(folder, copy)
        config = json.loads((copy / "config.json").read_text()) | changes
        (copy / "config.json").write_text(json.dumps(config))
        return str(copy)

    with pytest.raises(SkinGPTError, match=r"is a llama"):
        Reader(backbone=spoilt("llama", model_type="llama"))
    pickled = spoilt("pickled")
    (Path(pickled) / "model.safetensors").rename(Path(pickled) / "pytorch_model.bin")
    with pytest.raises(SkinGPTError, match="no safetensors"):
        Reader(backbone=pickled)
    short = spoilt("short")
    tensors = load_file(Path(short) / "model.safetensors")
    del tensors[next(name for name in tensors if name.endswith("layers.1.mlp.up_proj.weight"))]
    save_tensors(Path(short) / "model.safetensors", tensors, {"format": "pt"})
    with pytest.raises(SkinGPTError, match="1 tensors are missing"):
        Reader(backbone=short)
    words = spoilt("words")
    tokenizer = AutoTokenizer.from_pretrained(words)
    tokenizer.add_tokens([" 3"])
    tokenizer.save_pretrained(words)
    with pytest.raises(SkinGPTError, match="does not write a score as a space and a digit"):
        Reader(backbone=words)


def test_a_picture_is_looked_at_once_and_its_features_are_kept(reader: Reader, tmp_path: Path) -> None:
    images = [str(tmp_path / f"{n}.png") for n in range(2)]
    for image, pixels in zip(images, (WIDE, TALL), strict=True):
        Image.fromarray(pixels).save(image)
    cache = SightCache(tmp_path / "sights", backbone=reader.language)
    first = cache.get(images)
    cache.adapters = tmp_path / "nowhere"  # a second look would fail
    second = cache.get(images)
    for image, pixels in zip(images, (WIDE, TALL), strict=True):
        shown = reader.language.look(pixels)
        assert shown is not None and second[image].grid == shown.grid == first[image].grid
        assert second[image].words is not None and torch.equal(second[image].words, shown.words)
    assert len({cache.digest, SightCache(tmp_path).digest}) == 2


def test_a_line_is_no_picture(reader: Reader) -> None:
    with pytest.raises(CaseError, match="a line"):
        reader.language.look(np.zeros((4, 900, 3), np.uint8))


def test_it_judges_photos_beside_the_senses_of_the_embedded_eye(trained: Path, tmp_path: Path) -> None:
    image = tmp_path / "photo.png"
    lesion(3).save(image)
    judge = Evaluator.load(trained)
    seen, unseen = judge.judge([Submission("a", image, TEXT), Submission("b", None, TEXT)])
    assert all(0 <= value <= 5 for value in (*seen.scores.values(), *unseen.scores.values()))
    assert seen.evidence[0].startswith("Picture: ") and unseen.evidence[0] == "Picture: none."
    assert seen.mean != unseen.mean


def test_a_training_from_a_corpus_ends_with_an_evaluator_of_its_backbone(folder: Path, tmp_path: Path) -> None:
    corpus, runs = tmp_path / "corpus", tmp_path / "runs"  # d1, d2 and d7 are kept aside
    corpus.mkdir()
    claims = [Claim("modality", "dermoscopy"), Claim("border", "irregular"), Claim("colour", "dark brown")]
    tools = Tools(lambda case: [ScoredClaim(claim, 0.9) for claim in claims], LintScorer(), {})
    lines = []
    for i in (1, 2, 3, 4, 7, 8, 9):
        picture = tmp_path / f"{i}.png"
        lesion(i).save(picture)
        name = ("melanoma", "melanocytic nevus")[i % 2]
        split = "train" if i > 7 else "val"
        case = Case(f"d{i}", str(picture), Modality.DERMOSCOPY, "mine", label=name, diagnosis=name, split=split)
        lines.append(as_line(entry_of(case, tools, BuildConfig(seed=i))))
    (corpus / "corpus.jsonl").write_text("".join(lines))
    config = EvalConfig(steps=2, batch=2, group=2, soreb_steps=1)
    made = train(config, [corpus], None, runs, resume=False, backbone=str(folder))
    judge = Evaluator.load(made.parent)
    (told,) = judge.judge([Submission("a", tmp_path / "1.png", TEXT)])
    assert judge.reader.language.name == str(folder) and told.intervals
    other = tiny_qwen(tmp_path / "other", seed=1)
    with pytest.raises(SkinGPTError, match="cannot resume"):
        train(config, [corpus], None, runs, resume=True, backbone=str(other))
