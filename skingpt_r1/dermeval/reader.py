"""DermEval, the evaluator: reads (picture, history, narrative), writes six scores and a critique.

The language model is a frozen backbone with LoRA of its own. The embedded one, SmolLM2, shares with the writer the
weights and what the visual branch says of a picture, and nothing that was trained on words; a Qwen2.5-VL looks at
the picture itself. The text that is judged is data: special tokens, invisible characters and our own marks are taken
out before it is read.

Before it reads, a first look (`firstlook`) says how likely each score is by what can be counted, and these
probabilities are multiplied into the model's own where it writes a score. A reported score is the mean of the product
over 0 .. 5, so that two narratives of the same whole score can still be told apart.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final

import torch
from torch import Tensor, nn

from skingpt_r1.dermeval.counts import checked_counts, known_counts, picture_counts, rule_counts, told_counts
from skingpt_r1.dermeval.critique import Remark, parse_remarks, scores_text
from skingpt_r1.dermeval.evidence import lines
from skingpt_r1.dermeval.facts import known_lines, rule_lines
from skingpt_r1.dermeval.firstlook import FirstLook
from skingpt_r1.dermeval.grammar import MOST_WRITTEN, Grammar, Outlook
from skingpt_r1.dermeval.rubric import DIMENSIONS
from skingpt_r1.dermeval.sight import Sight
from skingpt_r1.models.backbones import Backbone, open_backbone
from skingpt_r1.models.language import EMBEDDED
from skingpt_r1.models.prompts import Prompt, padded
from skingpt_r1.narrative.parse import parse
from skingpt_r1.narrative.question import history_text
from skingpt_r1.records import History, SkinGPTError

RANK: Final = 8
MOST_TOKENS: Final = 1200  # of a narrative
POINTS: Final = tuple(range(6))
_BEFORE: Final = "<|im_start|>user\n"
_AFTER: Final = "{history}\n{evidence}\nNarrative:\n{text}<|im_end|>\n<|im_start|>assistant\n"
OPENING: Final = "[scores]"
HEADING: Final = "[critique]"


@dataclass(frozen=True, slots=True)
class Senses:
    """What may feed the evaluator beside the text; each can be taken away to see what it adds."""

    words: bool = field(default=True, metadata={"help": "the visual branch's soft words, or the backbone's own"})
    naming: bool = field(default=True, metadata={"help": "the diagnosis head's answer"})
    checks: bool = field(default=True, metadata={"help": "each claim checked by measurement and history"})
    rules: bool = field(default=True, metadata={"help": "the rules of lint that the text breaks"})
    known: bool = field(default=True, metadata={"help": "what is known of the named diagnosis and its findings"})
    counts: bool = field(default=True, metadata={"help": "a first look's scores by what these senses count"})


@dataclass(frozen=True)
class Question:
    """One narrative to judge, with what is seen of its picture. naming: by diagnosis, empty without a picture."""

    text: str
    history: History
    sight: Sight
    naming: Mapping[str, float]


@dataclass(frozen=True)
class Asked(Prompt):
    """A question as the model reads it. outlook: the first look's log probabilities [6, 6], None without one."""

    outlook: Tensor | None = None


@dataclass(frozen=True, slots=True)
class Answer:
    """scores: 0..5 in the rubric's order, not rounded. written: the model's own text."""

    remarks: tuple[Remark, ...]
    scores: tuple[float, ...]
    written: str


# Cyrillic and Greek letters that look Latin (after Unicode's UTS #39): an English text has no use for them.
_LATIN: Final = str.maketrans(
    "аеорсхуіјѕԁһАВЕКМНОРСТХІЈЅαορτυικνΑΒΕΖΗΙΚΜΝΟΡΤΥΧ", "aeopcxyijsdhABEKMHOPCTXIJSaoptuiknABEZHIKMNOPTYX"
)
_UNREAD: Final = ("Cf", "Cc", "Co", "Cs", "Mn")  # formatting, control, private, half a pair; accents


def plain(text: str) -> str:
    """The text as it may be read: no invisible characters or look-alikes, none of the marks of prompt and answer."""
    seen = unicodedata.normalize("NFKD", text).translate(_LATIN)
    seen = "".join(c for c in seen if c in "\n\t" or unicodedata.category(c) not in _UNREAD)
    seen = re.sub(r"<!--.*?(-->|$)", " ", seen, flags=re.DOTALL)
    seen = re.sub(r"<\|.*?\|>", " ", seen)
    return re.sub(r"\[\s*(critique|scores)\s*\]", " ", seen, flags=re.IGNORECASE).strip()


def remarks_of(written: str) -> tuple[Remark, ...]:
    """The remarks of an answer in the form of the grammar."""
    return parse_remarks(written.partition(f"\n{HEADING}")[2].strip().removesuffix("."))


class Reader(nn.Module):
    """The language model and what it is asked. Trained and used through the same prompts.

    first: the first look, None before it has been fitted. backbone: as `open_backbone` takes it. Raises SkinGPTError
    where it is missing, or cannot write our scores.
    """

    def __init__(self, senses: Senses | None = None, backbone: str = EMBEDDED, rank: int = RANK) -> None:
        super().__init__()
        self.senses = senses or Senses()
        self.first: FirstLook | None = None
        self.language: Backbone = open_backbone(backbone, rank)
        self.digits = [self.language.tokens(str(point))[0] for point in POINTS]
        self.opening, self.heading = self.language.tokens(OPENING), self.language.tokens(f"\n{HEADING}")
        space = self.language.tokens(" ")[0]
        spaced = [token for digit in self.digits for token in (space, digit)]
        if self.language.tokens(scores_text(POINTS)) != [*self.opening, *spaced]:  # where scores stand depends on it
            raise SkinGPTError(f"{backbone}: its tokenizer does not write a score as a space and a digit. Use another.")

    def trained(self) -> dict[str, nn.Parameter]:
        """The LoRA matrices by name."""
        return self.language.trained()

    @property
    def device(self) -> torch.device:
        """Where the model is."""
        device: torch.device = self.language.model.device
        return device

    def told(self, question: Question) -> tuple[str, ...]:
        """The lines of evidence that the senses let through."""
        text, sight, naming = self._let_through(question)
        narrative = parse(text)
        return (
            *lines(narrative, sight, naming, question.history),
            *(known_lines(narrative) if self.senses.known else ()),
            *(rule_lines(text, question.history) if self.senses.rules else ()),
        )

    def counted(self, question: Question) -> dict[str, float]:
        """The numbers of the first look that the senses let through."""
        text, sight, naming = self._let_through(question)
        narrative = parse(text)
        return {
            **told_counts(text, narrative),
            **checked_counts(narrative, sight, question.history),
            **picture_counts(narrative.diagnosis, naming),
            **(known_counts(narrative) if self.senses.known else {}),
            **(rule_counts(text, question.history) if self.senses.rules else {}),
        }

    def _let_through(self, question: Question) -> tuple[str, Sight, Mapping[str, float]]:
        sight = question.sight if self.senses.checks else replace(question.sight, supports={})
        return plain(question.text), sight, question.naming if self.senses.naming else {}

    def refuses(self, question: Question) -> str:
        """Why it cannot be judged, empty if it can: too long, or nothing left to read."""
        length = len(self.language.tokens(plain(question.text)))
        if length > MOST_TOKENS:
            return f"the text has {length} tokens, at most {MOST_TOKENS} are read; judge its parts."
        return "" if length else "the text has nothing to read but marks and invisible characters."

    def prompt(self, question: Question) -> Asked:
        """The picture, history, evidence, narrative; and the first look at them."""
        told = _AFTER.format(
            history=history_text(question.history).strip(),
            evidence=" ".join(self.told(question)),
            text=plain(question.text),
        )
        asked = self.language.ask(_BEFORE, question.sight.shown if self.senses.words else None, told)
        look = self.first if self.senses.counts else None
        outlook = None if look is None else look.logits([self.counted(question)])[0]
        return Asked(asked.embedded, asked.positions, outlook)

    @torch.inference_mode()
    def answer(self, questions: Sequence[Question], critiques: bool = True) -> list[Answer]:
        """Mean scores and greedy critiques, in order; every answer has the form of the grammar.

        critiques: False stops after the scores, which are the same. What it saves are short steps: half the time where
        a prompt is read quickly, a tenth on a processor with AVX2 only.
        """
        most = MOST_WRITTEN if critiques else self.score_places()[-1] + 1
        prompts = [self.prompt(q) for q in questions]
        ids, logits = self.generate(prompts, Grammar(self), most=most)
        return [self._read(row, logits[:, i], prompts[i].outlook) for i, row in enumerate(ids)]

    def generate(
        self,
        prompts: Sequence[Asked],
        grammar: Grammar | None = None,
        temperature: float = 0.0,
        most: int = MOST_WRITTEN,
        samples: int = 1,
    ) -> tuple[list[list[int]], Tensor]:
        """Token ids of each answer up to its end, and the model's own logits [T, B, V]. temperature 0 is greedy.

        samples: answers to each prompt, one after another; the prompt is read once for all of them. Ends training mode,
        in which a backbone may keep no cache of what it has read.
        """
        from transformers import LogitsProcessorList

        self.eval()
        sampling: dict[str, Any] = {"do_sample": False}
        if temperature > 0:
            sampling = {"do_sample": True, "temperature": temperature, "top_k": 0, "top_p": 1.0}
        read: dict[str, Any] = padded(prompts, left=True)  # every row's next token is at the same place
        if samples > 1:
            read = self._read_once(read, samples)
            prompts = [prompt for prompt in prompts for _ in range(samples)]
        out = self.language.model.generate(
            **read, max_new_tokens=most,
            eos_token_id=self.language.end, pad_token_id=self.language.end,
            logits_processor=LogitsProcessorList([Outlook(self, prompts), *([grammar] if grammar else [])]),
            return_dict_in_generate=True, output_logits=True, **sampling,
        )  # fmt: skip
        end = self.language.end
        rows = [row[: row.index(end) + 1] if end in row else row for row in out.sequences.tolist()]
        return rows, torch.stack(out.logits)

    def _read_once(self, read: Mapping[str, Tensor], samples: int) -> dict[str, Any]:
        """The same prompts so many times each, all but their last token kept as keys and values already."""
        mask = read["attention_mask"]
        counted = {"position_ids": (mask.cumsum(1) - 1).clamp(min=0), **read}
        before = {
            "inputs_embeds": counted["inputs_embeds"][:, :-1],
            "attention_mask": mask[:, :-1],
            "position_ids": counted["position_ids"][..., :-1],
        }
        kept = self.language.model.model(**before, use_cache=True).past_key_values
        kept.batch_repeat_interleave(samples)
        rows = {name: -2 if name == "position_ids" else 0 for name in read}  # the axis of prompts
        several = {name: tensor.repeat_interleave(samples, rows[name]) for name, tensor in read.items()}
        return {**several, "past_key_values": kept}

    def score_places(self) -> list[int]:
        """Where the six digits stand among an answer's tokens."""
        first = len(self.opening) + 1  # a space before each
        return [first + 2 * i for i in range(len(DIMENSIONS))]

    def _read(self, ids: list[int], logits: Tensor, outlook: Tensor | None) -> Answer:
        """ids of one answer; logits [T, V] before each; outlook [6, 6]."""
        written = self.language.text(ids)
        own = logits[self.score_places()][:, self.digits].float().cpu()  # [6, 6]
        shares = (own if outlook is None else own + outlook).softmax(1)
        return Answer(
            remarks_of(written), tuple((shares @ torch.tensor(POINTS, dtype=torch.float32)).tolist()), written
        )
