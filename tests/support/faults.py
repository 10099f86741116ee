"""A fault before or after any write of the program: the k-th step fails, or dies and nothing after it runs.

Steps are whole writes below the ports: an object put, settled or deleted, a slot overwritten, a transaction
committed, a journal flushed, a re-keying, tables dropped, a small file written, a source removed. A `Crash` is no
Exception, so no handler of the program can tidy up after it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from arlo_rec.engines.openbao.openbao import OpenBao
from arlo_rec.engines.postgres import postgres
from arlo_rec.engines.postgres.postgres import PostgresConnection
from arlo_rec.exchanges import spool
from arlo_rec.law.model.errors import Unreachable
from arlo_rec.machine import catalogue_move
from arlo_rec.vault.backends import named_files
from arlo_rec.vault.backends.feedfile import FeedFile
from arlo_rec.vault.backends.files import FileBlobs, FileRoot
from arlo_rec.vault.backends.named_files import LocalFiles
from arlo_rec.vault.backends.sqlite import SqliteConnection
from arlo_rec.vault.erasure import receipts
from arlo_rec.vault.keys import key_files, layout
from arlo_rec.vault.offsite import anchor_file, witness_key

STEPS: list[tuple[Any, str]] = [
    (FileBlobs, "put"),
    (FileBlobs, "settle"),
    (FileBlobs, "delete"),
    (FileBlobs, "delete_all"),
    (FileRoot, "write"),
    (FileRoot, "update_seen"),
    (OpenBao, "ask"),
    (SqliteConnection, "flush"),
    (SqliteConnection, "rekey"),
    (SqliteConnection, "_commit"),
    (PostgresConnection, "rekey"),
    (PostgresConnection, "_commit"),
    (postgres, "drop"),
    (catalogue_move, "remove"),
    (layout, "write_whole"),
    (key_files, "write_whole"),
    (receipts, "write_whole"),
    (witness_key, "write_whole"),
    (anchor_file, "append_piece"),
    (LocalFiles, "write_folder"),
    (named_files._NewFile, "name"),
    (named_files._NewFile, "keep"),
    (spool, "remove"),
    (FeedFile, "rewrite"),
]


class Crash(BaseException):
    """The machine stops here."""


class Plan:
    """Counts steps, and dies or fails before or after the one that was chosen."""

    def __init__(self, at: int = 0, *, after: bool = False, fails: bool = False) -> None:
        self.at, self.after, self.fails, self.count = at, after, fails, 0
        self.names: list[str] = []

    def __str__(self) -> str:
        what, when = "failed" if self.fails else "died", "after" if self.after else "before"
        return f"{what} {when} step {self.at} ({self.names[-1]})"

    def step(self, name: str, work: Callable[[], Any]) -> Any:
        """One write."""
        if self.at and self.count >= self.at and not self.fails:
            raise Crash  # nothing runs after the crash, not even a handler
        self.count += 1
        self.names.append(name)
        if self.count != self.at:
            return work()
        if self.after:
            work()
        raise Unreachable("disk_failed", path="disk", reason="I/O error") if self.fails else Crash


@contextmanager
def faults(plan: Plan) -> Iterator[Plan]:
    """Run the program inside with every write going through *plan*."""
    with pytest.MonkeyPatch.context() as patch:
        for owner, name in STEPS:
            original = getattr(owner, name)

            def through(*words: Any, _original: Any = original, _name: str = name, **named: Any) -> Any:
                return plan.step(_name, lambda: _original(*words, **named))

            patch.setattr(owner, name, through)
        yield plan


def damage(path: Path) -> None:
    """Change the last byte of a file. Sealed bytes are random: a byte that is put in its place may be the same."""
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)
