"""The registry of rules: what a rule is, what it is given, what it finds, and the one call that runs them."""

from __future__ import annotations

import difflib
import inspect
from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Final, NamedTuple

from skingpt_r1.narrative.lint.text import Text
from skingpt_r1.records import Claim, History, Modality, SkinGPTError


class Severity(StrEnum):
    """error: not to be trained on. warning: look at it. note: style."""

    ERROR = "error"
    WARNING = "warning"
    NOTE = "note"


ORDER: Final = (Severity.NOTE, Severity.WARNING, Severity.ERROR)


@dataclass(frozen=True, slots=True)
class Given:
    """What is known of the case besides its text; None or empty where nobody said.

    label: the data set's own spelling. image: path or file name. history: what was told; an empty History says that
    nothing was, None that it is unknown. measured: claims that a mask, a measurement or an expert settled.
    lesions: how many there are.
    """

    label: str | None = None
    image: str | None = None
    history: History | None = None
    modality: Modality | None = None
    measured: tuple[Claim, ...] = ()
    lesions: int | None = None


class Hit(NamedTuple):
    """What a rule yields: the span [start, end) of the text, and what is wrong there."""

    start: int
    end: int
    message: str


@dataclass(frozen=True, slots=True)
class Finding:
    """One fault of one text at text[start:end]; start == end where something is missing."""

    rule: str
    severity: Severity
    start: int
    end: int
    found: str
    message: str


Check = Callable[[Text, Given], Iterable[Hit]]


@dataclass(frozen=True, slots=True)
class Rule:
    """A named check. example, given: a text (with its case) in which it finds its fault."""

    name: str
    severity: Severity
    meaning: str
    example: str
    check: Check
    given: Given


RULES: Final[dict[str, Rule]] = {}
_MOST: Final = 20  # findings of one rule in one text


def rule(name: str, severity: Severity, example: str, given: Given | None = None) -> Callable[[Check], Check]:
    """Enter a function into the registry under a name. Its docstring is the rule's meaning."""

    def enter(check: Check) -> Check:
        if name in RULES:
            raise ValueError(f"two rules are called {name!r}")
        RULES[name] = Rule(name, severity, inspect.getdoc(check) or "", example, check, given or Given())
        return check

    return enter


def rules_named(names: Collection[str] = (), least: Severity = Severity.NOTE) -> list[Rule]:
    """The rules of these names (all if none) from a severity up. Raises SkinGPTError on an unknown name."""
    for name in names:
        if name not in RULES:
            near = difflib.get_close_matches(name, RULES, n=1, cutoff=0.4)
            hint = f"Did you mean {near[0]}?" if near else "`skingpt dermcot rules` lists them."
            raise SkinGPTError(f"no rule is called {name!r}. {hint}")
    wanted = [RULES[name] for name in dict.fromkeys(names)] or list(RULES.values())
    return [rule for rule in wanted if ORDER.index(rule.severity) >= ORDER.index(least)]


def lint(text: str, given: Given | None = None, rules: Iterable[Rule] | None = None) -> list[Finding]:
    """What the rules find in one text, in the text's order; never raises for what the text holds."""
    read, case = Text(text), given or Given()
    found: list[Finding] = []
    for each in RULES.values() if rules is None else rules:
        found += _of_rule(each, read, case)
    return sorted(found, key=lambda f: (f.start, f.end, f.rule))


def _of_rule(rule: Rule, text: Text, given: Given) -> Iterator[Finding]:
    reached, n = -1, 0
    for start, end, message in sorted(rule.check(text, given)):
        if start < reached or n == _MOST:  # two patterns, one fault
            continue
        reached, n = end, n + 1
        yield Finding(rule.name, rule.severity, start, end, text.raw[start:end], message)
