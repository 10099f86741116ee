"""Listen to one recording, logged before its first byte and after its last.

Who may is what `export` asks for: role, purpose, reason, a live grant, and for training a released copy. Nothing of it
is written to a disk, so it is no disclosure: nobody has a file to delete later.
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

from arlo_rec.access import gate, metadata
from arlo_rec.access.gate import Admission, Intent, Permit
from arlo_rec.access.short_ids import short_ids
from arlo_rec.listening.session import SOUND, Session, Track
from arlo_rec.log.events import Heard
from arlo_rec.model.errors import Integrity, NotOpen, Refused
from arlo_rec.model.records import to_iso
from arlo_rec.policy import Action, Purpose, clock_against_log, is_due
from arlo_rec.store import Store

CHECK_EVERY: Final = 0.5  # seconds: a withdrawal that was acknowledged stops a page within these


@dataclass(frozen=True, slots=True)
class Opened:
    """A recording that may be heard: its permit, whose log entry is durable, and what the page says of it."""

    permit: Permit = field(repr=False)
    facts: dict[str, Any]


def open_for(store: Store, shown_id: str, purpose: str | None, reason: str | None, now: datetime) -> Opened:
    """Open a recording for somebody's ears; raises what `gate.admit` and `gate.permit` raise."""
    admission = gate.admit(store, Intent(Action.LISTEN, purpose, reason), now)
    permit = gate.permit(store, admission, shown_id, now)
    return Opened(permit, facts(store, admission, permit, now))


def session(store: Store, opened: Opened, now: datetime) -> Session:
    """A session of a page; raises Refused where the recording is gone meanwhile, Integrity of a changed object."""
    return Session(opened.facts, {SOUND: track(store, opened.permit, now)})


def track(store: Store, permit: Permit, now: datetime) -> Track:
    """The sound of a permitted recording; what does not open at all is said before a page is shown."""
    key, header = gate.data_key(store, permit, now)
    new = Track(key, header, lambda: gate.open_object(store, permit.recording))
    _, stream = new.reader()
    stream.close()
    return new


def facts(store: Store, admission: Admission, permit: Permit, now: datetime) -> dict[str, Any]:
    """The facts of a recording for its page, as texts; raises NotOpen or Integrity where its metadata does not open."""
    recording = permit.recording
    keys = metadata.erasure_keys(store, [recording])
    found = next(metadata.open_each(store, [recording], permit.keyring, keys), None)
    if found is None:
        raise NotOpen
    told = found[1]
    if told is None:
        raise Integrity("metadata_damaged", id=recording.id.hex())
    return {
        "id": recording.id.hex(),
        "short": short_ids(store, admission.covers, [recording.id])[recording.id],
        "started": to_iso(recording.started_at),
        "length_s": float(told["duration_s"]),
        "rate": int(told["rate"]),
        "team": recording.team,
        "agent": str(told["agent"]),
        "purpose": str(admission.purpose or Purpose.TRAINING),
        "reason": str(admission.reason),
        "days_left": max(0, (store.policy.ends_at(recording) - store.clock.today(now)) // timedelta(days=1)),
        "channels": channel_names(int(told["tracks"]), told.get("channels", {})),
        "review": False,
    }


def channel_names(tracks: int, sides: Mapping[str, int]) -> list[str]:
    """Names of the channels: `caller` and `agent` where that is known, `both` for a single one, or its number."""
    if tracks == 1:
        return ["both"]
    names = {number: side for side, number in sides.items()}
    return [names.get(number, str(number + 1)) for number in range(tracks)]


@contextmanager
def watched(store: Store, opened: Opened, page: Session, clock: Callable[[], datetime]) -> Iterator[Callable[[], None]]:
    """While somebody listens: gives what looks whether they still may, and logs at the end how much they heard.

    Whatever happens in between, the entry stands.
    """

    def note_heard() -> None:
        heard_s, given_s = ceil(page.heard_s()), ceil(page.given_s())
        store.note(Heard(of=opened.permit.seq, heard_s=heard_s, given_s=given_s), clock())

    page.note_looked(time.monotonic())
    with at_the_end(page, note_heard):
        yield lambda: end_where_closed(store, opened.permit, page, clock())


@contextmanager
def at_the_end(page: Session, note_heard: Callable[[], None]) -> Iterator[None]:
    """Read the waveform beside what is done, and at the end log what was heard, whatever happened."""
    reader = threading.Thread(target=page.read_waveform, name="waveform", daemon=True)
    reader.start()
    try:
        yield
    finally:
        page.end("ended")
        reader.join()
        note_heard()


def end_where_closed(store: Store, permit: Permit, page: Session, now: datetime) -> None:
    """End a page whose recording may not be heard any more, with the reason for it."""
    try:
        if not clock_against_log(now, store.clock.get().newest.at).allowed:
            page.end("clock")  # whoever sets it back would hear for longer than the grant or the 90 days
        gate.still_open(store, permit, now)
        page.note_looked(time.monotonic())
    except Refused as refused:
        if refused.rule == "access.managers":
            page.end("grant_ended")
        else:
            page.end(
                "expired" if is_due(store.policy.ends_at(permit.recording), store.clock.today(now)) else "withdrawn"
            )
