"""The leaderboard as Markdown: a table a judge, every name escaped so that none can be markup."""

from __future__ import annotations

import html
import re
from collections.abc import Sequence
from typing import Final

from skingpt_r1.dermbench.leaderboard import words
from skingpt_r1.dermbench.leaderboard.standing import Board, Row
from skingpt_r1.dermeval.agreement import Estimate
from skingpt_r1.dermeval.raters import MEAN
from skingpt_r1.narrative.report import one_line

_SPECIAL: Final = re.compile(r"([\\`*_{}\[\]()#+!|~^$:@-])")


def markdown(boards: Sequence[Board], title: str = "Leaderboard") -> str:
    """The whole file as text."""
    parts = [f"# {escaped(title)}", f"**{words.NOTICE}**", *(_table(board) for board in boards)]
    return "\n\n".join([*parts, *(f"- {sentence}" for sentence in words.READING)]) + "\n"


def escaped(text: str) -> str:
    """Untrusted text as Markdown that shows it and does nothing else."""
    return _SPECIAL.sub(r"\\\1", html.escape(one_line(text), quote=False))


def _table(board: Board) -> str:
    columns = [
        "rank", "system", "mean (95 %)", *words.names().values(), "scored", "failed", "pending", "time a case",
        "tokens a case", "cost",
    ]  # fmt: skip
    head = f"| {' | '.join(columns)} |\n| {' | '.join('---' if c == 'system' else '---:' for c in columns)} |"
    about = f"{board.cases:,} cases; ranks on the {board.shared:,} that every system has a score for."
    return "\n".join([f"## Judge: {escaped(board.judge)}", "", about, "", head, *map(_line, board.rows)])


def _line(row: Row) -> str:
    rank = "control" if row.control else "–" if row.rank is None else _ranked(row.rank)
    cells = [
        rank,
        escaped(row.system),
        _with_interval(row.means[MEAN]),
        *(_with_interval(row.means[key]) for key in words.names()),
        f"{row.scored:,}",
        f"{row.n_failed:,}",
        f"{row.n_pending:,}",
        words.seconds(row.seconds),
        words.count(row.tokens),
        words.money(row.cost),
    ]
    return f"| {' | '.join(cells)} |"


def _ranked(told: Estimate) -> str:
    return f"{words.place(told)} ({words.places(told)})"


def _with_interval(told: Estimate) -> str:
    return f"{words.value(told)} ({words.interval(told)})" if words.interval(told) else words.value(told)
