"""What can honestly be said about a training picture: measured, told, or seen by an expert.

Geometry and colour are measured on the expert's mask where there is one, else on the segmenter's. The
diagnosis is never looked at, with one exception that the data forces: expert concept rows exist for melanomas and nevi
only, so only those cases carry them, in the polarity that the expert gave.
"""

from __future__ import annotations

import dataclasses
import json
import logging
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from skingpt_r1.dermcot.draft import ScoredClaim
from skingpt_r1.images.decoding import Pixels
from skingpt_r1.images.findings import strongest
from skingpt_r1.images.masks import load_mask
from skingpt_r1.images.measure import LesionMeasurement, measure_lesion
from skingpt_r1.images.reading import read_photo
from skingpt_r1.knowledge.criteria import VALUES
from skingpt_r1.narrative import vocabulary
from skingpt_r1.records import Case, Claim, History, Modality
from skingpt_r1.sources.clustering import key
from skingpt_r1.sources.streams import write_text

log = logging.getLogger(__name__)
PRIVATE = ("skin_type", "diameter_mm")  # recorded for few, and told to nobody's disadvantage
Segment = Callable[[Pixels], NDArray[np.float32]]  # pixels [H, W, 3] -> lesion probability [H, W]


def tellable(history: History) -> History:
    """The history without the PRIVATE fields."""
    return dataclasses.replace(history, **dict.fromkeys(PRIVATE))


def told(history: History) -> list[ScoredClaim]:
    """History claims: certain, because the patient or the record said so."""
    return [ScoredClaim(claim, 0.85) for claim in vocabulary.history_claims(history) if vocabulary.is_known(claim.key)]


def observed(case: Case, segment: Segment) -> list[ScoredClaim]:
    """Image claims of one case, by measurement and expert rows, strongest first within each kind."""
    return claims_of(case, look(case, segment)[1])


def look(case: Case, segment: Segment) -> tuple[Pixels, LesionMeasurement | None]:
    """The picture, and what is measured on its lesion; None where none is found. Raises CaseError."""
    pixels = read_photo(case.image).pixels
    if case.mask is not None:
        crop = "full" if case.dataset.endswith("hires") else "centre-square"
        lesion = load_mask(case.mask, crop, pixels.shape[:2]).astype(np.float32)  # type: ignore[arg-type]
    else:
        lesion = segment(pixels)
    return pixels, measure_lesion(pixels, lesion)


def claims_of(case: Case, measurement: LesionMeasurement | None) -> list[ScoredClaim]:
    """How the picture was taken, what was measured, and what an expert saw."""
    claims = [ScoredClaim(Claim("modality", case.modality.value), 0.99)]
    if measurement is not None:
        claims += [ScoredClaim(Claim(c, v, p), s) for c, v, p, s in strongest(measurement)]
    if case.concepts and case.modality is Modality.DERMOSCOPY:
        named = [VALUES[code] for code in case.concepts if code in VALUES]
        claims += [ScoredClaim(Claim("structure", value), 0.8) for value in named]
    return [ScoredClaim(claim, round(share, 3)) for claim, share in claims]  # as the file keeps it


def collect(cases: Sequence[Case], segment: Segment, path: Path, workers: int = 2) -> dict[str, list[ScoredClaim]]:
    """Image claims of many cases, kept in a JSON Lines file; a second call reads them back.

    Keyed by "dataset/id". A killed run starts over at the cases that the journal lacks.
    """
    journal = path.with_suffix(".part")
    kept = read_evidence(journal)
    write_text(journal, "".join(_line(name, claims) for name, claims in kept.items()))  # without a torn last line
    done = read_evidence(path) | kept
    missing = [case for case in cases if key(case) not in done]
    with ThreadPoolExecutor(workers) as pool, journal.open("a", encoding="utf-8") as stream:
        for n, (case, claims) in enumerate(
            zip(missing, pool.map(lambda c: observed(c, segment), missing), strict=True), 1
        ):
            done[key(case)] = claims
            stream.write(_line(key(case), claims))
            if n % 500 == 0:
                log.info("evidence %d/%d", n, len(missing))
    write_text(path, "".join(_line(name, claims) for name, claims in sorted(done.items())))
    journal.unlink()
    return done


def feature_rows(
    cases: Iterable[Case], claims: Mapping[str, Sequence[ScoredClaim]]
) -> Iterable[tuple[str, set[vocabulary.Key], set[str]]]:
    """(diagnosis, claim keys, assessed concepts) of the cases with a diagnosis, for likelihoods.count_features.

    Size is left out: it is a share of the picture, which tells how close the camera was, not how large the lesion is.
    """
    for case in cases:
        if case.diagnosis is None or key(case) not in claims:
            continue
        keys = {c.claim.key for c in claims[key(case)] if c.claim.concept not in ("modality", "structure", "size")}
        yield case.diagnosis, keys, {concept for concept, _, _ in keys}


def _line(name: str, claims: Sequence[ScoredClaim]) -> str:
    return json.dumps({"case": name, "claims": [[*c.claim.key, c.support] for c in claims]}) + "\n"


def read_evidence(path: Path) -> dict[str, list[ScoredClaim]]:
    """What `collect` kept, by "dataset/id"; empty where there is no file."""
    found: dict[str, list[ScoredClaim]] = {}
    if path.exists():
        for line in path.read_text(encoding="utf-8").splitlines():
            try:
                entry = json.loads(line)
            except json.JSONDecodeError:  # the line that a kill cut short
                continue
            found[entry["case"]] = [ScoredClaim(Claim(c, v, p), s) for c, v, p, s in entry["claims"]]
    return found
