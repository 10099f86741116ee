"""The values that all batches of one intake share: store, tags, decoder, sealers, time, options; and the outcome.

Sounds are sealed in parallel: many in processes, a few in threads. A process holds the intake's lock too, so that
nothing is cleaned up while it writes (`processes.workers`). The steps of a batch are in `batch`, their order in
`ingest`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from msgspec import UNSET, UnsetType

from arlo_rec.calls.intake import candidates
from arlo_rec.calls.intake.candidates import Announced, ConsentRules, Examined, Judged, Tags
from arlo_rec.calls.intake.sealing import BatchKeys, NotSealed, Sealed, Sealer
from arlo_rec.exchanges.manifest import BadManifest, Delivery, Manifest
from arlo_rec.exchanges.maps import Explained, KeyExplained
from arlo_rec.exchanges.spool import STILL_S, Stillness, Unavailable
from arlo_rec.law.model.documents import Record
from arlo_rec.law.model.records import RecordingId
from arlo_rec.policy import CLOCK_JUMP
from arlo_rec.sound import audio
from arlo_rec.sound.processes.workers import Workers, workers
from arlo_rec.vault.backends import Blobs
from arlo_rec.vault.opened import Store

if TYPE_CHECKING:
    from arlo_rec.exchanges.maps.read import Map


class Taken(Record, frozen=True):
    """A call that is a recording, new or already stored."""

    id: RecordingId | None  # None: a dry run would accept it
    source: str
    source_id: str


class NotTaken(Record, frozen=True):
    """A refused call, with the rule; `why` is a code word for an unacceptable sound."""

    source: str
    source_id: str | None
    code: str
    rule: str
    why: str | None
    field: str | None  # of the manifest, missing or wrong
    told: bool  # logged by an earlier run
    message: str | UnsetType = UNSET  # its sentence, in an answer


class Removed(Record, frozen=True):
    """A delivery whose files were removed; its refusal's code, or `taken_in`, `duplicate`, `declined`, `withdrawn`."""

    source: str
    code: str


class Withdrawn(Record, frozen=True):
    """A withdrawal by a key press at the exchange, with the number of erased recordings."""

    source: str
    erased: int
    receipt: Path | None  # None: an earlier one covers it, or files are still to be deleted
    would_erase: int | UnsetType = UNSET  # of a dry run, which erases nothing


class TakenIn(Record, frozen=True):
    """The outcome of an intake; see `Outcome`. Of one explained row its number, fields and keys, and nothing else."""

    accepted: list[Taken]
    refused: list[NotTaken]
    duplicates: list[Taken]
    declined: int
    unclaimed: list[str]
    removed: list[Removed]
    left: list[str]
    withdrawn: list[Withdrawn]
    waiting: list[str]
    row: int | UnsetType = UNSET
    fields: list[Explained] | UnsetType = UNSET
    keys: list[KeyExplained] | UnsetType = UNSET


@dataclass(frozen=True, slots=True)
class RefusedDelivery:
    """A delivery and its refusal."""

    delivery: Delivery
    refusal: NotTaken


@dataclass(slots=True)
class Outcome:
    """The outcome of each delivery.

    `declined` are records that say no and have no sound. `removed` are all whose files were removed; `left` are
    files that could not be removed, and `unclaimed` sounds that no manifest names. `waiting` are deliveries that are
    not complete yet. Some files of those that are `left` were `changed` meanwhile; the next run looks at them.
    """

    accepted: list[Taken] = field(default_factory=list)
    refused: list[NotTaken] = field(default_factory=list)
    duplicates: list[Taken] = field(default_factory=list)
    unclaimed: list[str] = field(default_factory=list)
    declined: list[str] = field(default_factory=list)
    removed: list[Removed] = field(default_factory=list)
    left: list[str] = field(default_factory=list)
    withdrawn: list[Withdrawn] = field(default_factory=list)
    waiting: list[str] = field(default_factory=list)
    unavailable: list[Unavailable] = field(default_factory=list)
    changed: list[str] = field(default_factory=list)
    unfinished: bool = False  # whether files of erased recordings are still to be deleted

    @property
    def stays(self) -> bool:
        """Whether something that should be gone lies there: left, and not because somebody changed it meanwhile."""
        return bool({*self.left} - {*self.changed})

    @property
    def is_unclaimed(self) -> bool:
        """Whether a sound lies there that nothing on its way names."""
        return bool(self.unclaimed and not (self.waiting or self.changed))

    def add(self, other: Outcome) -> None:
        """Add the outcome of one batch."""
        self.accepted += other.accepted
        self.refused += other.refused
        self.duplicates += other.duplicates
        self.declined += other.declined
        self.removed += other.removed
        self.left += other.left
        self.changed += other.changed
        self.withdrawn += other.withdrawn
        self.waiting += other.waiting
        self.unavailable += other.unavailable
        self.unfinished |= other.unfinished


@dataclass(frozen=True, slots=True)
class Options:
    """Options of an intake.

    `remove_refused` are the codes of refusals whose files are removed, too; `not_of` see `spool.home_of`; `map` reads
    the files in place of our own formats. `spools` are the only folders to take calls in from, None: any but `ours`,
    which are files of the program. A file that nobody changed for `still_s` seconds counts as complete. A clock that is
    `jump` ahead of all that the store vouches for may be wrong.
    """

    keep_source: bool = False
    dry_run: bool = False
    remove_refused: frozenset[str] = frozenset()
    not_of: int | None = None
    spools: tuple[Path, ...] | None = None
    ours: tuple[Path, ...] = ()
    map: Map | None = None
    still_s: float = STILL_S
    jump: timedelta = CLOCK_JUMP


DEFAULTS = Options()


FEW = 20  # calls for which no process is forked: two cost 20 ms, as much as they save for these
Answer = list[Sealed | NotSealed]


@dataclass(frozen=True, slots=True)
class Order:
    """Calls of one batch to seal, with the rules that judge and the keys that encrypt them."""

    calls: Sequence[Announced]
    keys: BatchKeys
    rules: ConsentRules


Sealers = Workers[Order, Answer]  # raise what `Sealer.seal` raises, and Unreachable where a process was killed


def sealers(tags: Tags, blobs: Blobs, calls: int) -> AbstractContextManager[Sealers]:
    """Start sealers for an intake of so many calls; enter before the intake starts a thread."""
    return workers(partial(_sealing, tags, blobs), forked=calls > FEW)


@contextmanager
def _sealing(tags: Tags, blobs: Blobs) -> Iterator[Callable[[Order], Answer]]:
    with audio.decoder_process() as decoder:
        sealer = Sealer(decoder, tags, blobs)
        yield lambda order: sealer.seal(order.calls, order.keys, order.rules)


@dataclass(frozen=True, slots=True)
class IntakeRun:
    """One run of the intake.

    `mark` is the newest instant that the store vouches for, `counted` the tags of declined calls that earlier runs
    counted. `offered` has the calls that a dry run accepted: content tags by source tag. `noticed` are withdrawals by
    number, `aged` the refused calls that may stay no longer, `declined` the declined calls of this run.
    """

    store: Store
    tags: Tags
    decoder: audio.Decoder
    sealers: Sealers
    now: datetime
    options: Options
    still: Stillness
    mark: datetime
    counted: frozenset[bytes]
    offered: dict[bytes, bytes] = field(default_factory=dict)
    noticed: dict[str, datetime] = field(default_factory=dict)
    aged: list[RefusedDelivery] = field(default_factory=list)
    declined: list[Delivery] = field(default_factory=list)

    @property
    def rules(self) -> ConsentRules:
        """The current rules: the store's prompts change when a batch loads newer documents."""
        return ConsentRules(self.store.policy, self.now)

    @property
    def map_digest(self) -> str | None:
        """The digest of the map that reads the files; None where they are our own manifests."""
        return self.options.map.sha256 if self.options.map is not None else None

    def counted_tag(self, delivery: Delivery) -> bytes:
        """The tag of a declined call by its path and bytes."""
        path = f"{delivery.path}\0".encode("utf-8", "surrogatepass")
        return self.tags.tag("counted", path + delivery.raw)

    def was_counted(self, delivery: Delivery) -> bool:
        """Whether an earlier run counted it as declined, so and as it lies there; raises what is `NOT_NOW`."""
        if not self.counted:
            return False
        with suppress(BadManifest):  # `read` tells of that
            if isinstance(delivery, Manifest):  # a line has its bytes
                delivery.load()
        return self.counted_tag(delivery) in self.counted

    def examined(self, judged: Judged) -> AbstractContextManager[Examined]:
        """Open and judge the sound of a call; raises Refusal or Duplicate."""
        return candidates.examined(judged, self.decoder, self.tags, self.rules)
