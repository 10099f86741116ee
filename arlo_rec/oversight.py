"""What IT watches: the state of a store, and whether everything in it is still what was put there.

Nothing here opens a recording or holds personal data; the auditor's role has no key that could.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from arlo_rec import crypto, logbook, objects, root
from arlo_rec.backends.files import file_system
from arlo_rec.errors import ArloError, Integrity
from arlo_rec.jsontext import canonical
from arlo_rec.policy import OVERDUE_AFTER, Action
from arlo_rec.records import Recording, from_micros, to_micros
from arlo_rec.store import ROOT_PART, Store

WEAK_DISKS = frozenset({"btrfs", "zfs", "overlay", "nfs", "nfs4", "cifs", "fuse", "f2fs", "bcachefs"})
REFUSED_RECENT = timedelta(hours=24)  # refused files seen in a run since then count as lying there


@dataclass(frozen=True, slots=True)
class Status:
    """How a store stands. Counts and instants only."""

    held: int
    due: int
    overdue: int
    refused: list[tuple[str, int, datetime]]  # code, how many, the oldest first seen
    last_purge: datetime
    log_size: int
    unfinished: int
    weak_disk: str | None


@dataclass(frozen=True, slots=True)
class Problem:
    """Something that is not as it was left; `what` names it without personal data."""

    code: str
    what: str


def status(store: Store, now: datetime) -> Status:
    """Held, due, overdue, refused by age, last purge."""
    store.demand(Action.LOOK_AFTER, now)
    late = to_micros(now - OVERDUE_AFTER)
    refused = store.db.rows(
        "SELECT code, count(*), min(first_seen) FROM refusals WHERE last_seen >= ? "
        "AND code NOT IN ('withdrawn', 'expired') GROUP BY code ORDER BY code",  # their files are removed
        (to_micros(now - REFUSED_RECENT),),
    )
    return Status(
        held=store.catalogue.count("state = 'held'"),
        due=store.catalogue.count("state = 'held' AND due_at <= ?", (to_micros(now),)),
        overdue=store.catalogue.count("state = 'held' AND due_at <= ?", (late,)),
        refused=[(str(code), int(count), from_micros(first)) for code, count, first in refused],
        last_purge=store.instant("purged_at"),
        log_size=store.book.tree().size,
        unfinished=store.catalogue.count("state IN ('arriving', 'erasing')"),
        weak_disk=weak_disk(store),
    )


def verify(store: Store, now: datetime, *, read_data: bool) -> list[Problem]:
    """Everything that is changed, cut off, exchanged, missing or older than what was seen; empty if nothing."""
    store.demand(Action.LOOK_AFTER, now)
    problems = [Problem("catalogue_damaged", one) for one in store.db.sound()]
    problems += [Problem(code, "log") for code in logbook.check(store.book, store.signers(), signatures=True)]
    problems += list(_root_problems(store))
    sworn = _sworn(store)
    for recording in store.catalogue.where("state = 'held'"):
        problems += list(_row_problems(store, recording, sworn.pop(recording.id.hex(), None)))
        problems += list(_object_problems(store, recording, read_data=read_data))
    problems += [Problem("recording_missing", one) for one in sworn]
    problems += list(_orphans(store))
    return problems


def is_weak(kind: str) -> bool:
    """Whether overwriting in place may leave the old bytes behind on that kind of file system."""
    return kind.split(".")[0] in WEAK_DISKS  # `fuse.sshfs` is `fuse`


def weak_disk(store: Store) -> str | None:
    """The kind of file system below the root folder where overwriting in place does not overwrite; else None."""
    kind = file_system(store.place.root)
    return kind if is_weak(kind) else None


def _sworn(store: Store) -> dict[str, str]:
    """What the log swore about every recording that it says is held."""
    sworn: dict[str, str] = {}
    for line in store.book.lines():
        told = line.told or {}
        if told.get("action") == Action.INGEST and told.get("outcome") == "allowed":
            sworn.update({one: told["detail"]["sworn"] for one in told.get("recordings", ())})
        elif told.get("outcome") == "done" and told.get("action") in {Action.WITHDRAW, Action.PURGE}:
            for one in told.get("recordings", ()):
                sworn.pop(one, None)
    return sworn


def _row_problems(store: Store, recording: Recording, sworn: str | None) -> Iterator[Problem]:
    name = recording.id.hex()
    if sworn is None:
        yield Problem("recording_not_in_log", name)
    elif crypto.sha256(canonical(recording.sworn())).hex() != sworn:
        yield Problem("recording_changed", name)
    if not store.db.rows("SELECT 1 FROM shares WHERE recording = ?", (recording.id,)):
        yield Problem("share_missing", name)
    if not store.db.rows("SELECT 1 FROM metadata WHERE recording = ?", (recording.id,)):
        yield Problem("metadata_missing", name)


def _object_problems(store: Store, recording: Recording, *, read_data: bool) -> Iterator[Problem]:
    name = recording.id.hex()
    size = store.blobs.size(name)
    if size is None:
        yield Problem("object_missing", name)
        return
    if size != recording.object_bytes:
        yield Problem("object_truncated" if size < recording.object_bytes else "object_longer", name)
        return
    try:
        with store.blobs.open(name) as stream:
            header = objects.read_header(stream.read(objects.HEADER_LONGEST))
    except (KeyError, Integrity):
        yield Problem("object_damaged", name)
        return
    if header.recording != recording.id:
        yield Problem("object_swapped", name)
    elif read_data and store.object_digest(recording.id) != recording.object_sha256:
        yield Problem("object_damaged", name)


def _orphans(store: Store) -> Iterator[Problem]:
    rows = store.db.rows("SELECT id FROM recordings WHERE state <> 'erased'")
    known = {bytes(row[0]).hex() for row in rows}
    for name in store.blobs.names():
        if name not in known:
            yield Problem("object_of_nobody", name)


def _root_problems(store: Store) -> Iterator[Problem]:
    try:
        slot, mend = root.choose(store.root.read(), store.number("generation"))
        if mend:
            yield Problem("root_slot_damaged", f"slot {1 - slot.index}")
        if store.holds(ROOT_PART):
            root.open_slot(store.place.id, store.part(ROOT_PART), slot)
    except ArloError as problem:
        yield Problem(problem.code, "root")
