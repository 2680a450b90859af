"""A built corpus becomes a queue: one case of each kind after the other, uncertain ones first.

A kind is a diagnosis in a skin type, so that after any number of answers no kind is forgotten and rare ones come early.
Loading again adds what is new behind the rest; a text that changed under the certification is refused.
"""

from __future__ import annotations

import hashlib
import json
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import zip_longest
from pathlib import Path
from typing import Any, Final

from sqlalchemy import func, select

from skingpt_r1.dermcot.stages import key_of
from skingpt_r1.narrative.parse import parse
from skingpt_r1.records import SkinGPTError
from skingpt_r1.serve.certify.edits import LONGEST
from skingpt_r1.serve.certify.store import Store, note
from skingpt_r1.serve.certify.tables import QueuedCase, State
from skingpt_r1.sources.streams import picture_of

_DOUBT: Final = {"low": 2.0, "moderate": 1.0, "high": 0.0}  # of the confidence that the text states


@dataclass(frozen=True, slots=True)
class Waiting:
    """A case that wants a place. kind: (diagnosis, skin type). doubt: large is uncertain."""

    name: str
    kind: tuple[str, str]
    doubt: float


def ordered(cases: Sequence[Waiting]) -> list[Waiting]:
    """Round and round over the kinds, the most uncertain of each first; ties in an order that tells nothing."""
    kinds: dict[tuple[str, str], list[Waiting]] = {}
    for case in sorted(cases, key=lambda c: (-c.doubt, hashlib.sha256(c.name.encode()).digest())):
        kinds.setdefault(case.kind, []).append(case)
    return [case for turn in zip_longest(*kinds.values()) for case in turn if case is not None]


def load(store: Store, corpus: Path) -> int:
    """Queue what is new in a corpus folder; returns how many. Raises SkinGPTError, naming the line."""
    entries = _read(corpus / "corpus.jsonl")
    with store.begin() as session:
        known = {name: (id_, entry) for id_, name, entry in session.execute(_KNOWN)}
        for name, (number, _, line) in entries.items():
            if name in known and json.loads(known[name][1])["text"] != json.loads(line)["text"]:
                raise SkinGPTError(
                    f"{corpus / 'corpus.jsonl'}:{number}: the text of {name} is not the one that is being "
                    "certified; give the changed corpus a database of its own."
                )
        place = (session.scalar(select(func.max(QueuedCase.place))) or 0) + 1
        fresh = ordered([_waiting(name, entry) for name, (_, entry, _) in entries.items() if name not in known])
        for offset, waiting in enumerate(fresh):
            _, entry, line = entries[waiting.name]
            session.add(
                QueuedCase(
                    token=secrets.token_hex(12),
                    name=waiting.name,
                    place=place + offset,
                    entry=line,
                    picture=str(picture_of(corpus, entry["case"]["image"]).absolute()),
                    draft=entry["text"],
                    state=State.OPEN,
                    version=0,
                )
            )
        if fresh:
            note(session, "queued", cases=len(fresh), first_place=place)
    return len(fresh)


_KNOWN: Final = select(QueuedCase.id, QueuedCase.name, QueuedCase.entry)


def _read(path: Path) -> dict[str, tuple[int, dict[str, Any], str]]:
    """name -> (line number, entry, line)."""
    try:
        lines = path.read_text(encoding="utf-8").split("\n")
    except (OSError, UnicodeDecodeError) as error:
        raise SkinGPTError(f"{path}: no corpus ({error}); build one with skingpt dermcot build --out.") from error
    found: dict[str, tuple[int, dict[str, Any], str]] = {}
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            entry = json.loads(line)
            name = key_of(entry)
            text, image = entry["text"], entry["case"]["image"]
            if not (isinstance(text, str) and text.strip() and isinstance(image, str)):
                raise ValueError("no text or no picture")
        except (ValueError, TypeError, KeyError) as error:
            raise SkinGPTError(f"{path}:{number}: no entry of a corpus ({error}); build it anew.") from error
        if name in found:
            raise SkinGPTError(f"{path}:{number}: {name} stands twice; give each case an id of its own.")
        if len(text) > LONGEST or "\0" in line or len(name) > 300:
            raise SkinGPTError(f"{path}:{number}: the text is too long or holds a NUL character; shorten it.")
        found[name] = (number, entry, line)
    if not found:
        raise SkinGPTError(f"{path}: holds no entry; build a corpus first.")
    return found


def _waiting(name: str, entry: Mapping[str, Any]) -> Waiting:
    case = entry["case"]
    skin_type = (case.get("history") or {}).get("skin_type")
    score = (entry.get("score") or {}).get("value")
    doubt = _DOUBT.get(parse(entry["text"]).confidence or "", 1.0) + (0.0 if score is None else (5.0 - score) / 5.0)
    return Waiting(name, (str(case.get("diagnosis")), str(skin_type or "not recorded")), doubt)
