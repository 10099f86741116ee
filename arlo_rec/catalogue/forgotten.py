"""Which entries of the log have no body any more, and whether that was said: part of a check of the log.

An entry that says that others were forgotten is believed where somebody signed it who may purge, and where those came
before a finished purge that was old enough by then. That purge was no older than what came before it, and the entry
is no younger than the log, so that no time counts that was only written down; a clock that an officer accepted begins
anew. What is gone and was not said is a changed entry.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Final

from arlo_rec.catalogue import log_clock
from arlo_rec.catalogue.audit_log import AuditLog
from arlo_rec.catalogue.log_body import EntryRow, LogEntry, read_body
from arlo_rec.catalogue.log_clock import LogTime
from arlo_rec.keys.roster import Signatories
from arlo_rec.model import audit_events
from arlo_rec.model.audit_event import may_say
from arlo_rec.model.audit_events import EntriesForgotten, PurgeFinished
from arlo_rec.model.policy_versions import LIMITS
from arlo_rec.model.records import from_iso

_BEGINS: Final = b'{"action":"%s"' % EntriesForgotten.ACTION.encode("ascii")  # the canonical JSON of such an entry
MARGIN: Final = timedelta(days=1)  # by which clocks may differ, and a purge may last


def saying(entries: Sequence[EntryRow]) -> list[tuple[int, bytes]]:
    """Number and body of those that say that others were forgotten."""
    return [(seq, body) for seq, _, body, _ in entries if body is not None and body.startswith(_BEGINS)]


class Forgotten:
    """Collects bodies that are gone, and what the log says of them; entries come in order."""

    def __init__(self, log: AuditLog, people: Signatories) -> None:
        self._log, self._people = log, people
        self._gone = bytearray()  # a byte for each entry: a million take 1 MB
        self._said: list[tuple[int, bytes]] = []

    def take(self, gone: bytes, said: Sequence[tuple[int, bytes]]) -> None:
        """Take some entries: of each whether its body is gone, and those of them that are `saying` so of others."""
        self._gone += gone
        self._said += said

    def unsaid(self) -> int:
        """How many bodies are gone of which no entry says so that is believed, after the last batch."""
        if not any(self._gone):
            return 0
        gone, events = bytearray(self._gone), {seq: self._event(seq, body) for seq, body in self._said}
        times = self._times({event.before for event, _ in filter(None, events.values())})
        for seq, said in events.items():
            for first, last in self._believed(seq, *said, times) if said is not None else ():
                gone[first : last + 1] = bytes(len(gone[first : last + 1]))
        return sum(gone)

    def _event(self, seq: int, body: bytes) -> tuple[EntriesForgotten, datetime] | None:
        """What an entry says, and when, where its person may say it."""
        try:
            told = read_body(body)
            event, at = audit_events.read(told), from_iso(told["at"])
        except (KeyError, OverflowError, TypeError, ValueError):
            return None
        return (event, at) if isinstance(event, EntriesForgotten) and self._may_say(seq, told) else None

    def _times(self, purges: Collection[int]) -> dict[int, datetime]:
        """The newest time of the entries before each of these, and under -1 that of the log."""
        time, newest = LogTime(), dict[int, datetime]()
        for seq, body in self._log.bodies():
            if seq in purges:
                newest[seq] = time.newest.at
            time = log_clock.computed([(seq, body)], time)
        return {**newest, -1: time.newest.at}

    def _believed(
        self, seq: int, event: EntriesForgotten, at: datetime, times: Mapping[int, datetime]
    ) -> Sequence[Sequence[int]]:
        """The runs of entries that one entry says were forgotten; none where it is not believed."""
        purge = self._log.entry(event.before)
        in_order = all(0 <= first <= last < event.before <= seq for first, last in event.entries)
        if event.days not in LIMITS["entries_days"] or not in_order or purge is None or at > times[-1] + MARGIN:
            return ()
        purged_at = self._purged_at(purge)
        if purged_at is None or times[event.before] >= purged_at + MARGIN:
            return ()
        return event.entries if purged_at <= at - timedelta(days=event.days) else ()

    def _purged_at(self, purge: LogEntry) -> datetime | None:
        """When a purge finished, of which an entry tells; None where it tells of none."""
        body = purge.body or {}
        if not isinstance(audit_events.read(body), PurgeFinished) or not self._may_say(purge.seq, body):
            return None
        try:
            return from_iso(body["at"])
        except (KeyError, TypeError, ValueError):
            return None

    def _may_say(self, seq: int, body: Mapping[str, Any]) -> bool:
        """Whether the person of an entry could say it then; that their key signed it is another check."""
        person = self._people.named(body.get("person"), seq)
        return person is not None and may_say(person.role, str(body.get("action")))
