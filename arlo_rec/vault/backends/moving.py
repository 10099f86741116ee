"""Objects that lie at two places while they move from one to the other."""

from __future__ import annotations

import io
import os
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, BinaryIO, cast

from arlo_rec.vault.backends import Blobs


class MovingBlobs:
    """Objects that move from one place to another: written to the new one, read from either, deleted from both."""

    def __init__(self, new: Blobs, old: Blobs) -> None:
        self.new, self.old = new, old

    def put(self, name: str, pieces: Iterable[bytes]) -> None:
        """See Blobs."""
        self.new.put(name, pieces)

    def settle(self, names: Iterable[str]) -> None:
        """See Blobs."""
        names = list(names)
        self.new.settle(names)
        self.old.settle(names)

    def open(self, name: str) -> BinaryIO:
        """See Blobs. A stream goes on where its object is moved meanwhile."""
        return cast("BinaryIO", _Moving(self, name, self.open_now(name)))

    def open_now(self, name: str) -> BinaryIO:
        """The object where it is now; it lies at the new place before it leaves the old one."""
        for place in (self.new, self.old, self.new):
            try:
                return place.open(name)
            except KeyError:
                continue
        raise KeyError(name)

    def heads(self, names: Sequence[str], length: int) -> Iterator[tuple[int, bytes] | None]:
        """See Blobs."""
        found = list(self.new.heads(names, length))
        for place in (self.old, self.new):
            missing = [at for at, head in enumerate(found) if head is None]
            heads = place.heads([names[at] for at in missing], length)
            for at, head in zip(missing, heads, strict=True):
                found[at] = head
        yield from found

    def size(self, name: str) -> int | None:
        """See Blobs."""
        sizes = (place.size(name) for place in (self.new, self.old, self.new))
        return next((size for size in sizes if size is not None), None)

    def delete(self, name: str) -> None:
        """See Blobs."""
        self.delete_all([name])

    def delete_all(self, names: Sequence[str]) -> None:
        """See Blobs."""
        self.new.delete_all(names)
        self.old.delete_all(names)

    def probe(self) -> None:
        """See Blobs; the new place is what has to keep."""
        self.new.probe()

    def names(self, beginning: str = "") -> Iterator[str]:
        """See Blobs."""
        old = set(self.old.names(beginning))
        yield from old
        yield from (name for name in self.new.names(beginning) if name not in old)


class _Moving(io.RawIOBase):
    """A stream that looks for its object at the other place once the first has it no more."""

    def __init__(self, blobs: MovingBlobs, name: str, stream: BinaryIO) -> None:
        self._blobs, self._name, self._stream = blobs, name, stream

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._stream.tell()

    def seek(self, offset: int, whence: int = os.SEEK_SET, /) -> int:
        return self._stream.seek(offset, whence)

    def readinto(self, buffer: Any, /) -> int:
        try:
            return self._stream.readinto(buffer)  # type: ignore[attr-defined,no-any-return]
        except KeyError:
            at = self._stream.tell()
            self._stream = self._blobs.open_now(self._name)
            self._stream.seek(at)
            return self._stream.readinto(buffer)  # type: ignore[attr-defined,no-any-return]

    def close(self) -> None:
        if not self.closed:
            self._stream.close()
        super().close()
