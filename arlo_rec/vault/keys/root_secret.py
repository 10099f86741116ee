"""The replaceable root secret R, below which every erasure half of a recording's key is wrapped, and the seen state.

R is stored wrapped in a file of two slots that are overwritten in place. At rest both slots hold the same
generation; the catalogue holds the generation of its wrapped keys. An erasure writes the next generation into one
slot, commits the catalogue, then overwrites the other slot. Then no copy of the old R is left, and every key wrapped
only below it is destroyed (`catalogue.erasure_keys`). `choose` handles every state that a crash can leave.
`SlotRoot` is the port `Root` on these slots; `erasure.protocol` decides the order of its calls.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, suppress
from dataclasses import dataclass, field
from enum import Enum, auto
from functools import partial
from pathlib import Path
from typing import NamedTuple

from arlo_rec.law.model.errors import Integrity
from arlo_rec.vault.backends import SLOT_BYTES, SLOTS, Locks, Root, RootSlots, Unsettled
from arlo_rec.vault.backends.files import FileRoot
from arlo_rec.vault.backends.named_files import LocalStateFiles, StateFiles
from arlo_rec.vault.crypto import primitives
from arlo_rec.vault.keys.authority import Pin
from arlo_rec.vault.keys.layout import Layout, patience

_MAGIC = b"ARLOROOT"
_SLOT = struct.Struct(">8sHQ60s")  # magic, version of the root seed, generation, wrapped R
_SEEN = struct.Struct(">8sQQ32sQ32sQ32s")  # magic, generation, link and digest, log size and root, changes, sums
_SEEN_MAGIC = b"ARLOSEE3"
_SEEN_BYTES = _SEEN.size + 32  # with its checksum
_KEPT_BYTES = _SEEN_BYTES + 32  # a seen state and a place
_INSTANCE = struct.Struct(">32s32s")  # branch, place
_MOST_INSTANCES = 16  # in an account's memory: drills of years; the one used longest ago is forgotten


@dataclass(frozen=True, slots=True)
class Slot:
    """A readable slot: R of a generation, wrapped under a version of the root seed."""

    index: int
    seed_version: int
    generation: int
    wrapped: bytes


class Seen(NamedTuple):
    """The newest state seen by any run: an older catalogue was rolled back."""

    generation: int
    link: Pin  # of the chain of authority
    size: int
    root: bytes
    changes: int  # committed transactions
    sums: bytes  # SHA-256 over the sums of all tables after that many transactions

    def merged(self, other: Seen) -> Seen:
        """The newer of each part."""
        log, rows = max((self, other), key=lambda seen: seen.size), max((self, other), key=lambda seen: seen.changes)
        generation, link = (
            max(self.generation, other.generation),
            max((self.link, other.link), key=lambda pin: pin.number),
        )
        return Seen(generation, link, log.size, log.root, rows.changes, rows.sums)


def encode_slot(store: bytes, seed: bytes, seed_version: int, generation: int, secret: bytes) -> bytes:
    """The bytes of a slot that holds *secret* (32 bytes) as R of *generation*."""
    place = _place(store, seed_version, generation)
    wrapped = primitives.wrap(primitives.derive(seed, "root"), secret, place)
    body = _SLOT.pack(_MAGIC, seed_version, generation, wrapped)
    return body + primitives.sha256(body)


def decode_slot(index: int, content: bytes) -> Slot | None:
    """The content of a slot; None if its checksum does not match, as after a torn write."""
    body, checksum = content[: _SLOT.size], content[_SLOT.size : _SLOT.size + 32]
    if len(content) != SLOT_BYTES or primitives.sha256(body) != checksum:
        return None
    magic, version, generation, wrapped = _SLOT.unpack(body)
    return Slot(index, version, generation, wrapped) if magic == _MAGIC else None


def open_slot(store: bytes, seed: bytes, slot: Slot) -> bytes:
    """R; raises Integrity if the root seed does not unwrap it."""
    try:
        return primitives.unwrap(
            primitives.derive(seed, "root"), slot.wrapped, _place(store, slot.seed_version, slot.generation)
        )
    except primitives.Sealed:
        raise Integrity("root_does_not_open") from None


class Beside(Enum):
    """The slot beside that of the catalogue's generation; all but SAME is overwritten by the next erasure."""

    SAME = auto()  # R of that generation, as at rest
    CUT_OFF = auto()  # the generation before or after, or the beginning of the latter: an erasure died
    CHANGED = auto()  # an older generation, or nothing that is a slot: no erasure leaves that before its commit


def choose(contents: list[bytes], generation: int) -> tuple[Slot, Beside]:
    """The slot that holds R of the catalogue's *generation*, and the state of the other one.

    Raises Integrity if catalogue and root do not match.
    """
    slots = [slot for i, content in enumerate(contents) if (slot := decode_slot(i, content))]
    for slot in slots:
        if slot.generation == generation:
            return slot, _beside(contents[1 - slot.index], 1 - slot.index, generation)
    if not slots:
        raise Integrity("root_unreadable")
    newest = max(slot.generation for slot in slots)
    raise Integrity("catalogue_older_than_root" if newest > generation else "root_older_than_catalogue")


def _beside(content: bytes, index: int, generation: int) -> Beside:
    """The state of the other slot; raises Integrity for a generation that the catalogue cannot know of."""
    other = decode_slot(index, content)
    if other is None:
        magic, _, begun, _ = _SLOT.unpack_from(content.ljust(_SLOT.size, b"\0"))
        return Beside.CUT_OFF if (magic, begun) == (_MAGIC, generation + 1) else Beside.CHANGED
    if other.generation > generation + 1:
        raise Integrity("catalogue_older_than_root")
    if other.generation == generation:
        return Beside.SAME
    return Beside.CUT_OFF if abs(other.generation - generation) == 1 else Beside.CHANGED


@dataclass(frozen=True, slots=True)
class SecretKey:
    """R itself, in the memory of this process."""

    secret: bytes = field(repr=False)

    def wrap(self, keys: Mapping[int, bytes]) -> dict[int, bytes]:
        """See WrappingKey."""
        return {day: primitives.wrap(self.secret, key, _place_of(day)) for day, key in keys.items()}

    def unwrap(self, wrapped: Mapping[int, bytes]) -> dict[int, bytes]:
        """See WrappingKey."""
        opened = {}
        for day, sealed in wrapped.items():
            with suppress(primitives.Sealed):
                opened[day] = primitives.unwrap(self.secret, sealed, _place_of(day))
        return opened


def _place_of(day: int) -> bytes:
    return b"day\0" + str(day).encode("ascii")


class SlotRoot:
    """R in two slots, wrapped under the root seed."""

    wrapped_bytes = primitives.WRAP_OF_KEY

    def __init__(self, store: bytes, slots: RootSlots) -> None:
        self._store, self._slots = store, slots

    def demand_free(self) -> None:
        """See Root: its folder is made with the store."""

    def founded(self) -> None:
        """See Root."""

    def found(self, generation: int, seed: bytes, seed_version: int) -> SecretKey:
        """See Root."""
        secret = primitives.fresh()
        content = encode_slot(self._store, seed, seed_version, generation, secret)
        for index in range(SLOTS):
            self._slots.write(index, content)
        return SecretKey(secret)

    def open(self, generation: int, seed: bytes) -> SecretKey:
        """See Root."""
        slot, _ = choose(self._slots.read(), generation)
        return SecretKey(open_slot(self._store, seed, slot))

    def begin(self, generation: int, seed: bytes, seed_version: int) -> tuple[int, SecretKey]:
        """See Root."""
        slot, _ = choose(self._slots.read(), generation)
        secret = primitives.fresh()
        self._slots.write(1 - slot.index, encode_slot(self._store, seed, seed_version, generation + 1, secret))
        return generation + 1, SecretKey(secret)

    def unsettled(self, generation: int) -> Unsettled | None:
        """See Root."""
        slot, beside = choose(self._slots.read(), generation)
        if beside is Beside.SAME:
            return None
        return Unsettled(f"slot {1 - slot.index}", is_cut_off=beside is Beside.CUT_OFF)

    def settle(self, generation: int) -> None:
        """See Root."""
        contents = self._slots.read()
        slot, beside = choose(contents, generation)
        if beside is not Beside.SAME:
            self._slots.write(1 - slot.index, contents[slot.index])

    def weaknesses(self) -> list[str]:
        """See Root."""
        return []

    def read_seen(self) -> list[bytes]:
        """See Root."""
        return self._slots.read_seen()

    def update_seen(self, change: Callable[[list[bytes]], bytes | None]) -> None:
        """See Root."""
        self._slots.update_seen(change)

    def lock(self, *, exclusive: bool, wait: float) -> AbstractContextManager[None]:
        """See Root."""
        return self._slots.lock(exclusive=exclusive, wait=wait)


def create_root(place: Layout) -> Root:
    """The root of a store that is being made, with its files in the root folder; raises as `open_root`."""
    FileRoot.create(place.root, has_slots=place.root_at is None)
    return open_root(place)


def open_root(place: Layout, note: bytes = b"", locks: Locks | None = None) -> Root:
    """The root of the store at a place. Its lock is a file with a *note*, or one of the *locks* of a shared store.

    Raises Unreachable, or Usage for a bad address.
    """
    files = FileRoot(place.root, note, patience(place))
    if place.root_at is None:
        return SlotRoot(place.id, files)
    from arlo_rec.vault.backends import elsewhere

    kept = elsewhere.roots_at(place.root_at)
    if kept is None:
        raise Integrity("store_file_damaged", path=str(place.store / "store.toml"))
    lock = partial(locks.lock, "root") if locks is not None and place.is_shared else files.lock
    return kept.root(place.id, place.root_at, place.way, lock)


def encode_seen(seen: Seen) -> bytes:
    """The bytes of a seen state."""
    link, log = (seen.link.number, seen.link.digest), (seen.size, seen.root)
    body = _SEEN.pack(_SEEN_MAGIC, seen.generation, *link, *log, seen.changes, seen.sums)
    return body + primitives.sha256(body)


def decode_seen(contents: list[bytes]) -> Seen | None:
    """The newest state of the readable copies; None without one."""
    best: Seen | None = None
    for content in contents:
        seen = _decode_seen(content)
        if seen is not None:
            best = seen if best is None else best.merged(seen)
    return best


def encode_kept(seen: Seen, place: bytes) -> bytes:
    """The bytes that a root keeps: the newest state seen, and the place of its store."""
    body = encode_seen(seen) + place
    return body + primitives.sha256(body)


def decode_place(contents: list[bytes]) -> bytes | None:
    """The place of the store that a root belongs to; None before one was kept.

    The first readable copy counts: it is written first.
    """
    for content in contents:
        body, checksum = content[:_KEPT_BYTES], content[_KEPT_BYTES : _KEPT_BYTES + 32]
        if primitives.sha256(body) == checksum:
            return body[_SEEN_BYTES:]
    return None


def _decode_seen(content: bytes) -> Seen | None:
    body, checksum = content[: _SEEN.size], content[_SEEN.size : _SEEN.size + 32]
    if primitives.sha256(body) != checksum or not body.startswith(_SEEN_MAGIC):
        return None
    _, generation, number, digest, size, log_root, changes, sums = _SEEN.unpack(body)
    return Seen(generation, Pin(number, digest), size, log_root, changes, sums)


def _place(store: bytes, seed_version: int, generation: int) -> bytes:
    return b"root\0" + store + struct.pack(">HQ", seed_version, generation)


# -- seen state --------------------------------------------------------------------------------------
# A root folder keeps the newest state seen of its store, and the place of that. The folder is never copied, so a store
# that names it and lies elsewhere is a copy, or was moved. Such a store is only looked at until an officer confirms it.
#
# The newest states of a store that a login account has seen are kept outside the store, too.
#
# If catalogue and root folder are both replaced by older copies, every account that used the newer store notices. An
# account that keeps no state lacks only this check.
#
# A restore begins a branch of the chain of authority, so a store and a restored copy of it are two instances with one
# id. An account keeps one state for each branch, with the place where it was opened last, by these rules:
#
#     1  A known branch is compared with its own state, wherever it lies now: a stale copy is noticed.
#     2  It is also compared with what lay at its place before: a restored copy in the store's place is noticed.
#     3  An unknown branch is compared with every state: it must descend from all of them.
#     4  What is accepted at a place takes the place of what lay there.
#
# So a restored copy that is opened elsewhere never makes the store itself look rolled back.


class Instance(NamedTuple):
    """One of the stores with the same id: the store itself, or a restored copy."""

    branch: bytes  # digest of the newest link of a restore; zeros without one
    place: bytes | None  # digest of its path; None while it is being restored

    @property
    def is_restored(self) -> bool:
        """Whether it was restored from a backup."""
        return any(self.branch)


class Memory(NamedTuple):
    """The states that one account has seen of the instances of one store, the one used last at the end."""

    states: Mapping[Instance, Seen]

    def own(self, instance: Instance) -> tuple[Instance, Seen] | None:
        """The state of the same branch, with its last place; None for an unknown branch."""
        return next(((known, seen) for known, seen in self.states.items() if known.branch == instance.branch), None)

    def demanded(self, instance: Instance) -> Mapping[Instance, Seen]:
        """The states than which *instance* must not be older; see above."""
        is_known = self.own(instance) is not None or instance.place is None
        return {
            known: seen
            for known, seen in self.states.items()
            if not is_known or known.branch == instance.branch or known.place == instance.place
        }

    def foreign(self, instance: Instance) -> list[Instance]:
        """Those of the demanded instances from which a restore divides this one, as the account knows."""
        is_known = self.own(instance) is not None
        others = (known for known in self.demanded(instance) if known.branch != instance.branch)
        return [known for known in others if is_known or known.is_restored]

    def with_state(self, instance: Instance, seen: Seen) -> Memory:
        """The memory after *instance* was opened in the state *seen*."""
        others = {
            known: state
            for known, state in self.states.items()
            if known.branch != instance.branch and known.place != instance.place
        }
        return Memory(dict([*others.items(), (instance, seen)][-_MOST_INSTANCES:]))


def encode_memory(memory: Memory) -> bytes:
    """The bytes of an account's memory of one store."""
    return b"".join(
        _INSTANCE.pack(known.branch, known.place) + encode_seen(seen) for known, seen in memory.states.items()
    )


def decode_memory(content: bytes) -> Memory:
    """The readable states of an account's memory."""
    states = {}
    size = _INSTANCE.size + _SEEN_BYTES
    for at in range(0, min(len(content), _MOST_INSTANCES * size), size):
        seen = _decode_seen(content[at + _INSTANCE.size : at + size])
        if seen is not None:
            states[Instance(*_INSTANCE.unpack_from(content, at))] = seen
    return Memory(states)


class StateFolder:
    """An account's memories of stores, by id: in a folder of this machine, or on the client's machine."""

    def __init__(self, kept: StateFiles | Path | None) -> None:
        self._files: StateFiles = LocalStateFiles(kept) if kept is None or isinstance(kept, Path) else kept

    def memory(self, store: bytes) -> Memory:
        """The states that this account has seen of the instances of a store."""
        return decode_memory(self._files.read(store) or b"")

    def remember(self, store: bytes, instance: Instance, seen: Seen, *, instead: bool = False) -> None:
        """Keep *seen* of *instance*: the newer of it and the kept state, or *seen* *instead* of the kept state."""
        memory = self.memory(store)
        own = memory.own(instance)
        newest = seen if own is None or instead else own[1].merged(seen)
        if own != (instance, newest):
            self._files.write(store, encode_memory(memory.with_state(instance, newest)))
