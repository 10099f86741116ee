"""Spans of time in a recording, in seconds from its start: union, intersection and difference."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

Span = tuple[float, float]  # from and to


def united(spans: Iterable[Span]) -> list[Span]:
    """The same spans without overlaps, in order."""
    result: list[Span] = []
    for begin, end in sorted(spans):
        if result and begin <= result[-1][1]:
            result[-1] = (result[-1][0], max(result[-1][1], end))
        else:
            result.append((begin, end))
    return result


def common(left: Sequence[Span], right: Sequence[Span]) -> list[Span]:
    """The intersection of two lists without overlaps, each in order."""
    result: list[Span] = []
    i = j = 0
    while i < len(left) and j < len(right):
        begin, end = max(left[i][0], right[j][0]), min(left[i][1], right[j][1])
        if begin < end:
            result.append((begin, end))
        if left[i][1] < right[j][1]:
            i += 1
        else:
            j += 1
    return result


def without(some: Iterable[Span], others: Iterable[Span]) -> list[Span]:
    """The difference of *some* and *others*, without overlaps and in order."""
    taken = united(others)
    result: list[Span] = []
    place = 0
    for begin, end in united(some):
        while place < len(taken) and taken[place][1] <= begin:
            place += 1
        start, at = begin, place
        while at < len(taken) and taken[at][0] < end:
            if start < taken[at][0]:
                result.append((start, taken[at][0]))
            start, at = max(start, taken[at][1]), at + 1
        if start < end:
            result.append((start, end))
    return result


def length_of(spans: Iterable[Span]) -> float:
    """Seconds of spans, each second once."""
    return sum(end - begin for begin, end in united(spans))
