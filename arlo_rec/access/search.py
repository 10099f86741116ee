"""What line managers do: find recordings that they may open, and export one as WAV.

The criteria of a search are in the log before it begins, and the ids it found before they are shown
(security.reason). A manager sees team, agent, time and length, never the caller.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import BinaryIO

from arlo_rec.access import disclosures, gate, listening_keys, metadata
from arlo_rec.access.gate import Admission
from arlo_rec.backends.durable import write_new
from arlo_rec.model.errors import Integrity, Unreachable, Usage
from arlo_rec.model.records import Entry, Kind, Recording, RecordingId, to_iso, to_micros
from arlo_rec.policy import Action, Purpose
from arlo_rec.store import Store

_FOREVER = 2**62  # microseconds


@dataclass(frozen=True, slots=True)
class Search:
    """What somebody looks for; None is no limit."""

    agent: str | None = None
    team: str | None = None
    since: datetime | None = None
    before: datetime | None = None
    limit: int | None = None

    def told(self) -> dict[str, object]:
        """The criteria as the log keeps them."""
        criteria: dict[str, object] = {}
        for key in ("agent", "team", "limit"):
            if (value := getattr(self, key)) is not None:
                criteria[key] = value
        for key in ("since", "before"):
            if (at := getattr(self, key)) is not None:
                criteria[key] = to_iso(at)
        return criteria


@dataclass(frozen=True, slots=True)
class Found:
    """A recording as a manager sees it."""

    id: RecordingId
    started_at: datetime
    duration_s: float
    team: str
    agent: str
    expires_at: datetime
    pseudonymised: bool


def find(store: Store, purpose: str | None, reason: str | None, search: Search, now: datetime) -> list[Found]:
    """Recordings that this person may open for that purpose, oldest first; raises what `gate.admit` raises."""
    admission = gate.admit(store, Action.FIND, purpose, reason, now)
    _log(store, admission, now, (), {"criteria": search.told()})
    rows = [one for one in _candidates(store, admission, search) if _open_to(admission, one, store.today(now))]
    found = _with_metadata(store, admission.purpose, rows)
    if search.agent is not None:
        found = [one for one in found if one.agent.casefold() == search.agent.casefold()]
    shown = found[: search.limit] if search.limit is not None else found
    _log(store, admission, now, tuple(one.id for one in shown), {"shown": len(shown)})
    return shown


def export(
    store: Store,
    admission: Admission,
    shown_id: str,
    out: Path | BinaryIO,
    clock: Callable[[], datetime],
) -> int:
    """Write the sound of one recording as WAV to a new file or a stream; how many bytes.

    A file gets its name only after the last chunk has verified and the recording is still held, and loses it where the
    recording was erased just then. For a stream the whole object is checked against the catalogue before the first
    byte leaves.
    """
    if isinstance(out, Path) and (out.exists() or out.is_symlink()):
        raise Usage("out_exists", path=str(out))
    given = gate.permit(store, admission, shown_id, Action.EXPORT, clock())
    sound = gate.listen_to(store, given, clock)
    if isinstance(out, Path):
        with disclosures.unless_written(store, given.seq, clock()):
            return write_new(out, sound, lambda: gate.still_open(store, given, clock()))
    if store.object_digest(given.recording.id) != given.recording.object_sha256:
        raise Integrity("object_damaged")
    return _stream(sound, out)


def _stream(sound: Iterable[bytes], out: BinaryIO) -> int:
    """Write to a stream; raises Unreachable where it does not take everything."""
    written = 0
    try:
        for piece in sound:
            out.write(piece)
            written += len(piece)
        out.flush()
    except OSError as error:
        raise Unreachable("stdout_failed", reason=error.strerror or "") from None
    return written


def _candidates(store: Store, admission: Admission, search: Search) -> list[Recording]:
    everywhere = any(one.teams is None for one in admission.grants)
    teams = None if everywhere else frozenset().union(*(one.teams or () for one in admission.grants))
    if search.team is not None:
        teams = frozenset({search.team}) if teams is None else teams & {search.team}
    since = to_micros(search.since) if search.since else -_FOREVER
    before = to_micros(search.before) if search.before else _FOREVER
    return store.catalogue.in_team(teams, since, before) if teams is None or teams else []


def _open_to(admission: Admission, one: Recording, now: datetime) -> bool:
    wanted = Kind.PSEUDONYMISED if admission.purpose is Purpose.TRAINING else Kind.ORIGINAL
    return one.kind is wanted and admission.purpose in one.purposes and one.due_at > now


def _with_metadata(store: Store, purpose: Purpose, rows: list[Recording]) -> list[Found]:
    """What a manager's keys open of each row; what they do not open is not shown."""
    keys = listening_keys.keyring(store, purpose)
    erasure_keys = gate.reach_keys(store, rows) if rows else {}
    opened: dict[bytes, bytes] = {}
    found = []
    for one in rows:
        told = one.id in erasure_keys and metadata.open_for(store, one.id, keys, erasure_keys[one.id], opened)
        if told:
            found.append(
                Found(
                    one.id,
                    one.started_at,
                    float(told["duration_s"]),
                    one.team,
                    str(told["agent"]),
                    one.due_at,
                    one.kind is Kind.PSEUDONYMISED,
                )
            )
    return found


def _log(
    store: Store,
    admission: Admission,
    now: datetime,
    recordings: tuple[RecordingId, ...],
    detail: dict[str, object],
) -> None:
    entry = Entry(
        str(Action.FIND),
        "allowed",
        "security.reason",
        store.person.name,
        now,
        admission.purpose,
        admission.reason,
        recordings,
        detail,
    )
    with store.change(now) as change:
        change.log(entry)
