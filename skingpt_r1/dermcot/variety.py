"""How varied a corpus reads: distinct word pairs, near-duplicate texts, the sentences that everybody says."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

from datasketch import MinHash, MinHashLSH

NEAR: Final = 0.8  # Jaccard similarity of word triples from which two texts count as one
_PERMUTATIONS: Final = 64
_WORD: Final = re.compile(r"\w+(?:['’-]\w+)*")
_TAG: Final = re.compile(r"</?\w+>|\[\w+\]")


@dataclass(frozen=True, slots=True)
class Variety:
    """distinct_2: different word pairs over all pairs, 0..1 (Li et al. 2016); falls with the corpus' size, so compare
    equal sizes. near_duplicates: share of texts with a near-duplicate (MinHash estimate, Jaccard of word triples
    from NEAR). identical: share of texts that another text equals. commonest: (sentence, texts that say it).
    """

    texts: int
    distinct_2: float
    near_duplicates: float
    identical: float
    commonest: tuple[tuple[str, int], ...]


def variety(texts: Sequence[str], most: int = 10) -> Variety:
    """Figures of a corpus; `most` sentences are told. All zero for an empty one."""
    if not texts:
        return Variety(0, 0.0, 0.0, 0.0, ())
    pairs: Counter[tuple[str, str]] = Counter()
    said: Counter[str] = Counter()
    for text in texts:
        pairs.update(pairwise(_words(text)))
        said.update(set(_sentences(text)))
    copies = Counter(texts)
    return Variety(
        texts=len(texts),
        distinct_2=round(len(pairs) / max(1, pairs.total()), 4),
        near_duplicates=round(_near(texts) / len(texts), 4),
        identical=round(sum(n for n in copies.values() if n > 1) / len(texts), 4),
        commonest=tuple(said.most_common(most)),
    )


def _near(texts: Sequence[str]) -> int:
    index = MinHashLSH(threshold=NEAR, num_perm=_PERMUTATIONS)
    hashes = [_hash(text) for text in texts]
    for number, one in enumerate(hashes):
        index.insert(number, one)
    return sum(
        any(other != number and one.jaccard(hashes[other]) >= NEAR for other in index.query(one))
        for number, one in enumerate(hashes)
    )


def _hash(text: str) -> MinHash:
    words = _words(text)
    triples = {" ".join(words[i : i + 3]) for i in range(max(1, len(words) - 2))}
    found = MinHash(num_perm=_PERMUTATIONS, seed=1)
    found.update_batch([triple.encode() for triple in sorted(triples)])
    return found


def _words(text: str) -> list[str]:
    return _WORD.findall(_TAG.sub(" ", text).lower())


def _sentences(text: str) -> Iterator[str]:
    for line in _TAG.sub("\n", text).splitlines():
        yield from (part.strip() for part in re.split(r"(?<=[.!?])\s+", line) if part.strip())
