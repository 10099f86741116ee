"""The body of a log entry: canonical JSON, read strictly, with a fast path for the most frequent kind."""

from __future__ import annotations

import re
from datetime import datetime
from typing import Any, NamedTuple, Self

from arlo_rec.law.log import events
from arlo_rec.law.log.event import AuditEvent
from arlo_rec.law.model.records import RecordingId, from_iso, named_in
from arlo_rec.law.model.strict_json import parse_object

Body = tuple[int, bytes | None]  # an entry's number and canonical JSON (None if the body was deleted)
EntryRow = tuple[int, bytes, bytes | None, bytes, bytes | None, bytes | None]  # with its `kind` and `taken_in`
LONGEST = 64 * 1024  # bytes; most have 300
LONGEST_POLICY = 1024 * 1024  # of a proposed policy, which holds every prompt so far
LONGEST_OF_MANY = 64 * 1024 * 1024  # of an action that names each of its recordings, with 35 bytes: nearly two million
_POLICY = b'{"action":"policy propose"'
_OF_MANY = re.compile(rb'\{"action":"(?:consent|dsar|expire|find|forget|objection|purge|restore|withdraw)"')
# A call that was taken in, exactly as it is written; everything else is parsed as JSON
_CALL = re.compile(
    r'\{"action":"ingest","at":"([-0-9T:.Z]+)","detail":\{(?:"map":"([0-9a-f]{64})",)?"prompt":"([\w.-]+)","sworn":"([0-9a-f]+)","week":"([\w-]+)"\},'
    r'"outcome":"allowed","person":"([\w .-]+)","policy":"([\w.-]+)","recordings":\["([0-9a-f]+)"\],'
    r'"rule":"consent\.press1"\}',
    re.ASCII,
)


class LogEntry(NamedTuple):
    """An entry as shown: its number and its JSON (None if its body is deleted or unreadable)."""

    seq: int
    body: dict[str, Any] | None

    @classmethod
    def read(cls, seq: int, raw: bytes | None) -> Self:
        """The entry of a stored body; an unreadable one has none, and `verify` reports it."""
        try:
            body = read_body(raw) if raw is not None else None
            if body is not None and not (isinstance(body.get("person"), str) and from_iso(body["at"])):
                body = None
        except (ValueError, KeyError, TypeError):
            body = None
        return cls(seq, body)

    @property
    def event(self) -> AuditEvent | None:
        """Its event; None if its body is gone, or of a kind that this program does not know."""
        return events.read(self.body) if self.body is not None else None

    @property
    def at(self) -> datetime:
        """When it was written; only with a body."""
        return from_iso((self.body or {})["at"])

    @property
    def person(self) -> str:
        """The name of its person; only with a body."""
        return str((self.body or {})["person"])

    @property
    def recordings(self) -> tuple[RecordingId, ...]:
        """The recordings that it names."""
        return named_in(self.body or {})


def is_bounded(body: bytes) -> bool:
    """Whether an entry is within the length that the program writes; longer ones are neither written nor read."""
    if body.startswith(_POLICY):
        return len(body) <= LONGEST_POLICY
    return len(body) <= (LONGEST_OF_MANY if _OF_MANY.match(body) else LONGEST)


def read_body(body: bytes) -> dict[str, Any]:
    """The JSON of an entry's body; raises ValueError if it is unreadable.

    Nine of ten entries are calls that were taken in: the fast path takes a quarter of the time of JSON.
    """
    call = _CALL.fullmatch(body.decode("ascii")) if body.isascii() else None
    if call is None:
        if not is_bounded(body):
            raise ValueError("too long an entry")
        return parse_object(body, max_bytes=len(body))
    at, by, prompt, sworn, week, person, policy, recording = call.groups()
    mapped = {"map": by} if by is not None else {}
    return {
        "action": "ingest",
        "at": at,
        "detail": {**mapped, "prompt": prompt, "sworn": sworn, "week": week},
        "outcome": "allowed",
        "person": person,
        "policy": policy,
        "recordings": [recording],
        "rule": "consent.press1",
    }
