"""Checkpoints that were kept outside, compared with the tree of the log.

Each counts, since whoever may write to the place put it there: one that this log did not sign is a problem too.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from arlo_rec.crypto import merkle


@dataclass(slots=True)
class Anchors:
    """The notes of one place outside, and what the check of the log finds about them."""

    notes: Sequence[str]
    problems: list[str] = field(default_factory=list)  # codes; of the place itself too, by whoever read it
    compared: list[str] = field(default_factory=list)  # what was compared with the tree, whatever came of it


class Comparison:
    """Compares anchors of one log, whose keys are given by the size from which each signs."""

    def __init__(self, origin: str, keys: Sequence[tuple[int, bytes]]) -> None:
        self._origin, self._keys = origin, keys

    def run(self, anchors: Anchors, roots: Mapping[int, bytes]) -> None:
        """Fill in what *anchors* come to, where the tree has these roots at the sizes that they name."""
        for note in anchors.notes:
            problem = self._problem(note, roots)
            if problem not in _INCOMPARABLE:
                anchors.compared.append(note)
            if problem is not None:
                anchors.problems.append(problem)

    def _problem(self, note: str, roots: Mapping[int, bytes]) -> str | None:
        """What is wrong with a note; None where the log had that state."""
        said = _said(note)
        if said is None:
            return "anchor_unreadable"
        if said.origin != self._origin:
            return "anchor_of_another_log"
        public = key_at(self._keys, said.size)
        if public is None or not merkle.note_signed_by(ended(note), self._origin, public):
            return "anchor_unsigned"
        return _differs(said, roots)


_INCOMPARABLE = frozenset({"anchor_unreadable", "anchor_of_another_log", "anchor_unsigned"})


def sizes(anchors: Sequence[Anchors]) -> Iterator[int]:
    """The sizes of the log at which anchors are compared."""
    for each in anchors:
        for note in each.notes:
            if (said := _said(note)) is not None:
                yield said.size


def key_at(keys: Sequence[tuple[int, bytes]], size: int) -> bytes | None:
    """The key that signed for the log when it had that size."""
    signing = [public for since, public in keys if since < size]
    return signing[-1] if signing else None


def ended(note: str) -> str:
    """A note as it was written: whoever kept it may have ended it otherwise."""
    return note.rstrip("\n") + "\n"


def _said(note: str) -> merkle.Checkpoint | None:
    try:
        return merkle.parse_note(ended(note))[0]
    except ValueError:
        return None


def _differs(said: merkle.Checkpoint, roots: Mapping[int, bytes]) -> str | None:
    if said.size not in roots:
        return "log_shorter_than_anchor"
    return None if roots[said.size] == said.root else "log_differs_from_anchor"
