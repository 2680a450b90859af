"""What nobody can judge: a picture that shows no lesion, a text that is none or in no language that we know.

The rule for language is crude: English is what holds English function words and the words of our own vocabulary,
rubric and knowledge. Measured on 6,000 narratives of a build (share of such words 0.54 at least), 3,657 texts of
DermBench (0.40 at least) and samples in eleven other languages (0.13 at most), so that shorthand passes too.
"""

from __future__ import annotations

import functools
import re
import unicodedata
from pathlib import Path
from typing import Final

from skingpt_r1.dermeval.rubric import rubric
from skingpt_r1.images.quality import check_quality
from skingpt_r1.images.reading import read_photo, shown
from skingpt_r1.knowledge.diagnoses import table
from skingpt_r1.narrative import vocabulary
from skingpt_r1.records import CaseError

LONGEST_TEXT: Final = 1_000_000  # characters
LEAST_LETTERS: Final = 20
LEAST_KNOWN: Final = 0.25  # share of the words
_READ: Final = 20_000  # characters that are looked at; a language does not change after ten pages
_WORD: Final = re.compile(r"[^\W\d_]+")
_FUNCTION_WORDS: Final = (
    "about above after again all also although and any are around as at be because been before being below between "
    "both but by can cannot could does during each either for from had has have having here how however if into is "
    "it its itself may might more most must neither nor not of off on once only or other our out over own rather "
    "same should since some such than that the their them then there therefore these they this those through to too "
    "under until up very was we were what when where whether which while who whose why will with within without "
    "would you your"
)


def check_text(text: str) -> None:
    """Raises CaseError, one sentence, for what cannot be judged."""
    if not text.strip():
        raise CaseError("the text is empty.")
    if len(text) > LONGEST_TEXT:
        raise CaseError(f"the text has {len(text):,} characters, the limit is {LONGEST_TEXT:,}.")
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        raise CaseError("the text holds half of a character pair, which no model can read.") from None
    words = _words(text[:_READ])
    if (letters := sum(map(len, words))) < LEAST_LETTERS:
        raise CaseError(f"cannot judge: the text has {letters} letters, fewer than a finding needs.")
    known = sum(word in _known_words() for word in words) / len(words)
    if known < LEAST_KNOWN:
        raise CaseError(
            f"cannot judge: {known:.0%} of the words are English that DermEval knows; it reads English only."
        )


def check_picture(path: Path) -> None:
    """Raises CaseError, one sentence, where there is no picture or none that shows a lesion."""
    report = check_quality(read_photo(path).pixels)
    if not report.usable:
        raise CaseError(f"cannot judge: {shown(path)}: {report.issues[0].advice}")


def _words(text: str) -> list[str]:
    """Lower case, without what only looks like letters or hides between them. A Chinese character is a word."""
    plain = "".join(c for c in unicodedata.normalize("NFKC", text).lower() if unicodedata.category(c) != "Cf")
    return [word for run in _WORD.findall(plain) for word in ([run] if ord(max(run)) < 0x2E80 else run)]


@functools.cache
def _known_words() -> frozenset[str]:
    said = [phrase for phrases in (*vocabulary.WRITINGS.values(), *vocabulary.READINGS.values()) for phrase in phrases]
    said += [" ".join((d.question, *d.anchors, d.earns, d.loses)) for d in rubric().dimensions]
    said += [" ".join((row.name, *row.family, *(flag.text for flag in row.red_flags))) for row in table().values()]
    return frozenset(_words(_FUNCTION_WORDS)) | {word for word in _words(" ".join(said)) if len(word) > 2}
