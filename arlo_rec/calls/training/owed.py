"""The rest of a review before its copy may be confirmed: undecided cuts, and doubtful stretches not yet heard.

A speech engine marks stretches that it heard badly; uncut, they may still hold a name. So a person has to hear them on
the page of a review, and the log says what was played there. Where nothing is known of that, that is everything that is
not cut: without scores, without words, without findings, and where the words may be those of another call.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Final

from arlo_rec.calls.training.cut_plan import CutPlan, UnsureStretch
from arlo_rec.calls.training.spoken import UNSURE
from arlo_rec.law.log.events import CopyMade, HeardInReview
from arlo_rec.law.model.documents import Record
from arlo_rec.law.model.records import RecordingId
from arlo_rec.law.model.spans import Span, without
from arlo_rec.vault.catalogue.copies import Copy
from arlo_rec.vault.opened import Store

SLACK: Final = 0.15  # seconds at an edge that may stay unheard: a browser's clock and the times of words are no finer


class Owed(Record, frozen=True):
    """Open tasks of a review; false if there are none."""

    undecided: tuple[int, ...]  # cuts by their numbers
    unheard: tuple[Span, ...]  # stretches, in seconds

    def __bool__(self) -> bool:
        return bool(self.undecided or self.unheard)


def owed(plan: CutPlan, heard: Sequence[Span], duration: float) -> Owed:
    """The open tasks of a plan for a person who heard these parts of a call of that duration, in seconds."""
    undecided = tuple(number for number, cut in enumerate(plan.listed, 1) if cut.is_open)
    if plan.is_all_doubtful:
        left = without(((stretch.start, stretch.end) for stretch in doubtful(plan, duration)), heard)
        return Owed(undecided, tuple((start, end) for start, end in left if end - start > SLACK))
    unheard = (stretch for stretch in doubtful(plan, duration) if not _is_done(plan, stretch, heard))
    return Owed(undecided, tuple((stretch.start, stretch.end) for stretch in unheard))


def doubtful(plan: CutPlan, duration: float) -> list[UnsureStretch]:
    """The stretches that a person has to hear: those heard badly; if nothing is known of that, all that is not cut.

    What a person cut on one channel, they looked at: there the other channel is not doubtful for that.
    """
    if not plan.is_all_doubtful:
        return sorted({*plan.unsure, *_uncovered(plan)}, key=lambda stretch: (stretch.start, stretch.end))
    uncut = without([(0.0, duration)], [(cut.start, cut.end) for cut in plan.cuts])
    return [UnsureStretch(start, end, None) for start, end in uncut if end - start > SLACK]


def _uncovered(plan: CutPlan) -> Iterator[UnsureStretch]:
    """Yield badly heard words of proposed cuts that a reviewer uncovered."""
    proposed = [cut for cut in plan.listed if cut.first_status == "proposed"]
    let_go = [cut.was or (cut.start, cut.end) for cut in proposed if cut.was is not None or not cut.is_cut]
    for word in plan.words if let_go else ():
        is_bad = word.transcript == 0 and word.score is not None and word.score < UNSURE
        if is_bad and any(start < word.end and word.start < end for start, end in let_go):
            yield UnsureStretch(word.start, word.end, word.channel)


def _is_done(plan: CutPlan, stretch: UnsureStretch, heard: Sequence[Span]) -> bool:
    """Whether every part of a stretch was heard or is cut."""
    cut = [
        (cut.start, cut.end)
        for cut in plan.cuts
        if cut.channels is None or (stretch.channel is not None and stretch.channel in cut.channels)
    ]
    left = without([(stretch.start, stretch.end)], [*heard, *cut])
    return all(end - start <= SLACK for start, end in left)


# -- what was heard -----------------------------------------------------------------------------------


def heard(store: Store, copy: Copy, plan: CutPlan, *, is_edited: bool = False) -> list[Span]:
    """The parts of a call, in seconds, that this person heard in reviews of this copy, by the log.

    *plan* is the copy's, or with *is_edited* that of an edit.
    """
    spans = [*_heard_of(store, copy.parent)]
    for revision in _revisions(store, copy.id):
        spans += heard_of_copy(plan, _heard_of(store, revision), is_this=revision == copy.id and not is_edited)
    return spans


def _revisions(store: Store, copy: RecordingId) -> Iterator[RecordingId]:
    """Yield a copy and its earlier revisions by their log entries, the newest first."""
    revision: RecordingId | None = copy
    while revision is not None:
        yield revision
        entry = store.log.entries.taking_in([revision]).get(revision)
        event = entry.event if entry is not None else None
        made_from = event.replaces if isinstance(event, CopyMade) else None
        revision = RecordingId(bytes.fromhex(made_from)) if made_from is not None else None


def heard_of_copy(plan: CutPlan, spans: Iterable[Span], *, is_this: bool) -> list[Span]:
    """The parts of a call heard through its copy, without cuts, and without any possible cut of an earlier revision."""
    silent = [(cut.start, cut.end) for cut in (plan.cuts if is_this else plan.listed)]
    if not is_this:
        silent += [cut.was for cut in plan.listed if cut.was is not None]
    return without(spans, silent)


def _heard_of(store: Store, recording: RecordingId) -> Iterator[Span]:
    """Yield the parts of a recording that this person heard in reviews."""
    for entry in store.log.entries.about(recording):
        if isinstance(event := entry.event, HeardInReview) and entry.person == store.person.name:
            yield from event.heard_spans()
