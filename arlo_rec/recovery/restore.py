"""A store from its backup, on a machine that has nothing of it. Until `store.toml` is written nobody gets in. Order:

    1  the newest backup that its ring still opens, with an officer's passphrase
    2  folders, key files, catalogue (under a new key) and objects, each checked      a crash: the next run begins anew
    3  what happened since, read from the feed and checked against the log; without a feed nothing is
    4  one transaction under a new R: the log caught up, tombstones back, nobody who was removed, every grant ended
    5  what was erased since, or has no object any more, erased as ever
    6  `store.toml`: from now on there is a store

Without the feed nobody knows what was erased since. Then everything that reads or takes in stays closed, and the
intake does not even get the root, until an officer accepts that with a reason.
"""

from __future__ import annotations

import shutil
import tomllib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path

from arlo_rec.backends.bounded_read import read_small
from arlo_rec.backends.durable import disk, put_new, sync_folder
from arlo_rec.backends.files import FileBlobs, FileRoot, file_lock
from arlo_rec.backends.ringfile import RingFile
from arlo_rec.backends.sqlite import SqliteConnection
from arlo_rec.crypto import primitives
from arlo_rec.erasure import protocol
from arlo_rec.keys import layout, root_secret, roster
from arlo_rec.keys.key_files import Identity, read_catalogue_seal, write_catalogue_seal
from arlo_rec.keys.layout import Place
from arlo_rec.keys.seen_state import StateFolder
from arlo_rec.model.errors import Integrity, NotGranted, NotUnlocked, Refused, Unreachable, Usage
from arlo_rec.model.records import Entry, Person, RecordingId
from arlo_rec.offsite import escrow, escrow_slot, feed
from arlo_rec.offsite.escrow_slot import Kept
from arlo_rec.policy import RING_LONGEST, Action, may, reason_problem
from arlo_rec.recovery import reconcile, replay
from arlo_rec.recovery.replay import Replay
from arlo_rec.store import Change, Store, catalogue_key, log_key

UNFINISHED = "restoring"  # a file in both folders until there is a store
ABOUT_BYTES = 4096  # of backup.toml; it has 80
UNTOLD = 1000  # changes of the lost store that no entry of the log told of, at most
ONCE = 256  # objects synced together


@dataclass(frozen=True, slots=True)
class Wishes:
    """Which backup, and where the store is to be."""

    folder: Path
    escrow: Path
    store: Path
    root: Path
    feed: Path | None = None
    group_id: int | None = None


@dataclass(frozen=True, slots=True)
class Source:
    """The backup that is restored."""

    id: bytes
    kept: Kept
    folder: Path

    @property
    def catalogue(self) -> Path:
        """The copy of the catalogue."""
        return self.folder / escrow.CATALOGUE

    def place(self, root_folder: Path) -> Place:
        """Where its key files and seals lie."""
        return Place(self.folder, root_folder, self.id)


@dataclass(frozen=True, slots=True)
class Restored:
    """What came back and what did not."""

    place: Place
    vkey: str
    at: datetime  # of the backup
    held: int
    erased: int  # since the backup, erased again
    lost: tuple[RecordingId, ...]  # taken in since, or without an object
    removed: tuple[str, ...]  # people who had left since
    replayed: bool


def find(wishes: Wishes, now: datetime) -> Source:
    """The newest backup that can be opened; raises Usage, Refused (older than its ring), Unreachable or Integrity."""
    store_id = _store_id(wishes.folder)
    kept = escrow.slots(store_id, RingFile(wishes.escrow).read())
    live = [one for one in kept if one.at < now + RING_LONGEST and now < one.at + timedelta(hours=one.hours)]
    if not live:
        raise Refused("backup_too_old", rule="consent.withdraw", path=str(wishes.folder))
    for one in live:
        source = Source(store_id, one, wishes.folder / str(one.number))
        if source.catalogue.is_file() and escrow.digest(source.catalogue) == one.catalogue:
            return source
    raise Integrity("backup_damaged", path=str(wishes.folder))


def carry_out(source: Source, wishes: Wishes, identity: Identity, now: datetime, state: StateFolder) -> Restored:
    """Make the store; raises Usage where something is in the way, NotGranted, NotUnlocked, Integrity, Refused."""
    if wishes.feed is not None:
        feed.demand_reachable(wishes.feed)
    secret = escrow_slot.open_sealed(source.id, source.kept, identity.sealing)
    if secret is None:
        raise NotUnlocked("backup_not_for_you", rule="access.officer")
    with _alone(wishes):
        _clear_half_made(wishes)
        where = layout.create(wishes.store, wishes.root, source.id, group_id=wishes.group_id)
        for folder in (where.store, where.root):
            (folder / UNFINISHED).touch()
        try:
            return _restore(source, where, wishes, identity, secret, now, state)
        except BaseException:
            for folder in (where.store, where.root):
                shutil.rmtree(folder, ignore_errors=True)
            raise


@contextmanager
def _alone(wishes: Wishes) -> Iterator[None]:
    """No other run restores into the same place meanwhile; raises InUse or Unreachable."""
    claim = wishes.store.with_name(f".{wishes.store.name}.restoring")
    with disk():
        claim.touch(mode=0o600)
    with file_lock(claim, exclusive=True, wait=0):
        try:
            yield
        finally:
            claim.unlink(missing_ok=True)


def _clear_half_made(wishes: Wishes) -> None:
    """What a run that was killed left: there is no store in it, and whoever made it runs no more."""
    if (wishes.store / UNFINISHED).exists() and not (wishes.store / "store.toml").exists():
        for folder in (wishes.store, wishes.root):
            if (folder / UNFINISHED).exists():
                shutil.rmtree(folder, ignore_errors=True)


def _restore(
    source: Source,
    where: Place,
    wishes: Wishes,
    identity: Identity,
    secret: bytes,
    now: datetime,
    state: StateFolder,
) -> Restored:
    store, *seeds = _open_copy(source, where, identity, state)
    store.book.key = log_key(seeds[0])  # as the log knows it, until it is handed over
    try:
        replayed = replay.read(store, feed.read(wishes.feed)) if wishes.feed is not None else None
        if replayed is not None and identity.name in replayed.gone:
            raise NotUnlocked("no_longer_here", rule="access.officer")
        without = _copy_objects(store, wishes.folder)
        _lay_out_root(store, source.kept, secret, replayed or Replay())
        told = _put_right(store, wishes, source.kept, replayed, seeds, without, now)
        _let_in(store, source, seeds[1])
        if wishes.feed is not None:
            store.feed = wishes.feed
            store.followers.append(feed.forward)
            feed.forward(store)
        state.forget(source.id)  # of the store that was lost; without the feed it knows more than this one
        store.remember()
        layout.finish(where)
        for folder in (where.store, where.root):
            (folder / UNFINISHED).unlink(missing_ok=True)
        return replace(told, at=source.kept.at)
    finally:
        store.close()


def accept(store: Store, reason: str | None, now: datetime) -> None:
    """Open what was closed, without knowing what was erased since the backup; raises NotGranted or Usage."""
    store.demand(Action.RESTORE, now)
    problem = reason_problem(reason)
    if problem or reason is None:
        raise Usage(str(problem), rule="security.reason")
    if not store.number("unreplayed"):
        raise Usage("nothing_to_accept")

    def open_up(change: Change) -> Sequence[Person]:
        store.set_number("unreplayed", 0)
        change.log(Entry(str(Action.RESTORE), "allowed", "access.officer", store.person.name, now, None, reason))
        return protocol.root_holders(store, now)

    protocol.replace_root(store, now, open_up)


# -- 1 and 2: what lies there -------------------------------------------------------------------------


def _store_id(folder: Path) -> bytes:
    try:
        told = tomllib.loads(read_small(folder / "backup.toml", ABOUT_BYTES).decode("utf-8"))
        return bytes.fromhex(told["id"])
    except (FileNotFoundError, NotADirectoryError):
        raise Usage("no_backup", path=str(folder)) from None
    except OSError as error:
        raise Unreachable("disk_failed", path=str(folder), reason=error.strerror or "") from None
    except (KeyError, TypeError, ValueError, RecursionError):
        raise Integrity("backup_damaged", path=str(folder)) from None


def _connect(where: Place, catalogue: Path, identity: Identity) -> tuple[SqliteConnection, bytes]:
    for seed in read_catalogue_seal(where, identity):
        try:
            return SqliteConnection(catalogue, catalogue_key(seed)), seed
        except NotUnlocked:
            continue
    raise Integrity("backup_damaged", path=str(catalogue))


def _open_copy(source: Source, where: Place, identity: Identity, state: StateFolder) -> tuple[Store, bytes, bytes]:
    """The catalogue in its new place, under a new key; with both seeds."""
    with disk():
        shutil.copyfile(source.catalogue, where.catalogue)
        where.catalogue.chmod(where.file_mode)
    connection, old_seed = _connect(source.place(where.root), where.catalogue, identity)
    new_seed = primitives.fresh()
    connection.rekey(catalogue_key(new_seed))
    blobs = FileBlobs(where.objects, group=where.group)
    store = Store(where, connection, blobs, FileRoot.create(where.root, group=where.group), identity, new_seed, state)
    try:
        store.load_documents()
        _demand_officer(store)
    except BaseException:
        store.close()
        raise
    return store, old_seed, new_seed


def _demand_officer(store: Store) -> None:
    decision = may(store.person.role, Action.RESTORE)
    if not decision.allowed:
        raise NotGranted(decision.code, rule=decision.rule)


def _copy_objects(store: Store, folder: Path) -> set[RecordingId]:
    """Every object that is held and is what the catalogue says; the ids of those that are not."""
    theirs, without = FileBlobs(folder / "objects"), set[RecordingId]()
    ids = [one for _, one in store.catalogue.held_rows(ONCE)]
    for at in range(0, len(ids), ONCE):
        put = []
        for _, one in store.catalogue.held_among(ids[at : at + ONCE]):
            name = one.id.hex()
            try:
                with theirs.open(name) as stream:
                    store.blobs.put(name, iter(lambda: stream.read(primitives.FEED), b""))
            except KeyError:
                without.add(one.id)
                continue
            put.append(name)
        store.blobs.settle(put)
        for _, one in store.catalogue.held_among(bytes.fromhex(name) for name in put):  # type: ignore[arg-type]
            if store.object_digest(one.id) != one.object_sha256:
                without.add(one.id)
    return without


def _let_in(store: Store, source: Source, new_seed: bytes) -> None:
    """Key files of everybody who stays, and the catalogue's new key sealed to them."""
    theirs = source.place(store.place.root)
    with disk():
        for person in store.roster.people:
            path = theirs.key_file(person.name)
            if not person.service and path.is_file():
                put_new(store.place.key_file(person.name), [path.read_bytes()], store.place.file_mode)
        for one in sorted((source.folder.parent / "receipts").glob("*.json")):
            if not (store.place.receipts / one.name).exists():
                put_new(store.place.receipts / one.name, [one.read_bytes()], store.place.file_mode)
        for folder in ("people", "receipts"):
            sync_folder(store.place.store / folder)
    for person in store.roster.people:
        write_catalogue_seal(store.place, person.name, person.seal_key, [new_seed])


# -- 3 to 5: what happened since ----------------------------------------------------------------------


def _lay_out_root(store: Store, kept: Kept, secret: bytes, since: Replay) -> None:
    """R of the backup in both slots, and counters that nobody who saw the lost store finds too small."""
    generation = max(kept.generation, since.numbers.get("generation", 0)) + UNTOLD
    with store.db.writing():
        store.set_number("generation", generation)
        store.set_number("changes", max(store.number("changes"), since.numbers.get("changes", 0)) + UNTOLD)
        for key in ("attempts_taken", "flush_due", "rekey_due"):
            store.set_number(key, 0)
    slot = root_secret.encode_slot(store.place.id, store.part("root"), kept.seed_version, generation, secret)
    for index in (0, 1):
        store.root.write(index, slot)


def _put_right(
    store: Store,
    wishes: Wishes,
    kept: Kept,
    since: Replay | None,
    seeds: Sequence[bytes],
    without: set[RecordingId],
    now: datetime,
) -> Restored:
    there = {one for _, one in store.catalogue.held_rows(ONCE)}
    found = since or Replay()
    again = (found.erased | without) & there
    lost = tuple(sorted((found.taken | without) - found.erased))
    removed = tuple(sorted(found.gone & {one.name for one in store.roster.people}))
    told = {"replayed": since is not None, "lost": len(lost), "removed": list(removed)}

    def put_right(change: Change) -> Sequence[Person]:
        reconcile.catch_up(store, found)
        reconcile.go_on_with_key(store, *seeds)
        reconcile.roster_of_today(store, found, now)
        reconcile.withdrawn_and_purged(store, found)
        reconcile.copies_of_today(store, found)
        store.set_number("unreplayed", int(since is None))
        reconcile.places_of_today(store, wishes.folder, wishes.escrow, wishes.feed, kept, found)
        sworn = roster.digest_of_people(store.roster)
        entry = store.entry(Action.RESTORE, "done", "access.officer", now, **told, people=sworn)
        change.log(entry.naming(*(one for one in lost if one not in there)))
        return protocol.root_holders(store, now)

    protocol.replace_root(store, now, put_right)
    _erase_again(store, again, now)
    held, erased = store.catalogue.count("state = 'held'"), len(found.erased & there)
    return Restored(store.place, store.book.vkey(), now, held, erased, lost, removed, since is not None)


def _erase_again(store: Store, again: set[RecordingId], now: datetime) -> None:
    """Step 5."""
    if not again:
        return
    order = protocol.Order("restore", "consent.withdraw", tuple(sorted(again)))
    entry = store.entry(Action.RESTORE, "done", "consent.withdraw", now, erased=len(again))
    protocol.carry_out(store, lambda: order, now, lambda change, _: change.log(entry.naming(*order.recordings)))
