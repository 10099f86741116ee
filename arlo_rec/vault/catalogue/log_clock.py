"""The log's time: an index in `meta`, which `verify` computes anew from the entries.

The newest time of an entry reveals a clock that was set back; the newest finished purge tells what had to be erased
by then. After an officer accepts a clock that is behind, only her entry and those behind it count. Four eyes go by
the newest finished purge ever (`Store.witnessed`), whatever clock was accepted since.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any, Final, NamedTuple

from arlo_rec.law.log import events
from arlo_rec.law.log.entries import Body, read_body
from arlo_rec.law.log.events import ClockAccepted, Initialised, PurgeFinished
from arlo_rec.law.model.errors import Integrity
from arlo_rec.law.model.records import EPOCH, from_iso, from_micros, to_micros
from arlo_rec.policy import Action
from arlo_rec.vault.catalogue.meta import Meta

_HEAD: Final = re.compile(rb'\{"action":"([a-z_ ]{1,40})","at":"([0-9TZ:.-]{20,27})"')  # the start of our entries
_LOOKED_INTO: Final = frozenset({Action.PURGE.value, Action.CLOCK.value, Initialised.ACTION})
_LOOKED_INTO_RAW: Final = frozenset(action.encode("ascii") for action in _LOOKED_INTO)


_KEY: Final = "log_clock"  # in `meta`
_MOMENT: Final = struct.Struct(">qq")  # number of the entry, microseconds


class Moment(NamedTuple):
    """The time and number of an entry; -1 without one."""

    seq: int = -1
    at: datetime = EPOCH


_NEVER: Final = Moment()


class LogTime(NamedTuple):
    """The newest time of an entry, the newest finished purge, and the newest accepted clock."""

    newest: Moment = _NEVER
    purged: Moment = _NEVER
    accepted: Moment = _NEVER
    witness: Moment = _NEVER  # the newest finished purge, accepted clocks disregarded

    def after(self, seq: int, body: Mapping[str, Any]) -> LogTime:
        """The log's time after one more entry; an unreadable time changes nothing."""
        moment = _moment(seq, body.get("at", ""))
        if moment is None:
            return self
        after = self._replace(newest=moment) if moment.at >= self.newest.at else self
        if body.get("action") not in _LOOKED_INTO or body.get("recordings"):
            return after
        match events.read(body):
            case ClockAccepted():
                return LogTime(moment, moment, moment, self.witness)
            case PurgeFinished() | Initialised():  # nothing was due before the founding
                return after._with_purge(moment)
        return after

    def _with_purge(self, moment: Moment) -> LogTime:
        purged = moment if moment.at >= self.purged.at else self.purged
        return self._replace(purged=purged, witness=moment if moment.at >= self.witness.at else self.witness)

    def last_purge(self) -> datetime | None:
        """When a purge last finished; None before the first (a founding or an acceptance is no purge)."""
        finished = (purge for purge in (self.purged, self.witness) if purge.seq > 0 and purge.seq != self.accepted.seq)
        return next((purge.at for purge in finished), None)


def computed(bodies: Iterable[Body], since: LogTime | None = None) -> LogTime:
    """The log's time after entries (number and canonical JSON, in order); *since* is the time before them."""
    time = since or LogTime()
    for seq, body in bodies:
        head = _HEAD.match(body or b"")
        if head is not None and head[1] not in _LOOKED_INTO_RAW:  # for most entries, only their time counts
            moment = _moment(seq, head[2].decode("ascii"))
            if moment is not None and moment.at >= time.newest.at:
                time = time._replace(newest=moment)
        elif (entry := _whole(body)) is not None:
            time = time.after(seq, entry)
    return time


def _whole(body: bytes | None) -> Mapping[str, Any] | None:
    try:
        return read_body(body or b"")
    except ValueError:
        return None


def _moment(seq: int, at: str) -> Moment | None:
    """The time of an entry; None if unreadable, or at the ends of the calendar, where some zone cannot show it."""
    try:
        moment = Moment(seq, from_iso(at))
    except (TypeError, ValueError):
        return None
    return moment if 1 < moment.at.year < 9999 else None


class LogClock:
    """The index of one store. Changes need a transaction of the caller."""

    def __init__(self, meta: Meta) -> None:
        self._meta = meta

    def get(self) -> LogTime:
        """The log's time; empty before its first entry. Raises Integrity if it is unreadable."""
        kept = self._meta.raw(_KEY)
        if kept is None:
            return LogTime()
        try:
            moments = [Moment(seq, from_micros(at)) for seq, at in _MOMENT.iter_unpack(kept)]
            return LogTime(*moments)
        except (struct.error, TypeError, OverflowError):
            raise Integrity("catalogue_damaged", table="meta") from None

    def today(self, now: datetime) -> datetime:
        """*now*, or the time of the last purge if that is later: a clock that was set back prolongs nothing."""
        return max(now, self.get().purged.at)

    def witnessed(self, now: datetime) -> datetime:
        """*now*, or the time of the newest purge ever if that is later: for when a person got keys or left.

        An officer who sets the clock back and accepts it makes her later acts no older for four eyes.
        """
        return max(now, self.get().witness.at)

    def put(self, time: LogTime) -> None:
        """Set the index."""
        self._meta.set(_KEY, b"".join(_MOMENT.pack(moment.seq, to_micros(moment.at)) for moment in time))
