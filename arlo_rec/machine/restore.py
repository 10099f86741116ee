"""A store from its backup, on a machine that has nothing of it. Without `store.toml` nothing can be opened. Order:

    1  the newest backup that a slot of its ring still opens, with an officer's passphrase, and that is genuine:
       its slot signed by a maker of backups then, its catalogue that of the slot and no older than its own log
    2  folders, key files, catalogue (under a new key) and objects, each checked      a crash: the next run begins anew
    3  events since, read from the feed and checked against the log; without a feed there are none
    4  one transaction under a new R: the log caught up, tombstones back, no removed person, every grant ended
    5  what was erased since, or has no object any more, erased by the one protocol
    6  `store.toml`: from now on there is a store

Without the feed it is unknown what was erased since; without readable tombstones, whose late deliveries to refuse.
Then reading and intake stay closed, and the intake gets no root secret, until an officer accepts that with a reason.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

from msgspec import UNSET, UnsetType, structs

from arlo_rec.law.log import events, projection
from arlo_rec.law.model.documents import Record
from arlo_rec.law.model.errors import ArloError, Integrity, NotUnlocked, Unreachable, Usage
from arlo_rec.law.model.policy_versions import demanded_reason
from arlo_rec.law.model.progress import Observer, Phase, Progress, unobserved
from arlo_rec.law.model.records import Person, RecordingId
from arlo_rec.machine import reconcile
from arlo_rec.machine.backup import SMALL_LONGEST
from arlo_rec.machine.backup_copy import BackupSource, GenuineCopy, NotThisBackup, RestoreOptions, genuine_copy
from arlo_rec.machine.object_copy import AT_ONCE, MANY, Copiers, ObjectCopier, in_portions
from arlo_rec.machine.reconcile import NewPlaces
from arlo_rec.machine.replay import Replay, read_feed
from arlo_rec.policy import Action, Event
from arlo_rec.sound.processes.workers import workers
from arlo_rec.vault.backends import FILE_MODE
from arlo_rec.vault.backends.durable import disk, put_new, sync_folder
from arlo_rec.vault.backends.files import file_lock
from arlo_rec.vault.backends.shared_folder import is_plain, names, read_small, status, touch
from arlo_rec.vault.catalogue import log_clock
from arlo_rec.vault.catalogue.sealed_secrets import ROOT_SEED
from arlo_rec.vault.erasure import protocol
from arlo_rec.vault.keys import layout, roster
from arlo_rec.vault.keys.key_files import Identity, log_key, write_catalogue_seal
from arlo_rec.vault.keys.layout import Layout
from arlo_rec.vault.keys.root_secret import Instance, SecretKey, StateFolder, open_root
from arlo_rec.vault.offsite import feed
from arlo_rec.vault.offsite.escrow import EscrowSlot
from arlo_rec.vault.opened import Change, Store

UNFINISHED = "restoring"  # a file in both folders until there is a store
UNTOLD = 1000  # changes of the lost store without a log entry, at most


class Restored(Record, frozen=True, kw_only=True):
    """The restored and the lost parts of a store; of one that was restored before, only whether it is closed."""

    store: Path | UnsetType = UNSET
    root: Path | UnsetType = UNSET
    vkey: str | UnsetType = UNSET
    backup_at: datetime | UnsetType = UNSET
    held: int | UnsetType = UNSET
    erased: int | UnsetType = UNSET  # since the backup, and erased again
    lost: int | UnsetType = UNSET  # taken in since, or without an object
    removed: tuple[str, ...]  # people who had left since
    closed: bool  # because no feed told what happened since
    check_word: str | UnsetType = UNSET  # of the newest link, for comparison with a seen newer store
    rings_left: tuple[Path, ...]  # of the lost store; no purge empties them any more
    feed_foreign_lines: int | UnsetType = UNSET  # that no key of this log signed; they were not read
    passed_over: tuple[int, ...]  # newer backups that are damaged, planted or not for this officer
    withdrawals_unclear: int | UnsetType = UNSET  # in the feed, with an unknown subject


@dataclass(frozen=True, slots=True)
class _Difference:
    """The differences between the backup and the lost store."""

    replay: Replay | None  # None: there is no feed
    held: frozenset[RecordingId]  # by the backup
    erased: frozenset[RecordingId]  # by the backup's own log, as its rows or the feed tell it
    missing: frozenset[RecordingId]  # of the held ones, those without a genuine object

    @property
    def is_clear(self) -> bool:
        """Whether all withdrawals since are known, so that no late delivery is taken in."""
        return self.replay is not None and not self.replay.unclear

    @property
    def since(self) -> Replay:
        """Known events since; empty without a feed."""
        return self.replay or Replay()

    @property
    def to_erase(self) -> frozenset[RecordingId]:
        """Recordings of the backup that the store must not hold."""
        return self.held & (projection.gone(self.since.rows) | self.erased | self.missing)

    @property
    def lost(self) -> tuple[RecordingId, ...]:
        """Recordings that were taken in and not erased, and do not come back."""
        return tuple(sorted((self.since.rows.taken | self.missing) - projection.gone(self.since.rows)))


def carry_out(
    sources: Sequence[BackupSource],
    options: RestoreOptions,
    unlock: Callable[[BackupSource], Identity],
    confirm: Callable[[BackupSource], None],
    now: datetime,
    state: StateFolder,
    observer: Observer = unobserved,
) -> Restored:
    """Make the store of the first genuine one of *sources*; *confirm* asks whether to go on with it.

    Raises Usage if something is in the way, NotGranted, Refused, and the first one's problem if none is genuine
    (NotUnlocked, Integrity).
    """
    if options.feed is not None:
        feed.demand_reachable(options.feed, sources[0].store_id)
    open_root(options.place(sources[0].store_id)).demand_free()
    problems: list[ArloError] = []
    with _alone(options):
        _remove_half_made(options)
        for source in sources:
            try:
                restored = _restore_one(source, options, unlock, confirm, now, state, observer)
                newer = sources[: len(problems)]
                return structs.replace(restored, passed_over=tuple(passed.slot.number for passed in newer))
            except NotThisBackup as refused:
                problems.append(refused.problem)
    raise problems[0]


def _restore_one(
    source: BackupSource,
    options: RestoreOptions,
    unlock: Callable[[BackupSource], Identity],
    confirm: Callable[[BackupSource], None],
    now: datetime,
    state: StateFolder,
    observer: Observer,
) -> Restored:
    """The store of one backup."""
    objects = options.store / "objects"
    copier = ObjectCopier(options.folder / "objects", objects, read_back=True)
    with workers(copier.begin, forked=source.slot.held > MANY) as copiers:
        observer(Progress(Phase.CATALOGUE_COPY))
        with _half_made(source, options) as target, genuine_copy(source, target, unlock, state) as copy:
            confirm(source)
            return _restore(copy, source, options, copiers, now, observer)


@contextmanager
def _half_made(source: BackupSource, options: RestoreOptions) -> Iterator[Layout]:
    """The new store's folders, removed again if the restore fails."""
    target = layout.create(options.place(source.store_id))
    for folder in (target.store, target.root):
        with disk():
            touch(folder / UNFINISHED, FILE_MODE)
    try:
        yield target
    except BaseException:
        with suppress(Unreachable):
            layout.remove_copy(target.store, target.root)
        raise


@contextmanager
def _alone(options: RestoreOptions) -> Iterator[None]:
    """Exclude other restores into the same place; raises InUse or Unreachable."""
    claim = options.store.with_name(f".{options.store.name}.restoring")
    with disk():
        touch(claim, 0o600)
    with file_lock(claim, exclusive=True, wait=0):
        try:
            yield
        finally:
            claim.unlink(missing_ok=True)


def _remove_half_made(options: RestoreOptions) -> None:
    """Remove what a killed restore left behind."""
    if (options.store / UNFINISHED).exists() and not (options.store / "store.toml").exists():
        if (options.root / UNFINISHED).exists():
            layout.remove_copy(options.store, options.root)
        else:
            shutil.rmtree(options.store, ignore_errors=True)


def _restore(
    copy: GenuineCopy,
    source: BackupSource,
    options: RestoreOptions,
    copiers: Copiers,
    now: datetime,
    observer: Observer,
) -> Restored:
    store = copy.store
    store.log.key = log_key(copy.old_seed)  # as the log knows it, until it is handed over
    lines = feed.read(options.feed, source.store_id) if options.feed is not None else None
    replay = read_feed(store, lines, copy.past) if lines is not None else None
    with _backup_at_fault():
        copy.past.demand_current()
        if replay is not None and store.identity.name in replay.gone:
            raise NotUnlocked("no_longer_here", rule="access.officer")
        missing = _copy_objects(store, copiers, observer)
        difference = _Difference(replay, frozenset(_held(store)), frozenset(copy.past.erased), frozenset(missing))
        _found_root(store, source.slot, copy.secret, difference.since)
        rings = {place.escrow for place in store.settings.escrows} | set(map(Path, difference.since.rows.escrows))
        removed = _make_current(copy, source, options, difference, now)
        _erase_again(store, difference.to_erase, now, observer)
    restored = Restored(
        store=store.layout.store,
        root=store.layout.root,
        vkey=store.log.vkey(),
        backup_at=source.slot.at,
        held=store.catalogue.search.count_held(),
        erased=len((projection.gone(difference.since.rows) | difference.erased) & difference.held),
        lost=len(difference.lost),
        removed=removed,
        closed=not difference.is_clear,
        check_word=store.authority.check_word(),
        rings_left=tuple(sorted(rings - {options.escrow.absolute()})),
        feed_foreign_lines=difference.since.foreign,
        passed_over=(),
        withdrawals_unclear=difference.since.unclear,
    )
    _open_up(store, source, copy.new_seed, options)
    return restored


def _open_up(store: Store, source: BackupSource, new_seed: bytes, options: RestoreOptions) -> None:
    """Open the store to its people: from here on there is one."""
    _let_in(store, source, new_seed)
    if options.feed is not None:
        store.feed = options.feed
        store.followers.append(feed.forward)
        feed.forward(store)
    store.instance = Instance(store.authority.links.branch(), store.layout.place)
    store.remember()
    store.root.founded()
    layout.finish(store.layout)
    for folder in (store.layout.store, store.layout.root):
        (folder / UNFINISHED).unlink(missing_ok=True)


@contextmanager
def _backup_at_fault() -> Iterator[None]:
    """Raise NotThisBackup if something does not open or is older than its own log: an older backup may be good."""
    try:
        yield
    except Integrity as problem:
        raise NotThisBackup(problem) from None


def accept(store: Store, reason: str | None, now: datetime) -> None:
    """Open a closed store without knowing what was erased since the backup; raises NotGranted or Usage."""
    store.demand(Action.RESTORE, now)
    reason = demanded_reason(reason)
    if store.settings.unknown_since is None:
        raise Usage("nothing_to_accept")

    def open_up(change: Change) -> Sequence[Person]:
        store.put(replace(store.settings, unknown_since=None))
        change.log(events.RestoredWithoutFeed(reason=reason))
        return protocol.root_holders(store, now)

    protocol.replace_root(store, now, open_up)


# -- 2: content of the backup --------------------------------------------------------------------------


def _held(store: Store) -> Iterator[RecordingId]:
    yield from (recording for _, recording in store.catalogue.inventory.held_rows(AT_ONCE))


def _copy_objects(store: Store, copiers: Copiers, observer: Observer) -> set[RecordingId]:
    """Copy every genuine held object; returns the ids of the others."""
    table, missing = store.catalogue.inventory, set[RecordingId]()
    held = (row for beginning in range(256) for row in table.held_objects(bytes([beginning])))
    done, count = 0, store.catalogue.search.count_held()
    observer(Progress(Phase.OBJECT_COPY, done, count))
    for bad in copiers.map(in_portions(held)):
        missing.update(RecordingId(bytes.fromhex(name)) for name in bad)
        done = min(done + AT_ONCE, count)
        observer(Progress(Phase.OBJECT_COPY, done, count))
    return missing


def _found_root(store: Store, slot: EscrowSlot, secret: bytes, since: Replay) -> None:
    """Wrap what the backup's R (*secret*) wrapped below a first one, with counters above all seen of the lost store."""
    generation = max(slot.generation, since.counters.generation) + UNTOLD
    first = store.root.found(generation, store.secret(ROOT_SEED), slot.seed_version)
    with store.db.writing():
        store.catalogue.erasure_keys(SecretKey(secret)).destroy((), first)
        store.meta.set("generation", generation)
        store.meta.set("changes", max(store.meta.number("changes"), since.counters.changes) + UNTOLD)
        for key in ("attempts_taken", "attempts_seen", "flush_due"):
            store.meta.set(key, 0)


def _let_in(store: Store, source: BackupSource, new_seed: bytes) -> None:
    """Copy the key files of all who stay, and the receipts; seal the catalogue's new key to these people.

    Other files lie there if others put them there.
    """
    from arlo_rec.vault.certificates.check import is_number

    backup = source.layout(store.layout.root)
    there = source.folder.parent
    receipts = there / "receipts"
    people = [person.name for person in store.roster.people if not person.service]
    files = [(backup.key_file(name), store.layout.key_file(name)) for name in people]
    with disk():
        receipt_names = [name for name in names(receipts, below=there) if is_number(name.removesuffix(".json"))]
        files += [(receipts / name, store.layout.receipts / name) for name in receipt_names]
        for copied, path in files:
            if is_plain(copied, below=there) and status(path) is None:
                put_new(path, [read_small(copied, SMALL_LONGEST, below=there)], FILE_MODE)
        for folder in ("people", "receipts"):
            sync_folder(store.layout.store / folder)
    for person in store.roster.people:
        write_catalogue_seal(store.layout, person.name, person.seal_key, [new_seed], store.identity.signing)


# -- 4 and 5: events since -----------------------------------------------------------------------------


def _make_current(
    copy: GenuineCopy, source: BackupSource, options: RestoreOptions, difference: _Difference, now: datetime
) -> tuple[str, ...]:
    """Step 4; returns the names of removed people."""
    store, since = copy.store, difference.since
    removed = tuple(sorted(since.gone & {person.name for person in store.roster.people}))

    def take_over(change: Change) -> Sequence[Person]:
        begin = change.next_seq
        store.log.catch_up(since.entries, since.checkpoints, since.log_keys)
        store.authority.take_over(since.links)
        reconcile.go_on_with_key(store, copy.old_seed, copy.new_seed)
        reconcile.update_roster(store, since, now)
        reconcile.take_over_policy(store)
        reconcile.take_over_withdrawals(store, since)
        store.catalogue.log_clock.put(log_clock.computed(store.log.raw.bodies()))
        reconcile.take_over_disclosures(store, since)
        unknown_since = None if difference.is_clear else change.next_seq
        change.restored_after = store.authority.pin().number
        places = NewPlaces(options.escrow, options.folder, options.feed)
        reconcile.update_settings(store, places, source.slot, unknown_since)
        event = events.Restored(
            people=roster.digest_of_people(store.roster),
            since=begin,
            replayed=difference.replay is not None,
            lost=len(difference.lost),
            removed=list(removed),
            recordings=tuple(recording for recording in difference.lost if recording not in difference.held),
        )
        change.log(event)
        return protocol.root_holders(store, now)

    protocol.replace_root(store, now, take_over)
    return removed


def _erase_again(store: Store, recordings: frozenset[RecordingId], now: datetime, observer: Observer) -> None:
    """Step 5."""
    if not recordings:
        return
    order = protocol.Order("restore", "consent.withdraw", Event.ERASED_BEFORE, tuple(sorted(recordings)))

    def log(change: Change, _: protocol.Order) -> None:
        erased = len(order.recordings)
        change.log(events.ErasedAgain(rule=order.rule, recordings=order.recordings, erased=erased))

    protocol.carry_out(store, lambda: order, now, log, observer)
