"""Spans of time in a recording, in seconds from its start: put together, in common, and without others."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

Span = tuple[float, float]  # from and to


def united(spans: Iterable[Span]) -> list[Span]:
    """The same spans without overlaps, in order."""
    found: list[Span] = []
    for begin, end in sorted(spans):
        if found and begin <= found[-1][1]:
            found[-1] = (found[-1][0], max(found[-1][1], end))
        else:
            found.append((begin, end))
    return found


def common(some: Sequence[Span], others: Sequence[Span]) -> list[Span]:
    """What is in both of two lists without overlaps, each in order."""
    found: list[Span] = []
    one = other = 0
    while one < len(some) and other < len(others):
        begin, end = max(some[one][0], others[other][0]), min(some[one][1], others[other][1])
        if begin < end:
            found.append((begin, end))
        if some[one][1] < others[other][1]:
            one += 1
        else:
            other += 1
    return found


def without(some: Iterable[Span], others: Iterable[Span]) -> list[Span]:
    """What is in *some* and in none of *others*, without overlaps and in order."""
    taken = united(others)
    found: list[Span] = []
    place = 0
    for begin, end in united(some):
        while place < len(taken) and taken[place][1] <= begin:
            place += 1
        start, at = begin, place
        while at < len(taken) and taken[at][0] < end:
            if start < taken[at][0]:
                found.append((start, taken[at][0]))
            start, at = max(start, taken[at][1]), at + 1
        if start < end:
            found.append((start, end))
    return found


def length_of(spans: Iterable[Span]) -> float:
    """Seconds of spans, each second once."""
    return sum(end - begin for begin, end in united(spans))
