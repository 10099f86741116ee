"""Listen to one recording, logged before its first byte and after its last.

Who may is what `export` asks for: role, purpose, reason, a live grant, and for training a released copy. Nothing of it
is written to a disk, so it is no disclosure: nobody has a file to delete later.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from math import ceil
from typing import Any, Final

from arlo_rec.access import gate, metadata
from arlo_rec.access.gate import Admission, Intent, Permit
from arlo_rec.access.keyrings import GrantKeyring
from arlo_rec.access.short_ids import short_ids
from arlo_rec.listening.session import Session
from arlo_rec.model.audit_events import Heard
from arlo_rec.model.errors import Integrity, NotOpen, Refused
from arlo_rec.model.records import to_iso
from arlo_rec.policy import Action, clock_against_log, is_due
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
    return Opened(permit, _facts(store, admission, permit, now))


def _facts(store: Store, admission: Admission, permit: Permit, now: datetime) -> dict[str, Any]:
    """What a manager sees of a recording, as texts; raises NotOpen or Integrity where its metadata does not open."""
    recording = permit.recording
    keyring = GrantKeyring(store, admission.grants)
    keys = gate.erasure_keys(store, [recording])
    found = next(metadata.open_each(store, [recording], keyring, keys), None)
    if found is None:
        raise NotOpen
    told = found[1]
    if told is None:
        raise Integrity("metadata_damaged", id=recording.id.hex())
    tracks = int(told["tracks"])
    return {
        "id": recording.id.hex(),
        "short": short_ids(store, admission.covers, [recording.id])[recording.id],
        "started": to_iso(recording.started_at),
        "length_s": float(told["duration_s"]),
        "rate": int(told["rate"]),
        "team": recording.team,
        "agent": str(told["agent"]),
        "purpose": str(admission.purpose),
        "reason": str(admission.reason),
        "days_left": max(0, (recording.ends_at - store.today(now)) // timedelta(days=1)),
        "channels": ["both"] if tracks == 1 else [str(number) for number in range(1, tracks + 1)],
    }


def session(store: Store, opened: Opened, now: datetime) -> Session:
    """A session of a page; raises Refused where the recording is gone meanwhile, Integrity of a changed object."""
    key, header = gate.data_key(store, opened.permit, now)
    recording = opened.permit.recording
    new = Session(opened.facts, key, header, lambda: gate.open_object(store, recording))
    _, stream = new.reader()  # so that what does not open at all is said before a page is shown
    stream.close()
    return new


@contextmanager
def watched(store: Store, opened: Opened, page: Session, clock: Callable[[], datetime]) -> Iterator[Callable[[], None]]:
    """While somebody listens: gives what looks whether they still may, and logs at the end how much they heard.

    The waveform is read beside it. Whatever happens in between, the entry stands.
    """
    reader = threading.Thread(target=page.read_waveform, name="waveform", daemon=True)
    reader.start()
    try:
        yield lambda: _end_where_closed(store, opened.permit, page, clock())
    finally:
        page.end("ended")
        reader.join()
        note_heard(store, opened.permit, page.heard_s(), page.given_s(), clock())


def _end_where_closed(store: Store, permit: Permit, page: Session, now: datetime) -> None:
    try:
        if not clock_against_log(now, store.log_time().newest.at).allowed:
            page.end("clock")  # whoever sets it back would hear for longer than the grant or the 90 days
        gate.still_open(store, permit, now)
    except Refused as refused:
        if refused.rule == "access.managers":
            page.end("grant_ended")
        else:
            page.end("expired" if is_due(permit.recording.ends_at, store.today(now)) else "withdrawn")


def note_heard(store: Store, permit: Permit, heard_s: float, given_s: float, now: datetime) -> None:
    """Log how much was heard, in whole seconds that were begun."""
    store.note(Heard(of=permit.seq, heard_s=ceil(heard_s), given_s=ceil(given_s)), now)
