"""Take one batch of calls through the six steps that `ingest` describes: begin it, then finish or abandon it.

A batch writes objects, rows and log entries and last removes files of the spool; `ingest` has the order of these
writes. `candidates` judges calls, `sealing` encrypts them, `batch_outcome` notes what becomes of each and removes
files.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from concurrent.futures import Future
from contextlib import suppress
from dataclasses import replace
from typing import assert_never

from arlo_rec import policy
from arlo_rec.calls.intake import candidates, sealing
from arlo_rec.calls.intake.batch_outcome import BatchOutcome
from arlo_rec.calls.intake.candidates import (
    NO_ID,
    Agents,
    Announced,
    Counted,
    Declined,
    Delivered,
    Duplicate,
    Judged,
    Notice,
    NotNow,
    NotRead,
    Refusal,
)
from arlo_rec.calls.intake.run import Answer, IntakeRun, Order, Outcome
from arlo_rec.calls.intake.sealing import BatchKeys, RecordingTables, Sealed
from arlo_rec.exchanges import spool
from arlo_rec.exchanges.manifest import Delivery, is_complete
from arlo_rec.law.model.errors import ArloError
from arlo_rec.law.model.names import agent_name
from arlo_rec.law.model.records import ID_CHANCE, Call, RecordingId, new_id
from arlo_rec.office import staff_notices
from arlo_rec.sound.processes.workers import SIDES
from arlo_rec.vault.access import objections
from arlo_rec.vault.access.audience_keys import CommitKeys
from arlo_rec.vault.crypto import primitives

Reading = Delivered | Notice | Declined | Counted | NotRead


def read(run: IntakeRun, deliveries: Iterable[Delivery]) -> list[Reading]:
    """Read and judge manifests and compute tags: the part of step 1 that needs no catalogue."""
    readings: list[tuple[Delivery, Call | Notice | Declined | Counted | Refusal | NotNow]] = []
    for delivery in deliveries:
        try:
            if run.was_counted(delivery):
                readings.append((delivery, Counted(delivery)))
                continue
            reading = candidates.read_delivery(delivery, run.rules)
            if not is_complete(delivery, run.still):
                raise spool.Unfinished
            readings.append((delivery, reading))
        except (Refusal, *candidates.NOT_NOW) as reason:
            readings.append((delivery, reason))
    run.tags.prepare([reading for _, reading in readings if isinstance(reading, Call)])
    return [_reading(run, delivery, reading) for delivery, reading in readings]


def _reading(
    run: IntakeRun, delivery: Delivery, reading: Call | Notice | Declined | Counted | Refusal | NotNow
) -> Reading:
    match reading:
        case Call():
            return _delivered(run, delivery, reading)
        case Notice() | Declined() | Counted():
            return reading
    return NotRead(delivery, reading)


class Batch:
    """Calls that go through the steps together and are committed together."""

    def __init__(self, run: IntakeRun, readings: Sequence[Reading]) -> None:
        self.size = len(readings)
        self.deliveries = [reading.delivery for reading in readings if not isinstance(reading, Counted)]
        self._run = run
        self._readings = readings
        self._results = BatchOutcome(run)
        self._judged: list[Judged] = []
        self._announced: list[Announced] = []
        self._sealing: list[tuple[Sequence[Announced], Future[Answer]]] = []

    @property
    def outcome(self) -> Outcome:
        """The outcome of the calls; complete when the batch is finished."""
        return self._results.outcome

    def begin(self) -> None:
        """Do steps 1 and 2, and start steps 3 and 4, which go on in the background."""
        self._withdraw()
        self._judged = self._judge()
        if self._judged and not self._run.options.dry_run:
            self._announce()
            self._order()

    def finish(self) -> None:
        """Finish steps 3 and 4, and do steps 5 and 6."""
        if self._run.options.dry_run:
            self._rehearse()
            return
        self._commit(self._sealed())
        self._take_back()
        if not self._run.options.keep_source:
            self._results.remove_sources()

    def abandon(self) -> None:
        """Undo the batch as far as possible now; the next erasure removes the rest."""
        self._run.sealers.stop()
        with suppress(ArloError):
            self._take_back()

    # -- 1 --------------------------------------------------------------------------------------------

    def _withdraw(self) -> None:
        """Carry out the withdrawals first, so that calls from before them are refused."""
        for reading in self._readings:
            if isinstance(reading, Notice):
                self._results.withdraw(reading)

    def _judge(self) -> list[Judged]:
        """The calls that go on to step 2, with the store's knowledge of them; the others are noted."""
        judged, agents = [], self._agents()
        self._results.decline([reading for reading in self._readings if isinstance(reading, Declined)])
        for reading in self._readings:
            with self._results.noting(reading.delivery):
                match reading:
                    case Notice() | Declined():  # carried out, or counted before
                        pass
                    case Counted():
                        self._results.pass_over(reading.delivery)
                    case NotRead():
                        self._results.erase_stopped(reading.delivery)
                        raise reading.reason
                    case Delivered():
                        history = candidates.history_of(reading, self._run.store.catalogue, agents)
                        judged.append(Judged(reading, history))
                    case _:
                        assert_never(reading)
        return judged

    def _agents(self) -> Agents:
        """The employees who objected or were told, as the log has them now."""
        store = self._run.store
        return Agents(objections.in_force(store), staff_notices.told_if_required(store))

    def _rehearse(self) -> None:
        """Examine the sounds and note the calls that a run would take in; writes nothing."""
        offered = self._run.offered
        for judged in self._judged:
            delivered = judged.delivered
            with self._results.noting(delivered.delivery):
                with self._run.examined(self._with_notices(judged)) as examined:
                    for _ in examined.frames():  # a truncated sound shows at its end
                        pass
                content = examined.content()
                if delivered.source in offered:
                    raise Duplicate(NO_ID) if offered[delivered.source] == content else Refusal("conflict")
                offered[delivered.source] = content
                self._results.accept(delivered, NO_ID)
        self._results.finish_dry_run()

    def _with_notices(self, judged: Judged) -> Judged:
        """A call with the withdrawals of this run, which a rehearsal writes nowhere."""
        caller = judged.delivered.call.caller
        at = self._run.noticed.get(caller.reveal()) if caller is not None else None
        history = judged.history
        known = replace(history, withdrawn_at=(*history.withdrawn_at, at)) if at is not None else history
        return replace(judged, history=known)

    # -- 2 and 3 --------------------------------------------------------------------------------------

    def _announce(self) -> None:
        """Insert the rows of step 2."""
        store, now = self._run.store, self._run.now
        with store.change(now):
            calls = [judged.delivered.call for judged in self._judged]
            self._announced = [
                Announced(judged, new_id(policy.due_at(call.started_at), primitives.fresh(ID_CHANCE)))
                for judged, call in zip(self._judged, calls, strict=True)
            ]
            store.catalogue.recordings.announce([announced.id for announced in self._announced])

    def _order(self) -> None:
        """Order the sealing of the calls, in a part for each side."""
        run = self._run
        teams = (announced.delivered.call.team for announced in self._announced)
        keys = BatchKeys.of_teams(teams, near=self._announced[0].id)
        share = -(-len(self._announced) // SIDES)
        for at in range(0, len(self._announced), share):
            calls = self._announced[at : at + share]
            self._sealing.append((calls, run.sealers.submit(Order(calls, keys, run.rules))))

    def _sealed(self) -> list[tuple[Delivered, Sealed]]:
        """Finish steps 3 and 4: returns the calls with an object, notes the others."""
        sealed = []
        for calls, future in self._sealing:
            for announced, result in zip(calls, future.result(), strict=True):
                delivered = announced.delivered
                with self._results.noting(delivered.delivery):
                    if not isinstance(result, Sealed):
                        raise result
                    delivered.delivery.sounds = result.sounds
                    sealed.append((delivered, result))
        return sealed

    # -- 5 --------------------------------------------------------------------------------------------

    def _commit(self, sealed: Sequence[tuple[Delivered, Sealed]]) -> None:
        """Hold the sealed calls in one transaction, whose roster decides to whom the batch's keys are sealed."""
        store, inserted = self._run.store, list[tuple[Delivered, RecordingId]]()
        if not sealed:
            if self._results.is_news:
                with store.change(self._run.now) as change:
                    self._results.log_refusals(change)
            self._results.committed(inserted)
            return
        with store.root.lock(exclusive=False, wait=store.lock_wait):
            root = store.read_root()
            erasure_keys = store.catalogue.erasure_keys(root.key)
            with store.change(self._run.now, root) as change:
                agents = self._agents()
                tables = RecordingTables(store.catalogue, erasure_keys, CommitKeys(store, self._run.now))
                for delivered, call in sealed:
                    with self._results.noting(delivered.delivery):
                        history = candidates.history_of(delivered, store.catalogue, agents)
                        history.check(delivered.call, call.content, self._run.now)
                        held = sealing.insert(call.recording, call.ke, call.audience_key, call.facts, tables)
                        change.log(sealing.taken_in(held, call.consent, self._run.map_digest))
                        inserted.append((delivered, held.id))
                self._results.log_refusals(change)
        self._results.committed(inserted)

    def _take_back(self) -> None:
        """Remove announced calls that the catalogue does not hold: the object first, then the row."""
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
    return Delivered(delivery, call, source, agent, tags.caller(call.caller))
