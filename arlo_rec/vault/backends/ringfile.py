"""The file of an escrow's ring: slots of a fixed size that are overwritten in place; `offsite.escrow` fills them."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from arlo_rec.law.model.errors import Unreachable
from arlo_rec.vault.backends import FILE_MODE
from arlo_rec.vault.backends.durable import disk, put_new, rename, sync_folder, write_whole
from arlo_rec.vault.backends.files import file_lock
from arlo_rec.vault.backends.shared_folder import open_file, read_small, status

RING_SLOTS = 8
RING_SLOT_BYTES = 64 * 1024  # of a slot: a root secret sealed to about fifty officers
_NAME = "ring"
_README = b"""This folder holds old root secrets of an arlo-rec store for some hours, sealed to its officers.
A backup can be opened with them. Never copy it into another backup set or a snapshot: an old copy
can undo erasures. The file is overwritten in place; keep it on ext4 or xfs.
"""
_CACHE_TAG = b"Signature: 8a477f597d28d172789f06886806bc55\n"  # bford.info/cachedir: backups leave it out


class RingFile:
    """The ring file of one escrow folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._path = folder / _NAME

    @property
    def is_there(self) -> bool:
        """Whether its folder has a file of that name; false where the disk of the folder is away."""
        return status(self._path) is not None

    @classmethod
    def create(cls, folder: Path) -> RingFile:
        """The ring of that folder, created if it is missing; raises Unreachable."""
        ring = cls(folder)
        if not ring.is_there:
            write_whole(folder / "README", _README)
            write_whole(folder / "CACHEDIR.TAG", _CACHE_TAG)
            part = folder / f".{_NAME}.part"
            with disk():
                put_new(part, [bytes(RING_SLOTS * RING_SLOT_BYTES)], FILE_MODE)
                rename(part, ring._path)
                sync_folder(folder)
        return ring

    def read(self) -> list[bytes]:
        """The bytes of every slot; raises Unreachable if the file is missing or has another length."""
        whole = RING_SLOTS * RING_SLOT_BYTES
        about = status(self._path)
        if about is None:
            raise Unreachable("no_ring", path=str(self.folder))
        if stat.S_ISREG(about.st_mode) and about.st_size != whole:
            raise Unreachable("ring_damaged", path=str(self._path))
        with disk():
            content = read_small(self._path, whole)
        return [content[at * RING_SLOT_BYTES :][:RING_SLOT_BYTES] for at in range(RING_SLOTS)]

    def write(self, slot: int, content: bytes) -> None:
        """Overwrite one slot in place, durably; empty bytes clear it."""
        if len(content) > RING_SLOT_BYTES:
            raise ValueError("more than a slot holds")
        with disk():
            handle = open_file(self._path, os.O_WRONLY | os.O_DSYNC)
            try:
                os.pwrite(handle, content.ljust(RING_SLOT_BYTES, b"\0"), slot * RING_SLOT_BYTES)
            finally:
                os.close(handle)

    @contextmanager
    def lock(self, wait: float) -> Iterator[None]:
        """Lock the ring exclusively; raises InUse after *wait* seconds."""
        with file_lock(self._path, exclusive=True, wait=wait):
            yield
