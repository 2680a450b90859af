"""Which models are kin: what a judge may prefer without knowing why, because it talks the same way."""

from __future__ import annotations

import re
from typing import Final

OURS: Final = "skingpt"
"""Also DermEval's, which looks with the writer's eyes, and the offline judge's, whose rules read our grammar best."""
_FAMILIES: Final = (
    (OURS, r"\bskingpt"),
    ("qwen", r"qwen|\bqwq|vision-?r1"),
    ("openai", r"\bgpt-?\d|\bchatgpt|\bo[134](?:-|$)|gpt-oss"),
    ("anthropic", r"claude"),
    ("google", r"gemini|gemma|\bpalm"),
    ("llama", r"llama(?!\.)"),
    ("mistral", r"mistral|mixtral|pixtral|magistral"),
    ("deepseek", r"deepseek"),
    ("internvl", r"intern(?:vl|lm)"),
    ("llava", r"llava"),
    ("xai", r"\bgrok"),
    ("microsoft", r"\bphi-?\d"),
)
_PROVIDERS: Final = {"openai": "openai", "anthropic": "anthropic", "google": "google", "grok": "xai"}


def family_of(model: str) -> str | None:
    """The family by a model's name, else by its provider; None where neither tells."""
    path = model.lower().split("/")
    for name, pattern in _FAMILIES:
        if re.search(pattern, path[-1]) or (name == OURS and path[0] == OURS):
            return name
    return _PROVIDERS.get(path[0])
