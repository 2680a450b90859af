"""From a built corpus to a shipped evaluator: look, supervise, SOREB, fit the margins; each part resumes.

runs/dermeval/supervised   first stage, a run folder
runs/dermeval/soreb        second stage, a run folder
runs/dermeval/dermeval.safetensors, dermeval.json   what ships: adapters with the diagnosis head; margins
"""

from __future__ import annotations

import hashlib
import logging
import random
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path

import torch

from skingpt_r1.dermeval import conformal
from skingpt_r1.dermeval.degrade.apply import degraded, sound
from skingpt_r1.dermeval.degrade.styles import HELD_OUT_STYLE, STYLES
from skingpt_r1.dermeval.degrade.subject import Pool, Subject, certified, styled, subjects
from skingpt_r1.dermeval.firstlook import FirstLook, fit_first_look
from skingpt_r1.dermeval.naming import Naming, fit_naming
from skingpt_r1.dermeval.reader import Reader, Senses
from skingpt_r1.dermeval.saved import MARGINS, SHIPPED, save
from skingpt_r1.dermeval.sight import SightCache
from skingpt_r1.dermeval.training.config import EvalConfig
from skingpt_r1.dermeval.training.lessons import Lessons, kept_aside, pictures, trained_kinds
from skingpt_r1.dermeval.training.soreb import soreb
from skingpt_r1.dermeval.training.supervised import Draw, supervise
from skingpt_r1.distill.data import read_pixels
from skingpt_r1.distill.features import FeatureCache
from skingpt_r1.models.diagnose import ADAPTERS
from skingpt_r1.models.embedded import Embedded, load_adapter, visual_digest
from skingpt_r1.models.language import EMBEDDED
from skingpt_r1.models.segmenter import frozen_encoder
from skingpt_r1.models.weights import load_named, save_named
from skingpt_r1.records import SkinGPTError

log = logging.getLogger(__name__)
_BATCH = 64
_PROBES = 600  # narratives that the margins are fitted on


@dataclass(frozen=True)
class Course:
    """What a training starts from. reader: without LoRA's training, with its first look. lessons: what steps draw.

    aside: the texts with pictures that no step is shown. digest: of all the texts, and of the backbone.
    """

    reader: Reader
    lessons: Lessons
    aside: list[Subject]
    digest: str


def train(
    config: EvalConfig,
    corpora: Sequence[Path],
    free: Path | None,
    runs: Path,
    resume: bool,
    human: Mapping[str, Sequence[float]] | None = None,
    adapters: Path = ADAPTERS,
    backbone: str = EMBEDDED,
) -> Path:
    """Returns the adapter file; the arguments are those of `course`. Raises SkinGPTError."""
    start = course(config, corpora, free, runs, human, adapters, backbone)
    out, reader, lessons = runs / "dermeval", start.reader, start.lessons
    supervise(config, reader, lessons.draw, start.digest, out / "supervised", resume)
    if config.soreb_steps:
        soreb(config, reader, second_draw(config, lessons), start.digest, out / "soreb", resume)
    fitted = margins_of(reader, probes(start.aside, random.Random(config.seed)), lessons)
    metadata = {"sees": visual_digest(adapters / "writer.safetensors"), "data": start.digest, "config": asdict(config)}
    save(reader, lessons.naming, out / SHIPPED, metadata)
    conformal.save(out / MARGINS, *fitted)
    log.info("wrote %s", out / SHIPPED)
    return out / SHIPPED


def course(
    config: EvalConfig,
    corpora: Sequence[Path],
    free: Path | None,
    runs: Path,
    human: Mapping[str, Sequence[float]] | None = None,
    adapters: Path = ADAPTERS,
    backbone: str = EMBEDDED,
) -> Course:
    """Reads the texts, looks at the pictures, fits what is fitted at once; cached in `runs`. Raises SkinGPTError.

    corpora: folders of `skingpt dermcot build`; several tell the same cases otherwise. free: JSON Lines of texts by
    others. human: people's scores by the text that they scored; such texts are learnt from whatever their split (but
    test). backbone: as `open_backbone` takes it; the senses stay those of the embedded scale.
    """
    torch.manual_seed(config.seed)  # LoRA begins with random numbers
    senses = Senses(**{f.name: getattr(config, f.name) for f in fields(Senses)})
    reader = Reader(senses, backbone)
    told = [subject for folder in corpora for subject in subjects(folder / "corpus.jsonl")]
    others = list(certified(free)) if free is not None else []
    scored = {s.id: human[s.text] for s in told if s.text in human} if human else {}
    log.info("people scored %d of the corpus' texts", len(scored))
    val = [s for s in told if s.image is not None and (s.split == "val" or (s.split == "train" and s.id in scored))]
    naming = naming_of([s for s in told if s.split == "train"], runs, adapters)
    sights = SightCache(runs / "sights", adapters, reader.language).get(pictures(val))
    ours, theirs = ([s for s in texts if not kept_aside(s)] for texts in (val, others))
    lessons = Lessons(config, ours, theirs, sights, naming, scored)
    digest = " ".join(filter(None, (_digest([*told, *others]), reader.language.digest)))
    if senses.counts:
        reader.first = first_look_of(reader, lessons, digest, runs / "firstlooks")
    return Course(reader, lessons, [s for s in val if kept_aside(s)], digest)


def first_look_of(reader: Reader, lessons: Lessons, digest: str, folder: Path) -> FirstLook:
    """The network fitted on `first_groups` groups of the lessons, or the one that was fitted on the same before."""
    config = lessons.config
    drawn = {n: v for n, v in asdict(config).items() if n.endswith("_share") or n in ("seed", "group", "first_groups")}
    path = folder / f"{hashlib.sha256(repr((digest, drawn, reader.senses)).encode()).hexdigest()[:24]}.safetensors"
    if path.exists():
        return FirstLook(*load_named(path))
    counted: list[dict[str, float]] = []
    scores: list[tuple[int, ...]] = []
    for place, group in enumerate(lessons.groups(config.first_groups), 1):
        counted += [reader.counted(example.question) for example in group]
        scores += [example.critique.scores for example in group]
        if place % 250 == 0:
            log.info("first look: counted %d/%d cases", place, config.first_groups)
    look = fit_first_look(counted, scores, config.seed)
    save_named(path, look.names, look.tensors)
    return look


def second_draw(config: EvalConfig, lessons: Lessons) -> Draw:
    """Other examples than those of the first stage."""
    return lambda step: lessons.draw(config.steps + step)


def naming_of(train: Sequence[Subject], runs: Path, adapters: Path) -> Naming:
    """The diagnosis head, fitted on the writer's embedding of the training pictures, seen once each; cached."""
    rows = {s.image: s.diagnosis for s in train if s.image is not None and s.diagnosis is not None}
    if len(set(rows.values())) < 2:
        raise SkinGPTError("the corpus has no training rows of two diagnoses; build it from labelled pictures.")
    made_of = repr((visual_digest(adapters / "writer.safetensors"), sorted(rows.items())))
    path = runs / "naming" / f"{hashlib.sha256(made_of.encode()).hexdigest()[:24]}.safetensors"
    if not path.exists():
        naming = _fitted(rows, runs / "features", adapters)
        save_named(path, naming.names, naming.tensors)
    return Naming(*load_named(path))


def _fitted(rows: Mapping[str, str], folder: Path, adapters: Path) -> Naming:
    """rows: diagnosis by picture. folder: of the frozen encoder's features."""
    cache = FeatureCache(folder, list(rows), copies=0)
    if not cache.complete():
        cache.build(frozen_encoder(), read_pixels)
    maps = cache.load()[:, 0]
    seer = Embedded(language=False).eval()
    load_adapter(seer, adapters / "writer.safetensors")
    with torch.inference_mode():
        parts = [
            seer.look(maps[i : i + _BATCH].float().contiguous(memory_format=torch.channels_last)).embed
            for i in range(0, len(rows), _BATCH)
        ]
    return fit_naming(torch.cat(parts).clone(), list(rows.values()))


Probe = tuple[Subject, list[tuple[str, int]]]


def probes(aside: Sequence[Subject], rng: random.Random) -> list[Probe]:
    """What the margins are fitted on: texts in the trained styles, each sound or with one damage of a trained kind."""
    styles = [s for s in STYLES if s != HELD_OUT_STYLE]
    made: list[Probe] = []
    for subject in rng.sample(list(aside), len(aside)) * 8:
        if len(made) == _PROBES:
            break
        kind = rng.choice([None, *trained_kinds()])
        damages = [] if kind is None else [(kind.name, rng.choice(kind.severities))]
        made.append((styled(subject, rng.choice(styles), rng.randrange(2**31)), damages))
    return made


def margins_of(reader: Reader, made: Sequence[Probe], lessons: Lessons) -> tuple[dict[str, float], int]:
    """Margins, and how many texts they rest on; damages that a text does not admit are passed over."""
    pool, rng = Pool([s for s, _ in made]), random.Random(0)
    questions, targets = [], []
    for subject, damages in made:
        done = degraded(subject, damages, rng, pool) if damages else sound(subject)
        if done is not None and done.image is not None:
            questions.append(lessons.question(done))
            targets.append(done.scores)
    answers = []
    for start in range(0, len(questions), _BATCH // 4):
        answers += reader.answer(questions[start : start + _BATCH // 4], critiques=False)
        log.info("margins: judged %d/%d", len(answers), len(questions))
    return conformal.margins([a.scores for a in answers], targets), len(answers)


def _digest(told: Sequence[Subject]) -> str:
    """Of every text and picture that may be drawn."""
    digest = hashlib.sha256()
    for s in told:
        text = hashlib.sha256(s.text.encode()).hexdigest()[:16]
        digest.update(f"{s.id} {s.split} {s.diagnosis} {s.image is None} {text}\n".encode())
    return digest.hexdigest()[:16]
