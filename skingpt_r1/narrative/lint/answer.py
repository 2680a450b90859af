"""Rules on the way to the answer: considered, one, reasoned, and not surer than its evidence."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final, NamedTuple

from skingpt_r1.knowledge.diagnoses import fold, lineage, preferred, table
from skingpt_r1.knowledge.weighing import SIGNS
from skingpt_r1.narrative.lint.registry import Given, Hit, Severity, rule
from skingpt_r1.narrative.lint.text import Sentence, Text
from skingpt_r1.narrative.scan import scan

_FINAL: Final = re.compile(
    r"\b(?:(?:final|definitive|ultimate|diagnostic|overall) (?:diagnos[ie]s|answer|conclusion|impression|verdict)"
    r"|(?:most|more) (?:likely|probable|logical) (?:\w+ )?(?:diagnosis|conclusion|candidate|cause)"
    r"|I (?:would )?conclude"
    r"|in (?:conclusion|summary)|to conclude|you have|this is therefore)\b",
    re.IGNORECASE,
)
_CONCLUDES: Final = re.compile(
    r"\b(?:most likely|consistent with|diagnosis (?:is|of)|strongly suggests?|suggests?|conclusion|points? to|"
    r"appears? to be|in keeping with|likely)\b",
    re.IGNORECASE,
)
_REJECTS: Final = re.compile(
    r"\b(?:over|than|not|unlike|from|exclud\w+|rul\w+ out|against|less|unlikely|no longer|instead of|mimic\w*|such as"
    r"|like|risk of|secondary to|associated with|due to|complicat\w+|history of|differential\w*|including"
    r"|consider\w*)\b[^,;]{0,40}$",
    re.IGNORECASE,
)
_NOT_THIS: Final = re.compile(
    r"\b(?:over|than|not|unlike|excluding|ruling out|against|versus|vs)\s+(?:\w+\s+){0,2}$", re.I
)
_GENERIC: Final = frozenset(
    re.findall(
        r"\w+",
        "disease diseases lesion lesions benign malignant skin cutaneous dermatitis syndrome acute chronic "
        "infection with possible probable likely other type vulgaris from this that consistent appears cancer "
        "keratosis tumor carcinoma nevus eczema most reaction condition of the and",
    )
)
_FINDING: Final = re.compile(
    r"\b(?:papul\w*|plaques?|macul\w*|patch(?:es|y)?|nodul\w*|vesic\w*|bullae?|bullous|blister\w*|pustul\w*|scal(?:e"
    r"|es|y|ing)"
    r"|crust\w*|ero(?:sion|ded|sions)|ulcer\w*|erythem\w*|red(?:dish|ness)?|pink(?:ish)?|brown(?:ish)?|black|white"
    r"|whitish"
    r"|yellow(?:ish)?|blue|bluish|grey|gray|purple|violaceous|tan|pale|dark|borders?|edges?|outline|rim|asymmetr\w*"
    r"|symmetr\w*"
    r"|raised|flat|smooth|rough|shiny|pearly|waxy|dry|dryness|crack\w*|fissur\w*|thick\w*|swelling|swollen|edema\w*"
    r"|vessels?"
    r"|telangiect\w*|pigment\w*|depigment\w*|hair|hairless|bald|atroph\w*|scar\w*|umbilicat\w*|annular|linear|clustered"
    r"|lichenif\w*|excoriat\w*|wheals?|hives|comedones?|network|globules|streaks|lines|dots|colou?rs?|areas|shape"
    r"|surface"
    r"|bleed\w*|itch\w*|growth|nail|pitting|diameter|mm|spots?|rash|lumps?|structure\w*|patterns?)\b",
    re.IGNORECASE,
)
_UNSEEN: Final = re.compile(
    r"\b(?:though|although|albeit)\s+(?:\w+ ){0,4}?(?:not|\w+n['’]t)\s+(?:explicitly |directly |clearly"
    r" |specifically )?(?:stated|described|mentioned|visible|shown|seen|noted|detailed|confirmed|specified)\b"
    r"|\(\s*(?:not|un)\s?(?:explicitly )?(?:stated|described|mentioned|visible|seen|specified)\s*\)"
    r"|\((?:likely |possibly )?(?:implied|inferred|assumed|presumed)[^)]{0,40}\)",
    re.IGNORECASE,
)
_AGAINST: Final = re.compile(
    r"\b(?:absence|less|unlikely|against|reduces?|no|lacks?|rules? out|argues)\b", re.IGNORECASE
)
_SURE: Final = re.compile(
    r"\b(?:definite(?:ly)?|(?<!more )definitively|certainly|undoubtedly|undeniabl[ey]|unquestionabl[ey]|indisputabl[ey]"
    r"|unequivocal(?:ly)?"
    r"|unmistakabl[ey]|conclusive(?:ly)?(?! diagnos)|irrefutabl[ey]|incontestabl[ey]|surely)\b"
    r"|\b(?:100|hundred)\s?(?:%|percent|per cent)(?:\s+(?:\w+ )?(?:sure|certain\w*|confiden\w*|accura\w*|probab\w*))"
    r"|\b(?:absolutely|completely|entirely|totally|quite) (?:sure|certain|clear|confident|excluded|ruled out)\b"
    r"|\b(?:is|am|are|be|becomes) certain\b(?! (?:features|signs|findings|types|conditions|things|areas))"
    r"|\b(?:with|complete|absolute|full|total) (?:\w+ )?certainty\b|\b(?:no|any|without a|beyond a) (?:\w+ )?doubt\b"
    r"|\bbeyond (?:\w+ )?(?:doubt|question|dispute)\b"
    r"|\bno other (?:diagnosis|explanation|disease|condition|possibility)\b[^.;]{0,20}\b(?:possible|left"
    r"|remains|explains?)\b"
    r"|\b(?:nothing|no) (?:else|other (?:explanation|diagnosis)) (?:is|seems) possible\b|\bcan be no other\b"
    r"|\bcan (?:only be|be nothing)\b|\b(?:it|this) must be\b|\bimpossible that\b|\bleaves? no (?:room|doubt"
    r"|question)\b"
    r"|\b(?:proves?|proof)\b(?! of concept)|\bneeds? no (?:further )?(?:confirmation|biopsy|test\w*)\b"
    r"|\bguarantee[ds]?\b"
    r"|\bconfirm(?:s|ed|ing) (?:the |this |a |that |our )?diagnosis\b|\bconclusion is (?:clear|certain)\b"
    r"|\b(?:every|all|any) (?:other |alternative)\w* (?:is|are|can be) (?:\w+ )?(?:excluded|ruled out)\b",
    re.IGNORECASE,
)
_UNSURE: Final = re.compile(
    r"\b(?:not|cannot|\w+n['’]t|never|no (?:means|picture|photo\w*|image|longer|finding)|nobody|hardly|less"
    r"|without (?!any|a\b)"
    r"|some|until|before|if|whether|would|could|may|might|should|will|need\w*|requir\w*|biops\w*|histolog\w*|test\w*"
    r"|to be"
    r"|alone can|for|challenging|difficult|hard|remain\w*|patholog\w*|examination|microscop\w*|how|order to"
    r"|recommend\w*|further|culture\w*"
    r"|consult\w*)\b",
    re.IGNORECASE,
)
_FEWEST: Final = 2  # findings that a conclusion rests on
_STRONG: Final = ("high", "moderate")


class Conclusion(NamedTuple):
    """A final diagnosis: its preferred name (None where unknown), as written, and where."""

    name: str | None
    written: str
    start: int
    end: int


def conclusions(text: Text) -> list[Conclusion]:
    """What the text answers, in its order: every name of an <answer>, the first name after a concluding phrase."""
    found: list[Conclusion] = []
    for i, sentence in enumerate(text.sentences):
        if sentence.block == "answer":
            if i == 0 or text.sentences[i - 1].block != "answer" or _tag_between(text, i):
                found += _answered(sentence)
        elif sentence.block not in ("observation", "category"):
            cue = _FINAL.search(sentence.text)
            for m in text.mentions[i] if cue and not sentence.text.endswith("?") else ():
                if sentence.text[m.end : m.end + 5] == "-like" or m.diagnosis in SIGNS:
                    continue  # "points with its telangiectasia to rosacea" answers one thing
                between = sentence.text[cue.end() : m.start] if cue else ""
                if m.diagnosis and cue and m.start >= cue.end() and not _REJECTS.search(between) and len(between) < 120:
                    span = (sentence.start + m.start, sentence.start + m.end)
                    found.append(Conclusion(m.diagnosis, sentence.text[m.start : m.end], *span))
                    break
    return found


def _tag_between(text: Text, i: int) -> bool:
    return "<" in text.raw[text.sentences[i - 1].end : text.sentences[i].start]


def _answered(sentence: Sentence) -> Iterator[Conclusion]:
    cell = sentence.text.split("|")[0]
    named = [] if preferred(cell) else [m for m in scan(cell) if m.diagnosis]
    named = [m for m in named if not _NOT_THIS.search(cell[max(0, m.start - 60) : m.start])]
    for m in named:
        yield Conclusion(m.diagnosis, cell[m.start : m.end], sentence.start + m.start, sentence.start + m.end)
    written = cell.strip(" .*")
    if not named and written and len(written) <= 80:
        yield Conclusion(preferred(cell), written, sentence.start, sentence.start + len(cell.rstrip()))


def related(a: str, b: str) -> bool:
    """Whether one diagnosis is a kind of the other, or the same."""
    if a not in table() or b not in table():
        return fold(a) == fold(b)
    alike = table()[a].family[:2] == table()[b].family[:2] == ("inflammatory", "eczematous")
    alike = alike or table()[a].family == table()[b].family or (a.split()[0] == b.split()[0] == "tinea")
    return alike or a in lineage(b) or b in lineage(a)


@rule(
    "diagnosis-not-considered",
    Severity.WARNING,
    "Psoriasis has scale, eczema oozes. <think></think><answer>scabies | low | soon</answer>",
)
def diagnosis_not_considered(text: Text, given: Given) -> Iterator[Hit]:
    """The final diagnosis is not among the hypotheses that the text weighs.

    Silent where the text weighs none.
    """
    answers = conclusions(text)
    if not answers:
        return
    final = answers[-1]
    if text.structured:
        weighed = {h.diagnosis for h in text.narrative.hypotheses}
        words = fold(text.block("differential"))
    else:
        others = [s for s in text.sentences if not s.start <= final.start < s.end and s.block != "answer"]
        where = [i for i, s in enumerate(text.sentences) if s in others]
        weighed = {m.diagnosis for i in where for m in text.mentions[i] if m.diagnosis}
        words = fold(" ".join(s.text for s in others))
    if not weighed or any(related(final.name or final.written, w) for w in weighed if w):
        return
    telling = [w for w in re.findall(r"\w{4,}", fold(final.written)) if w not in _GENERIC]
    if final.name is None and any(w[:6] in words for w in telling):
        return
    yield Hit(final.start, final.end, "answered, but not among the hypotheses")


@rule(
    "several-answers",
    Severity.ERROR,
    "<think>Scale.</think><answer>psoriasis | high | soon</answer><answer>scabies | low | soon</answer>",
)
def several_answers(text: Text, given: Given) -> Iterator[Hit]:
    """The text ends in more than one final diagnosis."""
    answers = conclusions(text)
    for i, later in enumerate(answers[1:], 1):
        for earlier in answers[:i]:
            same = related(later.name or later.written, earlier.name or earlier.written)
            if not same and (later.name or earlier.name):
                yield Hit(later.start, later.end, f"another answer was {earlier.written!r}")
                break


@rule("no-evidence", Severity.WARNING, "I looked with care. The diagnosis is rosacea. See a doctor soon.")
def no_evidence(text: Text, given: Given) -> Iterator[Hit]:
    """The decisive claim has nothing behind it: never observed, admitted to be unseen, or no finding named at all."""
    n = text.narrative
    if text.structured:
        seen = {m.key for i, s in enumerate(text.sentences) if s.block == "observation" for m in text.mentions[i]}
        deciding = {n.claims[position].key for position in n.deciding} - seen
        for i, sentence in enumerate(text.sentences):
            for m in text.mentions[i] if sentence.block == "synthesis" else ():
                if m.key in deciding:
                    yield Hit(sentence.start + m.start, sentence.start + m.end, "decides, but was never observed")
        own = [h for h in n.hypotheses if h.diagnosis == n.diagnosis]
        if n.confidence in _STRONG and own and not n.deciding and not any(h.speaks_for for h in own):
            yield _at_confidence(text, "nothing in the text speaks for this answer")
        return
    for sentence, match in text.matches(_UNSEEN):
        if not (sentence.of_disease or _AGAINST.search(sentence.text)) and _FINDING.search(sentence.text):
            yield Hit(sentence.start + match.start(), sentence.start + match.end(), "counted as evidence, but not seen")
    if len(_findings(text)) < _FEWEST:
        for i, sentence in enumerate(text.sentences):
            if any(m.diagnosis for m in text.mentions[i]) and _CONCLUDES.search(sentence.text):
                yield Hit(sentence.start, sentence.end, "concludes without naming a finding")
                break


def _findings(text: Text) -> set[str]:
    return {m.group().lower() for m in _FINDING.finditer(text.raw)}


def _at_confidence(text: Text, message: str) -> Hit:
    answer = next(s for s in text.sentences if s.block == "answer")
    start = answer.text.lower().find((text.narrative.confidence or "").lower())
    return Hit(answer.start + start, answer.start + start + len(text.narrative.confidence or ""), message)


@rule("overconfidence", Severity.WARNING, "This is definitely benign, I am 100 % sure.")
def overconfidence(text: Text, given: Given) -> Iterator[Hit]:
    """Surer than a picture allows: "definitely", "100 %", "certain", or high confidence without a reason."""
    for sentence, match in text.matches(_SURE):
        left, right = sentence.clause(match.start(), match.end())
        inside = match.group().lower().startswith(("no ", "nothing", "needs", "need ", "leave", "impossible", "can "))
        before, after = sentence.text[left : match.start()], sentence.text[match.end() : right]
        if inside or not (_UNSURE.search(before) or _UNSURE.search(after[:60])):
            yield Hit(sentence.start + match.start(), sentence.start + match.end(), "a picture cannot make it certain")
    n = text.narrative
    own = [h for h in n.hypotheses if h.diagnosis == n.diagnosis]
    if text.structured:
        groundless = bool(own) and not n.deciding and not any(h.speaks_for for h in own)
    else:
        groundless = len(_findings(text)) < _FEWEST
    if n.confidence == "high" and groundless:
        yield _at_confidence(text, "high confidence, but nothing speaks for the answer")
