"""The shipped DermEval as a judge: looks at the picture, reads the text, answers with scores and intervals.

judge = Evaluator.load()
judge.judge([Submission("1", Path("photo.jpg"), text)])[0].assessment
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Final

from skingpt_r1.dermeval import conformal
from skingpt_r1.dermeval.critique import assessment
from skingpt_r1.dermeval.judging import Judgement, Submission
from skingpt_r1.dermeval.naming import Naming
from skingpt_r1.dermeval.reader import Question, Reader
from skingpt_r1.dermeval.rubric import DIMENSIONS
from skingpt_r1.dermeval.saved import MARGINS, SHIPPED, load
from skingpt_r1.dermeval.sight import Eye, Sight
from skingpt_r1.images.reading import read_photo
from skingpt_r1.models.diagnose import ADAPTERS
from skingpt_r1.models.embedded import visual_digest
from skingpt_r1.records import CaseError, SkinGPTError
from skingpt_r1.sources.streams import sha256_of

_REMEMBERED: Final = 256  # sights of the last pictures: one is often judged with several texts
_TOGETHER: Final = 16  # narratives read at once; more need memory and gain nothing on two cores


class Evaluator:
    """Reader, eye and margins. Loading takes seconds; keep one and reuse it.

    critiques: False for the scores alone, which are the same and come sooner; the critique is then empty.
    """

    def __init__(
        self,
        reader: Reader,
        naming: Naming,
        eye: Eye,
        margins: Mapping[str, float],
        version: str,
        critiques: bool = True,
    ) -> None:
        self.reader, self.naming, self.eye, self.margins = reader, naming, eye, margins
        self.name, self.critiques = f"dermeval {version}", critiques
        self._sights: OrderedDict[tuple[str, int], Sight] = OrderedDict()

    @classmethod
    def load(
        cls,
        folder: Path = ADAPTERS,
        adapters: Path = ADAPTERS,
        backbone: str | None = None,
        critiques: bool = True,
    ) -> Evaluator:
        """folder: where the evaluator is. adapters: the writer's, whose visual branch it was trained on.

        backbone: where that of the evaluator is now, None: where it was when the evaluator was trained.

        Raises SkinGPTError on a missing or corrupt file, and where the two do not belong together.
        """
        reader, naming, metadata = load(folder / SHIPPED, backbone)
        if metadata.get("sees") != visual_digest(adapters / "writer.safetensors"):
            raise SkinGPTError(
                f"{folder / SHIPPED}: was trained on another visual branch than {adapters / 'writer.safetensors'}. "
                "Reinstall, or train it again: skingpt dermeval train."
            )
        version = sha256_of(folder / SHIPPED)[:12]
        return cls(reader, naming, Eye(adapters, reader.language), conformal.load(folder / MARGINS), version, critiques)

    def judge(self, submissions: Sequence[Submission]) -> list[Judgement]:
        """One for each, in order. Raises CaseError for a picture or a text that cannot be judged, naming it."""
        questions = [self._question(s) for s in submissions]
        return [
            judgement
            for start in range(0, len(questions), _TOGETHER)
            for judgement in self._answered(questions[start : start + _TOGETHER])
        ]

    def _question(self, submission: Submission) -> Question:
        sight = Sight() if submission.image is None else self._look(submission.image)
        question = Question(submission.text, submission.history, sight, self.naming.of(sight))
        if fault := self.reader.refuses(question):
            raise CaseError(f"{submission.id}: {fault}")
        return question

    def _look(self, image: Path) -> Sight:
        key = (str(image), image.stat().st_mtime_ns if image.exists() else 0)
        if (known := self._sights.get(key)) is not None:
            return known
        seen = self._sights[key] = self.eye.look(read_photo(image))
        if len(self._sights) > _REMEMBERED:  # another thread may have dropped this one by now
            self._sights.popitem(last=False)
        return seen

    def _answered(self, questions: Sequence[Question]) -> list[Judgement]:
        judgements = []
        for question, answer in zip(questions, self.reader.answer(questions, self.critiques), strict=True):
            pairs = zip(answer.scores, DIMENSIONS, strict=True)
            told = assessment(answer.remarks, [round(score, 3) for score in answer.scores])
            judgements.append(
                Judgement(
                    assessment=told if self.critiques else replace(told, critique=""),
                    remarks=answer.remarks,
                    intervals=tuple(conformal.interval(score, self.margins[name]) for score, name in pairs),
                    evidence=self.reader.told(question),
                )
            )
        return judgements
