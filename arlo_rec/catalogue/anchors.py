"""Checkpoints that were kept outside, compared with the tree of the log.

A note of a file is one that somebody kept. In a line of a syslog it may be anybody's, because every account of the
machine can log, and a collector takes the lines of many stores. Such a line counts where this log's key of that time
signed it, or somebody who could sign then: a log that was rewritten with another key cannot disown what people signed.
Other lines are passed over and counted, and are a problem only where the file has nothing else.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from arlo_rec.crypto import merkle
from arlo_rec.keys.roster import Signatories


@dataclass(slots=True)
class Anchors:
    """The notes of one place outside, and what the check of the log finds about them."""

    notes: Sequence[str]
    lines: Sequence[str] = ()  # notes of a syslog's lines, some of which somebody else may have written
    problems: list[str] = field(default_factory=list)  # codes; of the place itself too, by whoever read it
    compared: list[str] = field(default_factory=list)  # what was compared with the tree, whatever came of it
    passed_over: int = 0


class Comparison:
    """Compares anchors of one log, whose keys are given by the size from which each signs."""

    def __init__(self, origin: str, keys: Sequence[tuple[int, bytes]], people: Signatories) -> None:
        self._origin, self._keys, self._people = origin, keys, people

    def run(self, anchors: Anchors, roots: Mapping[int, bytes]) -> None:
        """Fill in what *anchors* come to, where the tree has these roots at the sizes that they name."""
        for note in anchors.notes:
            self._take(anchors, note, self._problem(note, roots))
        passed_over = None
        for note in anchors.lines:
            problem = self._problem(note, roots)
            if problem in _OF_ANYBODY:
                problem, is_known = self._by_people(note, problem, roots)
                if not is_known:
                    passed_over, anchors.passed_over = problem, anchors.passed_over + 1
                    continue
            self._take(anchors, note, problem)
        if passed_over is not None and not anchors.compared and not anchors.problems:
            anchors.problems.append(passed_over)

    def _take(self, anchors: Anchors, note: str, problem: str | None) -> None:
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

    def _by_people(self, note: str, problem: str, roots: Mapping[int, bytes]) -> tuple[str, bool]:
        """What is wrong with a note that the log did not sign, and whether somebody who could sign it vouches for that.

        Where the tree is as they signed it, only the log's signature was changed: anybody could do that.
        """
        said, signatures = merkle.parse_note(ended(note))
        key = merkle.signer_among(said, signatures, merkle.signer_names(said.origin, self._people.keys()))
        if self._people.of_key(key, said.size - 1) is None:
            return problem, False
        found = problem if said.origin != self._origin else _differs(said, roots)
        return found or problem, found is not None


_INCOMPARABLE = frozenset({"anchor_unreadable", "anchor_of_another_log", "anchor_unsigned"})
_OF_ANYBODY = _INCOMPARABLE - {"anchor_unreadable"}


def sizes(anchors: Sequence[Anchors]) -> Iterator[int]:
    """The sizes of the log at which anchors are compared."""
    for each in anchors:
        for note in (*each.notes, *each.lines):
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
