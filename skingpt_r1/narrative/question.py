"""What the writer is asked about a picture, and how the history is told beside it: the same wherever it is asked."""

from __future__ import annotations

from typing import Final

from skingpt_r1.records import History

QUESTION: Final = "What does this lesion look like, and what is it?"


def history_text(history: History) -> str:
    """The history as the prompt gives it; empty when nothing is recorded."""
    said = [f"{k} {_word(v)}" for k, v in history.known().items() if k not in ("skin_type",)]
    return f" History: {', '.join(said)}." if said else ""


def _word(value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return f"{value:g}" if isinstance(value, float) else str(value)
