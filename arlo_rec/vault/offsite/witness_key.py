"""The key of a witness of the log, and the last checkpoint that it cosigned; both lie with IT alone.

Every role holds the log's key, so a writer of the catalogue could write a whole other log. A witness therefore
cosigns a checkpoint only after computing from the leaves that the log continues its last one. It keeps that
checkpoint beside the key (`FILE.seen`) before publishing the cosignature, so that it never cosigns two logs
(c2sp.org/tlog-witness).
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final, Protocol

from arlo_rec.law.model.errors import Integrity, Usage
from arlo_rec.vault.backends.bounded_read import read_named
from arlo_rec.vault.backends.durable import write_whole
from arlo_rec.vault.backends.files import file_lock
from arlo_rec.vault.backends.named_files import LocalFiles, NamedFile
from arlo_rec.vault.crypto import merkle, primitives
from arlo_rec.vault.crypto.merkle import Witness

SEEN: Final = ".seen"  # suffix of the key's file name
LOGS: Final = "arlo-rec/"  # prefix of the names under which logs sign
NOTE_BYTES: Final = 64 * 1024
_WAIT: Final = 60.0  # seconds for another run of the same witness


class Seat(Protocol):
    """A witness at work, with its key locked."""

    name: str
    vkey: str
    seen: str | None  # the note that it cosigned last

    def cosign(self, newest: str, leaves: Iterable[bytes], at: int) -> str:
        """The note *newest*, cosigned at *at* (seconds since 1970); *leaves* are those of the whole log.

        Raises Integrity (log_root_differs) if they give another root than the note, or than the one before.
        """


def make(path: Path, name: str) -> Witness:
    """A new witness, with its key in a new file for its owner alone; raises Usage for a bad name or folder."""
    if not merkle.is_witness_name(name) or name.startswith(LOGS):
        raise Usage("bad_witness_name")
    _demand_own_folder(path)
    text = merkle.private_key(name, primitives.fresh())
    NamedFile(LocalFiles(), path).write([text.encode("ascii")])
    return merkle.parse_private_key(text)


@contextmanager
def seat(path: Path) -> Iterator[Seat]:
    """The witness with the key at that path; raises NotUnlocked, Usage, and InUse while another run has the key."""
    _demand_own_folder(path)
    try:
        witness = merkle.parse_private_key(LocalFiles().secret(path).decode("ascii"))
    except ValueError:
        raise Usage("not_a_witness_key", path=str(path)) from None
    with file_lock(path, exclusive=True, wait=_WAIT):
        yield _Seat(path, witness)


class _Seat:
    """See `Seat`."""

    def __init__(self, path: Path, witness: Witness) -> None:
        self._file, self._witness = path.with_name(path.name + SEEN), witness
        self.name, self.vkey = witness.name, witness.vkey
        self.seen = self._read()

    def cosign(self, newest: str, leaves: Iterable[bytes], at: int) -> str:
        _demand_goes_on(self.seen, newest, leaves)
        note = merkle.cosign(newest, self._witness, at)
        write_whole(self._file, note.encode("utf-8"))
        return note

    def _read(self) -> str | None:
        """The note that was cosigned last; None before the first. Raises Usage if it is not this witness's."""
        try:
            note = read_named(self._file, NOTE_BYTES).decode("utf-8")
        except FileNotFoundError:
            return None
        except (OSError, UnicodeDecodeError):
            raise Usage("witness_seen_unreadable", path=str(self._file)) from None
        if merkle.cosigned_at(note, self.name, self._witness.key.public) is None:
            raise Usage("witness_seen_unreadable", path=str(self._file))
        return note


def _demand_goes_on(seen: str | None, newest: str, leaves: Iterable[bytes]) -> None:
    """Raise Integrity unless the leaves give the root of *newest* and, before it, that of *seen*, in one log."""
    try:
        new = merkle.parse_note(newest)[0]
        old = merkle.parse_note(seen)[0] if seen is not None else None
    except ValueError:
        raise Integrity("log_root_differs") from None
    tree, is_old_there = merkle.Tree(), old is None
    for leaf in leaves:
        tree = tree.add(leaf)
        if old is not None and tree.size == old.size:
            is_old_there = tree.root() == old.root
    same_log = old is None or old.origin == new.origin
    if not (same_log and is_old_there and tree.size == new.size and tree.root() == new.root):
        raise Integrity("log_root_differs")


def _demand_own_folder(path: Path) -> None:
    """Raise Usage if others could restore an earlier FILE.seen: the witness would cosign an earlier log."""
    folder = path.absolute().parent
    try:
        about = folder.stat()
    except OSError:
        raise Usage("no_such_folder", path=str(folder)) from None
    if about.st_mode & (stat.S_IWGRP | stat.S_IWOTH) or about.st_uid not in (os.geteuid(), 0):
        raise Usage("witness_folder_open", path=str(folder))
