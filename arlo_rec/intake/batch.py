"""One batch of calls, taken through the six steps that `ingest` describes: begun, then finished or abandoned.

A batch writes objects, rows, log entries and, last, removes files of the spool; the order of these writes stands in
`ingest`. How a call is judged is in `candidates`, how it is encrypted in `sealing`, what becomes of it in
`batch_outcome`.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from concurrent.futures import Future
from contextlib import suppress

from arlo_rec import policy
from arlo_rec.access.audience_keys import CommitKeys
from arlo_rec.backends.workers import SIDES
from arlo_rec.crypto import primitives
from arlo_rec.intake import candidates, sealing
from arlo_rec.intake.batch_outcome import BatchOutcome
from arlo_rec.intake.candidates import NO_ID, Announced, Delivered, Duplicate, Judged, NotRead, Refusal
from arlo_rec.intake.results import Outcome
from arlo_rec.intake.run import IntakeRun
from arlo_rec.intake.sealers import Answer, Order
from arlo_rec.intake.sealing import BatchKeys, RecordingTables, Sealed
from arlo_rec.intake.sources.manifest import Delivery, Vanished
from arlo_rec.model.errors import ArloError
from arlo_rec.model.names import agent_name
from arlo_rec.model.records import ID_CHANCE, Call, RecordingId, new_id


def read(run: IntakeRun, deliveries: Iterable[Delivery]) -> list[Delivered | NotRead]:
    """The part of step 1 that needs no catalogue: manifests read and judged, tags computed."""
    readings: list[tuple[Delivery, Call | Refusal | Vanished]] = []
    for delivery in deliveries:
        try:
            readings.append((delivery, candidates.read_call(delivery, run.rules)))
        except (Refusal, Vanished) as reason:
            readings.append((delivery, reason))
    run.tags.prepare([reading for _, reading in readings if isinstance(reading, Call)])
    return [
        _delivered(run, delivery, reading) if isinstance(reading, Call) else NotRead(delivery, reading)
        for delivery, reading in readings
    ]


class Batch:
    """Calls that go through the steps together and are committed together."""

    def __init__(self, run: IntakeRun, readings: Sequence[Delivered | NotRead]) -> None:
        self.deliveries = [reading.delivery for reading in readings]
        self._run = run
        self._readings = readings
        self._results = BatchOutcome(run)
        self._judged: list[Judged] = []
        self._announced: list[Announced] = []
        self._sealing: list[tuple[Sequence[Announced], Future[Answer]]] = []

    @property
    def outcome(self) -> Outcome:
        """What became of the calls; complete when the batch is finished."""
        return self._results.outcome

    def begin(self) -> None:
        """Steps 1 and 2, and the start of steps 3 and 4, which go on beside what follows."""
        self._judged = self._judge()
        if self._judged and not self._run.options.dry_run:
            self._announce()
            self._order()

    def finish(self) -> None:
        """The rest of steps 3 and 4, and steps 5 and 6."""
        if self._run.options.dry_run:
            self._rehearse()
            return
        self._commit(self._sealed())
        self._take_back()
        if not self._run.options.keep_source:
            self._results.remove_sources()

    def abandon(self) -> None:
        """Take back what was begun as far as that can be done now; the next erasure removes what is left of it."""
        self._run.sealers.stop()
        with suppress(ArloError):
            self._take_back()

    # -- 1 --------------------------------------------------------------------------------------------

    def _judge(self) -> list[Judged]:
        """The calls that go on to step 2, with what the store knows about them now; the others are noted."""
        judged = []
        for reading in self._readings:
            with self._results.noting(reading.delivery):
                if isinstance(reading, NotRead):
                    raise reading.reason
                judged.append(Judged(reading, candidates.history_of(reading, self._run.store.catalogue)))
        return judged

    def _rehearse(self) -> None:
        """Examine the sounds, and note what a run would take in, with nothing written."""
        offered = self._run.offered
        for judged in self._judged:
            delivered = judged.delivered
            with self._results.noting(delivered.delivery):
                with self._run.examined(judged) as examined:
                    for _ in examined.frames():  # a sound that breaks off is noticed at its end
                        pass
                content = examined.content()
                if delivered.source in offered:
                    raise Duplicate(NO_ID) if offered[delivered.source] == content else Refusal("conflict")
                offered[delivered.source] = content
                self._results.accept(delivered, NO_ID)
        self._results.finish_dry_run()

    # -- 2 and 3 --------------------------------------------------------------------------------------

    def _announce(self) -> None:
        """Step 2."""
        store, now = self._run.store, self._run.now
        with store.change(now):
            calls = [judged.delivered.call for judged in self._judged]
            self._announced = [
                Announced(judged, new_id(policy.due_at(call.started_at), primitives.fresh(ID_CHANCE)))
                for judged, call in zip(self._judged, calls, strict=True)
            ]
            store.catalogue.recordings.announce([announced.id for announced in self._announced])

    def _order(self) -> None:
        """Have the calls sealed, in a part for each side."""
        run = self._run
        teams = (announced.delivered.call.team for announced in self._announced)
        keys = BatchKeys.of_teams(teams, near=self._announced[0].id)
        share = -(-len(self._announced) // SIDES)
        for at in range(0, len(self._announced), share):
            calls = self._announced[at : at + share]
            self._sealing.append((calls, run.sealers.submit(Order(calls, keys, run.rules))))

    def _sealed(self) -> list[tuple[Delivered, Sealed]]:
        """The end of steps 3 and 4: the calls whose objects are there; the others are noted."""
        sealed = []
        for calls, future in self._sealing:
            for announced, result in zip(calls, future.result(), strict=True):
                delivered = announced.delivered
                with self._results.noting(delivered.delivery):
                    if not isinstance(result, Sealed):
                        raise result
                    delivered.delivery.sound = result.sound
                    sealed.append((delivered, result))
        return sealed

    # -- 5 --------------------------------------------------------------------------------------------

    def _commit(self, sealed: Sequence[tuple[Delivered, Sealed]]) -> None:
        """The keys of the batch are sealed to whoever may hear it by the roster of this very transaction."""
        store, inserted = self._run.store, list[tuple[Delivered, RecordingId]]()
        with store.root.lock(exclusive=False, wait=store.lock_wait):
            erasure_keys = store.erasure_keys()
            with store.change(self._run.now) as change:
                tables = RecordingTables(store.catalogue, erasure_keys, CommitKeys(store, self._run.now))
                for delivered, call in sealed:
                    with self._results.noting(delivered.delivery):
                        history = candidates.history_of(delivered, store.catalogue)
                        history.check(delivered.call, call.content, self._run.now)
                        held = sealing.insert(call.recording, call.ke, call.audience_key, call.facts, tables)
                        change.log(sealing.taken_in(held, call.consent_at))
                        inserted.append((delivered, held.id))
                self._results.log_refusals(change)
        self._results.committed(inserted)

    def _take_back(self) -> None:
        """Remove what was announced and, by the catalogue, is not held: the object first, then the row."""
        store = self._run.store
        arriving = set(store.catalogue.recordings.arriving()) if self._announced else set()
        unfinished = [announced.id for announced in self._announced if announced.id in arriving]
        if not unfinished:
            return
        names = [recording.hex() for recording in unfinished]
        for name in names:
            store.blobs.delete(name)
        store.blobs.settle(names)
        with store.change(self._run.now):
            store.catalogue.recordings.abandon(unfinished)


def _delivered(run: IntakeRun, delivery: Delivery, call: Call) -> Delivered:
    tags = run.tags
    source, agent = tags.tag("source", call.source_id), tags.tag("agent", agent_name(call.agent))
    return Delivered(delivery, call, source, agent, tags.caller(call))
