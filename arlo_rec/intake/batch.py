"""One batch of calls, taken through the six steps that `ingest` describes: begun, then finished or abandoned.

A batch writes objects, rows, log entries and, last, removes files of the spool; the order of these writes stands in
`ingest`. How a call is judged is in `candidates`, how it is encrypted in `sealing`, what becomes of it in
`batch_outcome`.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import suppress
from typing import TypeVar

from arlo_rec import policy
from arlo_rec.access.audience_keys import CommitKeys
from arlo_rec.crypto import primitives
from arlo_rec.intake import candidates, sealing
from arlo_rec.intake.batch_outcome import BatchOutcome
from arlo_rec.intake.candidates import NO_ID, Announced, Delivered, Duplicate, Judged, NotRead, Refusal
from arlo_rec.intake.results import Outcome
from arlo_rec.intake.run import IntakeRun
from arlo_rec.intake.sealing import BatchKeys, RecordingTables, Sealed
from arlo_rec.intake.sources.manifest import Delivery, Vanished
from arlo_rec.model.errors import ArloError
from arlo_rec.model.names import agent_name
from arlo_rec.model.records import ID_CHANCE, Call, new_id

_Thing = TypeVar("_Thing")

SEALERS = 2  # sounds read, hashed, sealed and written side by side; a third only contends for the interpreter
AT_ONCE = 5  # sounds that one of them is handed: to hand one over takes a tenth of a millisecond


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
        self._sealing: list[Future[list[tuple[Announced, Sealed | Exception]]]] = []

    @property
    def outcome(self) -> Outcome:
        """What became of the calls; complete when the batch is finished."""
        return self._results.outcome

    def begin(self) -> None:
        """Steps 1 and 2, and the start of step 3, which goes on in threads."""
        self._judged = self._judge()
        if self._judged and not self._run.options.dry_run:
            self._announce()
            keys = BatchKeys()
            self._sealing = [
                self._run.sealers.submit(self._seal_some, some, keys) for some in _portions(self._announced, AT_ONCE)
            ]

    def finish(self) -> None:
        """The rest of step 3, and steps 4 to 6."""
        if self._run.options.dry_run:
            self._rehearse()
            return
        self._take_in()
        if not self._run.options.keep_source:
            self._results.remove_sources()

    def abandon(self) -> None:
        """Take back what was begun as far as that can be done now; the next erasure removes what is left of it."""
        for future in self._sealing:
            future.cancel()
        wait(self._sealing)
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

    def _seal_some(self, some: Sequence[Announced], keys: BatchKeys) -> list[tuple[Announced, Sealed | Exception]]:
        """What became of each of these calls; runs beside others."""
        sealed: list[tuple[Announced, Sealed | Exception]] = []
        for announced in some:
            try:
                sealed.append((announced, self._seal(announced, keys)))
            except (Refusal, Duplicate, Vanished) as reason:
                sealed.append((announced, reason))
        return sealed

    def _seal(self, announced: Announced, keys: BatchKeys) -> Sealed:
        """Read, cut and encrypt one call's sound; asks the catalogue nothing."""
        with self._run.examined(announced.judged) as examined:
            return sealing.seal(announced, examined, keys, self._run.store.blobs)

    def _sealed(self) -> list[Sealed]:
        """The end of step 3: the calls whose objects are written; the others are noted."""
        sealed = []
        for future in self._sealing:
            for announced, result in future.result():
                with self._results.noting(announced.delivered.delivery):
                    if isinstance(result, Exception):
                        raise result
                    sealed.append(result)
        return sealed

    # -- 4 and 5 --------------------------------------------------------------------------------------

    def _take_in(self) -> None:
        """The rest of step 3, and steps 4 and 5."""
        blobs = self._run.store.blobs
        sealed = self._sealed()
        blobs.settle([announced.id.hex() for announced in self._announced])
        with ThreadPoolExecutor(SEALERS) as threads:
            list(threads.map(lambda some: sealing.read_back(some, blobs), _portions(sealed, AT_ONCE)))
        self._commit(sealed)
        self._take_back()

    def _commit(self, sealed: Sequence[Sealed]) -> None:
        """Step 5: the keys of the batch are sealed to whoever may hear it by the roster of this very transaction."""
        store, inserted = self._run.store, list[Sealed]()
        with store.root.lock(exclusive=False, wait=store.lock_wait):
            erasure_keys = store.erasure_keys()
            with store.change(self._run.now) as change:
                tables = RecordingTables(store.catalogue, erasure_keys, CommitKeys(store, self._run.now))
                for call in sealed:
                    with self._results.noting(call.delivered.delivery):
                        history = candidates.history_of(call.delivered, store.catalogue)
                        history.check(call.delivered.call, call.content, self._run.now)
                        held = sealing.insert(call.recording, call.key.ke, call.audience_key, call.facts, tables)
                        change.log(sealing.taken_in(held, call.consent_at))
                        inserted.append(call)
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


def _portions(things: Sequence[_Thing], size: int) -> list[Sequence[_Thing]]:
    return [things[at : at + size] for at in range(0, len(things), size)]


def _delivered(run: IntakeRun, delivery: Delivery, call: Call) -> Delivered:
    tags = run.tags
    source, agent = tags.tag("source", call.source_id), tags.tag("agent", agent_name(call.agent))
    return Delivered(delivery, call, source, agent, tags.caller(call))
