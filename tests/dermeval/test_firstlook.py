"""The first look: what is counted of a narrative, and the network that scores by it."""

import pytest
import torch

from skingpt_r1.dermeval.counts import checked_counts, known_counts, picture_counts, rule_counts, told_counts
from skingpt_r1.dermeval.firstlook import FirstLook, fit_first_look
from skingpt_r1.dermeval.sight import Sight
from skingpt_r1.narrative.parse import parse
from skingpt_r1.records import History
from tests.dermeval.test_reader import QUESTION, SIGHT, TEXT


def test_the_picture_is_counted_and_a_flat_one_counts_nothing() -> None:
    counts = checked_counts(parse(TEXT), SIGHT, QUESTION.history)
    assert counts["against border"] == counts["against"] == 1 and "against colour" not in counts
    assert counts["least support"] == pytest.approx(0.1)
    blind = checked_counts(parse(TEXT), Sight(), QUESTION.history)
    assert "against" not in blind and blind["picture"] == 0
    assert picture_counts("melanoma", {}) == {}
    told = picture_counts("melanocytic nevus", QUESTION.naming)
    assert told["behind the likeliest"] == pytest.approx(0.5) and told["grave missed"] == pytest.approx(0.7)


def test_an_answer_that_was_not_argued_for_is_counted() -> None:
    sound = told_counts(TEXT, parse(TEXT))
    other = TEXT.replace("<answer>melanoma", "<answer>melanocytic nevus")
    changed = told_counts(other, parse(other))
    assert sound["argued another"] == 0 and changed["argued another"] == 1
    assert told_counts("It is brown.", parse("It is brown."))["names nothing"] == 1
    assert told_counts("See a doctor in two years, a 40 year old.", parse(""))["time year"] == 1


def test_knowledge_counts_rivals_and_what_the_reasons_weigh() -> None:
    counts = known_counts(parse(TEXT))
    assert counts["rivals"] == 1 and counts["no rival"] == 0 and counts["speaks for"] == 1
    assert counts["urgent told urgent"] == 1
    alone = known_counts(parse(TEXT.replace(" melanocytic nevus: against irregular border.", "")))
    assert alone["no rival"] == 1
    far = known_counts(parse(TEXT.replace("melanocytic nevus: against", "scabies: against")))
    assert far["far rivals"] == 1


def test_a_broken_rule_counts_once() -> None:
    sure = TEXT.replace("</think>", "This is certain. There is no doubt about it.\n</think>")
    assert rule_counts(sure, History())["rule overconfidence"] == 1
    assert rule_counts(TEXT, QUESTION.history) == {"rules": 0}


def test_it_learns_what_a_number_costs_and_the_same_seed_learns_the_same() -> None:
    rows = [{"against": float(n % 4), "noise": float(n % 7)} for n in range(256)]
    scores = [(5, 5, 5, 5, 5, 5 - n % 4) for n in range(256)]
    once, again = (fit_first_look(rows, scores, epochs=20) for _ in range(2))
    assert all(torch.equal(once.tensors[name], again.tensors[name]) for name in once.tensors)
    logits = once.logits(rows[:4])
    assert logits.shape == (4, 6, 6) and torch.allclose(logits.exp().sum(2), torch.ones(4, 6), atol=1e-5)
    assert logits[:, 5].argmax(1).tolist() == [5, 4, 3, 2] and logits[:, 0].argmax(1).tolist() == [5] * 4
    kept = FirstLook(once.names, {**once.tensors})
    assert torch.equal(kept.logits([{"against": 1.0, "unheard of": 9.0}]), once.logits([{"against": 1.0}]))


def test_a_text_that_is_far_from_all_others_is_not_carried_away() -> None:
    look = fit_first_look([{"words": float(n % 3)} for n in range(64)], [(5,) * 6] * 64, epochs=2)
    assert look.logits([{"words": 1e9}]).isfinite().all()
