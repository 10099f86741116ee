"""One batch of calls, taken through the six steps that `ingest` describes: begun, then finished or abandoned.

A batch writes objects, rows, log entries and, last, removes files of the spool; the order of these writes stands in
`ingest`. How a call is judged is in `candidates`, how it is encrypted in `sealing`. Here it is decided what a missing
sound means, and whose files may go: the sound first, since a manifest without its sound is a call that is finished, and
a sound without its manifest would belong to no call.

Each refusal is logged once, although a spool is scanned every minute and a refused file may lie there for days. What is
kept of a refusal is a tag of its code, of its path and of its manifest, byte for byte; `status` counts the codes
(ADR 7). Of a call whose caller said no a tag of the exchange's id is kept as long, so that each counts once. Where
refused calls are to be removed, the log says so before a file goes, and the call is remembered as dismissed: a line of
a manifest of many calls stays when its sound is gone.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Future
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from arlo_rec import policy
from arlo_rec.access.audience_keys import CommitKeys
from arlo_rec.backends.workers import SIDES
from arlo_rec.crypto import primitives
from arlo_rec.intake import candidates, sealing, spool
from arlo_rec.intake.candidates import (
    NO_ID,
    Announced,
    ConsentRules,
    Delivered,
    Duplicate,
    Judged,
    NotRead,
    Refusal,
    Tags,
    declined,
)
from arlo_rec.intake.manifest import Delivery, Vanished
from arlo_rec.intake.run import Answer, IntakeRun, NotTaken, Order, Outcome, Taken
from arlo_rec.intake.sealing import BatchKeys, RecordingTables, Sealed
from arlo_rec.log.events import Denied, RefusedRemoved
from arlo_rec.model.errors import ArloError
from arlo_rec.model.names import agent_name
from arlo_rec.model.records import ID_CHANCE, Call, Recording, RecordingId, new_id
from arlo_rec.policy import REFUSED_FOR_GOOD, Action, State
from arlo_rec.store import Change, Store

CODES = (  # every refusal, in the order in which they apply
    "not_a_file", "bad_metadata", "outbound", "no_consent", "prompt_unknown", "prompt_not_completed", "future",
    "expired", "consent_after_call", "withdrawn", "conflict", "bad_audio",
)  # fmt: skip

_DECLINED = frozenset({"no_consent", "not_a_file"})  # refusals of a call that may have been declined
_NOT_LYING = timedelta(days=2)  # longer ago than `status` takes for a file that still lies in the spool


class RefusalMemory:
    """Which refusals were seen before, and which calls were dismissed, as one run knows and notes it."""

    def __init__(self, store: Store, tags: Tags, now: datetime) -> None:
        self._seen, self._tags, self._now = store.catalogue.refusals, tags, now

    def note(self, change: Change, delivery: Delivery, refusal: NotTaken) -> NotTaken:
        """Remember a refusal as seen now, log it if it was not seen before, and return it with whether it was."""
        tag = self._refusal_tag(refusal.code, delivery)
        known = self._seen.knows(tag)
        self._seen.see(tag, refusal.code, self._now)
        if not known:
            source = self._source_tag(delivery)
            change.log(Denied(action=Action.INGEST, rule=refusal.rule, code=refusal.code, source=source))
        return replace(refusal, told=known)

    def count_declined(self, change: Change, delivery: Delivery, refusal: NotTaken, rules: ConsentRules) -> None:
        """Log that a caller said no, once for each call of the exchange, wherever and however long its files lie.

        A call that was declined has no sound where the exchange recorded none, so one that misses it is looked at too.
        """
        event = declined(delivery, rules) if refusal.code in _DECLINED else None
        if event is None or delivery.source_id is None:
            return
        tag = self._tags.tag("declined", delivery.source_id)
        if not self._seen.knows(tag):
            change.log(event)
        self._seen.put(tag, refusal.code, first_seen=self._now, last_seen=self._now - _NOT_LYING)

    def dismiss(self, change: Change, delivery: Delivery, refusal: NotTaken) -> None:
        """Log that a refused call's files are about to be removed, and count it no longer as lying in the spool."""
        tag = self._dismissal_tag(delivery)
        if delivery.sound is not None or not self._seen.knows(tag):
            change.log(RefusedRemoved(rule=refusal.rule, code=refusal.code, source=self._source_tag(delivery)))
        self._seen.forget(self._refusal_tag(refusal.code, delivery))
        self._seen.put(tag, refusal.code, first_seen=self._now, last_seen=self._now - _NOT_LYING)

    def is_dismissed(self, delivery: Delivery) -> bool:
        """Whether an earlier run logged that it removes this call, and the sound is gone since."""
        return delivery.sound is None and self._seen.knows(self._dismissal_tag(delivery))

    def refused_for_good(self, delivery: Delivery) -> Refusal | None:
        """The refusal after which a run removed the sound, but not yet the manifest; None where there is none."""
        for code, rule in REFUSED_FOR_GOOD.items():
            if self._seen.knows(self._refusal_tag(code, delivery)):
                return Refusal(code, rule)
        return None

    def _source_tag(self, delivery: Delivery) -> str | None:
        """The tag that the log keeps of the exchange's id; None where the manifest has none that can be one."""
        source_id = delivery.source_id
        return None if source_id is None else self._tags.tag("source", source_id).hex()

    def _dismissal_tag(self, delivery: Delivery) -> bytes:
        path = f"{delivery.path}\0".encode("utf-8", "surrogatepass")
        return self._tags.tag("dismissal", path + delivery.file_identity + b"\0" + delivery.raw)

    def _refusal_tag(self, code: str, delivery: Delivery) -> bytes:
        code_and_path = f"{code}\0{delivery.path}\0".encode("utf-8", "surrogatepass")
        return self._tags.tag("refusal", code_and_path + delivery.raw)


def remove_files(finished: Iterable[Delivery]) -> set[spool.SpoolFile]:
    """Remove sounds and manifests; gives back what could not be removed, such as a file that changed meanwhile."""
    removed, left = set(), set()
    for delivery in finished:
        for file in _files(delivery):
            removed.add(file)
            if not spool.remove(file):
                left.add(file)
                break
    spool.sync(removed)
    return left


def _files(delivery: Delivery) -> Iterator[spool.SpoolFile]:
    """The sound, then the manifest if no call that it describes is unfinished."""
    if delivery.sound is not None:
        yield delivery.sound
    manifest = delivery.finish()  # asked when the sound is gone
    if manifest is not None:
        yield manifest


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
        self.outcome.accepted.append(Taken(recording, delivered.delivery.source, delivered.call.source_id))

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
        left = remove_files(self._finished)
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
        """The outcome of the calls; complete when the batch is finished."""
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
