"""Findings on the surroundings of a store: spools, disks, and the work that has to be done again and again."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final, NamedTuple

from arlo_rec.exchanges import known_spools
from arlo_rec.law.log.events import Drilled
from arlo_rec.machine.findings import Finding, Severity
from arlo_rec.policy import RETENTION, Role
from arlo_rec.vault.backends import mounts
from arlo_rec.vault.keys import jobs
from arlo_rec.vault.keys.jobs import Job, LastRun
from arlo_rec.vault.keys.layout import BALLAST_BYTES, FILES, Layout, has_ballast, has_room, open_to_others
from arlo_rec.vault.offsite import escrow
from arlo_rec.vault.opened import Store

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
LATE: Final[Mapping[Job, tuple[timedelta, timedelta | None]]] = {  # warned of after, critical after
    Job.INGEST: (HOUR, DAY),  # each minute
    Job.PURGE: (2 * HOUR, DAY),  # hourly; what it should have erased is critical at once
    Job.VERIFY: (8 * DAY, None),  # daily, and by an officer with all data
    Job.ANCHOR: (2 * DAY, None),  # hourly
    Job.DRILL: (100 * DAY, None),  # quarterly
}
_NEWEST: Final = 200  # objects whose mean size tells what a day needs
_BUSY: Final = 5  # calls in the same hours of earlier weeks; with fewer, none may be chance
_QUIET: Final = (2 * HOUR, 6 * HOUR, DAY)  # without a call
_WEEKS: Final = 4  # that are compared
_MANIFEST_COMES: Final = HOUR  # after its sound, at the latest
_LEAST_A_DAY: Final = 64 * 1024 * 1024  # bytes, of a store that has taken nothing in yet


Runs = Mapping[Job, LastRun | None]


class LastDrill(NamedTuple):
    """The newest drill of an officer."""

    at: datetime
    is_good: bool


class Room(NamedTuple):
    """The bytes that are free on the store's disk, and those that a busy day of the last week took."""

    free: int
    day: int

    @property
    def least(self) -> int:
        """The bytes below which the disk is too full: for a day, and for an erasure without the ballast."""
        return self.day + 2 * BALLAST_BYTES


def last_drill(store: Store) -> LastDrill | None:
    """The newest drill of an officer, if there was one."""
    for entry in store.log.entries.of_drills():
        event = entry.event
        if isinstance(event, Drilled):
            is_good = event.problem is None and not event.damaged and not event.problems
            return LastDrill(entry.at, is_good)
    return None


def last_runs(store: Store) -> Runs:
    """The newest run of each job."""
    purge, drilled = store.clock.get().last_purge(), last_drill(store)
    backups = [row.at for row in escrow.registered(store) if row.number]
    known = {
        Job.DRILL: LastRun(drilled.at, 0 if drilled.is_good else 1) if drilled is not None else None,
        Job.PURGE: LastRun(purge) if purge is not None else None,
        Job.BACKUP: LastRun(max(backups)) if backups else None,
    }
    return {job: known[job] if job in known else jobs.last(store.layout, job) for job in Job}


def findings(store: Store, runs: Runs, left: Room, now: datetime) -> list[Finding]:
    """Everything around the store that is not as it should be."""
    return [*of_jobs(store, runs, now), *of_spools(store, runs[Job.INGEST], now), *of_disks(store, left)]


# -- jobs ---------------------------------------------------------------------------------------------


def of_jobs(store: Store, runs: Runs, now: datetime) -> Iterator[Finding]:
    """The jobs that ran too long ago, counted from the founding where one never did."""
    founded = _founded(store, now)
    for job, (warned, critical) in LATE.items():
        if job is Job.INGEST and not any(person.role is Role.INGEST for person in store.roster.people):
            continue
        if job is Job.DRILL and not store.settings.escrows:
            continue  # there is nothing to try
        run = runs[job]
        late = now - (run.at if run is not None else founded)
        if late > warned:
            severity = Severity.CRITICAL if critical is not None and late > critical else Severity.WARNING
            code = f"{job}_late" if run is not None else f"{job}_never"
            places = [(str(each.folder), str(each.escrow)) for each in store.settings.escrows]
            values: dict[str, object] = {"at": run.at if run is not None else founded}
            values |= dict(zip(("folder", "escrow"), places[0], strict=True)) if job is Job.DRILL else {}
            yield Finding(severity, f"{job}_late", values, f"status.{code}")
    verified = runs[Job.VERIFY]
    if verified is not None and verified.problems:
        yield Finding(Severity.CRITICAL, "verify_found", {"count": verified.problems, "at": verified.at})
    drilled = runs[Job.DRILL]
    if drilled is not None and drilled.problems:
        yield Finding(Severity.CRITICAL, "drill_failed", {"at": drilled.at})
    for place in escrow.lost(store):
        yield Finding(Severity.WARNING, "ring_lost", {"folder": place.folder, "escrow": place.escrow})
    if not store.settings.escrows and now - founded > DAY:
        yield Finding(Severity.WARNING, "no_backup")


def _founded(store: Store, now: datetime) -> datetime:
    """When the store was made; a year ago where the log has forgotten it."""
    entry = store.log.entries.get(0)
    return entry.at if entry is not None and entry.body is not None else now - 365 * DAY


# -- spools -------------------------------------------------------------------------------------------


def of_spools(store: Store, run: LastRun | None, now: datetime) -> Iterator[Finding]:
    """Folders of the telephone system that are away, hold what should be gone, or stay empty."""
    for folder in known_spools.folders(store):
        yield from _of_place("spool", folder, {"folder": folder}) or _missing(folder)
        seen = run.spool(folder) if run is not None else None
        if seen is not None and seen.unreadable and known_spools.is_readable(folder):
            yield Finding(Severity.CRITICAL, "spool_unreadable", {"folder": folder, "at": seen.at})
        if seen is not None and seen.left:
            values = {"count": seen.left, "folder": folder, "at": seen.since or seen.at}
            yield Finding(Severity.CRITICAL, "spool_left", values)
        if seen is not None and seen.unclaimed and seen.since is not None:
            age, days = now - seen.since, timedelta(days=store.policy.at(now).spool_days)
            severity = Severity.WARNING if age > _MANIFEST_COMES else Severity.STATUS
            values = {"count": seen.unclaimed, "folder": folder, "at": seen.since}
            yield Finding(Severity.CRITICAL if age > days else severity, "unclaimed", values, "status.unclaimed")
    if (since := quiet_since(store, now)) is not None:
        yield Finding(Severity.WARNING, "spool_quiet", {"at": since})


def _missing(folder: Path) -> Iterator[Finding]:
    if not folder.is_dir():
        yield Finding(Severity.CRITICAL, "spool_missing", {"folder": folder})
    elif not known_spools.is_readable(folder):
        yield Finding(Severity.CRITICAL, "spool_unreadable", {"folder": folder})


def quiet_since(store: Store, now: datetime) -> datetime | None:
    """Since when no call came although some came in the same hours of each of the last weeks; else None."""
    weeks = [timedelta(weeks=number) for number in range(1, _WEEKS + 1)]
    spans = [
        span
        for hours in _QUIET
        for span in ((now - hours, now + DAY), *((now - hours - ago, now - ago) for ago in weeks))
    ]  # until tomorrow: also what a clock ahead has dated
    counts = iter(store.catalogue.inventory.count_started(spans))
    for hours, (lately, *before) in zip(_QUIET, zip(*[counts] * (1 + _WEEKS), strict=True), strict=True):
        if lately:
            return None
        if min(before) >= _BUSY:
            return now - hours
    return None


# -- disks --------------------------------------------------------------------------------------------


def room(store: Store, now: datetime) -> Room:
    """The room on the store's disk, and what a busy day takes: its calls by the mean size of the newest."""
    disk, inventory = os.statvfs(store.layout.store), store.catalogue.inventory
    sizes = inventory.bytes_of_newest(now - 7 * DAY, _NEWEST)
    busiest = max(inventory.count_started([(now - (day + 1) * DAY, now - day * DAY) for day in range(7)]))
    is_here = store.layout.objects_at == FILES  # else a day takes what its rows take
    day = busiest * sum(sizes) // len(sizes) if sizes and busiest and is_here else _LEAST_A_DAY
    return Room(disk.f_bavail * disk.f_frsize, day)


def calls_by_day(store: Store, now: datetime) -> list[int]:
    """The held calls of each 24 hours of the retention, the newest last."""
    days = [(now - day * DAY, now - (day - 1) * DAY) for day in range(RETENTION.days, 0, -1)]
    return store.catalogue.inventory.count_started(days)


def of_disks(store: Store, left: Room) -> Iterator[Finding]:
    """Disks that are away, that a reboot empties, or that a day fills."""
    layout = store.layout
    if layout.objects_from is not None:
        places = {"place": layout.objects_at, "left_at": layout.objects_from}
        yield Finding(Severity.WARNING, "objects_move_unfinished", places)
    if layout.catalogue_to is not None or layout.catalogue_from is not None:
        goes_to = layout.catalogue_to or layout.catalogue_at
        yield Finding(Severity.WARNING, "catalogue_move_unfinished", {"place": goes_to})
    if not store.is_copy:
        yield from of_folders(layout)
    for kind in dict.fromkeys(mounts.file_system(folder) for folder in (layout.store, layout.root)):
        if kind in mounts.MEMORY:
            yield Finding(Severity.CRITICAL, "store_in_memory", {"store": layout.store, "kind": kind})
    if left.free < left.least:
        values = {"store": layout.store, "free_bytes": left.free, "day_bytes": left.day}
        yield Finding(Severity.CRITICAL, "disk_low", values)
    if not has_ballast(layout) and not has_room(layout):  # else it is missing without need
        yield Finding(Severity.CRITICAL, "reserve_spent", {"store": layout.store})
    for place in store.settings.escrows:
        for folder in dict.fromkeys((place.folder, place.escrow)):
            yield from _of_place("backup", folder, {"folder": folder})
    if store.feed is not None:
        yield from _of_place("feed", store.feed.parent, {"path": store.feed})


def of_folders(place: Layout) -> Iterator[Finding]:
    """Folders and files of a store that other accounts may open, and the first folder that cannot be written."""
    paths = list(open_to_others(place))
    folders, files = ([path for path in paths if path.is_dir() is is_folder] for is_folder in (True, False))
    for folder in folders:
        yield Finding(Severity.CRITICAL, "folder_open", {"folder": folder})
    if files:
        values = {"file": files[0], "folder": files[0].parent, "count": len(files)}
        yield Finding(Severity.CRITICAL, "file_open", values)
    closed = next((each for each in (place.store, place.root) if each.exists() and not mounts.takes_writes(each)), None)
    if closed is not None:
        yield Finding(Severity.CRITICAL, "store_read_only", {"folder": closed})


def _of_place(what: str, folder: Path, values: Mapping[str, object]) -> list[Finding]:
    """The finding that the disk of a place is not mounted, though /etc/fstab names it, or takes no writes."""
    if (mount := mounts.missing(folder)) is not None:
        return [Finding(Severity.CRITICAL, f"{what}_not_mounted", {**values, "mount": mount})]
    return [Finding(Severity.CRITICAL, f"{what}_read_only", values)] if mounts.is_read_only(folder) else []
