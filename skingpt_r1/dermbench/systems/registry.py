"""The systems under test, as data: `systems.json`, a file of the user's, or any model string of inspect_ai.

A name may end in `+blind`: the same system, shown the mean colour of each picture.
"""

from __future__ import annotations

import functools
import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from importlib import resources
from pathlib import Path
from typing import Any, Final

from skingpt_r1.records import SkinGPTError

BLIND: Final = "+blind"
LEAST_PIXELS: Final = 3_136
MOST_PIXELS: Final = 1_003_520
PROTOCOL: Final[Mapping[str, Any]] = {"temperature": 0.7, "top_p": 0.9, "seed": 42, "max_tokens": 4096}
"""Sampling of the published protocol, with the limits of the picture above; a provider may allow less of it."""
CONTROLS: Final = ("reference", "other-reference")  # told by the task, no model


@dataclass(frozen=True, slots=True)
class System:
    """One system under test.

    title: as a table calls it. provider: who runs it. model: inspect_ai's model string, None where it cannot be run
    through inspect_ai; then `notes` says why. args: of the model. least_pixels, most_pixels: width times height of the
    picture that is sent. settings: of generation. in_paper: whether the two papers name it. source: where identifier
    and licence are told.
    """

    name: str
    title: str = ""
    provider: str = ""
    model: str | None = None
    args: Mapping[str, Any] = field(default_factory=dict)
    least_pixels: int = LEAST_PIXELS
    most_pixels: int = MOST_PIXELS
    settings: Mapping[str, Any] = field(default_factory=lambda: dict(PROTOCOL))
    in_paper: bool = False
    licence: str = ""
    notes: str = ""
    source: str = ""
    blind: bool = False

    @property
    def own(self) -> bool:
        """Whether it runs on this machine by our provider: it is given the file, not a smaller copy."""
        return self.model is not None and self.model.startswith("skingpt/")

    @property
    def control(self) -> str | None:
        """Which answer of the task's own it is, None for a model."""
        kind = self.name.removeprefix("skingpt/")
        return kind if self.model is None and kind in CONTROLS else None


@functools.cache
def systems() -> dict[str, System]:
    """The systems that ship, by name."""
    text = resources.files("skingpt_r1.dermbench.systems").joinpath("systems.json").read_text(encoding="utf-8")
    return {row["name"]: _system(row, "systems.json") for row in json.loads(text)["systems"]}


@functools.cache
def unnamed() -> str:
    """What is known of the systems of the papers that no public text names."""
    text = resources.files("skingpt_r1.dermbench.systems").joinpath("systems.json").read_text(encoding="utf-8")
    return str(json.loads(text)["unnamed"])


def read_systems(path: Path) -> dict[str, System]:
    """A user's file, {"systems": [{"name": ..., "model": ...}]}. Raises SkinGPTError."""
    try:
        rows = json.loads(path.read_text(encoding="utf-8"))["systems"]
        return {row["name"]: _system(row, str(path)) for row in rows}
    except OSError as error:
        raise SkinGPTError(f"{path}: cannot be read ({error.strerror}); name a readable file.") from error
    except (ValueError, KeyError, TypeError) as error:
        raise SkinGPTError(
            f'{path}: holds no systems ({error}). Write {{"systems": [{{"name": "mine", "model": "ollama/llava"}}]}}.'
        ) from error


def named(spec: str, more: Mapping[str, System] | None = None) -> System:
    """The system behind a name, or behind a model string of inspect_ai. Raises SkinGPTError."""
    name = spec.removesuffix(BLIND)
    known = {**systems(), **(more or {})}
    if name in known:
        found = known[name]
    elif "/" in name:
        found = System(name, title=name, provider=name.partition("/")[0], model=name)
    else:
        raise SkinGPTError(
            f"There is no system {name!r}: skingpt bench systems lists them, or name a model as "
            "provider/model (openai/gpt-4o-mini, ollama/llava, openai-api/SERVICE/MODEL)."
        )
    if found.model is None and found.control is None:
        raise SkinGPTError(f"{name}: cannot be run here. {found.notes}")
    if not spec.endswith(BLIND):
        return found
    if found.control is not None or found.blind:
        raise SkinGPTError(f"{spec}: {name} looks at no picture; leave out {BLIND}.")
    return replace(found, name=spec, title=f"{found.title} (image-blind)", blind=True)


def _system(row: Mapping[str, Any], place: str) -> System:
    try:
        found = System(**row)
    except TypeError as error:
        raise SkinGPTError(f"{place}: {row.get('name')!r}: {error}; keys are {', '.join(System.__slots__)}.") from error
    if wrong := [key for key in ("args", "settings") if not isinstance(getattr(found, key), dict)]:
        raise SkinGPTError(f"{place}: {found.name!r}: {wrong[0]} is no object of names and values.")
    if found.own and "settings" not in row:
        found = replace(found, settings={})  # greedy
    return found if found.title else replace(found, title=found.name)
