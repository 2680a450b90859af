"""Writing a narrative token by token, with a structure that is given and a content that is not.

The grammar owns the block tags, the order of the blocks and the places where a name from a closed
set must stand (category, hypothesis, diagnosis, confidence, urgency). At such a place every
candidate is scored with the model's own probability of writing it there, and the likeliest is written; everything
else is the model's free choice. A block that does not end in time is ended, and counted as repaired; a
synthesis that turns its own differential round is written again from the model's next best beginning.

A batch moves through the blocks in step: rows that are ready wait as masked positions. One or two rows read
ahead: the words that usually follow are read together with the last one, so that the model, slow to load and
quick to multiply, is run once for several words. A word read ahead counts only once the model itself has
chosen it; the text is the same with and without.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor

from skingpt_r1.knowledge.diagnoses import category_of
from skingpt_r1.models.guesses import Guesses
from skingpt_r1.models.language import Language
from skingpt_r1.narrative.parse import parse
from skingpt_r1.narrative.verify import turned_round

BLOCK_LIMIT = {"observation": 90, "category": 40, "hypothesis": 48, "synthesis": 64}  # tokens
OPENINGS = {
    "observation": "<think>\n[observation]",
    "category": "\n[category]",
    "differential": "\n[differential]",
    "synthesis": "\n[synthesis]",
    "answer": "\n</think>\n<answer>",
}
CLOSING = "</answer>"
MOST_HYPOTHESES = 4
MOST_SYNTHESES = 4  # beginnings tried; the last one stays as it is, and the report tells what is wrong with it
ROWS_AHEAD = 2  # more rows keep both cores busy without reading ahead
TOKENS_AHEAD = 12
Listener = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Choices:
    """What may stand at the closed places."""

    diagnoses: tuple[str, ...]
    categories: tuple[str, ...]
    confidences: tuple[str, ...]
    urgencies: tuple[str, ...]


@dataclass(slots=True)
class Written:
    """One finished text.

    label_probability: the model's, over `Choices.diagnoses`, where it commits itself: the category, and the
    first hypothesis within each category. (At the answer the model only repeats its own reasoning: measured on
    validation, its probability there is near 1 whether it is right or wrong.)
    rewritten: the synthesis contradicted the differential at first.
    """

    text: str
    label_probability: dict[str, float]
    repaired: bool
    rewritten: bool
    tokens: int


@dataclass
class _Row:
    ids: list[int] = field(default_factory=list)
    unread: list[int] = field(default_factory=list)
    ahead: list[tuple[int, Tensor]] = field(default_factory=list)  # tokens read on a guess, logits [V] after each
    repaired: bool = False
    rewritten: bool = False


class Writer:
    """Generates a batch of narratives. One object a batch; `write` or `conclude` may be called, once."""

    @torch.inference_mode()
    def __init__(
        self,
        language: Language,
        prompts: Sequence[Tensor],  # each [T_i, H]
        bias: Tensor | None,  # [B, V]
        choices: Choices,
        *, temperature: float = 0.0, seed: int = 0, listener: Listener | None = None, guesses: Guesses | None = None,
    ) -> None:  # fmt: skip
        from transformers import DynamicCache

        self.language, self.bias, self.choices = language, bias, choices
        self.temperature, self.listener = temperature, listener
        self.guesses = guesses if len(prompts) <= ROWS_AHEAD else None
        self.generator = torch.Generator().manual_seed(seed)
        self.rows = [_Row() for _ in prompts]
        self.cache: Any = DynamicCache(config=language.model.config)
        length = max(p.shape[0] for p in prompts)  # padded on the right: no query is ever without a key
        self.mask = torch.zeros(len(prompts), 0, dtype=torch.long)
        self.passes = 0
        embedded = torch.zeros(len(prompts), length, prompts[0].shape[1])
        present = torch.zeros(len(prompts), length, dtype=torch.long)
        for i, prompt in enumerate(prompts):
            embedded[i, : prompt.shape[0]] = prompt
            present[i, : prompt.shape[0]] = 1
        hidden = self._read(embedded, present)
        self.logits = self._logits(hidden[range(len(prompts)), [p.shape[0] - 1 for p in prompts]])
        self.newline = language.tokens("\n")[0]
        self.full_stop = language.tokens(".")[0]

    @torch.inference_mode()
    def write(self, observations: Sequence[str] | None = None) -> list[Written]:
        """All blocks in order. Every text that comes back has the form of the grammar.

        observations: what the rows are made to have observed, on one line each; by default they observe themselves.
        """
        c = self.choices
        self._force(OPENINGS["observation"])
        if observations is None:
            self._free({self.newline}, BLOCK_LIMIT["observation"], keep_stop=False)
        else:
            self._append([self.language.tokens(f" {text}") for text in observations])
        self._force(OPENINGS["category"])
        category = self._choose([f" {name}" for name in c.categories]).softmax(1)
        self._free({self.newline}, BLOCK_LIMIT["category"], keep_stop=False)
        self._force(OPENINGS["differential"])
        hypothesis = self._differential()
        self._force(OPENINGS["synthesis"])
        self._synthesis()
        self._force(OPENINGS["answer"])
        self._name(c.diagnoses, " |")
        return self._signed(self._commitment(category, hypothesis))

    @torch.inference_mode()
    def conclude(self, chains: Sequence[str]) -> list[Written]:
        """Only the answer, after reasoning that each row is given, however little: "<think>" and what follows it.

        `label_probability` is here the model's at the answer, since it had no other place to commit itself.
        """
        self._append([self.language.tokens(chain) for chain in chains])
        self._force(OPENINGS["answer"])
        return self._signed(self._choose(self.choices.diagnoses, " |").softmax(1))

    def _signed(self, shares: Tensor) -> list[Written]:
        """The rest of the answer after its diagnosis. shares: of the diagnoses, [B, D]."""
        self._name([f" {word}" for word in self.choices.confidences], " |")
        self._name([f" {word}" for word in self.choices.urgencies], CLOSING)
        told = [dict(zip(self.choices.diagnoses, share.tolist(), strict=True)) for share in shares]
        return [
            Written(self.language.text(r.ids), p, r.repaired, r.rewritten, len(r.ids))
            for r, p in zip(self.rows, told, strict=True)
        ]

    def _commitment(self, category: Tensor, hypothesis: Tensor) -> Tensor:
        """P(category) [B, C] x P(first hypothesis within it), from scores [B, D] -> [B, D], sums to 1."""
        owner = torch.tensor([self.choices.categories.index(category_of(name)) for name in self.choices.diagnoses])
        within = torch.zeros_like(hypothesis)
        for i in range(len(self.choices.categories)):
            members = owner == i
            within[:, members] = hypothesis[:, members].softmax(1)
        return category[:, owner] * within

    def _differential(self) -> Tensor:
        """Hypotheses until the model ends the block; returns the scores of the first one, [B, D]."""
        names = self.choices.diagnoses
        active = list(range(len(self.rows)))
        first = torch.zeros(len(self.rows), len(names))
        used: list[set[int]] = [set() for _ in self.rows]
        for number in range(min(MOST_HYPOTHESES, len(names))):
            if number:  # another hypothesis, or the end of the block, as the model prefers
                active = [i for i in active if int(self._biased()[i].argmax()) != self.newline]
            if not active:
                break
            told = [f" {name}" for name in names]
            if number:
                self._name(told, ":", active, used)
            else:
                first = self._choose(told, ":", used)
            self._free({self.full_stop}, BLOCK_LIMIT["hypothesis"], keep_stop=True, only=active)
        return first

    def _synthesis(self) -> None:
        """The model's own sentence; where it turns its differential round, the one of its next best beginning.

        "A regular border decides for melanoma", after "melanoma: against regular border", is no reasoning.
        """
        self._biased(ahead=False)  # everything before is read: there we go back to
        beginnings = self.logits.clone()
        starts = [len(row.ids) for row in self.rows]
        repaired = [row.repaired for row in self.rows]
        listener, self.listener = self.listener, None  # hears the sentence when it stands
        active = list(range(len(self.rows)))
        for attempt in range(MOST_SYNTHESES):
            self._free({self.newline}, BLOCK_LIMIT["synthesis"], keep_stop=False, only=active)
            active = [i for i in active if turned_round(parse(self.language.text(self.rows[i].ids)))]
            if not active or attempt == MOST_SYNTHESES - 1:
                break
            for i in active:
                row = self.rows[i]
                beginnings[i, row.ids[starts[i]]] = -torch.inf
                self._go_back(i, starts[i])
                self.logits[i] = beginnings[i]
                row.repaired, row.rewritten = repaired[i], True
        self.listener = listener
        if listener is not None:
            listener(self.language.text(self.rows[0].ids[starts[0] :]))

    def _go_back(self, i: int, length: int) -> None:
        """Unwrite a row's tokens from `length` on; its logits are then the caller's to set."""
        row = self.rows[i]
        self._forget_ahead(i)
        self._hide(i, len(row.ids) - length - len(row.unread))
        row.unread.clear()
        del row.ids[length:]

    def _forget_ahead(self, i: int) -> None:
        """Take back what a row has read on a guess."""
        self._hide(i, len(self.rows[i].ahead))
        self.rows[i].ahead = []

    def _hide(self, i: int, count: int) -> None:
        """Mask the last `count` positions that a row has read."""
        if count:
            self.mask[i, self.mask[i].nonzero()[-count:, 0]] = 0

    def _biased(self, ahead: bool = True) -> Tensor:
        """Logits of the next token, [B, V], once everything written has been read.

        ahead: also read what usually follows. Otherwise nothing is left read that is not written.
        """
        if any(row.unread for row in self.rows):
            guessed = [self._guess(row) if ahead and row.unread else [] for row in self.rows]
            length = max(len(row.unread) + len(g) for row, g in zip(self.rows, guessed, strict=True))
            ids = torch.zeros(len(self.rows), length, dtype=torch.long)
            present = torch.zeros_like(ids)
            for i, (row, guess) in enumerate(zip(self.rows, guessed, strict=True)):
                told = row.unread + guess
                ids[i, : len(told)] = torch.tensor(told, dtype=torch.long)
                present[i, : len(told)] = 1
            hidden = self._read(self.language.embed(ids), present)
            reading = [i for i, row in enumerate(self.rows) if row.unread]
            wanted = [(i, len(self.rows[i].unread) - 1 + n) for i in reading for n in range(len(guessed[i]) + 1)]
            fresh = self._logits(hidden[tuple(zip(*wanted, strict=True))])  # all in one: the output head is large
            for i, logits in zip(reading, fresh.split([len(guessed[i]) + 1 for i in reading]), strict=True):
                self.logits[i], self.rows[i].unread = logits[0], []
                self.rows[i].ahead = list(zip(guessed[i], logits[1:], strict=True))
        if not ahead:
            for i in range(len(self.rows)):
                self._forget_ahead(i)
        return self.logits if self.bias is None else self.logits + self.bias

    def _guess(self, row: _Row) -> list[int]:
        return [] if self.guesses is None else self.guesses.following(row.ids, TOKENS_AHEAD)

    def _read(self, embedded: Tensor, present: Tensor) -> Tensor:
        """Run new positions [B, T, H] through the model; absent ones are masked. Returns their states [B, T, H]."""
        self.passes += 1
        before = self.mask.sum(1, keepdim=True)
        self.mask = torch.cat([self.mask, present], 1)
        positions = (before + present.cumsum(1) - 1).clamp_min(0)
        out = self.language.model.model(
            inputs_embeds=embedded,
            attention_mask=self.mask,
            position_ids=positions,
            past_key_values=self.cache,
            use_cache=True,
        )
        hidden: Tensor = out.last_hidden_state
        return hidden

    def _logits(self, hidden: Tensor) -> Tensor:
        logits: Tensor = self.language.model.lm_head(hidden).float()
        return logits

    def _append(self, tokens: Sequence[Sequence[int]]) -> None:
        """Write tokens of different number to each row; the model reads them when it is next asked."""
        for i, (row, written) in enumerate(zip(self.rows, tokens, strict=True)):
            for token in written:
                row.ids.append(token)
                if row.ahead and row.ahead[0][0] == token:
                    self.logits[i] = row.ahead.pop(0)[1]
                    continue
                self._forget_ahead(i)  # the guess was wrong
                row.unread.append(token)
        if self.listener is not None and tokens[0]:
            self.listener(self.language.text(tokens[0]))

    def _force(self, text: str) -> None:
        self._append([self.language.tokens(text)] * len(self.rows))

    def _free(self, stop: set[int], limit: int, *, keep_stop: bool, only: Sequence[int] | None = None) -> None:
        """The model's own tokens until a stop token or the limit; none of them can end the line or open a block."""
        active = set(range(len(self.rows)) if only is None else only)
        allowed = self.language.within_a_line.clone()
        allowed[[*stop, self.language.end]] = 0
        for _ in range(limit):
            chosen: list[list[int]] = [[] for _ in self.rows]
            logits = self._biased()
            for i in sorted(active):
                token = self._pick(logits[i] + allowed)
                if token in stop or token == self.language.end:
                    active.discard(i)
                    if token not in stop:
                        self.rows[i].repaired = True
                    if not (keep_stop and token in stop):
                        continue
                chosen[i] = [token]
            self._append(chosen)
            if not active:
                return
        for i in active:
            self.rows[i].repaired = True
        ending = self.language.tokens(".")
        self._append([ending if i in active else [] for i in range(len(self.rows))])

    def _pick(self, logits: Tensor) -> int:
        if self.temperature <= 0:
            return int(logits.argmax())
        return int(torch.multinomial((logits / self.temperature).softmax(0), 1, generator=self.generator))

    def _choose(self, texts: Sequence[str], ending: str = "", used: Sequence[set[int]] = ()) -> Tensor:
        """Write the likeliest of `texts` (plus `ending`) to each row, note it in `used`; returns the scores [B, C]."""
        candidates = [self.language.tokens(t + ending) for t in texts]
        scores = self._score(candidates)
        best = [self._pick(row) for row in scores]
        for taken, one in zip(used, best, strict=False):
            taken.add(one)
        self._append([candidates[one] for one in best])
        return scores

    def _name(
        self,
        texts: Sequence[str],
        ending: str,
        only: Sequence[int] | None = None,
        used: Sequence[set[int]] = (),
    ) -> None:
        """Write one of `texts` not used yet, token by token: where they part, the likeliest of the tokens allowed.

        No text plus ending may begin another. Cheaper than `_choose`, for places whose scores nobody asks for.
        """
        candidates = [self.language.tokens(t + ending) for t in texts]
        taken = used or [set() for _ in self.rows]
        left = {
            i: [c for c in range(len(texts)) if c not in taken[i]]
            for i in (range(len(self.rows)) if only is None else only)
        }
        depth = dict.fromkeys(left, 0)
        while True:
            agreed: list[list[int]] = [[] for _ in self.rows]
            for i in list(left):
                while len(following := {candidates[c][depth[i]] for c in left[i]}) == 1:
                    agreed[i] += following
                    depth[i] += 1
                    if depth[i] == len(candidates[left[i][0]]):
                        taken[i].add(left.pop(i)[0])
                        break
            self._append(agreed)
            if not left:
                return
            logits = self._biased()
            for i, several in left.items():
                allowed = sorted({candidates[c][depth[i]] for c in several})
                token = allowed[self._pick(logits[i, allowed])]
                left[i] = [c for c in several if candidates[c][depth[i]] == token]

    def _score(self, candidates: Sequence[Sequence[int]]) -> Tensor:
        """Log probability of writing each candidate next, [B, C]: all in one pass, as branches of a tree."""
        flat = [token for c in candidates for token in c[:-1]]
        first = self._biased(ahead=False).log_softmax(1)
        batch, past = self.mask.shape
        total = first[:, [c[0] for c in candidates]]
        if not flat:
            return total
        depth, block = [], torch.zeros(len(flat), len(flat), dtype=torch.bool)
        start = 0
        for c in candidates:
            size = len(c) - 1
            block[start : start + size, start : start + size] = torch.ones(size, size, dtype=torch.bool).tril()
            depth += list(range(size))
            start += size
        seen = torch.cat([self.mask.bool().unsqueeze(1).expand(batch, len(flat), past), block.expand(batch, -1, -1)], 2)
        positions = self.mask.sum(1, keepdim=True) + torch.tensor(depth)
        ids = torch.tensor(flat).expand(batch, -1)
        out = self.language.model.model(
            inputs_embeds=self.language.embed(ids),
            attention_mask=seen.unsqueeze(1),
            position_ids=positions,
            past_key_values=self.cache,
            use_cache=True,
        )
        self.cache.crop(-len(flat))
        logits = self.language.model.lm_head(out.last_hidden_state).float()
        logits = logits if self.bias is None else logits + self.bias.unsqueeze(1)
        following = torch.tensor([token for c in candidates for token in c[1:]])
        logs = logits.log_softmax(2).gather(2, following.expand(batch, -1).unsqueeze(2)).squeeze(2)
        owner = torch.tensor([i for i, c in enumerate(candidates) for _ in c[1:]])
        return total.index_add(1, owner, logs)
