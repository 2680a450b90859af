"""How varied a corpus reads: distinct word pairs, near-duplicate texts, the sentences that everybody says.

Texts are read as they come and forgotten. What stays of one is 264 bytes (its MinHash and a digest); word pairs are
bounded by the language, and sentences by `_MOST_SENTENCES`: beyond it rare ones are forgotten (Misra and Gries 1982)
and the others counted in a second reading, so that the counts told are exact.
"""

from __future__ import annotations

import hashlib
import re
from array import array
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

import numpy as np
from datasketch import MinHash, MinHashLSH
from numpy.typing import NDArray

NEAR: Final = 0.8  # Jaccard similarity of word triples from which two texts count as one
_PERMUTATIONS: Final = 64
_MOST_SENTENCES: Final = 50_000  # counted at once; one that every 50,000th sentence repeats is never forgotten
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


def variety(texts: Iterable[str], most: int = 10, at_once: int = _MOST_SENTENCES) -> Variety:
    """Figures of a corpus; `most` sentences are told. All zero for an empty one. `texts` may be read twice."""
    pairs: Counter[tuple[str, str]] = Counter()
    said: Counter[str] = Counter()
    digests, signatures = array("Q"), array("I")
    forgotten = False
    for text in texts:
        pairs.update(pairwise(_words(text)))
        said.update(list(dict.fromkeys(_sentences(text))))  # once a text, in its order
        if len(said) > 2 * at_once:
            said, forgotten = _thinned(said, at_once), True
        digests.frombytes(hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=8).digest())
        signatures.frombytes(_hash(text).hashvalues.astype(np.uint32).tobytes())
    if not digests:
        return Variety(0, 0.0, 0.0, 0.0, ())
    if forgotten:
        said = _counted_again(texts, said)
    copies = np.unique(np.frombuffer(digests, np.uint64), return_counts=True)[1]
    near = _near(np.frombuffer(signatures, np.uint32).reshape(-1, _PERMUTATIONS))
    return Variety(
        texts=len(digests),
        distinct_2=round(len(pairs) / max(1, pairs.total()), 4),
        near_duplicates=round(near / len(digests), 4),
        identical=round(int(copies[copies > 1].sum()) / len(digests), 4),
        commonest=tuple(said.most_common(most)),
    )


def _thinned(said: Counter[str], at_once: int) -> Counter[str]:
    """The sentences said most, each count less that of the first one forgotten."""
    limit = sorted(said.values(), reverse=True)[at_once]
    return Counter({sentence: n - limit for sentence, n in said.items() if n > limit})


def _counted_again(texts: Iterable[str], wanted: Counter[str]) -> Counter[str]:
    said: Counter[str] = Counter()
    for text in texts:
        said.update(s for s in dict.fromkeys(_sentences(text)) if s in wanted)
    return said


def _near(signatures: NDArray[np.uint32]) -> int:
    """How many of the [N, 64] MinHashes have a neighbour, among those that share one of datasketch's bands."""
    near = np.zeros(len(signatures), bool)
    for start, end in MinHashLSH(threshold=NEAR, num_perm=_PERMUTATIONS).hashranges:
        band = np.ascontiguousarray(signatures[:, start:end]).view(f"V{4 * (end - start)}").ravel()
        order = np.argsort(band, kind="stable")
        edges = np.flatnonzero(np.r_[True, band[order][1:] != band[order][:-1], True])
        for first, last in pairwise(edges):
            if last - first > 1:
                _mark(near, signatures, order[first:last])
    return int(near.sum())


def _mark(near: NDArray[np.bool_], signatures: NDArray[np.uint32], members: NDArray[np.intp]) -> None:
    together = signatures[members]
    for place, number in enumerate(members):
        if not near[number]:
            alike = (together == signatures[number]).mean(1) >= NEAR
            alike[place] = False
            if alike.any():
                near[number] = True
                near[members[alike]] = True


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
