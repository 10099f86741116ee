"""Listen to one recording, logged before its first byte and after its last.

It demands what `export` demands: role, purpose, reason, a live grant, and for training a released copy. Nothing is
written to a disk, so it is no disclosure: no file has to be deleted later.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from math import ceil
from typing import Any, Final

from arlo_rec.desk.session import SOUND, Session, Track
from arlo_rec.law.log.events import Heard
from arlo_rec.law.model.errors import Integrity, NotOpen, Refused
from arlo_rec.law.model.records import to_iso
from arlo_rec.policy import Action, Purpose, clock_against_log, is_due
from arlo_rec.vault.access import gate, metadata
from arlo_rec.vault.access.gate import Admission, Intent, Permit
from arlo_rec.vault.access.short_ids import short_ids
from arlo_rec.vault.opened import Store

ENDED_BY: Final = {"access.managers": "grant_ended", "data.employee": "objected"}  # why a page ends, by the rule
CHECK_EVERY: Final = 0.5  # seconds within which an acknowledged withdrawal stops a page


@dataclass(frozen=True, slots=True)
class Opened:
    """A recording that may be heard: its permit, whose log entry is durable, and its facts for the page."""

    permit: Permit = field(repr=False)
    facts: dict[str, Any]


def open_for(store: Store, shown_id: str, purpose: str | None, reason: str | None, now: datetime) -> Opened:
    """Open a recording to listen to it; raises what `gate.admit` and `gate.permit` raise."""
    admission = gate.admit(store, Intent(Action.LISTEN, purpose, reason), now)
    permit = gate.permit(store, admission, shown_id, now)
    return Opened(permit, facts(store, admission, permit, now))


def session(store: Store, opened: Opened, now: datetime) -> Session:
    """Make the session of a page; raises Refused if the recording is gone, Integrity for a changed object."""
    return Session(opened.facts, {SOUND: track(store, opened.permit, now)})


def track(store: Store, permit: Permit, now: datetime) -> Track:
    """The sound of a permitted recording, opened once so that errors precede the page."""
    key, header = gate.data_key(store, permit, now)
    new = Track(key, header, lambda: gate.open_object(store, permit.recording))
    _, stream = new.reader()
    stream.close()
    return new


def facts(store: Store, admission: Admission, permit: Permit, now: datetime) -> dict[str, Any]:
    """The facts of a recording for its page; raises NotOpen or Integrity if its metadata does not open."""
    recording = permit.recording
    keys = metadata.erasure_keys(store, [recording])
    opened = next(metadata.open_each(store, [recording], permit.keyring, keys), None)
    if opened is None:
        raise NotOpen
    known = opened[1]
    if known is None:
        raise Integrity("metadata_damaged", id=recording.id.hex())
    return {
        "id": recording.id.hex(),
        "short": short_ids(store, admission.covers, [recording.id])[recording.id],
        "started": to_iso(recording.started_at),
        "length_s": float(known["duration_s"]),
        "rate": int(known["rate"]),
        "team": recording.team,
        "agent": None if admission.purpose is Purpose.TRAINING else str(known["agent"]),
        "purpose": str(admission.purpose or Purpose.TRAINING),
        "reason": str(admission.reason),
        "days_left": max(0, (store.policy.ends_at(recording) - store.clock.today(now)) // timedelta(days=1)),
        "channels": channel_names(int(known["tracks"]), known.get("channels", {})),
        "review": False,
    }


def channel_names(tracks: int, sides: Mapping[str, int]) -> list[str]:
    """Names of the channels: `caller` and `agent` if known, `both` for a single one, or its number."""
    if tracks == 1:
        return ["both"]
    names = {number: side for side, number in sides.items()}
    return [names.get(number, str(number + 1)) for number in range(tracks)]


@contextmanager
def watched(store: Store, opened: Opened, page: Session, clock: Callable[[], datetime]) -> Iterator[Callable[[], None]]:
    """Context of a listening person: yields a function that checks the permit, and always logs the heard seconds."""

    def note_heard() -> None:
        heard_s, given_s = ceil(page.heard_s()), ceil(page.given_s())
        store.note(Heard(of=opened.permit.seq, heard_s=heard_s, given_s=given_s), clock())

    page.note_looked(time.monotonic())
    with at_the_end(page, note_heard):
        yield lambda: end_where_closed(store, opened.permit, page, clock())


@contextmanager
def at_the_end(page: Session, note_heard: Callable[[], None]) -> Iterator[None]:
    """Context that reads the waveform in a thread, and always logs what was heard at the end."""
    reader = threading.Thread(target=page.read_waveform, name="waveform", daemon=True)
    reader.start()
    try:
        yield
    finally:
        page.end("ended")
        reader.join()
        note_heard()


def end_where_closed(store: Store, permit: Permit, page: Session, now: datetime) -> None:
    """End a page whose recording may no longer be heard, with the reason."""
    try:
        if not clock_against_log(now, store.clock.get().newest.at).allowed:
            page.end("clock")  # a clock set back would extend the grant or the 90 days
        gate.still_open(store, permit, now)
        page.note_looked(time.monotonic())
    except Refused as refused:
        if refused.rule in ENDED_BY:
            page.end(ENDED_BY[refused.rule])
        else:
            page.end(
                "expired" if is_due(store.policy.ends_at(permit.recording), store.clock.today(now)) else "withdrawn"
            )
