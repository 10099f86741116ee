"""The mounts of this machine, and those that it should have: /proc/self/mountinfo and /etc/fstab.

Elsewhere than on Linux neither is there, and nothing is said to be missing.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Final, NamedTuple

from arlo_rec.law.model.errors import Unreachable

_MOUNTED: Final = Path("/proc/self/mountinfo")
_TABLE: Final = Path("/etc/fstab")
MEMORY: Final = frozenset({"tmpfs", "ramfs"})  # what a reboot erases


_WEAK: Final = frozenset({"btrfs", "zfs", "overlay", "nfs", "nfs4", "cifs", "fuse", "f2fs", "bcachefs"})
_STOPPED: Final = frozenset({"ro", "emergency_ro", "shutdown"})  # the last two are ext4's after an error, since 6.15


class Mount(NamedTuple):
    """A mounted file system."""

    point: Path
    kind: str  # as the kernel names it
    options: frozenset[str]  # of the file system itself, the same wherever it is mounted
    device: str  # of the file system
    root: Path  # the folder of the file system that is mounted


def mounted() -> list[Mount]:
    """The mounted file systems, in the order in which they were mounted."""
    mounts = []
    for line in _lines(_MOUNTED):
        fields = line.split(" ")
        if "-" in fields[6:]:
            behind = fields.index("-", 6)
            kind, _, options = fields[behind + 1 : behind + 4]
            mounts.append(Mount(_path(fields[4]), kind, frozenset(options.split(",")), fields[2], _path(fields[3])))
    return mounts


def of(path: Path, mounts: list[Mount] | None = None) -> Mount | None:
    """The file system that holds a path, or that would hold it; None where nothing is known."""
    where, best = Path(os.path.realpath(path)), None
    for mount in mounted() if mounts is None else mounts:
        if where.is_relative_to(mount.point) and (best is None or len(mount.point.parts) >= len(best.point.parts)):
            best = mount
    return best


def paths_of(folder: Path) -> Iterator[Path]:
    """Every path by which this machine reaches a folder, as by a bind mount of it or of a folder above."""
    where, mounts = Path(os.path.realpath(folder)), mounted()
    own = of(where, mounts)
    if own is None:
        return
    inside = own.root / where.relative_to(own.point)
    for mount in mounts:
        if mount.device == own.device and inside.is_relative_to(mount.root):
            path = mount.point / inside.relative_to(mount.root)
            with suppress(OSError):
                if path.samefile(where):  # and nothing is mounted over it
                    yield path


def file_system(folder: Path) -> str:
    """The kind of file system that holds a folder, as the kernel names it, or `unknown`."""
    mount = of(folder)
    return mount.kind if mount is not None else "unknown"


def is_read_only(path: Path) -> bool:
    """Whether the file system that holds a path takes no writes, as after an error of its disk.

    A mount of it that is read-only for one service, as systemd makes them, does not count.
    """
    mount = of(path)
    return mount is not None and not mount.options.isdisjoint(_STOPPED)


def takes_writes(folder: Path) -> bool:
    """Whether this account may write into a folder, and its file system takes it."""
    return os.access(folder, os.W_OK) and not is_read_only(folder)


def is_weak(kind: str) -> bool:
    """Whether overwriting in place may leave the old bytes behind on that kind of file system."""
    return kind.split(".")[0] in _WEAK  # `fuse.sshfs` is `fuse`


def missing(path: Path) -> Path | None:
    """The mount point on the way to a path that /etc/fstab names and that nothing is mounted on; else None."""
    where, points = Path(os.path.realpath(path)), {mount.point for mount in mounted()}
    if not points:
        return None
    wanted = [point for point in _wanted() if where.is_relative_to(point)]
    return next((point for point in sorted(wanted, key=lambda each: len(each.parts)) if point not in points), None)


def demand(path: Path) -> None:
    """Raise Unreachable for a path on a disk that /etc/fstab names, and that is not mounted."""
    if (mount := missing(path)) is not None:
        raise Unreachable("not_mounted", path=str(path), mount=str(mount))


def _wanted() -> list[Path]:
    rows = (line.split() for line in _lines(_TABLE) if not line.lstrip().startswith("#"))
    return [_path(row[1]) for row in rows if len(row) >= 2 and row[1].startswith("/")]


def _path(field: str) -> Path:
    r"""A path as these files write it, with blanks and line ends as `\040`."""
    raw = field.encode("utf-8", "surrogateescape").decode("unicode_escape").encode("latin-1", "replace")
    return Path(os.fsdecode(raw))


def _lines(file: Path) -> list[str]:
    try:
        return file.read_text("utf-8", "surrogateescape").splitlines()
    except OSError:
        return []
