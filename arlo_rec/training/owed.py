"""What a review still owes before somebody may stand for a copy: cuts without a decision, and what was not heard.

A speech engine marks where it heard badly; if nothing is cut there, a name may have stayed. Where no engine is sure, a
person hears it on the page of a review, and the log says what was played there.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Final, NamedTuple

from arlo_rec.catalogue.copies import Copy
from arlo_rec.log.events import CopyMade, HeardInReview
from arlo_rec.model.records import RecordingId
from arlo_rec.model.spans import Span, without
from arlo_rec.store import Store
from arlo_rec.training.cut_plan import CutPlan, UnsureStretch
from arlo_rec.training.spoken import UNSURE

SLACK: Final = 0.15  # seconds at an edge that need not be heard: a browser's clock and the times of words are no finer


class Owed(NamedTuple):
    """What is left to do; false where that is nothing."""

    undecided: tuple[int, ...]  # cuts by their numbers
    unheard: tuple[UnsureStretch, ...]

    def __bool__(self) -> bool:
        return bool(self.undecided or self.unheard)

    def to_json(self) -> dict[str, Any]:
        """For scripts and for the page."""
        return {
            "undecided": list(self.undecided),
            "unheard": [[stretch.start, stretch.end] for stretch in self.unheard],
        }


def owed(plan: CutPlan, heard: Sequence[Span]) -> Owed:
    """What is left of a plan for somebody who heard those parts of the call, in seconds."""
    undecided = tuple(number for number, cut in enumerate(plan.listed, 1) if cut.is_open)
    doubtful = sorted({*plan.unsure, *_uncovered(plan)}, key=lambda stretch: (stretch.start, stretch.end))
    return Owed(undecided, tuple(stretch for stretch in doubtful if not _is_done(plan, stretch, heard)))


def _uncovered(plan: CutPlan) -> Iterator[UnsureStretch]:
    """Words that were heard badly in what was proposed to be cut, and that a reviewer took out of a cut."""
    proposed = [cut for cut in plan.listed if cut.first_status == "proposed"]
    let_go = [cut.was or (cut.start, cut.end) for cut in proposed if cut.was is not None or not cut.is_cut]
    for word in plan.words if let_go else ():
        is_bad = word.transcript == 0 and word.score is not None and word.score < UNSURE
        if is_bad and any(start < word.end and word.start < end for start, end in let_go):
            yield UnsureStretch(word.start, word.end, word.channel)


def _is_done(plan: CutPlan, stretch: UnsureStretch, heard: Sequence[Span]) -> bool:
    """Whether each part of a stretch was heard, or is cut."""
    cut = [
        (cut.start, cut.end)
        for cut in plan.cuts
        if cut.channels is None or (stretch.channel is not None and stretch.channel in cut.channels)
    ]
    left = without([(stretch.start, stretch.end)], [*heard, *cut])
    return all(end - start <= SLACK for start, end in left)


# -- what was heard -----------------------------------------------------------------------------------


def heard(store: Store, copy: Copy, plan: CutPlan, *, is_edited: bool = False) -> list[Span]:
    """The parts of a call, in seconds, that this person heard in reviews of this copy, as the log says.

    *plan* is the copy's, or (*is_edited*) what an edit makes of it.
    """
    spans = [*_heard_of(store, copy.parent)]
    for revision in _revisions(store, copy.id):
        spans += heard_of_copy(plan, _heard_of(store, revision), is_this=revision == copy.id and not is_edited)
    return spans


def _revisions(store: Store, copy: RecordingId) -> Iterator[RecordingId]:
    """A copy and the revisions before it, the newest first, as the entries say that made them."""
    revision: RecordingId | None = copy
    while revision is not None:
        yield revision
        entry = store.log.entries.taking_in([revision]).get(revision)
        event = entry.event if entry is not None else None
        made_from = event.replaces if isinstance(event, CopyMade) else None
        revision = RecordingId(bytes.fromhex(made_from)) if made_from is not None else None


def heard_of_copy(plan: CutPlan, spans: Iterable[Span], *, is_this: bool) -> list[Span]:
    """What was heard of a call by hearing its copy: not what is cut, or may have been in an earlier revision."""
    silent = [(cut.start, cut.end) for cut in (plan.cuts if is_this else plan.listed)]
    if not is_this:
        silent += [cut.was for cut in plan.listed if cut.was is not None]
    return without(spans, silent)


def _heard_of(store: Store, recording: RecordingId) -> Iterator[Span]:
    """What this person heard of a recording in reviews."""
    for entry in store.log.entries.about(recording):
        if isinstance(event := entry.event, HeardInReview) and entry.person == store.person.name:
            yield from event.heard_spans()
