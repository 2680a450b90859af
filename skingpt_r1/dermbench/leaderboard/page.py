"""The leaderboard as HTML that needs nothing else: no script, no font, no request; and a page a case beside it.

Texts, names, critiques and references are untrusted: Jinja escapes all of it, hidden characters are spelled out, a
content security policy forbids whatever would slip through, and pictures are encoded afresh without metadata. Pages are
written one at a time, so that memory stays flat however many cases there are.
"""

from __future__ import annotations

import base64
import binascii
import functools
import hashlib
import json
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from jinja2 import ChoiceLoader, Environment, PackageLoader, StrictUndefined
from markupsafe import Markup
from PIL import Image

from skingpt_r1.dermbench.leaderboard import words
from skingpt_r1.dermbench.leaderboard.standing import Board, verdict
from skingpt_r1.dermbench.reading import CaseOf, Runs
from skingpt_r1.dermbench.statistics import LEAST
from skingpt_r1.dermeval.agreement import Estimate
from skingpt_r1.dermeval.raters import MEAN
from skingpt_r1.dermeval.rubric import HIGHEST, rubric
from skingpt_r1.images.reading import decode_photo, read_photo
from skingpt_r1.narrative.report import one_line
from skingpt_r1.narrative.report_html import data_uri
from skingpt_r1.records import CaseError
from skingpt_r1.sources.streams import write_text

_SIDE: Final = 320  # pixels of a case's picture
_BAR: Final = (96, 16)  # pixels
_DOT: Final = 5  # pixels, half of a dot, which stands out at either end


def write_pages(runs: Runs, boards: Sequence[Board], out: Path, title: str = "Leaderboard", cases: bool = True) -> int:
    """Write OUT.html and, beside it, OUT-cases/ with a page a case. Returns how many pages there are."""
    folder = out.with_name(f"{out.stem}-cases")
    write_text(out, _board_page(runs, boards, title, f"{folder.name}/index.html" if cases else ""))
    if not cases:
        return 1
    keys = sorted(runs.cases)
    links = [_file_name(key) for key in keys]
    judge = boards[0].judge if boards else ""
    write_text(folder / "index.html", _index_page(runs, keys, links, judge, f"../{out.name}"))
    for place, key in enumerate(keys):
        beside = links[place - 1] if place else "", links[place + 1] if place + 1 < len(links) else ""
        write_text(folder / links[place], _case_page(runs, runs.cases[key], beside, f"../{out.name}"))
    return len(keys) + 2


def _board_page(runs: Runs, boards: Sequence[Board], title: str, index: str) -> str:
    return _render(
        "leaderboard.html",
        title=title,
        boards=boards,
        names=words.names(),
        cases=len(runs.cases),
        groups=len({case.group for case in runs.cases.values()}),
        systems=sum(not run.control for run in runs.systems),
        controls=sum(run.control for run in runs.systems),
        logs=runs.logs,
        least=LEAST,
        reading=words.READING,
        index=index,
    )


def _index_page(runs: Runs, keys: Sequence[str], links: Sequence[str], judge: str, board: str) -> str:
    rows = []
    for key, link in zip(keys, links, strict=True):
        told = [verdict(run.written.get(key), judge).scores for run in runs.systems]
        rows.append((runs.cases[key], link, [None if scores is None else scores[MEAN] for scores in told]))
    return _render("cases.html", title="All cases", rows=rows, systems=runs.systems, judge=judge, board=board)


def _case_page(runs: Runs, case: CaseOf, beside: tuple[str, str], board: str) -> str:
    try:
        picture, why = _picture(case.image), ""
    except CaseError as error:
        picture, why = "", f"The picture cannot be shown: {error}"
    return _render(
        "case.html",
        title=f"Case {case.id}",
        case=case,
        picture=picture,
        no_picture=why or "The logs name no picture.",
        told=json.dumps(case.history, ensure_ascii=False) if case.history else "",
        texts=[(run, run.written.get(case.id)) for run in runs.systems],
        judges=runs.judges,
        names={d.key: d.name for d in rubric().dimensions},
        before=beside[0],
        after=beside[1],
        board=board,
    )


def _picture(image: str | None) -> str:
    """As a data URI, empty where none is named. Raises CaseError where it cannot be read."""
    if image is None:
        return ""
    if image.startswith(("http://", "https://")):
        raise CaseError("it is a URL, and pictures are not fetched.")
    if image.startswith("data:"):
        try:
            photo = decode_photo(base64.b64decode(image.partition(",")[2], validate=True), "picture")
        except binascii.Error as error:
            raise CaseError(f"it is no base64 ({error}).") from error
    else:
        photo = read_photo(Path(image.removeprefix("file://")))
    return data_uri(Image.fromarray(photo.pixels), _SIDE)


def _file_name(key: str) -> str:
    """A name that any file system takes and that no other case has."""
    plain = re.sub(r"[^A-Za-z0-9-]+", "-", key).strip("-")[:40] or "case"
    return f"{plain}-{hashlib.sha256(key.encode('utf-8', 'replace')).hexdigest()[:8]}.html"


def _render(template: str, **told: object) -> str:
    return _environment().get_template(template).render(notice=words.NOTICE, mean=MEAN, **told)


@functools.cache
def _environment() -> Environment:
    environment = Environment(
        loader=ChoiceLoader([PackageLoader("skingpt_r1.dermbench.leaderboard"), PackageLoader("skingpt_r1.narrative")]),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(
        line=one_line, lines=_lines, value=words.value, range=words.interval, place=words.place, places=words.places,
        seconds=words.seconds, count=words.count, money=words.money, bar=_bar,
    )  # fmt: skip
    return environment


def _lines(text: str) -> str:
    return "\n".join(one_line(line) for line in text.splitlines())


def _bar(told: Estimate) -> Markup:
    """The mean as a dot and its interval as a line on the scale from 0 to 5; the numbers stand beside it."""
    width, height = _BAR
    if told.value is None:
        return Markup("")
    x, middle = width * told.value / HIGHEST, height / 2
    line = Markup("")
    if told.low is not None and told.high is not None:
        line = Markup('<line class="range" x1="{:.1f}" x2="{:.1f}" y1="{}" y2="{}"/>').format(
            _DOT + width * told.low / HIGHEST, _DOT + width * told.high / HIGHEST, middle, middle
        )
    return Markup(
        '<svg width="{whole}" height="{h}" viewBox="0 0 {whole} {h}" aria-hidden="true">'
        '<rect class="track" x="{r}" y="{y}" width="{w}" height="4" rx="2"/>{line}'
        '<circle class="dot" cx="{x:.1f}" cy="{m}" r="{r}"/></svg>'
    ).format(whole=width + 2 * _DOT, w=width, h=height, r=_DOT, y=middle - 2, line=line, x=_DOT + x, m=middle)
