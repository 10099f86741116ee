"""The file of an escrow's ring: slots of a fixed size that are overwritten in place; `offsite.escrow` fills them."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from arlo_rec.backends.durable import disk, put_new, sync_folder, write_whole
from arlo_rec.backends.files import file_lock
from arlo_rec.model.errors import Unreachable

RING_SLOTS = 8
RING_SLOT_BYTES = 64 * 1024  # of a slot: a root secret sealed to about fifty officers
_NAME = "ring"
_README = b"""This folder holds old root secrets of an arlo-rec store for some hours, sealed to its officers.
A backup can be opened with them. Never copy it into another backup set or a snapshot: whoever keeps an
old copy can undo erasures. The file is overwritten in place; keep it on ext4 or xfs.
"""
_CACHE_TAG = b"Signature: 8a477f597d28d172789f06886806bc55\n"  # bford.info/cachedir: backups leave it out


class RingFile:
    """The ring file of one escrow folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._path = folder / _NAME

    @classmethod
    def create(cls, folder: Path, *, group: bool) -> RingFile:
        """The ring of that folder, created where there is none yet; raises Unreachable."""
        ring = cls(folder)
        if not ring._path.exists():
            mode = 0o660 if group else 0o600
            write_whole(folder / "README", _README, mode=mode)
            write_whole(folder / "CACHEDIR.TAG", _CACHE_TAG, mode=mode)
            part = folder / f".{_NAME}.part"
            with disk():
                put_new(part, [bytes(RING_SLOTS * RING_SLOT_BYTES)], mode)
                part.rename(ring._path)
                sync_folder(folder)
        return ring

    def read(self) -> list[bytes]:
        """The bytes of every slot; raises Unreachable where the file is missing or has another length."""
        with disk():
            content = self._path.read_bytes()
        if len(content) != RING_SLOTS * RING_SLOT_BYTES:
            raise Unreachable("ring_damaged", path=str(self._path))
        return [content[at * RING_SLOT_BYTES :][:RING_SLOT_BYTES] for at in range(RING_SLOTS)]

    def write(self, slot: int, content: bytes) -> None:
        """Overwrite one slot in place, durably; empty bytes clear it."""
        if len(content) > RING_SLOT_BYTES:
            raise ValueError("more than a slot holds")
        with disk():
            handle = os.open(self._path, os.O_WRONLY | os.O_DSYNC | os.O_CLOEXEC)
            try:
                os.pwrite(handle, content.ljust(RING_SLOT_BYTES, b"\0"), slot * RING_SLOT_BYTES)
            finally:
                os.close(handle)

    @contextmanager
    def lock(self, wait: float) -> Iterator[None]:
        """Lock the ring exclusively; raises InUse after *wait* seconds."""
        with file_lock(self._path, exclusive=True, wait=wait):
            yield
