"""Mistakes that are sown on purpose: what does not find them proves nothing.

`python -m tests.proof.bugs NAME WORDS…` is the program with one of them inside. Each says where it must be found:
at a kill, in what a power cut leaves, or in a race.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from arlo_rec.calls.intake import batch_outcome
from arlo_rec.calls.intake.batch import Batch
from arlo_rec.calls.training import under_review
from arlo_rec.machine import object_copy
from arlo_rec.vault.access import search
from arlo_rec.vault.backends import durable, files, sqlite
from arlo_rec.vault.backends.files import FileRoot
from arlo_rec.vault.backends.sqlite import SqliteConnection
from arlo_rec.vault.catalogue.tombstones import Tombstones
from arlo_rec.vault.erasure import protocol, withdrawal
from arlo_rec.vault.keys import root_secret
from tests.proof.trace import Traced
from tests.support.dumpable import run


@dataclass(frozen=True, slots=True)
class Bug:
    """A mistake, how it is made, and where it must be found."""

    name: str
    sow: Callable[[], None]
    found_by: str  # `kill`, `cut` or `race`
    scene: str
    rival: str = ""
    late: bool = False  # it shows once the command has said that it is done: tried from the end
    at: str = ""  # the name of the file at whose calls it shows, where only those are tried

    @property
    def program(self) -> Traced:
        """The program with the mistake inside."""
        return Traced((sys.executable, "-m", "tests.proof.bugs", self.name))


def _old_slot_first() -> None:
    """Wrong order: both slots are overwritten before the catalogue knows of it."""
    write = FileRoot.write

    def both(self: FileRoot, slot: int, content: bytes) -> None:
        write(self, slot, content)
        write(self, 1 - slot, content)

    FileRoot.write = both  # type: ignore[method-assign]


def _file_not_synced() -> None:
    def unsynced(path: Path, **_below: Any) -> None:
        path.with_suffix(".part").rename(path)

    files.name_durably = unsynced


def _folder_not_synced() -> None:
    files.sync_folder = durable.sync_folder = lambda _folder, **_below: None  # type: ignore[assignment]


def _copies_not_synced() -> None:
    object_copy.sync_files = lambda _folder, _names, **_whole: None  # type: ignore[assignment]


def _root_renamed() -> None:
    def renamed(self: FileRoot, name: str, slot: int, content: bytes) -> None:
        path = self._folder / name
        whole = bytearray(path.read_bytes())
        whole[slot * 512 : (slot + 1) * 512] = content.ljust(512, b"\0")
        durable.write_whole(path, bytes(whole))

    FileRoot._overwrite = renamed  # type: ignore[method-assign]


def _old_slot_kept() -> None:
    root_secret.SlotRoot.settle = lambda _self, _generation: None  # type: ignore[method-assign]


def _tombstone_outside() -> None:
    """The tombstone comes in a transaction of its own, after the erasure."""
    add, carry_out = Tombstones.add, withdrawal.carry_out
    late: list[tuple[Any, ...]] = []

    def later(store: Any, planned: Any, now: Any) -> Any:
        done = carry_out(store, planned, now)
        with store.change(now):
            for one in late:
                add(*one)
        return done

    Tombstones.add = lambda *words: late.append(words)  # type: ignore[method-assign, assignment]
    withdrawal.carry_out = later


def _sweep_in_intake() -> None:
    """What a living intake has announced is taken for what a dead one left."""
    protocol.file_lock = lambda *_words, **_named: nullcontext()  # type: ignore[assignment]


def _told_too_early() -> None:
    """The acknowledgement is printed before anything is durable."""
    carry_out = withdrawal.carry_out

    def early(*words: Any) -> Any:
        os.write(1, b'{"erased": 3, "recordings": [], "receipt": "/none"}')
        return carry_out(*words)

    withdrawal.carry_out = early


def _source_first() -> None:
    """Sources are removed before their recordings are committed."""
    commit = Batch._commit

    def removed(self: Any, sealed: Any) -> bool:
        batch_outcome.remove_files([delivered.delivery for delivered, _ in sealed])
        return commit(self, sealed)

    Batch._commit = removed  # type: ignore[method-assign]


def _journal_not_synced() -> None:
    kept = tuple("synchronous=OFF" if one.startswith("synchronous") else one for one in sqlite._SETTINGS)
    sqlite._SETTINGS = kept


def _slot_not_synced() -> None:
    """The slot is written without O_DSYNC: it may come to the disk whenever it likes."""

    def lazy(self: FileRoot, name: str, slot: int, content: bytes) -> None:
        handle = os.open(self._folder / name, os.O_WRONLY)
        os.pwrite(handle, content.ljust(512, b"\0"), slot * 512)
        os.close(handle)

    FileRoot._overwrite = lazy  # type: ignore[method-assign]


def _no_second_look() -> None:
    """An export does not ask whether the recording is still there once its file has a name."""
    write_new = search.write_new
    search.write_new = lambda out, sound, _still: write_new(out, sound)  # type: ignore[misc]


def _revision_kept() -> None:
    """An edit leaves the revision before it as it was."""
    under_review.erase = lambda *_words: None  # type: ignore[assignment]


def _two_generations() -> None:
    """A reader reads R and rows without the lock and not in one view: they may be of two generations."""
    lock = FileRoot.lock

    def unless_reading(self: FileRoot, *, exclusive: bool, wait: float) -> Any:
        return lock(self, exclusive=exclusive, wait=wait) if exclusive else nullcontext()

    FileRoot.lock = unless_reading  # type: ignore[method-assign]
    SqliteConnection.reading = lambda _self: nullcontext()  # type: ignore[method-assign]


BUGS = [
    Bug("both slots before the commit", _old_slot_first, "kill", "withdraw call"),
    Bug("file not synced", _file_not_synced, "cut", "ingest"),
    Bug("folder not synced", _folder_not_synced, "cut", "ingest"),
    Bug("copies not synced", _copies_not_synced, "cut", "backup"),
    Bug("root renamed, not overwritten", _root_renamed, "cut", "withdraw call", late=True),
    Bug("old slot kept", _old_slot_kept, "cut", "withdraw call"),
    Bug("tombstone outside the transaction", _tombstone_outside, "cut", "withdraw caller"),
    Bug("told before it is durable", _told_too_early, "cut", "withdraw caller"),
    Bug("source removed before the commit", _source_first, "kill", "ingest"),
    Bug("journal not synced", _journal_not_synced, "cut", "ingest"),
    Bug("slot not synced", _slot_not_synced, "cut", "withdraw call"),
    Bug("edited revision kept", _revision_kept, "kill", "review"),
    Bug("sweep while an intake runs", _sweep_in_intake, "race", "ingest", "withdraw call"),
    Bug("R and rows of two generations", _two_generations, "race", "export", "withdraw caller", at="root"),
    Bug("no second look", _no_second_look, "race", "export", "withdraw caller"),
]
BY_NAME = {one.name: one for one in BUGS}

if __name__ == "__main__":
    BY_NAME[sys.argv[1]].sow()
    run(sys.argv[2:])
