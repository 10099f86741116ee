"""Objects in a service by one client for all engines: obstore, which speaks to each kind of service.

A key is `ab/<name>` below the prefix of the store: random digits, as in a folder. `put` keeps an object in memory, and
`settle` puts those of a batch beside each other, each with a put that creates and never replaces. The service makes it
whole and durable before it answers. Where the answer is lost, the object is put again; that it exists then counts as
done if its digest is ours.

The library has threads of its own, and a process forked afterwards would wait for them for ever. So a client is made at
its first use, in the process that uses it, and `workers` forks no more from then on.
"""

from __future__ import annotations

import io
import os
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext, suppress
from datetime import timedelta
from typing import TYPE_CHECKING, Any, BinaryIO, Final, cast

from arlo_rec.law.model.errors import Integrity, Unreachable
from arlo_rec.sound.processes.workers import stay_in_one_process
from arlo_rec.vault.backends import NAME, Expected, is_stored, private_url
from arlo_rec.vault.crypto import primitives

if TYPE_CHECKING:
    from obstore.store import ClientConfig, ObjectStore, RetryConfig

Signs = tuple[tuple[str, str], ...]  # what stands in an answer, or in an error of the library -> the code of the error

AT_ONCE: Final = 8  # requests beside each other: more only wait for two cores and one line
HELD: Final = 32 * 1024 * 1024  # bytes of objects that a process keeps in memory until `settle`
FIRST: Final = 512 * 1024  # bytes of the first range of a stream: half a minute of a call in one request
FARTHEST: Final = 2 * 1024 * 1024  # bytes of a later range, at the most
TRIES: Final = 3  # of a put whose answer is lost
PAUSE: Final = 0.2  # seconds before the second try; twice as long before each later one
CONNECT: Final = timedelta(seconds=5)
PATIENCE: Final = timedelta(seconds=15)  # for a whole request, after which it counts as lost; longer for a long put
LONG: Final = 1024 * 1024  # bytes of a put; for each doubling of them the patience is doubled: 70 kB a second
RETRIES: Final = 3  # of a request that changes nothing, and after an answer of 5xx
PORTION: Final = 1000  # keys of one request that deletes
_SIGNS: Final[Signs] = (  # in order, behind those of a kind of service
    ("UnknownIssuer", "objects_certificate"),
    ("ertificate", "objects_certificate"),
    ("507 ", "objects_full"),
    ("QuotaExceeded", "objects_full"),
    ("StorageFull", "objects_full"),
    ("401 Unauthorized", "objects_refused"),
    ("403 Forbidden", "objects_refused"),
)
_BEYOND: Final = ("416 Range", "Invalid range")  # of an answer to a range that begins at or behind the end


class ObjectBlobs:
    """Objects below one prefix of a bucket, or in any other store of the library."""

    def __init__(self, connect: Callable[[timedelta], ObjectStore], signs: Signs = ()) -> None:
        """Take what makes a client with a patience, at the first use in each process, and the signs of its service."""
        self._connect, self._signs = connect, signs
        self._clients: dict[timedelta, ObjectStore] = {}
        self._lock = threading.Lock()
        self._unsettled: dict[str, bytes] = {}

    def put(self, name: str, pieces: Iterable[bytes]) -> None:
        """See Blobs. An object for which there is no room in memory is put at once, and exists before `settle`."""
        key_of(name)
        content = b"".join(pieces)
        with self._lock:
            fits = sum(map(len, self._unsettled.values())) + len(content) <= HELD
            if fits:
                self._unsettled[name] = content
        if not fits:
            self._create(name, content)

    def settle(self, names: Iterable[str]) -> None:
        """See Blobs; raises Unreachable, or Integrity where another object has one of the names."""
        with self._lock:
            taken = [(name, self._unsettled.pop(name)) for name in set(names) & self._unsettled.keys()]
        if taken:
            with ThreadPoolExecutor(min(AT_ONCE, len(taken))) as threads:
                list(threads.map(lambda each: self._create(*each), taken))

    def open(self, name: str) -> BinaryIO:
        """See Blobs. Reading raises KeyError where the object is deleted meanwhile."""
        return cast("BinaryIO", _Stream(self, name))

    def heads(self, names: Sequence[str], length: int) -> Iterator[tuple[int, bytes] | None]:
        """See Blobs."""
        with ThreadPoolExecutor(AT_ONCE) as threads:
            for at in range(0, len(names), PORTION):
                yield from threads.map(lambda name: self._head(name, length), names[at : at + PORTION])

    def size(self, name: str) -> int | None:
        """See Blobs."""
        import obstore

        try:
            return int(self._ask(lambda bucket: obstore.head(bucket, key_of(name)))["size"])
        except KeyError:
            return None

    def delete(self, name: str) -> None:
        """See Blobs."""
        self.delete_all([name])

    def delete_all(self, names: Sequence[str]) -> None:
        """See Blobs. The service may keep the bytes for a while; their key is gone."""
        import obstore

        with self._lock:
            for name in names:
                self._unsettled.pop(name, None)
        for at in range(0, len(names), PORTION):
            keys = [key_of(name) for name in names[at : at + PORTION]]
            try:
                self._ask(lambda bucket, keys=keys: obstore.delete(bucket, keys))  # type: ignore[misc]
            except KeyError:  # a service that tells of a missing key may leave those behind it
                with ThreadPoolExecutor(AT_ONCE) as threads:
                    list(threads.map(self._delete_key, keys))

    def _delete_key(self, key: str) -> None:
        import obstore

        with suppress(KeyError):
            self._ask(lambda bucket: obstore.delete(bucket, [key]))

    def names(self, beginning: str = "") -> Iterator[str]:
        """See Blobs."""
        import obstore

        listed = self._ask(lambda bucket: iter(obstore.list(bucket, beginning or None)))
        while (chunk := self._ask(lambda _: next(listed, None))) is not None:
            keys = (str(about["path"]) for about in chunk)
            yield from (key[3:] for key in keys if NAME.fullmatch(key[3:]) and key == key_of(key[3:]))

    def read(self, name: str, start: int, length: int) -> tuple[int, bytes]:
        """The object's size, and its bytes from *start* on, at most *length*; raises KeyError for a missing name.

        Raises Unreachable for more or fewer bytes than the answer itself says, of which no more are read.
        """
        import obstore

        def ranged(bucket: ObjectStore) -> tuple[int, bytes]:
            answer = obstore.get(bucket, key_of(name), options={"range": (start, start + length)})
            size, content = int(answer.meta["size"]), bytearray()
            wanted = min(length, max(0, size - start))
            for piece in answer.stream(min_chunk_size=length):
                content += piece
                if len(content) > wanted:
                    break
            if len(content) != wanted:
                raise Unreachable("objects_unfit")
            return size, bytes(content)

        try:
            return self._ask(ranged)  # type: ignore[no-any-return]
        except _Beyond:
            return self.size(name) or 0, b""

    def probe(self) -> None:
        """Put, read and delete an object; raises Unreachable where the service does not keep what we rely on.

        A versioned bucket keeps what is deleted. A locked or replicated bucket is always a versioned one.
        """
        import obstore

        key = f"probe/{primitives.fresh(16).hex()}"
        version = self._ask(lambda bucket: obstore.put(bucket, key, b"arlo-rec", mode="create"))["version"]
        try:
            is_fit = version is not None or self._keeps(key)
        finally:
            with suppress(Unreachable) if version is not None else nullcontext():
                self._ask(lambda bucket: obstore.delete(bucket, [key]))
        if version is not None:
            raise Unreachable("objects_versioned")
        if not is_fit:
            raise Unreachable("objects_unfit")

    def _keeps(self, key: str) -> bool:
        """Whether an object is not replaced, and is read in parts."""
        import obstore

        replaced = self._ask(lambda bucket: _is_created(bucket, key, b"replaced"))
        part = self._ask(lambda bucket: bytes(obstore.get_range(bucket, key, start=5, length=3)))
        return not replaced and part == b"rec"

    def _head(self, name: str, length: int) -> tuple[int, bytes] | None:
        try:
            size, head = self.read(name, 0, length)
        except KeyError:
            return None
        return size, head

    def _create(self, name: str, content: bytes) -> None:
        """Put an object that does not exist; tried again where the answer is lost."""
        for again in range(TRIES):
            try:
                if self._ask(lambda bucket: _is_created(bucket, key_of(name), content), patience_for(len(content))):
                    return
                break
            except Unreachable as problem:
                if again == TRIES - 1 or problem.code != "objects_unreachable":
                    raise
                time.sleep(PAUSE * 2**again)
        if not is_stored(self, name, Expected(primitives.digest_of([content]), len(content))):
            raise Integrity("object_exists", id=name)

    def _ask(self, request: Callable[[ObjectStore], Any], patience: timedelta = PATIENCE) -> Any:
        """The answer to a request; raises KeyError for a missing key, and Unreachable."""
        from obstore.exceptions import BaseError

        try:
            return request(self._bucket(patience))
        except FileNotFoundError as error:
            if not any(sign in str(error) for sign, _ in self._signs):
                raise KeyError from None
            raise Unreachable("objects_no_bucket") from None
        except (BaseError, OSError) as error:
            if any(sign in str(error) for sign in _BEYOND):
                raise _Beyond from None
            raise trouble(str(error), self._signs) from None

    def _bucket(self, patience: timedelta) -> ObjectStore:
        """The client of this process with that patience."""
        with self._lock:
            if patience not in self._clients:
                stay_in_one_process()
                self._clients[patience] = self._connect(patience)
            return self._clients[patience]


def key_of(name: str) -> str:
    """The key of an object below the store's prefix; raises ValueError for anything but 32 hex digits."""
    if not NAME.fullmatch(name):
        raise ValueError("an object's name is 32 hex digits")
    return f"{name[:2]}/{name}"


def patience_for(length: int) -> timedelta:
    """The patience for a put of so many bytes."""
    return PATIENCE * (1 << max(0, (length - 1) // LONG).bit_length())


def address_of(endpoint: str | None, patience: timedelta, authority: bytes | None = None) -> ClientConfig:
    """How the library reaches a service, whose certificate the *authority* may have signed; raises Unreachable.

    Without an endpoint the service is the library's own choice, which has TLS.
    """
    url = private_url(endpoint) if endpoint is not None else None
    if endpoint is not None and url is None:  # no Usage: an erasure goes on without its objects
        raise Unreachable("objects_not_tls")
    reached: ClientConfig = {
        "allow_http": url is not None and url.scheme == "http",
        "connect_timeout": CONNECT,
        "timeout": patience,
    }
    return reached if authority is None else {**reached, "root_certificate": authority}


def repeated() -> RetryConfig:
    """How often the library repeats a request that changes nothing."""
    return {"max_retries": RETRIES, "retry_timeout": PATIENCE}


def _is_created(bucket: ObjectStore, key: str, content: bytes) -> bool:
    """Put an object that does not exist; False if one has the key."""
    import obstore
    from obstore.exceptions import AlreadyExistsError

    try:
        obstore.put(bucket, key, content, mode="create", use_multipart=False)
    except AlreadyExistsError:
        return False
    return True


def trouble(text: str, signs: Signs = ()) -> Unreachable:
    """The error for an answer or a failure of the library, without what it says of keys."""
    return Unreachable(next((code for sign, code in (*signs, *_SIGNS) if sign in text), "objects_unreachable"))


class _Beyond(Exception):
    """A range begins at or behind the end of its object."""


class _Stream(io.RawIOBase):
    """The bytes of an object, read by ranges ahead of the reader."""

    def __init__(self, blobs: ObjectBlobs, name: str) -> None:
        self._blobs, self._name = blobs, name
        self._at = self._from = 0  # the position, and that of the first byte of the range
        self._size, self._range = blobs.read(name, 0, FIRST)
        self._ahead = FIRST

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._at

    def seek(self, offset: int, whence: int = os.SEEK_SET, /) -> int:
        base = {os.SEEK_SET: 0, os.SEEK_CUR: self._at, os.SEEK_END: self._size}[whence]
        self._at = max(0, base + offset)
        return self._at

    def readinto(self, buffer: Any, /) -> int:
        into = memoryview(buffer).cast("B")
        length = min(len(into), max(0, self._size - self._at))
        done = 0
        while done < length:
            at = self._at + done
            if not self._from <= at < self._from + len(self._range):
                self._fetch(at, length - done)
            piece = self._range[at - self._from :][: length - done]
            into[done : done + len(piece)] = piece
            done += len(piece)
        self._at += done  # not before: a reader that goes on elsewhere begins where this one began
        return done

    def _fetch(self, at: int, wanted: int) -> None:
        """Read the range from *at*: a longer one for a reader that goes on, a short one for one that jumps."""
        goes_on = at == self._from + len(self._range)
        self._ahead = min(4 * self._ahead, FARTHEST) if goes_on else FIRST
        _, self._range = self._blobs.read(self._name, at, max(self._ahead, wanted))
        self._from = at
        if not self._range:
            raise KeyError(self._name)  # shorter than it was: another object
