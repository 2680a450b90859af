"""Figures of a corpus read as a stream are those of one held in memory."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterator

import pytest
from datasketch import MinHashLSH
from hypothesis import given, settings
from hypothesis import strategies as st

from skingpt_r1.dermcot import variety as module
from skingpt_r1.dermcot.variety import variety

WORDS = ("small", "lesion", "border", "of", "the", "arm", "leg", "brown", "black", "red", "areas", "no", "pain", "here")


def held(texts: list[str]) -> tuple[float, float, list[int]]:
    """(near-duplicates, identical, counts of sentences) as datasketch's index and plain counters tell."""
    hashes = [module._hash(text) for text in texts]
    index = MinHashLSH(threshold=module.NEAR, num_perm=64)
    for number, one in enumerate(hashes):
        index.insert(number, one)
    near = sum(
        any(m != n and one.jaccard(hashes[m]) >= module.NEAR for m in index.query(one)) for n, one in enumerate(hashes)
    )
    copies = Counter(texts)
    said = Counter(sentence for text in texts for sentence in set(module._sentences(text)))
    identical = sum(n for n in copies.values() if n > 1)
    return round(near / len(texts), 4), round(identical / len(texts), 4), [n for _, n in said.most_common(10)]


def corpus(n: int, seed: int) -> list[str]:
    rng = random.Random(seed)
    texts: list[str] = []
    for _ in range(n):
        if texts and rng.random() < 0.3:
            words = rng.choice(texts).split(" ")
            words[rng.randrange(len(words))] = rng.choice(WORDS)
            texts.append(" ".join(words))
        else:
            texts.append(". ".join(" ".join(rng.choices(WORDS, k=rng.randint(3, 9))) for _ in range(rng.randint(1, 5))))
    return texts


@given(st.integers(1, 120), st.integers(0, 10**6))
@settings(max_examples=25, deadline=None)
def test_the_stream_agrees_with_the_index(n: int, seed: int) -> None:
    texts = corpus(n, seed)
    found = variety(texts)
    assert (found.near_duplicates, found.identical, [n for _, n in found.commonest]) == held(texts)


class Once(list[str]):
    """Counts how often it is read."""

    readings = 0

    def __iter__(self) -> Iterator[str]:
        self.readings += 1
        return super().__iter__()


def test_common_sentences_are_counted_exactly_though_rare_ones_are_forgotten() -> None:
    rng = random.Random(0)
    texts = Once(f"Sentence {rng.randrange(10**9)}. Common {i % 3}." for i in range(3000))
    texts[0] = "Rare but first. Common 0."
    few = variety(texts, most=3, at_once=50)
    assert texts.readings == 2
    assert few.commonest == variety(list(texts), most=3).commonest
    assert dict(few.commonest) == {f"Common {i}.": 1000 for i in range(3)}
    texts.readings = 0
    variety(texts)
    assert texts.readings == 1


def test_ties_are_told_in_the_order_of_the_corpus() -> None:
    """A set's order changes from process to process; the bytes of a report may not."""
    texts = [f"{name} one. {name} two." for name in ("Delta", "Alpha", "Mid")]
    wanted = ["Delta one.", "Delta two.", "Alpha one.", "Alpha two.", "Mid one.", "Mid two."]
    assert [sentence for sentence, _ in variety(texts).commonest] == wanted


@pytest.mark.parametrize("text", ["", "\ud800", "<think>"])
def test_odd_texts_are_texts(text: str) -> None:
    assert variety([text, "Other words."]).texts == 2
