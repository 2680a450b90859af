"""Long measurements shared out over processes: `--part i/n` takes every n-th row from the i-th."""

from __future__ import annotations

import argparse


def add_part(parser: argparse.ArgumentParser) -> None:
    """The option --part, a slice; the whole by default."""
    parser.add_argument("--part", type=_part, default="0/1", help="i/n: every n-th from the i-th")


def part_name(part: slice) -> str:
    """For the name of a part's file."""
    return f"{part.start}of{part.step}"


def _part(text: str) -> slice:
    first, _, step = text.partition("/")
    if not (first.isdecimal() and step.isdecimal() and int(first) < int(step)):
        raise argparse.ArgumentTypeError(f"{text!r}: give i/n with i from 0 and below n, as 0/2")
    return slice(int(first), None, int(step))
