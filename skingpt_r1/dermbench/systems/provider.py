"""Our systems as a provider of inspect_ai: `skingpt/embedded`, `skingpt/majority`, `skingpt/probe`.

They read the last message's picture and prompt, nothing else of a sample. Model arguments: adapters (folder), blind,
and for the probe data and runs (folders).
"""

from __future__ import annotations

import functools
from pathlib import Path
from typing import Any

from inspect_ai.model import (
    ChatMessage,
    ContentImage,
    GenerateConfig,
    ModelAPI,
    ModelOutput,
    ModelUsage,
    modelapi,
)
from inspect_ai.tool import ToolChoice, ToolInfo

from skingpt_r1.dermbench.systems.asking import Answering, question_of
from skingpt_r1.dermbench.systems.batching import AT_ONCE, MOST, Batcher
from skingpt_r1.records import SkinGPTError

NAMES = ("embedded", "majority", "probe")


@functools.cache
def system(name: str, adapters: str | None, blind: bool, data: str | None, runs: str | None) -> Answering:
    """The system behind a model's name. Raises SkinGPTError on an unknown one."""
    if name == "embedded":
        from skingpt_r1.dermbench.systems.embedded import EmbeddedSystem

        return EmbeddedSystem(None if adapters is None else Path(adapters), blind)
    if name == "majority":
        from skingpt_r1.dermbench.systems.majority import Majority

        return Majority()
    if name == "probe":
        from skingpt_r1.dermbench.systems.probe import Probe

        return Probe(None if data is None else Path(data), Path(runs or "runs"), blind)
    raise SkinGPTError(f"There is no model skingpt/{name}; there are: {', '.join(NAMES)}.")


@modelapi(name="skingpt")
class SkinGPT(ModelAPI):
    """Answers by itself, on this machine; no address and no key."""

    def __init__(
        self,
        model_name: str,
        base_url: str | None = None,
        api_key: str | None = None,
        config: GenerateConfig = GenerateConfig(),  # noqa: B008  (the signature of inspect_ai's providers)
        adapters: str | None = None,
        blind: bool = False,
        data: str | None = None,
        runs: str | None = None,
    ) -> None:
        super().__init__(model_name, base_url, api_key, [], config)
        self.batcher = Batcher(system(model_name.rpartition("/")[2], adapters, blind, data, runs))

    async def generate(
        self, input: list[ChatMessage], tools: list[ToolInfo], tool_choice: ToolChoice, config: GenerateConfig
    ) -> ModelOutput:
        """The narrative as the completion, its numbers as metadata."""
        question = question_of(input[-1].text, picture(input[-1]), config.temperature, config.seed)
        told = await self.batcher.ask(question)
        output = ModelOutput.from_content(f"skingpt/{self.model_name}", told.completion)
        output.metadata = told.metadata()
        output.usage = ModelUsage()  # else tokens are counted, for which a table is fetched
        return output

    def max_connections(self) -> int:
        """A batch's worth of questions more than are answered at once: with fewer, batches would be cut in two."""
        return (AT_ONCE + 1) * MOST


def picture(message: ChatMessage) -> str | None:
    """The first picture of a message."""
    content: Any = message.content
    if isinstance(content, str):
        return None
    return next((part.image for part in content if isinstance(part, ContentImage)), None)
