"""Writing: the form is certain, the content is the model's, and scoring in one pass is scoring one by one."""

from __future__ import annotations

import pytest
import torch

from skingpt_r1.knowledge.labelsets import label_set
from skingpt_r1.models import guesses
from skingpt_r1.models.diagnose import choices
from skingpt_r1.models.generate import OPENINGS, Writer, Written
from skingpt_r1.models.language import Language
from skingpt_r1.narrative.parse import parse, sections
from skingpt_r1.records import History

CHOICES = choices(label_set("isic2017"))


@pytest.fixture(scope="module")
def language() -> Language:
    return Language().eval()


@pytest.fixture(scope="module")
def prompts(language: Language) -> list[torch.Tensor]:
    """Two prompts of different length, with a history and without."""
    asked = [language.prompt(h) for h in (History(), History(age=63, site="back"))]
    return [language.embed(torch.tensor([*before, *after])) for before, after in asked]


@pytest.fixture(scope="module")
def written(language: Language, prompts: list[torch.Tensor]) -> list[Written]:
    return Writer(language, prompts, None, CHOICES).write()


@pytest.mark.slow
def test_even_an_untrained_writer_ends_in_a_parsable_narrative(written: list[Written]) -> None:
    for one in written:
        narrative = parse(one.text)
        assert narrative.diagnosis in CHOICES.diagnoses
        assert narrative.confidence in CHOICES.confidences
        assert narrative.urgency is not None
        assert set(sections(one.text)) >= {"observation", "category", "differential", "synthesis"}
        assert one.repaired  # it ran into a limit, and that is told


@pytest.mark.slow
def test_label_probability_is_category_times_hypothesis_within_it(written: list[Written]) -> None:
    """Where a category has one diagnosis only, that diagnosis gets all of its probability."""
    for one in written:
        assert tuple(one.label_probability) == CHOICES.diagnoses
        assert sum(one.label_probability.values()) == pytest.approx(1)
        assert all(0 <= p <= 1 for p in one.label_probability.values())


@pytest.mark.slow
def test_alone_as_in_a_batch(language: Language, prompts: list[torch.Tensor], written: list[Written]) -> None:
    alone = Writer(language, prompts[1:], None, CHOICES).write()[0]
    assert alone.text == written[1].text
    for name, p in alone.label_probability.items():
        assert p == pytest.approx(written[1].label_probability[name], abs=1e-3)


@pytest.mark.slow
@pytest.mark.parametrize("right", [True, False])
def test_reading_ahead_changes_no_word(
    language: Language, prompts: list[torch.Tensor], written: list[Written], right: bool
) -> None:
    """Guesses that are always right (the very text), and guesses that are nearly always wrong (it backwards)."""
    texts = [language.tokens(one.text) for one in written]
    table = guesses.count([t if right else t[::-1] for t in texts] * 2)
    ahead = Writer(language, prompts, None, CHOICES, guesses=table).write()
    for one, other in zip(ahead, written, strict=True):
        assert one.text == other.text
        for name, p in one.label_probability.items():
            assert p == pytest.approx(other.label_probability[name], abs=1e-3)


@pytest.mark.slow
@torch.inference_mode()
def test_right_guesses_spare_passes(language: Language, prompts: list[torch.Tensor], written: list[Written]) -> None:
    passes = []
    for table in (None, guesses.count([language.tokens(written[0].text)] * 2)):
        writer = Writer(language, prompts[:1], None, CHOICES, guesses=table)
        writer.write()
        passes.append(writer.passes)
    assert passes[1] < passes[0] / 3


@pytest.mark.slow
@torch.inference_mode()
def test_going_back_leaves_no_trace(language: Language, prompts: list[torch.Tensor]) -> None:
    """After words were written, read and unwritten, the model expects what it expected before."""
    writer = Writer(language, prompts, None, CHOICES)
    writer._force(OPENINGS["observation"])
    before = writer._biased().clone()
    start = len(writer.rows[0].ids)
    writer._append([language.tokens(" A red papule"), language.tokens(" A")])
    writer._biased()
    writer._append([language.tokens(" on the back"), []])  # written, not read yet
    for i in range(2):
        writer._go_back(i, start)
        writer.logits[i] = before[i]
    assert [row.ids for row in writer.rows] == [language.tokens(OPENINGS["observation"])] * 2
    told = language.tokens(" Dermoscopic image")
    writer._append([told, told])
    fresh = Writer(language, prompts, None, CHOICES)
    fresh._append([[*language.tokens(OPENINGS["observation"]), *told]] * 2)
    torch.testing.assert_close(writer._biased(), fresh._biased(), atol=1e-3, rtol=1e-4)


@pytest.mark.slow
@torch.inference_mode()
def test_a_synthesis_that_turns_the_differential_round_is_written_again(
    language: Language, prompts: list[torch.Tensor], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The model's own first sentence contradicts; its next best beginning is written, streamed once, and told."""
    heard: list[str] = []
    writer = Writer(language, prompts[:1], None, CHOICES, listener=heard.append)
    writer._force(
        "<think>\n[observation] It has a regular border and a sharp edge.\n[category] melanocytic, benign.\n"
        "[differential] melanoma: for sharp edge; against regular border.\n[synthesis]"
    )
    sentences = iter([" Regular border: melanoma first.", " Sharp edge: melanoma first."])
    starts: list[torch.Tensor] = []

    def free(*_: object, **__: object) -> None:
        starts.append(writer._biased().clone())
        writer._append([language.tokens(next(sentences))])

    monkeypatch.setattr(writer, "_free", free)
    writer._synthesis()
    assert language.text(writer.rows[0].ids).endswith("[synthesis] Sharp edge: melanoma first.")
    assert writer.rows[0].rewritten
    refused = language.tokens(" Regular border: melanoma first.")[0]
    assert torch.isinf(starts[1][0, refused])
    assert heard[-1] == " Sharp edge: melanoma first."


@pytest.mark.slow
@torch.inference_mode()
def test_scoring_as_a_tree_equals_scoring_one_by_one(language: Language, prompts: list[torch.Tensor]) -> None:
    writer = Writer(language, prompts, None, CHOICES)
    candidates = [language.tokens(name) for name in (*CHOICES.diagnoses, "wart")]
    scores = writer._score(candidates)
    for row, prompt in enumerate(prompts):
        for column, ids in enumerate(candidates):
            whole = torch.cat([prompt, language.embed(torch.tensor(ids))])[None]
            logs = language.model(inputs_embeds=whole).logits[0].log_softmax(1)
            start = prompt.shape[0] - 1
            expected = sum(float(logs[start + i, token]) for i, token in enumerate(ids))
            assert float(scores[row, column]) == pytest.approx(expected, abs=1e-3)


@pytest.mark.slow
@torch.inference_mode()
def test_a_bias_towards_a_word_is_heard(language: Language, prompts: list[torch.Tensor]) -> None:
    """+20 on the tokens of one name, and that name wins: the bias reaches every written position."""
    bias = torch.zeros(2, language.head.shape[0])
    bias[:, language.tokens("seborrheic keratosis |")] = 20
    writer = Writer(language, prompts, bias, CHOICES)
    names = list(CHOICES.diagnoses)
    assert [names[int(row.argmax())] for row in writer._choose(names, " |")] == ["seborrheic keratosis"] * 2


@pytest.mark.slow
@torch.inference_mode()
def test_naming_token_by_token_skips_what_is_used_and_ends_each_row(
    language: Language, prompts: list[torch.Tensor]
) -> None:
    bias = torch.zeros(2, language.head.shape[0])
    bias[:, language.tokens(" melanoma")] = 20
    bias[:, language.tokens(" melanocytic")] = 10
    writer = Writer(language, prompts, bias, CHOICES)
    names = ["melanoma", "melanocytic nevus", "seborrheic keratosis"]
    used: list[set[int]] = [set(), set()]
    for expected in ({0}, {0, 1}):  # with "melanoma" gone, the bias still prefers the other one
        writer._name([f" {n}" for n in names], ":", [0], used)
        assert used[0] == expected
        assert used[1] == set()
    assert language.text(writer.rows[0].ids) == " melanoma: melanocytic nevus:"
    assert writer.rows[1].ids == []


@pytest.mark.slow
def test_no_free_word_ends_a_line_or_opens_a_block(language: Language, prompts: list[torch.Tensor]) -> None:
    for loved in ("\n", "\n\n", "<", "[", ">"):
        bias = torch.zeros(len(prompts), language.head.shape[0])
        bias[:, language.tokens(loved)] = 1e3
        for row in Writer(language, prompts, bias, CHOICES).write():
            lines = row.text.splitlines()
            assert [line.split("]")[0].split(">")[0] for line in lines] == [
                "<think", "[observation", "[category", "[differential", "[synthesis", "</think", "<answer",
            ]  # fmt: skip
            assert parse(row.text).diagnosis in row.label_probability
