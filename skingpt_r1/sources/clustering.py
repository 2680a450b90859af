"""Which cases belong together: connected components of "the same as" relations.

Cases are named by `key` ("dataset/id"), because one ISIC id occurs in several folders.
"""

from __future__ import annotations

import re
from collections.abc import Hashable, Iterable, Sequence
from typing import TypeVar

from skingpt_r1.records import Case

T = TypeVar("T", bound=Hashable)
Pair = tuple[str, str, float]

_ISIC = re.compile(r"ISIC_\d{7}(?!\d)")


def key(case: Case) -> str:
    """The name of a case that is unique across sources."""
    return f"{case.dataset}/{case.id}"


def isic_id(case: Case) -> str | None:
    """The archive's id of the picture: the same one in two folders is the same photograph."""
    found = _ISIC.match(case.id)
    return found.group() if found else None


def components(edges: Iterable[Sequence[T]]) -> list[list[T]]:
    """Connected components, members in order of first appearance."""
    parent: dict[T, T] = {}

    def root(node: T) -> T:
        while parent[node] != node:
            parent[node] = parent[parent[node]]
            node = parent[node]
        return node

    for edge in edges:
        for node in edge:
            parent.setdefault(node, node)
        for node in edge[1:]:
            parent[root(node)] = root(edge[0])
    members: dict[T, list[T]] = {}
    for node in parent:
        members.setdefault(root(node), []).append(node)
    return list(members.values())


def clusters(pairs: Iterable[Pair]) -> list[frozenset[str]]:
    """Near-duplicate pairs joined into clusters of case keys."""
    return [frozenset(members) for members in components((a, b) for a, b, _ in pairs)]


def related(cases: Sequence[Case], duplicates: Iterable[Iterable[str]] = ()) -> list[list[int]]:
    """Positions of cases that must stay on one side: same group, same ISIC id or duplicates, transitively."""
    edges: list[list[Hashable]] = []
    positions: dict[str, list[int]] = {}
    for position, case in enumerate(cases):
        positions.setdefault(key(case), []).append(position)
        edges.append([position, ("key", key(case))])
        if case.group:
            edges.append([position, ("group", case.group)])
        if archive := isic_id(case):
            edges.append([position, ("isic", archive)])
    for cluster in duplicates:
        present = [("key", name) for name in cluster if name in positions]
        if present:
            edges.append(list(present))
    return [[n for n in members if isinstance(n, int)] for members in components(edges)]
