"""A reviewer's changes of a cut list. A cut keeps its number through every edit; a removed one leaves its trace."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from arlo_rec.model.errors import Usage
from arlo_rec.speech.cut_list import Cut


@dataclass(frozen=True, slots=True)
class Changes:
    """A reviewer's changes of a cut list; cuts by their numbers, from 1."""

    accepted: Sequence[int] = ()
    removed: Sequence[int] = ()
    moved: Mapping[int, Cut] = field(default_factory=dict)
    added: Sequence[Cut] = ()
    undone: Sequence[int] = ()  # decisions that are taken back: the cut is as it was proposed

    def __bool__(self) -> bool:
        return bool(self.accepted or self.removed or self.moved or self.added or self.undone)


def edited(listed: Sequence[Cut], changes: Changes) -> list[Cut]:
    """The cuts after changes, each with its decision; added ones get the next numbers.

    Raises Usage for a number that no cut has, or that is named twice.
    """
    named = [*changes.accepted, *changes.removed, *changes.moved, *changes.undone]
    for number, times in Counter(named).items():
        numbered(listed, number)
        if times > 1:
            raise Usage("cut_twice", number=number)
    decided = (_decided(number, cut, changes) for number, cut in enumerate(listed, 1))
    return [*decided, *(replace(cut, status="added") for cut in changes.added)]


def numbered(listed: Sequence[Cut], number: int) -> Cut:
    """The cut of a number; raises Usage."""
    if not 1 <= number <= len(listed):
        raise Usage("no_such_cut", number=number, most=len(listed))
    return listed[number - 1]


def _decided(number: int, cut: Cut, changes: Changes) -> Cut:
    if number in changes.removed:
        return replace(cut, status="removed")
    if number in changes.moved:
        moved = changes.moved[number]
        if cut.status == "added":
            return replace(cut, start=moved.start, end=moved.end)
        was = cut.was or (cut.start, cut.end)
        return replace(cut, start=moved.start, end=moved.end, status="changed", was=was)
    if number in changes.accepted and cut.status not in {"changed", "added"}:
        return replace(cut, status="accepted")
    return _taken_back(cut) if number in changes.undone else cut


def _taken_back(cut: Cut) -> Cut:
    """A cut before somebody decided on it; what nobody had proposed is none any more."""
    start, end = cut.was or (cut.start, cut.end)
    status = "removed" if cut.status == "added" else cut.first_status
    return replace(cut, start=start, end=end, status=status, was=None)
