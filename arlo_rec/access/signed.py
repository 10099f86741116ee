"""Who signed an entry of the log, for one command: what was looked up once for a checkpoint is not looked up again."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

from arlo_rec.keys.roster import name_then
from arlo_rec.model.records import Person, from_iso
from arlo_rec.model.rights import may_say
from arlo_rec.store import Store

EARLIEST, LATEST = 2000, 2200  # years that a time can be of: what own code writes beyond them cannot be reckoned with


class Signed:
    """The signers of the entries of one store; many entries are closed by one checkpoint."""

    def __init__(self, store: Store) -> None:
        self._log, self._signers = store.log, store.signers()
        self._keys: Final = self._signers.keys()
        self._closed: tuple[range, bytes | None] = range(0), None

    def by(self, seq: int) -> Person | None:
        """Who signed the checkpoint that closes an entry; None where nobody did."""
        if seq not in self._closed[0]:
            self._closed = self._log.closing(seq, self._keys)
        return self._signers.of_key(self._closed[1], seq)

    def counts(self, seq: int, body: Mapping[str, Any]) -> Person | None:
        """Who signed an entry, if somebody of their role may say what it says; None else."""
        signer = self.by(seq)
        return signer if signer is not None and may_say(signer.role, str(body.get("action"))) else None


def name_of(person: Person) -> str:
    """The name of somebody present or former, as they were called."""
    return name_then(person.name)


def time_in(body: Mapping[str, Any]) -> datetime | None:
    """The time that an entry says; None where it says none that can be reckoned with."""
    try:
        at = from_iso(str(body["at"]))
    except (KeyError, OverflowError, ValueError):
        return None
    return at if EARLIEST <= at.year <= LATEST else None
