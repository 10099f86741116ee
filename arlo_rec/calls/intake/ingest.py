"""Take calls in: only with a proven consent, only the sound after it, and never twice.

A batch of up to 100 calls goes through in this order, which a crash anywhere can finish (the next run does):

    0  callers who withdrew at the exchange: their calls erased (`erasure.withdrawal`); once more does no harm
    1  manifests read and judged, those of many calls line by line; callers' tags computed
    2  one transaction: rows ARRIVING
    3  side by side: each sound read, cut, sealed into its object                 outside every lock
    4  and then: files and folders synced, then named; each object opened to its last chunk
    5  root shared, one transaction: roster, withdrawals and duplicates looked up again, erasure keys, keys of this
       commit sealed to those who may hear it now, HELD, log, checkpoint
    6  sources removed, the sound first: a manifest without its sound is a call that is finished

While a batch is in steps 5 and 6, the next is in 3 and 4 (in other processes: `run`), and the one after it in 1.
Changes of the store meanwhile are looked up in 5.

This module overlaps the batches and adds up their outcomes; the steps are in `batch`.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import UTC, datetime
from errno import ENOENT
from itertools import islice
from os import strerror
from pathlib import Path
from typing import TYPE_CHECKING

from arlo_rec.calls.intake.batch import Batch, Reading, read
from arlo_rec.calls.intake.batch_outcome import remove_aged
from arlo_rec.calls.intake.candidates import Notice, Tags
from arlo_rec.calls.intake.run import DEFAULTS, IntakeRun, Options, Outcome, sealers
from arlo_rec.exchanges import known_spools, maps, spool
from arlo_rec.exchanges.deliveries import SpoolContents, scan
from arlo_rec.exchanges.manifest import Delivery
from arlo_rec.law.log.events import Denied
from arlo_rec.law.model.errors import ArloError, ClockAhead, Refused, Unreachable, Usage
from arlo_rec.law.model.progress import Observer, Phase, Progress, unobserved
from arlo_rec.law.model.times import shown
from arlo_rec.policy import Action, clock_against_log, clock_jumped
from arlo_rec.sound import audio
from arlo_rec.sound.processes import workers
from arlo_rec.vault.backends import mounts
from arlo_rec.vault.backends.durable import disk
from arlo_rec.vault.backends.shared_folder import status
from arlo_rec.vault.catalogue.sealed_secrets import INDEX_SEED, ROOT_SEED
from arlo_rec.vault.catalogue.tombstones import COUNTED
from arlo_rec.vault.keys import jobs
from arlo_rec.vault.keys.jobs import Job, SpoolSeen
from arlo_rec.vault.keys.layout import has_room
from arlo_rec.vault.offsite import escrow
from arlo_rec.vault.opened import Store

if TYPE_CHECKING:
    from arlo_rec.exchanges.maps.read import Map

BATCH = 100  # calls whose rows are committed together
BATCH_BYTES = 16 * 1024 * 1024  # of their records


def ingest(
    store: Store,
    paths: list[Path],
    now: datetime,
    options: Options = DEFAULTS,
    observer: Observer = unobserved,
) -> Outcome:
    """Take in the calls at *paths*; a refused call does not stop the others.

    *observer* gets the numbers of finished and of all calls after each batch. Raises NotGranted
    before anything is read, and Usage where one of *paths* is no spool. Where nothing may be taken in,
    withdrawals are carried out all the same, and then Refused is raised. By a clock that may be ahead nothing is done:
    it would be the date of the log, and every call would be past its day. After a restore without a feed the intake
    lacks the root until an officer accepts that: withdrawals stay in the spool until then.
    """
    store.demand(Action.INGEST, now)
    mark = _demand_plausible_clock(store, options, now)
    closed = _closed(store, now)
    _demand_spools(store, paths, options)
    if not options.dry_run:
        _demand_map(store, options.map, now)
    if closed is None:
        _demand_there(paths)
    if not options.dry_run:
        known_spools.remember(store, paths, options.map, now)
    if closed is not None and not store.secrets.holds(ROOT_SEED):
        raise closed
    tags, still = Tags(store.secret(INDEX_SEED)), spool.Stillness(options.still_s, now)
    contents = _scan(store, paths, options, still)
    outcome, done, count = Outcome(), 0, contents.count()
    workers.share_one_heap()
    phase = Phase.REHEARSAL if options.dry_run else Phase.INTAKE
    with (
        store.locks.lock("intake", exclusive=False, wait=store.lock_wait),
        sealers(tags, store.blobs, 0 if options.dry_run else count) as sides,
        audio.decoder_process() as decoder,
    ):
        observer(Progress(phase, 0, count))
        counted = store.catalogue.refusals.of_code(COUNTED)
        run = IntakeRun(store, tags, decoder, sides, now, options, still, mark, counted)
        for batch in _finished(run, _read_ahead(run, contents.deliveries(), only_notices=closed is not None)):
            outcome.add(batch.outcome)
            contents.claim(path for delivery in batch.deliveries for path in delivery.sound_paths())
            done += batch.size
            observer(Progress(phase, min(done, count), count))
        if run.aged:
            outcome.add(remove_aged(run))
        _remember_counted(run)
    if closed is not None:
        raise closed
    _look_back(run, paths, contents, outcome)
    return outcome


def _scan(store: Store, paths: list[Path], options: Options, still: spool.Stillness) -> SpoolContents:
    mapped, ours = maps.reading(options.map), _ours(store, options)
    return scan(paths, not_of=options.not_of, within=options.spools, closed=ours, mapped=mapped, still=still)


def _look_back(run: IntakeRun, paths: list[Path], contents: SpoolContents, outcome: Outcome) -> None:
    """Add whatever lies in the folders after an intake, and note it."""
    outcome.unavailable += contents.unavailable
    outcome.unclaimed, growing = contents.unclaimed()
    outcome.waiting += growing
    if not run.options.dry_run:
        if not outcome.unavailable:
            _forget_gone(run, paths)
        _note(run.store, paths, outcome, run.now)


def _note(store: Store, paths: list[Path], outcome: Outcome, now: datetime) -> None:
    """Keep what was left in the folders, for `status`."""
    seen = list[SpoolSeen]()
    kept = {refusal.source for refusal in outcome.refused if refusal.why == "notice"}  # a withdrawal stays on purpose
    should_be_gone = [name for name in outcome.left if name not in kept.union(outcome.changed)]
    for path in paths:
        if spool.home_of(path).folder == path:
            left, unclaimed = (
                [Path(name) for name in names if Path(name).is_relative_to(path)]
                for names in (should_be_gone, outcome.unclaimed)
            )
            times = [at for file in (*left, *unclaimed) if (at := _written_at(file)) is not None]
            unreadable = sum(each.path.is_relative_to(path) for each in outcome.unavailable)
            counts = (len(left), len(unclaimed), unreadable)
            seen.append(SpoolSeen(path.absolute(), now, *counts, min(times, default=None)))
    jobs.note_intake(store.layout, now, seen)


def _written_at(path: Path) -> datetime | None:
    with suppress(OSError, OverflowError, ValueError):
        return datetime.fromtimestamp(path.lstat().st_mtime, UTC)
    return None


def _forget_gone(run: IntakeRun, paths: list[Path]) -> None:
    """Note which refused files this run, which could read all, no longer found."""
    store, now = run.store, run.now
    folders = [path for path in paths if spool.home_of(path).folder == path]
    gone = [
        tag for folder in folders for tag in store.catalogue.refusals.gone(run.tags.spool(folder, run.map_digest), now)
    ]
    if gone:
        with store.change(now):
            store.catalogue.refusals.take_out(gone)


def _remember_counted(run: IntakeRun) -> None:
    """Remember the declined calls whose files stay, such as a line of a file that has others: they are passed over."""
    if run.options.dry_run:
        return
    there = {delivery.path: spool.is_there(delivery.home, delivery.path) for delivery in run.declined}
    left = [run.counted_tag(delivery) for delivery in run.declined if there[delivery.path]]
    if left:
        with run.store.change(run.now):
            run.store.catalogue.refusals.put(left, COUNTED, run.now)


def _demand_plausible_clock(store: Store, options: Options, now: datetime) -> datetime:
    """The newest instant at which this guard or that of a purge found the clock plausible.

    Raises ClockAhead if the clock is further ahead of it than the guard allows. Nothing is logged of that. Entries of
    people do not count: they are dated by any clock. By one that is behind the log only notices are read (`_closed`).
    """
    before, purged = jobs.last(store.layout, Job.INGEST), store.clock.get().purged.at
    mark = max(purged, before.at) if before is not None else purged
    is_behind = not clock_against_log(now, store.clock.get().newest.at).allowed
    if not (is_behind or clock_jumped(now, mark, options.jump).allowed):
        raise ClockAhead(now=shown(now), at=shown(mark))
    return mark


def _closed(store: Store, now: datetime) -> ArloError | None:
    """The refusal where nothing may be taken in now, logged if it is the guidelines'; None where calls are taken in."""
    try:
        store.demand_replayed(Action.INGEST, now)
        store.demand_clock(Action.INGEST, now)
        store.demand_approved(Action.INGEST, now)
        _demand_room(store)
    except ArloError as refused:
        return refused
    return None


def _demand_spools(store: Store, paths: list[Path], options: Options) -> None:
    """Raise Usage for a path outside the spools, and for one in or above a place of the store or of the program.

    Their JSON files would be deliveries, which are removed.
    """
    for path in paths:
        named = path.resolve()
        if options.spools is not None and not any(named.is_relative_to(each.resolve()) for each in options.spools):
            raise Usage("not_a_spool", path=str(path))
        if any(named.is_relative_to(place) or place.is_relative_to(named) for place in _ours(store, options)):
            raise Usage("spool_is_store", path=str(path))


def _ours(store: Store, options: Options) -> list[Path]:
    """The places of the store, its feed, its backups and rings, also those given up, and the files of the settings."""
    feeds = [feed for feed in (store.feed, store.settings.feed) if feed is not None]
    copies = [each for place in (*store.settings.escrows, *escrow.lost(store)) for each in (place.escrow, place.folder)]
    places = (store.layout.store, store.layout.root, *feeds, *copies, *options.ours)
    return [place.resolve() for place in places]


def _demand_there(paths: list[Path]) -> None:
    """Raise Unreachable for a folder that is not there: a mistyped or unmounted spool is no refused call."""
    for path in paths:
        mounts.demand(path)
        with disk():
            is_missing = not path.suffix and status(path) is None
        if is_missing:
            raise Unreachable("spool_unreachable", path=str(path), reason=strerror(ENOENT))


def _demand_room(store: Store) -> None:
    """Raise Unreachable where the disk is so full that an intake would take the room of an erasure."""
    if not has_room(store.layout):
        raise Unreachable("no_room", path=str(store.layout.store))


def _demand_map(store: Store, map: Map | None, now: datetime) -> None:
    """Raise Refused, after its log entry, for a map that officers did not approve: it says what counts as consent."""
    approved = {each.sha256 for each in store.policy.at(store.clock.today(now)).maps}
    if map is not None and map.sha256 not in approved:
        store.note(Denied(action=Action.INGEST, rule="consent.basis", code="map_not_approved"), now)
        raise Refused("map_not_approved", rule="consent.basis", name=map.name, sha256=map.sha256)


def _read_ahead(
    run: IntakeRun, deliveries: Iterator[Delivery], *, only_notices: bool = False
) -> Iterator[list[Reading]]:
    """Yield the readings of each batch, or its withdrawals alone, reading the next in a thread meanwhile."""

    def next_readings() -> list[Reading]:
        return read(run, list(_batch(deliveries)))

    with ThreadPoolExecutor(1) as thread:
        future = thread.submit(next_readings)
        while readings := future.result():
            future = thread.submit(next_readings)
            yield [each for each in readings if isinstance(each, Notice) or not only_notices]


def _batch(deliveries: Iterator[Delivery]) -> Iterator[Delivery]:
    """Yield the next calls: as many as are committed together, or fewer large ones."""
    size = 0
    for delivery in islice(deliveries, BATCH):
        yield delivery
        size += len(delivery.raw)
        if size > BATCH_BYTES:
            return


def _finished(run: IntakeRun, batches: Iterator[list[Reading]]) -> Iterator[Batch]:
    """Yield each finished batch, with the next one begun; if one fails, both are undone."""
    begun: deque[Batch] = deque()
    try:
        for readings in batches:
            begun.append(Batch(run, readings))
            begun[-1].begin()
            if len(begun) > 1:
                yield _finish_first(begun)
        while begun:
            yield _finish_first(begun)
    finally:
        for batch in begun:
            batch.abandon()


def _finish_first(begun: deque[Batch]) -> Batch:
    """Finish the first batch and take it off the queue."""
    begun[0].finish()
    return begun.popleft()
