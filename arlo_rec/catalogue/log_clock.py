"""The table `log_clock`: what the log says of the time, an index that `verify` computes anew from the entries.

The newest time of an entry shows a clock that was set back; the newest finished purge shows what had to be erased by
then. A time that a person's own code wrote into an entry counts like any other, so an officer can accept the clock:
then only her entry and those behind it count. A purge counts where the key that signed its checkpoint is of somebody
who may purge, an acceptance where it is an officer's. For four eyes no officer's word counts: they go by the newest
finished purge that there ever was (`Store.witnessed`).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from typing import Any, Final, NamedTuple

from arlo_rec.backends import Connection
from arlo_rec.catalogue.decoding import UNREADABLE
from arlo_rec.catalogue.log_body import Body
from arlo_rec.model import audit_events
from arlo_rec.model.audit_events import ClockAccepted, Initialised, PurgeFinished
from arlo_rec.model.records import EPOCH, from_iso, from_micros, to_micros
from arlo_rec.model.strict_json import canonical, parse_object
from arlo_rec.policy import Action, Role, may

RoleOf = Callable[[int], Role | None]  # the role of whoever signed the checkpoint that closes an entry
_HEAD: Final = re.compile(rb'\{"action":"([a-z_ ]{1,40})","at":"([0-9TZ:.-]{20,27})"')  # of an entry as we write it
_LOOKED_INTO: Final = frozenset({Action.PURGE.value, Action.CLOCK.value, Initialised.ACTION})


_LOOKED_INTO_RAW: Final = frozenset(action.encode("ascii") for action in _LOOKED_INTO)


class Moment(NamedTuple):
    """The time of an entry, and its number; -1 where there is none."""

    seq: int = -1
    at: datetime = EPOCH


_NEVER: Final = Moment()


class LogTime(NamedTuple):
    """The newest time of an entry, the newest finished purge, and the entry by which an officer accepted the clock."""

    newest: Moment = _NEVER
    purged: Moment = _NEVER
    accepted: Moment = _NEVER
    witness: Moment = _NEVER  # the newest finished purge, also where an officer accepted another clock since

    def after(self, seq: int, body: Mapping[str, Any], role_of: RoleOf) -> LogTime:
        """The same with one more entry; one whose time cannot be read changes nothing."""
        moment = _moment(seq, body.get("at", ""))
        if moment is None:
            return self
        after = self._replace(newest=moment) if moment.at >= self.newest.at else self
        if body.get("action") not in _LOOKED_INTO or body.get("recordings"):
            return after
        match audit_events.read(body):
            case ClockAccepted(before=before) if before == seq and role_of(seq) is Role.OFFICER:
                return LogTime(moment, moment, moment, self.witness)
            case PurgeFinished() if moment.at >= min(self.purged.at, self.witness.at) and may_purge(role_of(seq)):
                return after._with_purge(moment)
            case Initialised() if seq == 0:  # nothing was due before
                return after._with_purge(moment)
        return after

    def _with_purge(self, moment: Moment) -> LogTime:
        purged = moment if moment.at >= self.purged.at else self.purged
        return self._replace(purged=purged, witness=moment if moment.at >= self.witness.at else self.witness)

    def with_seen(self, seen: LogTime) -> LogTime:
        """The later of this and what an account has *seen*, unless an officer accepted the clock since."""

        def later(now: Moment, then: Moment) -> Moment:
            return then if then.at > now.at and then.seq > self.accepted.seq else now

        witness = seen.witness if seen.witness.at > self.witness.at else self.witness
        newest, purged = later(self.newest, seen.newest), later(self.purged, seen.purged)
        return self._replace(newest=newest, purged=purged, witness=witness)

    def last_purge(self) -> datetime | None:
        """When a purge last finished; None before the first (the founding of a store is none, nor is an acceptance)."""
        finished = (each for each in (self.purged, self.witness) if each.seq > 0 and each.seq != self.accepted.seq)
        return next((each.at for each in finished), None)

    def encode(self) -> bytes:
        """All moments as canonical JSON, for `decode`."""
        moments = {kind: getattr(self, kind) for kind in self._fields}
        return canonical({kind: [moment.seq, to_micros(moment.at)] for kind, moment in moments.items()})

    @classmethod
    def decode(cls, raw: bytes) -> LogTime:
        """What `encode` wrote; no time at all where it is damaged."""
        try:
            moments = {kind: Moment(int(seq), from_micros(int(at))) for kind, (seq, at) in parse_object(raw).items()}
            return cls(**moments)
        except (TypeError, ValueError, OverflowError):
            return cls()


def may_purge(role: Role | None) -> bool:
    """Whether a finished purge of somebody of that role counts."""
    return role is not None and may(role, Action.PURGE).allowed


def computed(bodies: Iterable[Body], role_of: RoleOf, since: LogTime | None = None) -> LogTime:
    """What entries (number and canonical JSON, in order) say of the time; *since* is what those before them said."""
    time = since or LogTime()
    for seq, body in bodies:
        head = _HEAD.match(body or b"")
        if head is not None and head[1] not in _LOOKED_INTO_RAW:  # most: nothing but their time counts
            moment = _moment(seq, head[2].decode("ascii"))
            if moment is not None and moment.at >= time.newest.at:
                time = time._replace(newest=moment)
        elif (entry := _whole(body)) is not None:
            time = time.after(seq, entry, role_of)
    return time


def _whole(body: bytes | None) -> Mapping[str, Any] | None:
    try:
        return parse_object(body or b"", max_bytes=len(body or b""))
    except ValueError:
        return None


def _moment(seq: int, at: str) -> Moment | None:
    """The time of an entry; None where it cannot be read, or no zone can show it: the ends of the calendar."""
    try:
        moment = Moment(seq, from_iso(at))
    except (TypeError, ValueError):
        return None
    return moment if 1 < moment.at.year < 9999 else None


class LogClock:
    """The index of one store. Changes need a transaction of the caller."""

    def __init__(self, connection: Connection) -> None:
        self._db = connection

    def get(self) -> LogTime | None:
        """The index as it is stored, to be compared with the entries that it names.

        None where it is incomplete or cannot be read: it is then computed anew, and stops no withdrawal.
        """
        rows = self._db.rows("SELECT kind, seq, at FROM log_clock")
        try:
            moments = {str(kind): Moment(int(seq), from_micros(at)) for kind, seq, at in rows}
        except UNREADABLE:
            return None
        return LogTime(**moments) if moments.keys() == set(LogTime._fields) else None

    def put(self, time: LogTime) -> None:
        """Set the index."""
        moments = {kind: getattr(time, kind) for kind in LogTime._fields}
        rows = [(kind, moment.seq, to_micros(moment.at)) for kind, moment in moments.items()]
        self._db.run_many("INSERT OR REPLACE INTO log_clock (kind, seq, at) VALUES (?, ?, ?)", rows)

    def forget(self) -> None:
        """Delete the index, because other entries were put into the log; it is computed anew."""
        self._db.run("DELETE FROM log_clock")
