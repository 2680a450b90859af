"""Lint: named rules over the text of a narrative, ours or anybody's, each with an example that it catches.

    for finding in lint(text, Given(label="mel", image="ISIC_1.jpg")):
        print(finding.rule, text[finding.start : finding.end])

A rule reads words, so it can be wrong both ways; `benchmarks/lint.py` says how often. A rule that needs the case
(history, measurement) is silent where the case does not tell.
"""

from __future__ import annotations

from skingpt_r1.narrative.lint import answer, consistency, form, leaks, privacy, safety, sight
from skingpt_r1.narrative.lint.registry import RULES, Finding, Given, Rule, Severity, lint, rules_named

__all__ = ["RULES", "Finding", "Given", "Rule", "Severity", "lint", "rules_named"]
# Importing a module of rules fills the registry.
_MODULES = (leaks, sight, consistency, answer, safety, privacy, form)
