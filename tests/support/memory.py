"""The ports without a disk, for tests of what lies above them. Holds the same promises within one process."""

from __future__ import annotations

import io
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import BinaryIO

from obstore.store import MemoryStore

from arlo_rec.engines.objects import ObjectBlobs
from arlo_rec.law.model.errors import InUse
from arlo_rec.vault.backends import SLOT_BYTES, SLOTS


class MemoryBlobs:
    """Objects in a dictionary."""

    def __init__(self) -> None:
        self._put: dict[str, bytes] = {}
        self._kept: dict[str, bytes] = {}

    def put(self, name: str, pieces: Iterable[bytes]) -> None:
        """See Blobs."""
        self._put[name] = b"".join(pieces)

    def settle(self, names: Iterable[str]) -> None:
        """See Blobs."""
        for name in names:
            if name in self._put:
                self._kept[name] = self._put.pop(name)

    def open(self, name: str) -> BinaryIO:
        """See Blobs."""
        return io.BytesIO(self._kept[name])

    def heads(self, names: Sequence[str], length: int) -> Iterator[tuple[int, bytes] | None]:
        """See Blobs."""
        for name in names:
            kept = self._kept.get(name)
            yield None if kept is None else (len(kept), kept[:length])

    def size(self, name: str) -> int | None:
        """See Blobs."""
        kept = self._kept.get(name)
        return None if kept is None else len(kept)

    def delete(self, name: str) -> None:
        """See Blobs."""
        self._put.pop(name, None)
        self._kept.pop(name, None)

    def delete_all(self, names: Sequence[str]) -> None:
        """See Blobs."""
        for name in names:
            self.delete(name)

    def names(self, beginning: str = "") -> Iterator[str]:
        """See Blobs."""
        yield from [name for name in self._kept if name.startswith(beginning)]


def bucket_in_memory(store: MemoryStore | None = None) -> ObjectBlobs:
    """Objects in a bucket of the library that needs no service."""
    kept = store or MemoryStore()
    return ObjectBlobs(lambda _patience: kept)


class MemoryRoot:
    """Slots in lists and a lock of this process."""

    def __init__(self) -> None:
        self._slots = {"root": [bytes(SLOT_BYTES)] * SLOTS, "seen": [bytes(SLOT_BYTES)] * SLOTS}
        self._lock = threading.Lock()

    def read(self) -> list[bytes]:
        """See Root."""
        return list(self._slots["root"])

    def write(self, slot: int, content: bytes) -> None:
        """See Root."""
        if len(content) > SLOT_BYTES:
            raise ValueError("more than a slot holds")
        self._slots["root"][slot] = content.ljust(SLOT_BYTES, b"\0")

    def read_seen(self) -> list[bytes]:
        """See Root."""
        return list(self._slots["seen"])

    def update_seen(self, change: Callable[[list[bytes]], bytes | None]) -> None:
        """See Root."""
        content = change(self.read_seen())
        if content is not None:
            self._slots["seen"] = [content.ljust(SLOT_BYTES, b"\0")] * SLOTS

    @contextmanager
    def lock(self, *, exclusive: bool, wait: float) -> Iterator[None]:
        """See Root; shared holders do not exclude each other within one thread."""
        if not exclusive:
            if self._lock.locked():
                raise InUse("in_use")
            yield
            return
        if not self._lock.acquire(timeout=wait):
            raise InUse("in_use")
        try:
            yield
        finally:
            self._lock.release()
