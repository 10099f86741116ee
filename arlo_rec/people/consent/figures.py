"""Figures of given, declined and withdrawn consents by week and prompt, none of which can be about one person.

Log entries are counted, never rows: an erased recording still counts, and no counted kind of entry is ever forgotten. A
week is that of the key press, or of the withdrawal, in the policy's zone. No counted entry names a person. But a reader
may know that one caller called, so a figure below FEWEST is hidden, 0 too, and nothing reveals it indirectly: there are
no sums, and spans are whole weeks. A row says only that there was something to count in that week under that prompt.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping
from datetime import datetime, timedelta
from functools import cache
from typing import Final

from msgspec import UNSET, UnsetType

from arlo_rec.law.log import events
from arlo_rec.law.log.entries import read_body
from arlo_rec.law.log.event import AuditEvent
from arlo_rec.law.log.events import CallDeclined, CallTakenIn, Withdrawn
from arlo_rec.law.model.documents import Record
from arlo_rec.law.model.records import RecordingId, from_iso
from arlo_rec.law.model.times import iso_week
from arlo_rec.policy import Action
from arlo_rec.vault.opened import Store

FEWEST: Final = 3  # a smaller figure is hidden
KINDS: Final = ("given", "declined", "withdrawn")
IN_PART: Final = "given_in_part"
_READ: Final = tuple(f'{{"action":"{kind.ACTION}"'.encode("ascii") for kind in (CallTakenIn, CallDeclined, Withdrawn))
_TAKEN_IN: Final = re.compile(  # the beginning of the canonical JSON of such an entry
    rb'\{"action":"ingest","at":"[^"\\]*","detail":\{(?:"map":"[0-9a-f]{64}",)?"prompt":"([\w.-]{1,40})","sworn":"[0-9a-f]{64}",'
    rb'"week":"(\d{4}-W\d\d)"\},"outcome":"allowed",'
)
_TICK: Final = timedelta(microseconds=1)

Counts = Counter[tuple[str, str, str]]  # by week, prompt and kind


class Week(Record, frozen=True):
    """The figures of one week and prompt; None is less than FEWEST.

    `given` are consents with key 1, and `given_in_part` those with another key, if the prompt offers any.
    """

    week: str
    prompt: str
    given: int | None
    declined: int | None
    withdrawn: int | None
    given_in_part: int | UnsetType | None = UNSET

    def figures(self) -> tuple[int | None, int | None, int | None]:
        """The figures of KINDS, in order."""
        return self.given, self.declined, self.withdrawn


class Weeks(Record, frozen=True):
    """The figures of consents, the newest week first."""

    weeks: list[Week]


def figures(store: Store, since: datetime | None, before: datetime | None, now: datetime) -> list[Week]:
    """The figures that may be shown, the newest week first: of whole weeks from that of *since* until *before*."""
    store.demand(Action.DSAR, now)
    store.note(events.LogShown(), now)
    first = iso_week(since) if since is not None else ""
    last = iso_week(before - _TICK) if before is not None else "9999-W99"
    offering = {version for version, prompt in store.prompts.items() if prompt.keys}
    return without_small(counted(store, first, last), offering)


def without_small(counts: Mapping[tuple[str, str, str], int], offering: Collection[str] = ()) -> list[Week]:
    """The figures that may be shown, the newest week first, prompts by name.

    *offering* are the prompts that offer a key beside 1.
    """
    places = {(week, prompt) for (week, prompt, _), count in counts.items() if count}
    return [
        Week(
            week,
            prompt,
            **{kind: _shown(counts.get((week, prompt, kind), 0)) for kind in KINDS},
            given_in_part=_shown(counts.get((week, prompt, IN_PART), 0)) if prompt in offering else UNSET,
        )
        for week, prompt in sorted(sorted(places, key=lambda place: place[1]), key=lambda place: place[0], reverse=True)
    ]


def _shown(count: int) -> int | None:
    return count if count >= FEWEST else None


def counted(store: Store, first: str, last: str) -> Counts:
    """Every consent of these weeks in the log, exactly; only for `without_small`, never shown."""
    counts, erased = Counts(), dict[RecordingId, str]()
    for event, week in _events(store, first, last):
        match event:
            case CallTakenIn(prompt=str(prompt), key=key):
                counts[week, prompt, "given" if key is None else IN_PART] += 1
            case CallDeclined(prompt=prompt):
                counts[week, prompt, "declined"] += 1
            case Withdrawn(recordings=recordings):
                for recording in recordings:
                    erased.setdefault(recording, week)  # a withdrawal that another one finished counts once
    for prompt, week in _withdrawn(store, erased):
        counts[week, prompt, "withdrawn"] += 1
    return Counts({place: count for place, count in counts.items() if place[1] in store.prompts})


def _events(store: Store, first: str, last: str) -> Iterator[tuple[AuditEvent, str]]:
    """Every entry that counts, with its week."""
    for _, raw in store.log.raw.bodies():
        entry = _read(raw) if raw is not None and raw.startswith(_READ) else None
        if entry is not None and first <= entry[1] <= last:
            yield entry


def _read(raw: bytes) -> tuple[AuditEvent, str] | None:
    """Event and week of an entry of a counted kind; None for any other.

    Most entries are calls that were taken in: one in the program's own form is recognised without being parsed.
    """
    match = _TAKEN_IN.match(raw)
    if match is not None:
        prompt, week = match[1].decode("ascii"), match[2].decode("ascii")
        return _taken_in(prompt, week), week
    body = read_body(raw)
    event = events.read(body)
    match event:
        case CallTakenIn(week=str(week)) | CallDeclined(week=str(week)):
            return event, week
        case Withdrawn():
            return event, iso_week(from_iso(body["at"]))
    return None


@cache
def _taken_in(prompt: str, week: str) -> CallTakenIn:
    """A placeholder for a call that was taken in: only its prompt and week count."""
    return CallTakenIn(recordings=(), sworn="", prompt=prompt, week=week)


def _withdrawn(store: Store, erased: Mapping[RecordingId, str]) -> Iterable[tuple[str, str]]:
    """Prompt and week of each call that a withdrawal erased; copies erased with their call do not count."""
    for recording, entry in store.log.entries.taking_in(erased.keys()).items():
        event = entry.event
        if isinstance(event, CallTakenIn) and event.prompt is not None:
            yield event.prompt, erased[recording]
