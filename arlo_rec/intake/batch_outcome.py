"""What becomes of each call of one batch: noted as soon as it is known, logged with the batch, then cleaned up.

It reads the catalogue, writes refusals inside the change of `batch`, and removes files of the spool last. Whether a
call is refused by what it claims is decided in `candidates`; here it is decided what a missing sound means, and whose
files may go.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from arlo_rec.intake import cleanup
from arlo_rec.intake.candidates import Delivered, Duplicate, Refusal
from arlo_rec.intake.refusals import RefusalMemory
from arlo_rec.intake.results import NotTaken, Outcome, Taken
from arlo_rec.intake.run import IntakeRun
from arlo_rec.intake.sources import spool
from arlo_rec.intake.sources.manifest import Delivery, Vanished
from arlo_rec.model.records import Recording, RecordingId
from arlo_rec.policy import REFUSED_FOR_GOOD, State
from arlo_rec.store import Change


@dataclass(frozen=True, slots=True)
class RefusedDelivery:
    """A delivery and its refusal."""

    delivery: Delivery
    refusal: NotTaken


class BatchOutcome:
    """Collects what becomes of the calls of one batch; `outcome` is what the command shows of it."""

    def __init__(self, run: IntakeRun) -> None:
        self._run = run
        self._memory = RefusalMemory(run.store, run.tags, run.now)
        self._refused: list[RefusedDelivery] = []
        self._dismissed: list[RefusedDelivery] = []  # of these, those whose files go because somebody ordered it
        self._finished: list[Delivery] = []  # whose files may go
        self.outcome = Outcome()

    @contextmanager
    def noting(self, delivery: Delivery) -> Iterator[None]:
        """Note the Refusal or the Duplicate that is raised inside, and go on with the next call after it.

        A manifest that vanished is passed over: another run has taken its call in.
        """
        try:
            yield
        except Refusal as refusal:
            self._refuse(delivery, refusal)
        except Duplicate as duplicate:
            self._note_duplicate(delivery, duplicate.recording)
        except Vanished:
            pass

    def accept(self, delivered: Delivered, recording: RecordingId) -> None:
        """Note a call that is accepted, or that a dry run would accept."""
        self.outcome.accepted.append(_taken(delivered, recording))

    def finish_dry_run(self) -> None:
        """Complete `outcome`; nothing is logged and no file is removed."""
        self.outcome.refused = [refused.refusal for refused in self._refused]
        self.outcome.removed = [dismissed.refusal for dismissed in self._dismissed]

    def log_refusals(self, change: Change) -> None:
        """Log the refusals that are new, then the removals that were ordered."""
        self._refused = [
            RefusedDelivery(each.delivery, self._memory.note(change, each.delivery, each.refusal))
            for each in self._refused
        ]
        for each in self._refused:
            self._memory.count_declined(change, each.delivery, each.refusal, self._run.rules)
        for dismissed in self._dismissed:
            self._memory.dismiss(change, dismissed.delivery, dismissed.refusal)

    def committed(self, inserted: Iterable[tuple[Delivered, RecordingId]]) -> None:
        """Note which calls are recordings now; their sources may go."""
        for delivered, recording in inserted:
            self.accept(delivered, recording)
            self._finished.append(delivered.delivery)
        self.outcome.refused = [refused.refusal for refused in self._refused]

    def remove_sources(self) -> None:
        """Step 6: remove the files of recordings, duplicates, calls that may never be kept, and dismissed calls."""
        left = cleanup.remove(self._finished)
        self.outcome.left += sorted(str(file.path) for file in left)
        self.outcome.removed = [
            dismissed.refusal
            for dismissed in self._dismissed
            if not {dismissed.delivery.sound, dismissed.delivery.manifest} & left
        ]

    def _refuse(self, delivery: Delivery, refusal: Refusal) -> None:
        """Note a refusal, and whether the files go; a missing sound may mean that the call is here already."""
        is_plain = delivery.locate()
        if self._memory.is_dismissed(delivery):
            self._finished.append(delivery)
            return
        if refusal.sound_gone:
            recordings = self._recordings_of(delivery)
            if held := [recording for recording in recordings if recording.state is State.HELD]:
                self._note_duplicate(delivery, held[0].id)
                return
            refusal = Refusal("withdrawn") if recordings else self._memory.refused_for_good(delivery) or refusal
        not_taken = NotTaken(delivery.source, delivery.source_id, refusal.code, refusal.rule, refusal.why)
        self._refused.append(RefusedDelivery(delivery, not_taken))
        is_ordered = refusal.code in self._run.options.remove_refused
        is_dismissed = is_ordered and is_plain and delivery.is_removable
        if is_dismissed:
            self._dismissed.append(RefusedDelivery(delivery, not_taken))
        elif is_ordered and spool.is_there(delivery.home, delivery.path):
            self.outcome.left.append(delivery.source)
        if is_dismissed or refusal.code in REFUSED_FOR_GOOD:
            self._finished.append(delivery)

    def _note_duplicate(self, delivery: Delivery, recording: RecordingId) -> None:
        self.outcome.duplicates.append(Taken(recording, delivery.source, delivery.source_id or ""))
        self._finished.append(delivery)

    def _recordings_of(self, delivery: Delivery) -> list[Recording]:
        """The recordings of a manifest's source id, if it has one."""
        if delivery.source_id is None:
            return []
        return self._run.store.catalogue.search.of_source(self._run.tags.tag("source", delivery.source_id))


def _taken(delivered: Delivered, recording: RecordingId) -> Taken:
    return Taken(recording, delivered.delivery.source, delivered.call.source_id)
