"""Findings on the machine and the set-up of a store, before and after it is installed; nothing is changed.
A service of the objects gets one object to keep, which is deleted again.

`Machine` is what was read (`backends.machine`), so that each finding is decided from values.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from arlo_rec.law.model.documents import Record
from arlo_rec.law.model.errors import Unreachable
from arlo_rec.machine import surroundings, units
from arlo_rec.machine.findings import Finding, Severity
from arlo_rec.machine.status import FindingShown
from arlo_rec.vault.backends import machine, mounts, shared_folder
from arlo_rec.vault.backends.machine import Unit
from arlo_rec.vault.keys.layout import FILES, Layout
from arlo_rec.vault.opened import Store

_JOBS: Final = tuple(name for name in units.SERVICES if name not in {"metrics", "drill"})  # which not all have
TIMERS: Final = tuple(f"arlo-rec-{job}.timer" for job in _JOBS)
SERVICES: Final = tuple(f"arlo-rec-{job}.service" for job in _JOBS)
_OTHERS_WRITE: Final = stat.S_IWGRP | stat.S_IWOTH


class Examined(Record, frozen=True):
    """The findings on a machine, and on its store where that opened."""

    findings: list[FindingShown]
    store: str | None
    is_opened: bool


@dataclass(frozen=True, slots=True)
class Machine:
    """The facts of a machine."""

    swaps: list[str] = field(default_factory=list)
    hibernates: bool = False
    core_pattern: str = ""
    is_clock_synchronised: bool | None = None
    has_systemd: bool = False
    units: list[Unit] | None = field(default_factory=list)  # None: systemd did not answer

    @classmethod
    def read(cls) -> Machine:
        """This machine, now."""
        has_systemd = machine.has_systemd()
        return cls(
            machine.swaps(),
            machine.hibernates(),
            machine.core_pattern(),
            machine.is_clock_synchronised(),
            has_systemd,
            machine.units([*TIMERS, *SERVICES]) if has_systemd else [],
        )


def of_machine(here: Machine) -> Iterator[Finding]:
    """Memory that reaches a disk in clear, a clock that nothing keeps, and timers that are off or not to be seen."""
    for swap in here.swaps:
        yield Finding(Severity.WARNING, "swap_in_clear", {"device": swap})
    if here.hibernates:
        yield Finding(Severity.WARNING, "hibernates")
    if "coredump" in here.core_pattern or here.core_pattern.startswith("/"):
        yield Finding(Severity.STATUS, "cores_kept", {"pattern": here.core_pattern})
    if here.is_clock_synchronised is False:
        yield Finding(Severity.WARNING, "clock_unsynchronised")
    if here.units is None:
        yield Finding(Severity.STATUS, "units_unseen")
    for unit in here.units or ():
        if unit.name in TIMERS and not unit.is_loaded:
            yield Finding(Severity.WARNING, "timer_missing", {"timer": unit.name})
        elif unit.name in TIMERS and not unit.is_active:
            yield Finding(Severity.CRITICAL, "timer_off", {"timer": unit.name})
        elif unit.has_failed:
            yield Finding(Severity.CRITICAL, "unit_failed", {"unit": unit.name})
    if not here.has_systemd:
        yield Finding(Severity.STATUS, "no_systemd")


def of_settings(config: Path | None, store: Path | None) -> Iterator[Finding]:
    """Settings that are missing, or that others than root and this account may write."""
    if config is None:
        yield Finding(Severity.STATUS, "no_settings")
    else:
        with suppress(OSError):
            about = config.stat()
            if about.st_uid not in {0, os.geteuid()} or about.st_mode & _OTHERS_WRITE:
                yield Finding(Severity.CRITICAL, "settings_of_others", {"file": config})
    if store is None:
        yield Finding(Severity.WARNING, "no_store_named")


def of_place(store: Path) -> Iterator[Finding]:
    """The disk on which a store lies or is to lie."""
    kind = mounts.file_system(_nearest(store))
    if (mount := mounts.missing(store)) is not None:
        yield Finding(Severity.CRITICAL, "store_not_mounted", {"store": store, "mount": mount})
    elif _is_missing(store / "store.toml"):
        yield Finding(Severity.WARNING, "no_such_store", {"store": store})
    if _is_missing(store) and kind in mounts.MEMORY:
        yield Finding(Severity.CRITICAL, "store_in_memory", {"store": store, "kind": kind})
    if _is_missing(store) and mounts.is_weak(kind):
        yield Finding(Severity.STATUS, "weak_disk", {"kind": kind, "store": store}, "weak_disk")


def _is_missing(path: Path) -> bool:
    """Whether nothing has that name; what another account closed may be there, and the command says whose it is."""
    try:
        return not path.exists()
    except PermissionError:
        return False


def of_layout(place: Layout) -> Iterator[Finding]:
    """Folders and files of a store as `status` sees them, and half-written files."""
    yield from surroundings.of_folders(place)
    with suppress(OSError):
        folders = (place.store, *(place.store / name for name in ("people", "seals", "receipts")))
        count = sum(name.endswith(".part") for folder in folders for name in shared_folder.names(folder))
        if count:
            yield Finding(Severity.STATUS, "leftovers", {"count": count})


def of_disks(store: Store, here: Machine) -> Iterator[Finding]:
    """Places that should lie on disks of their own, and services that do not wait for them."""
    home = _device(store.layout.store)
    for place in store.settings.escrows:
        folder, escrow = _device(place.folder), _device(place.escrow)
        values = {"folder": place.folder, "escrow": place.escrow}
        if folder is not None and folder == escrow:
            yield Finding(Severity.WARNING, "backups_together", values)
        if home is not None and home in {folder, escrow}:
            yield Finding(Severity.WARNING, "backup_same_disk", values)
    if store.feed is not None and home is not None and _device(store.feed.parent) == home:
        yield Finding(Severity.WARNING, "feed_same_disk", {"path": store.feed})
    for unit in here.units or ():
        if unit.name in SERVICES and unit.is_loaded and not _waits_for(unit, [store.layout.store]):
            yield Finding(Severity.WARNING, "unit_without_mounts", {"unit": unit.name})


def of_objects(store: Store) -> Iterator[Finding]:
    """A service of the objects that is away, or that keeps what is deleted: one object is put there and deleted."""
    if store.layout.objects_at != FILES:
        try:
            store.blobs.probe()
        except Unreachable as problem:
            values = {"place": store.layout.objects_at, "what": problem}
            yield Finding(Severity.CRITICAL, "objects_unfit", values)


def _waits_for(unit: Unit, paths: Iterable[Path]) -> bool:
    return all(any(path.is_relative_to(mount) for mount in unit.mounts) for path in paths)


def of_state(folder: Path | None) -> Iterator[Finding]:
    """A folder in which this account remembers what it saw, and that is not there or cannot be written."""
    if folder is None or not os.access(_nearest(folder), os.W_OK):
        yield Finding(Severity.WARNING, "no_memory", {"folder": folder or "?"})


def _nearest(path: Path) -> Path:
    """The path, or the nearest folder above it that is known to exist."""
    return next((each for each in (path, *path.absolute().parents) if _device(each) is not None), Path("/"))


def _device(path: Path) -> int | None:
    try:
        return path.stat().st_dev
    except OSError:
        return None
