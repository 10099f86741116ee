"""What a backup's own log says: nothing else in the backup may be older than it.

A catalogue whose rows are older than its log would bring back what was erased in between, and let in who had left,
though the feed has nothing to add: a restore goes by what came after the log. Its own entries are read, and, where
there is a feed, once more as the feed tells them: whoever makes backups could spoil a body or a checkpoint in the copy,
whose leaves stay as they are.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from arlo_rec.catalogue import audit_log, log_body
from arlo_rec.catalogue.audit_log import RawEntry, SignedCheckpoint
from arlo_rec.model import audit_events
from arlo_rec.model.audit_event import may_say
from arlo_rec.model.audit_events import AuthorityChanged
from arlo_rec.model.errors import Integrity
from arlo_rec.model.records import Person, RecordingId
from arlo_rec.store import Store

_AUTHORITY = (AuthorityChanged.ACTION, AuthorityChanged.OUTCOME)


class PastLog:
    """What entries say up to the end of the backup's log, where whoever signed them could say it then."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._signers = store.signers()
        self._heeded = {*audit_events.erasing(), _AUTHORITY}
        self._links = set[int]()
        self.erased = set[RecordingId]()

    def read_own(self) -> None:
        """Read the backup's own entries."""
        heard = {seq: entry for seq, body in self._store.log.bodies() if (entry := self._heard(body)) is not None}
        for entry, signer in zip(heard.values(), self._store.log.signers_of(heard, self._signers), strict=True):
            self._take(entry, signer)

    def read_again(self, entries: Iterable[RawEntry], checkpoint: SignedCheckpoint) -> None:
        """Read entries as a line of the feed tells them, closed by *checkpoint*; their leaves are the backup's."""
        for each in entries:
            entry = self._heard(each.body)
            if entry is not None:
                key = audit_log.signer(self._store.log.origin, checkpoint, each.seq, self._signers.keys())
                self._take(entry, self._signers.of_key(key, each.seq))

    def demand_current(self) -> None:
        """Raise Integrity where the chain of authority, with roster, policy and settings, ends before the log says."""
        newest = 0
        while newest + 1 in self._links:
            newest += 1
        if self._store.authority.pin().number < newest:
            raise Integrity("backup_damaged", path=str(self._store.layout.catalogue))

    def _heard(self, body: bytes | None) -> Mapping[str, Any] | None:
        """An entry that erases or changes who may do what; None for every other, and for what is none of ours."""
        try:
            entry = log_body.read_body(body or b"")
        except ValueError:
            return None
        return entry if (entry.get("action"), entry.get("outcome")) in self._heeded else None

    def _take(self, entry: Mapping[str, Any], signer: Person | None) -> None:
        if signer is None or not may_say(signer.role, str(entry["action"])):
            return
        try:
            if (entry["action"], entry["outcome"]) == _AUTHORITY:
                self._links.add(int(entry["detail"]["link"]))
            else:
                self.erased |= {RecordingId(bytes.fromhex(name)) for name in entry.get("recordings", ())}
        except (KeyError, TypeError, ValueError):
            return  # not an entry of this program
