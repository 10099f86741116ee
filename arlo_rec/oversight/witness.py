"""A witness of the log: IT cosigns its newest checkpoint, where it goes on from the one that IT cosigned before.

Everybody who opens the catalogue holds the log's key and could write a whole other log. The witness's key lies with IT
alone, beside the last checkpoint that it cosigned (`FILE.seen`), so that it never cosigns two logs. What it cosigned is
kept before anybody gets it (c2sp.org/tlog-witness).
"""

from __future__ import annotations

import os
import stat
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Final, NamedTuple

from arlo_rec.backends.bounded_read import read_small
from arlo_rec.backends.durable import write_new, write_whole
from arlo_rec.backends.files import file_lock
from arlo_rec.catalogue.anchors import Anchors, ended
from arlo_rec.crypto import cosignature, primitives
from arlo_rec.crypto.cosignature import Witness
from arlo_rec.keys.key_files import read_secret
from arlo_rec.model.errors import Usage
from arlo_rec.model.progress import Observer, unobserved
from arlo_rec.oversight.log_check import check
from arlo_rec.policy import Action
from arlo_rec.store import Store

SEEN: Final = ".seen"  # behind the name of the key's file
LOGS: Final = "arlo-rec/"  # how the names begin under which logs sign
_NOTE_BYTES: Final = 64 * 1024
_WAIT: Final = 60.0  # seconds for another run of the same witness


class Witnessed(NamedTuple):
    """What a run of a witness came to: the note and its size, or why it cosigned nothing."""

    witness: Witness
    note: str | None
    problems: list[str]
    is_first: bool  # nothing was cosigned before, so what came before is taken on trust


def make(path: Path, name: str) -> Witness:
    """A new witness, its key in a new file for its owner alone; raises Usage for a bad name or folder."""
    if not cosignature.is_name(name) or name.startswith(LOGS):
        raise Usage("bad_witness_name")
    _demand_own_folder(path)
    text = cosignature.private_key(name, primitives.fresh())
    write_new(path, [text.encode("ascii")])
    return cosignature.parse_private_key(text)


def load(path: Path) -> Witness:
    """The witness whose key lies there; raises NotUnlocked or Usage."""
    try:
        return cosignature.parse_private_key(read_secret(path).decode("ascii"))
    except ValueError:
        raise Usage("not_a_witness_key", path=str(path)) from None


def run(store: Store, path: Path, now: datetime, observer: Observer = unobserved) -> Witnessed:
    """Check the whole log and that it goes on from what was cosigned before, and cosign its newest checkpoint.

    Raises NotGranted, NotUnlocked, Usage, and InUse while another run has the key.
    """
    store.demand(Action.LOOK_AFTER, now)
    _demand_own_folder(path)
    witness = load(path)
    with file_lock(path, exclusive=True, wait=_WAIT):
        seen = _seen(path, witness)
        _, newest = store.log.newest()
        before = Anchors([newest] if seen is None else [seen, newest])
        problems = check(store, [before], observer=observer)
        if problems := problems + before.problems:
            return Witnessed(witness, None, problems, seen is None)
        note = cosignature.cosign(newest, witness, int(now.timestamp()))
        write_whole(path.with_name(path.name + SEEN), note.encode("utf-8"))
    return Witnessed(witness, note, [], seen is None)


def _demand_own_folder(path: Path) -> None:
    """Raise Usage where others may put an earlier FILE.seen back: the witness would cosign an earlier log with it."""
    folder = path.absolute().parent
    try:
        about = folder.stat()
    except OSError:
        raise Usage("no_such_folder", path=str(folder)) from None
    if about.st_mode & (stat.S_IWGRP | stat.S_IWOTH) or about.st_uid not in (os.geteuid(), 0):
        raise Usage("witness_folder_open", path=str(folder))


def _seen(path: Path, witness: Witness) -> str | None:
    """The note that was cosigned last; None before the first. Raises Usage where it is not this witness's."""
    seen = path.with_name(path.name + SEEN)
    try:
        note = read_small(seen, _NOTE_BYTES).decode("utf-8")
    except FileNotFoundError:
        return None
    except (OSError, UnicodeDecodeError):
        raise Usage("witness_seen_unreadable", path=str(seen)) from None
    if cosignature.cosigned_at(note, witness.name, witness.key.public) is None:
        raise Usage("witness_seen_unreadable", path=str(seen))
    return note


def parse_vkeys(vkeys: Sequence[str]) -> list[tuple[str, bytes]]:
    """The names and public keys of witnesses; raises Usage for what is no key."""
    try:
        return [cosignature.parse_vkey(vkey) for vkey in vkeys]
    except ValueError:
        raise Usage("not_a_witness_vkey") from None


def unwitnessed(notes: Sequence[str], witnesses: Sequence[tuple[str, bytes]]) -> list[str]:
    """A problem for every note and every witness of whom it has no cosignature."""
    return [
        "anchor_not_witnessed"
        for note in notes
        for name, public in witnesses
        if cosignature.cosigned_at(ended(note), name, public) is None
    ]
