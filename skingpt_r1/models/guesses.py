"""What usually follows in a narrative: tokens to read ahead, never tokens to write.

The table is counted from narratives that the model wrote of validation pictures. A wrong guess costs time, and nothing
else: see generate.py.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file

from skingpt_r1.models.weights import save_tensors
from skingpt_r1.records import SkinGPTError

CONTEXTS = (8, 4, 2)  # tokens looked at, the longest that is known first
LEAST_SHARE = 0.3  # of the times that a context was seen, for its commonest next token
_LEAST_SEEN = 2
Table = dict[tuple[int, ...], int]


class Guesses:
    """The commonest next token by the last 8, 4 or 2."""

    def __init__(self, tables: Sequence[Table]) -> None:
        self._tables = tuple(tables)

    def following(self, ids: Sequence[int], most: int) -> list[int]:
        """Up to `most` tokens that usually come after `ids`."""
        seen = list(ids[-CONTEXTS[0] :])
        known = len(seen)
        while len(seen) < known + most:
            found = (t.get(tuple(seen[-n:])) for n, t in zip(CONTEXTS, self._tables, strict=True) if len(seen) >= n)
            token = next((token for token in found if token is not None), None)
            if token is None:
                break
            seen.append(token)
        return seen[known:]


def count(texts: Iterable[Sequence[int]]) -> Guesses:
    """The table of many texts, as token ids."""
    counts: list[defaultdict[tuple[int, ...], Counter[int]]] = [defaultdict(Counter) for _ in CONTEXTS]
    for ids in texts:
        for counted, length in zip(counts, CONTEXTS, strict=True):
            for end in range(length, len(ids)):
                counted[tuple(ids[end - length : end])][ids[end]] += 1
    return Guesses([_commonest(counted) for counted in counts])


def _commonest(counted: dict[tuple[int, ...], Counter[int]]) -> Table:
    table = {}
    for context, following in sorted(counted.items()):
        token, times = min(following.items(), key=lambda pair: (-pair[1], pair[0]))
        if times >= max(_LEAST_SEEN, LEAST_SHARE * following.total()):
            table[context] = token
    return table


def save(guesses: Guesses, path: Path) -> None:
    """One tensor [N, n + 1] a context of n tokens: the context, and what follows."""
    tensors = {
        f"after_{n}": torch.tensor([[*context, token] for context, token in table.items()], dtype=torch.int32)
        for n, table in zip(CONTEXTS, guesses._tables, strict=True)
    }
    save_tensors(path, tensors, {"kind": "skingpt-r1 guesses"})


def load(path: Path) -> Guesses:
    """No file is an empty table: adapters of one's own need none. Raises SkinGPTError on a file of another kind."""
    if not path.exists():
        return count([])
    try:
        tensors = load_file(path)
        rows = [tensors[f"after_{n}"].tolist() for n in CONTEXTS]
    except (OSError, SafetensorError, KeyError) as error:
        raise SkinGPTError(f"{path}: not a table of guesses ({error}). Delete it: it only saves time.") from error
    return Guesses([{tuple(row[:-1]): row[-1] for row in table} for table in rows])
