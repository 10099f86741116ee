"""Which entries of the log have no body any more, and whether that was said: part of a check of the log.

An entry that says that others were forgotten is believed where somebody signed it who may purge, and where those came
before a finished purge that was old enough by then. What is gone and was not said is a changed entry.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Final

from arlo_rec.catalogue.audit_log import AuditLog, LogEntry, RawEntry, read_body
from arlo_rec.keys.roster import Signatories
from arlo_rec.model import audit_events
from arlo_rec.model.audit_events import EntriesForgotten, PurgeFinished
from arlo_rec.model.policy_versions import LIMITS
from arlo_rec.model.records import from_iso
from arlo_rec.model.rights import may_say

_BEGINS: Final = b'{"action":"%s"' % EntriesForgotten.ACTION.encode("ascii")  # the canonical JSON of such an entry


class Forgotten:
    """Collects bodies that are gone, and what the log says of them; entries come in order."""

    def __init__(self, log: AuditLog, people: Signatories) -> None:
        self._log, self._people = log, people
        self._gone = bytearray()  # a byte for each entry: a million take 1 MB
        self._said: list[tuple[int, bytes]] = []

    def follow(self, entries: Sequence[RawEntry]) -> None:
        """Take a batch."""
        for entry in entries:
            self._gone.append(entry.body is None)
            if entry.body is not None and entry.body.startswith(_BEGINS):
                self._said.append((entry.seq, entry.body))

    def unsaid(self) -> int:
        """How many bodies are gone of which no entry says so that is believed, after the last batch."""
        if not any(self._gone):
            return 0
        gone = bytearray(self._gone)
        for seq, body in self._said:
            for first, last in self._believed(seq, body):
                gone[first : last + 1] = bytes(len(gone[first : last + 1]))
        return sum(gone)

    def _believed(self, seq: int, body: bytes) -> Sequence[Sequence[int]]:
        """The runs of entries that one entry says were forgotten; none where it is not believed."""
        try:
            told = read_body(body)
            event, at = audit_events.read(told), from_iso(told["at"])
        except (KeyError, OverflowError, TypeError, ValueError):
            return ()
        if not isinstance(event, EntriesForgotten) or not self._may_say(seq, told):
            return ()
        purge = self._log.entry(event.before)
        in_order = all(0 <= first <= last < event.before <= seq for first, last in event.entries)
        if event.days not in LIMITS["entries_days"] or not in_order or purge is None:
            return ()
        return event.entries if self._is_purge_before(purge, at - timedelta(days=event.days)) else ()

    def _is_purge_before(self, purge: LogEntry, cutoff: datetime) -> bool:
        """Whether an entry is a finished purge that came before an instant."""
        body = purge.body or {}
        if not isinstance(audit_events.read(body), PurgeFinished) or not self._may_say(purge.seq, body):
            return False
        try:
            return from_iso(body["at"]) <= cutoff
        except (KeyError, TypeError, ValueError):
            return False

    def _may_say(self, seq: int, body: Mapping[str, Any]) -> bool:
        """Whether the person of an entry could say it then; that their key signed it is another check."""
        person = self._people.named(body.get("person"), seq)
        return person is not None and may_say(person.role, str(body.get("action")))
