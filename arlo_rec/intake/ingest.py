"""Taking calls in: only with a proven consent, only what was said after it, and never twice.

A batch of up to 100 calls goes through in this order, which a crash anywhere can finish (the next run does):

    1  manifests read and judged, those of many calls line by line; callers' tags computed
    2  one transaction: rows ARRIVING, listening keys
    3  per call, side by side: sound read, cut, sealed into its object            outside every lock
    4  files and folders synced, then named; each object opened to its last chunk
    5  root shared, one transaction: withdrawals and duplicates looked at again, shares, HELD, log, checkpoint
    6  sources removed, the sound first: a manifest without its sound is a call whose end is known

While a batch is in steps 4 to 6, which wait for the disk, the next is in 3 and the one after it in 1. What the
store learns meanwhile is looked at again in 5.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import AbstractContextManager, suppress
from dataclasses import dataclass, field
from datetime import datetime
from itertools import islice
from pathlib import Path

from arlo_rec import audio, policy
from arlo_rec.access.metadata import MetadataKeys
from arlo_rec.backends.files import file_lock
from arlo_rec.crypto import primitives
from arlo_rec.intake import candidates, sealing
from arlo_rec.intake.candidates import NOBODY, Candidate, Duplicate, Examined, Refusal, Tags
from arlo_rec.intake.cleanup import clear
from arlo_rec.intake.refusals import SOURCE_GOES, Refusals
from arlo_rec.intake.results import AS_USUAL, NotTaken, Options, Outcome, Taken
from arlo_rec.intake.sources import spool
from arlo_rec.intake.sources.manifest import Delivery, Vanished
from arlo_rec.intake.sources.scan import scan
from arlo_rec.model.errors import ArloError, InUse
from arlo_rec.model.records import ID_CHANCE, Entry, Recording, RecordingId, new_id
from arlo_rec.model.strict_json import canonical
from arlo_rec.policy import Action
from arlo_rec.store import INDEX_PART, Store

BATCH = 100  # calls whose rows are committed together
ROSTER_TRIES = 5  # a batch is sealed again if grants changed meanwhile
THREADS = 4  # Argon2 lets go of the interpreter; more than the cores helps nothing
SEALERS = 2  # sounds read, hashed, sealed and written side by side; a third only contends for the interpreter


def ingest(
    store: Store,
    paths: list[Path],
    now: datetime,
    options: Options = AS_USUAL,
    progress: Callable[[int, int], None] = lambda _done, _all: None,
) -> Outcome:
    """Take in what lies at *paths*; a call that cannot be taken refuses that call only."""
    store.demand(Action.INGEST, now)
    store.demand_replayed(Action.INGEST, now)
    tags, found = Tags(store.part(INDEX_PART)), scan(paths)
    outcome, claimed, done, count = Outcome(), set(), 0, found.count()
    with (
        file_lock(store.place.intake_lock, exclusive=False, wait=store.lock_wait),
        audio.decoder_process() as decoder,
        ThreadPoolExecutor(SEALERS) as sealers,
    ):
        intake = _Intake(store, tags, decoder, sealers, now, options)
        for batch in _in_line(intake, _ahead(intake, found.deliveries())):
            outcome.add(batch.outcome)
            claimed |= {one.sound_path() for one in batch.deliveries}
            done += len(batch.deliveries)
            progress(min(done, count), count)
    outcome.unclaimed = [str(one) for one in found.sounds if one.absolute() not in claimed and spool.is_there(one)]
    return outcome


@dataclass(frozen=True, slots=True)
class _Intake:
    """What all batches of a run share; `offered` is what a dry run would have taken: content by source."""

    store: Store
    tags: Tags
    decoder: audio.Decoder
    sealers: ThreadPoolExecutor
    now: datetime
    options: Options
    offered: dict[bytes, bytes] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class _Read:
    """A manifest that was read, and the call that it tells of, or what ended its way already."""

    delivery: Delivery
    call: Candidate | Exception


def _ahead(intake: _Intake, deliveries: Iterator[Delivery]) -> Iterator[list[_Read]]:
    """So many calls at a time, read while those before are taken in."""

    def more() -> list[_Read]:
        return _read(intake, list(islice(deliveries, BATCH)))

    with ThreadPoolExecutor(1) as thread:
        coming = thread.submit(more)
        while batch := coming.result():
            coming = thread.submit(more)
            yield batch


def _read(intake: _Intake, deliveries: list[Delivery]) -> list[_Read]:
    """Step 1 without the store: manifests read and judged, callers' tags computed."""
    batch: list[_Read] = []
    for delivery in deliveries:
        try:
            batch.append(_Read(delivery, candidates.read(delivery, intake.tags, intake.store.prompts, intake.now)))
        except (Refusal, Vanished) as ending:
            batch.append(_Read(delivery, ending))
    going = [one.call for one in batch if isinstance(one.call, Candidate)]
    with ThreadPoolExecutor(THREADS) as threads:
        for one, tag in zip(going, threads.map(intake.tags.caller, [c.call for c in going]), strict=True):
            one.caller = tag
    return batch


def _in_line(intake: _Intake, batches: Iterator[list[_Read]]) -> Iterator[_Batch]:
    """Each batch when it is through, in order; two are on their way, and where one fails neither stays half done."""
    begun: deque[_Batch] = deque()
    try:
        for read in batches:
            begun.append(_Batch(intake))
            begun[-1].begin(read)
            if len(begun) > 1:
                _finish(intake, begun[0])
                yield begun.popleft()
        for batch in begun:
            _finish(intake, batch)
            yield batch
        begun.clear()
    finally:
        for batch in begun:
            batch.abandon()


def _finish(intake: _Intake, batch: _Batch) -> None:
    """Steps 3 to 6; sealed again where grants changed between choosing keys and committing."""
    for _ in range(ROSTER_TRIES):
        if batch.finish():
            return
        batch.begin(_read(intake, batch.deliveries))
    raise InUse("in_use")


class _Batch:
    """One batch on its way through the six steps: begun, then finished or abandoned."""

    def __init__(self, intake: _Intake) -> None:
        self._intake = intake
        self.store = intake.store
        self.tags = intake.tags
        self.now = intake.now
        self.options = intake.options

    def begin(self, read: list[_Read]) -> None:
        """Steps 1 and 2; step 3 goes on in threads."""
        self.deliveries = [one.delivery for one in read]
        self.outcome = Outcome()
        self._memory = Refusals(self.store, self.tags, self.now)
        self._refusals: list[tuple[Delivery, NotTaken]] = []
        self._dismissed: list[tuple[Delivery, NotTaken]] = []
        self._done: list[Delivery] = []  # their sources may go
        self._sealing: list[tuple[Candidate, Future[None]]] = []
        self._announced: list[Candidate] = []
        going = self._judge(read)
        if self.options.dry_run:
            self._offered = going
        else:
            self._announce(going)
            self._sealing = [(one, self._intake.sealers.submit(self._seal, one)) for one in going]

    def finish(self) -> bool:
        """The rest; False where the roster changed meanwhile, so that nothing was taken."""
        if self.options.dry_run:
            self._would(self._offered, self._intake.offered)
            return True
        if not self._take():
            return False
        if not self.options.keep_source:
            self._remove_sources()
        return True

    def abandon(self) -> None:
        """Take back what was begun, as far as that can be done now; the next run sweeps the rest."""
        for _, way in self._sealing:
            way.cancel()
        wait([way for _, way in self._sealing])
        with suppress(ArloError):
            self._forget()

    # -- 1 --------------------------------------------------------------------------------------------

    def _judge(self, read: list[_Read]) -> list[Candidate]:
        """Step 1: who goes on."""
        going = []
        for one in read:
            with self._ending(one.delivery):
                if isinstance(one.call, Exception):
                    raise one.call
                candidates.look_at_store(one.call, self.store.catalogue)
                going.append(one.call)
        return going

    def _would(self, going: list[Candidate], offered: dict[bytes, bytes]) -> None:
        """What a run would take, with nothing written; *offered* stands for what it would have taken before."""
        for one in going:
            with self._ending(one.delivery):
                with self._examined(one) as found:
                    for _ in found.frames():  # a sound that breaks off is seen at its end
                        pass
                if one.source in offered:
                    raise Duplicate(NOBODY) if offered[one.source] == one.content else Refusal("conflict")
                offered[one.source] = one.content
                self.outcome.accepted.append(self._taken(one))
        self.outcome.refused = [refusal for _, refusal in self._refusals]
        self.outcome.removed = [refusal for _, refusal in self._dismissed]

    # -- 2 to 5 ---------------------------------------------------------------------------------------

    def _take(self) -> bool:
        """Steps 3 to 5; False where the roster changed, so that nothing was taken."""
        sealed = self._sealed()
        self.store.blobs.settle([one.id.hex() for one in self._announced])
        with ThreadPoolExecutor(SEALERS) as threads:
            list(threads.map(lambda one: sealing.read_back(one, self.store.blobs), sealed))
        same_roster = self._commit(sealed)
        self._forget()
        return same_roster

    def _announce(self, going: list[Candidate]) -> None:
        """Step 2, with the roster of this very transaction: the next batch may load a newer one."""
        if not going:
            return
        with self.store.change(self.now):
            self.store.load_documents()
            self._keys = sealing.choose(self.store, [one.call for one in going], self.now)
            for one in going:
                one.id = new_id(policy.due_at(one.call.started_at), primitives.fresh(ID_CHANCE))
            self.store.catalogue.arrive([one.id for one in going])
            self._announced = going

    def _sealed(self) -> list[Candidate]:
        """The end of step 3; who does not come back ended here."""
        sealed = []
        for one, way in self._sealing:
            with self._ending(one.delivery):
                way.result()
                sealed.append(one)
        return sealed

    def _seal(self, candidate: Candidate) -> None:
        """Read, cut and seal one call's sound; runs beside others and asks the catalogue nothing."""
        with self._examined(candidate) as found:
            sealing.seal(candidate, found, self._keys, self.store.blobs)

    def _commit(self, sealed: list[Candidate]) -> bool:
        """Step 5; False, and nothing done, where the roster changed since the keys were chosen."""
        store, held = self.store, list[Candidate]()
        with store.root.lock(exclusive=False, wait=store.lock_wait):
            tree = store.tree(store.read_root())
            with store.change(self.now) as change:
                if sealed and store.document("roster").counter != self._keys.roster:
                    return False
                metadata_keys = MetadataKeys(store, self.now)
                for one in sealed:
                    with self._ending(one.delivery):
                        candidates.look_at_store(one, store.catalogue)
                        candidates.compare(one)
                        sealing.hold(one, self._keys, store.catalogue, tree, metadata_keys)
                        change.log(self._accepted(one))
                        held.append(one)
                for delivery, refusal in self._refusals:
                    self._memory.note(change, delivery, refusal)
                for delivery, refusal in self._dismissed:
                    self._memory.dismiss(change, delivery, refusal)
        self.outcome.accepted = [self._taken(one) for one in held]
        self.outcome.refused = [refusal for _, refusal in self._refusals]
        self._done += [one.delivery for one in held]
        return True

    def _forget(self) -> None:
        """Take back what was announced and, by the catalogue, is not held: the object first, then the row."""
        arriving = set(self.store.catalogue.arriving()) if self._announced else set()
        gone = [one.id for one in self._announced if one.id in arriving]
        if not gone:
            return
        for one in gone:
            self.store.blobs.delete(one.hex())
        self.store.blobs.settle([one.hex() for one in gone])
        with self.store.change(self.now):
            self.store.catalogue.forget(gone)

    # -- 6 --------------------------------------------------------------------------------------------

    def _remove_sources(self) -> None:
        """Step 6: sources of recordings, of duplicates, of what may never be kept, and of what was dismissed."""
        stuck = clear(self._done)
        self.outcome.left += sorted(str(file.path) for file in stuck)
        self.outcome.removed = [told for one, told in self._dismissed if not {one.sound, one.manifest} & stuck]

    # -- endings --------------------------------------------------------------------------------------

    def _ending(self, delivery: Delivery) -> _Ending:
        return _Ending(self, delivery)

    def refuse(self, delivery: Delivery, refusal: Refusal) -> None:
        """Note a refusal; it is logged with the batch."""
        plain = delivery.locate()
        if self._memory.is_dismissed(delivery):
            self._done.append(delivery)
            return
        if refusal.sound_gone:
            rows = self._rows_of(delivery)
            if held := [row for row in rows if row.state is policy.State.HELD]:
                self.is_here(delivery, held[0].id)
                return
            refusal = Refusal("withdrawn") if rows else self._memory.for_good(delivery) or refusal
        told = NotTaken(delivery.source, delivery.source_id, refusal.code, refusal.rule, refusal.why)
        self._refusals.append((delivery, told))
        ordered = refusal.code in self.options.remove_refused
        if ordered and plain and delivery.can_go:
            self._dismissed.append((delivery, told))
        elif ordered and spool.is_there(delivery.path):
            self.outcome.left.append(delivery.source)
        if refusal.code in SOURCE_GOES or (ordered and plain and delivery.can_go):
            self._done.append(delivery)

    def is_here(self, delivery: Delivery, recording: RecordingId) -> None:
        """Note a duplicate."""
        self.outcome.duplicates.append(Taken(recording, delivery.source, delivery.source_id or ""))
        self._done.append(delivery)

    def _rows_of(self, delivery: Delivery) -> list[Recording]:
        """What the store has of a manifest's source id."""
        if delivery.source_id is None:
            return []
        return self.store.catalogue.by_source(self.tags.tag("source", delivery.source_id))

    # -- small words ----------------------------------------------------------------------------------

    def _examined(self, candidate: Candidate) -> AbstractContextManager[Examined]:
        return candidates.examined(candidate, self._intake.decoder, self.tags, self.store.prompts, self.now)

    def _taken(self, candidate: Candidate) -> Taken:
        return Taken(candidate.id, candidate.delivery.source, candidate.call.source_id)

    def _accepted(self, candidate: Candidate) -> Entry:
        recording = candidate.recording
        assert recording is not None
        sworn = primitives.sha256(canonical(recording.sworn())).hex()
        entry = self.store.entry(Action.INGEST, "allowed", "consent.press1", self.now, sworn=sworn)
        return entry.naming(recording.id)


class _Ending:
    """Where one call's way ends inside, it is noted and the batch goes on."""

    def __init__(self, batch: _Batch, delivery: Delivery) -> None:
        self._batch, self._delivery = batch, delivery

    def __enter__(self) -> None:
        """Nothing to prepare."""

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> bool:
        if isinstance(error, Refusal):
            self._batch.refuse(self._delivery, error)
            return True
        if isinstance(error, Duplicate):
            self._batch.is_here(self._delivery, error.recording)
            return True
        return isinstance(error, Vanished)
