"""The frozen values that all packages exchange: recordings, calls, people, grants, ids. Pure.

Callers' personal data is wrapped in `Private`, which hides it from repr, format and JSON: code that needs the value
calls `reveal()`, and a search for that word finds every such place.
"""

from __future__ import annotations

import hashlib
import re
import shlex
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from enum import IntEnum, StrEnum
from functools import lru_cache
from typing import Any, Final, NamedTuple, NewType

from arlo_rec.law.model.consent import CLOCK_TOLERANCE, CallTimes, Stopped
from arlo_rec.law.model.documents import Document
from arlo_rec.law.model.strict_json import canonical
from arlo_rec.policy import FOUR_EYES, RETENTION, Purpose, Role, State

RecordingId = NewType("RecordingId", bytes)  # 16 bytes, written as 32 hex digits; see `new_id`
_ID = re.compile("[0-9a-f]{32}")
ID_CHANCE = 15  # random bytes of an id
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MICROSECOND = timedelta(microseconds=1)


def to_micros(at: datetime) -> int:
    """Microseconds since 1970 in UTC, exactly: the catalogue's form of an instant."""
    return (at - EPOCH) // MICROSECOND


def from_micros(micros: int) -> datetime:
    """The instant in UTC; raises OverflowError or ValueError at the ends of the calendar, where zones fail."""
    at = EPOCH + micros * MICROSECOND
    if not 1 < at.year < 9999:
        raise ValueError("an instant at the end of the calendar")
    return at


def to_iso(at: datetime) -> str:
    """ISO 8601 in UTC with Z, with decimals where needed: `2026-10-01T08:15:45Z`."""
    return at.astimezone(UTC).isoformat().replace("+00:00", "Z")


def from_iso(text: str) -> datetime:
    """The inverse of `to_iso`; raises ValueError."""
    at = datetime.fromisoformat(text)
    if at.tzinfo is None:
        raise ValueError("a time without a zone")
    return at


def named_in(entry: Mapping[str, Any]) -> tuple[RecordingId, ...]:
    """The recordings named by a log entry, in order; invalid ids are left out."""
    names = entry.get("recordings", ())
    if not isinstance(names, list | tuple):
        return ()
    ids = []
    for name in names:
        if isinstance(name, str) and _ID.fullmatch(name):
            ids.append(RecordingId(bytes.fromhex(name)))
    return tuple(ids)


def new_id(due_at: datetime, chance: bytes) -> RecordingId:
    """An id: the day on which the recording is due modulo 256, in one byte, then 15 random bytes (*chance*).

    Recordings that are erased together are then close in the indexes and in one folder: with random ids the purge of
    a day (11,112) took 4.3 s among a million others and 2.2 s among ten thousand.
    """
    day = (due_at - EPOCH) // timedelta(days=1)
    return RecordingId(bytes([day % 256]) + chance)


def ids_beginning(signs: str) -> tuple[bytes, bytes]:
    """The smallest and the largest id that begins with *signs* (hexadecimal, at most 32)."""
    return bytes.fromhex(signs.ljust(32, "0")), bytes.fromhex(signs.ljust(32, "f"))


DAYS_AHEAD = RETENTION // timedelta(days=1) + 1  # between the intake of a recording and the day in its id, at most


def day_due(recording: RecordingId, taken_in: datetime) -> tuple[datetime, datetime]:
    """The start and end of the day on which a recording is due, by its id (`new_id`) and the time of its intake.

    It is the last such day that begins within its retention, because no call is taken in before it began.
    """
    latest = (taken_in + CLOCK_TOLERANCE + RETENTION - EPOCH) // timedelta(days=1)
    begins = EPOCH + timedelta(days=latest - (latest - recording[0]) % 256)
    return begins, begins + timedelta(days=1)


class Private:
    """A text about a caller, which only `reveal` returns."""

    __slots__ = ("_value",)

    def __init__(self, value: str) -> None:
        self._value = value

    def reveal(self) -> str:
        """The text itself."""
        return self._value

    def __repr__(self) -> str:
        return f"<private …{self._value[-2:]}>"

    __str__ = __repr__

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Private) and self._value == other._value

    def __hash__(self) -> int:
        return hash((Private, self._value))


class Kind(IntEnum):
    """The content of an object; the number is written into its header."""

    ORIGINAL = 0
    PSEUDONYMISED = 1


@dataclass(frozen=True, slots=True)
class Person:
    """An identity of the roster: its role and its public keys."""

    name: str
    role: Role
    seal_key: bytes
    sign_key: bytes
    since: datetime
    service: bool = False
    recovery: bool = False
    by: str = ""  # the person who added them, or gave them new keys, at `since`
    from_entry: int = 0  # of the log: their key signs from there on
    until_entry: int | None = None  # and up to there; None while they are current
    left_at: datetime | None = None  # when they were removed or got other keys
    handed_to: str = ""  # the officer to whom they handed over, by their own act
    login: str = ""  # the account that uses the door; empty: one of their own name

    @property
    def account(self) -> str:
        """The login account that uses the door."""
        return self.login or self.name

    def signs(self, seq: int) -> bool:
        """Whether their key may have signed that entry of the log."""
        return self.from_entry <= seq and (self.until_entry is None or seq < self.until_entry)


class Approval(Document, frozen=True):
    """An officer's approval of another's grant; she also signed the link that carries it."""

    by: str
    at: datetime


@dataclass(frozen=True, slots=True)
class PendingOfficer:
    """A person whom an officer (`person.by`) proposed as another, for a second officer to approve."""

    id: str
    person: Person
    at: datetime

    def is_pending(self, now: datetime) -> bool:
        """Whether it is still undecided and unexpired at *now*."""
        return now < self.at + FOUR_EYES


class Limits(Document, frozen=True, rename={"since": "from", "before": "to"}):
    """Limits of a grant beyond purpose, teams and end; None is no limit."""

    agents: frozenset[str] | None = None
    since: datetime | None = None  # calls that began then or later ...
    before: datetime | None = None  # ... and before then
    per_day: int | None = None  # recordings opened to hear on one day in Oslo

    def with_per_day(self, most: int) -> Limits:
        """The same limits with this number of recordings a day."""
        return Limits(self.agents, self.since, self.before, most)

    def has_day(self, started_at: datetime) -> bool:
        """Whether a call that began then is within the days."""
        return (self.since is None or self.since <= started_at) and (self.before is None or started_at < self.before)

    def has_agent(self, agent: str | None) -> bool:
        """Whether a call of *agent* (None: unknown) is included."""
        folded = agent.casefold() if agent is not None else None
        return self.agents is None or folded in {name.casefold() for name in self.agents}


NO_LIMITS = Limits()


@dataclass(frozen=True, slots=True)
class Grant:
    """Access to the recordings of some teams (None: all, future ones too) for one purpose, until an instant."""

    id: str
    person: str
    purpose: Purpose
    teams: frozenset[str] | None
    starts_at: datetime
    until: datetime
    reason: str
    by: str
    public: bytes  # of its key pair, to which each intake seals; empty once ended
    earlier_pairs: tuple[bytes, ...] = ()  # fingerprints of earlier pairs
    state: str = "live"
    ended_at: datetime | None = None
    approvals: tuple[Approval, ...] = ()
    own: bool = False  # an officer may have given it to herself
    limits: Limits = NO_LIMITS
    reviewed_at: datetime | None = None  # when an officer last confirmed that it is needed
    glass: bool = False  # an officer's own emergency access, which a manager may agree to
    may_export: bool = False  # its person may save the sound as a file, which then lies outside the store

    def live(self, now: datetime) -> bool:
        """Whether it gives access at *now*."""
        return self.state == "live" and self.ended_at is None and now < self.until

    def is_pending(self, now: datetime) -> bool:
        """Whether it awaits a second officer at *now*."""
        return self.state == "pending" and self.ended_at is None and now < self.pending_until

    @property
    def pending_until(self) -> datetime:
        """When it expires undecided."""
        return min(self.until, self.starts_at + FOUR_EYES)

    def ended(self, now: datetime) -> Grant:
        """The grant, revoked at *now*, or called off if still pending; unchanged if it ended before."""
        if self.ended_at is not None:
            return self
        state = "called_off" if self.state == "pending" else "revoked"
        return replace(self, ended_at=now, state=state, public=b"", earlier_pairs=())

    @property
    def was_live(self) -> bool:
        """Whether it ever gave access, by the roster; a pending one gave none."""
        return self.state not in {"pending", "denied", "called_off"}

    @property
    def over_at(self) -> datetime:
        """When it ended, or is to end."""
        return min(self.until, self.ended_at or self.until)

    @property
    def options(self) -> str:
        """The options with which it is asked for again: `--purpose quality --team teknisk`."""
        words = [word for team in sorted(self.teams or ()) for word in ("--team", team)]
        return shlex.join(["--purpose", str(self.purpose), *words])

    def opens(self, purpose: Purpose, team: str) -> bool:
        """Whether the grant is for that purpose and includes that team."""
        return self.purpose is purpose and (self.teams is None or team in self.teams)


@dataclass(frozen=True, slots=True)
class Call:
    """A call as a source describes it: its sound unopened, nothing verified."""

    source: str
    source_id: str
    direction: str
    started_at: datetime
    team: str
    agent: str
    caller: Private | None
    channels: Mapping[str, int]
    consent_key: object
    consent_at: datetime | None
    prompt: object
    prompt_completed: object
    stopped: Stopped | None = None
    granted: object = None
    times: CallTimes = field(default_factory=CallTimes)
    line: str | None = None  # of the exchange
    known: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    def __repr__(self) -> str:
        return f"Call({self.started_at.isoformat()}, {self.team})"


@dataclass(frozen=True, slots=True)
class Subject:
    """The data subject (a caller or agent, by blind index), or a call (by the exchange's id, or our original's)."""

    caller: bytes | None = None
    agent: bytes | None = None
    source: bytes | None = None
    recording: RecordingId | None = None


@lru_cache(maxsize=64)
def _quoted(text: str) -> str:
    return canonical(text).decode("utf-8")


@lru_cache(maxsize=64)
def _consent_quoted(policy: str, prompt: str, sha256: bytes, purposes: frozenset[Purpose]) -> str:
    """A row's consent in its canonical form, cached because many rows share it."""
    said = {"policy": policy, "prompt": [prompt, sha256.hex()], "purposes": sorted(purposes)}
    return canonical(said).decode("utf-8")[1:-1]


_BOUND = ("agent", "caller", "id", "kind", "parent", "prompt", "purposes", "source", "started_at", "team")


class Recording(NamedTuple):
    """A row of the catalogue, without a name, a number or a file name."""

    id: RecordingId
    kind: Kind
    parent: RecordingId | None
    state: State
    started_at: datetime
    due_at: datetime
    team: str
    caller: bytes | None
    agent: bytes
    source: bytes
    content: bytes
    purposes: frozenset[Purpose]
    prompt: str
    prompt_sha256: bytes
    policy: str
    object_digest: bytes
    object_bytes: int
    commit_key: bytes  # id of the key that the officers open it with

    @property
    def latest_end(self) -> datetime:
        """When it is due to be erased at the latest: by its row, which the intake wrote, and by its start.

        A store's policy may say earlier (`Policy.ends_at`).
        """
        return self.started_at + RETENTION if self.due_at - self.started_at > RETENTION else self.due_at

    @property
    def has_true_deadline(self) -> bool:
        """Whether its row's deadline follows from its start."""
        return self.due_at - self.started_at == RETENTION

    def had_begun(self, at: object) -> bool:
        """Whether it had begun at the time of its intake's log entry (ISO 8601), within the clocks' tolerance."""
        try:
            return self.started_at - from_iso(str(at)) <= CLOCK_TOLERANCE
        except ValueError:
            return False

    @property
    def binding(self) -> bytes:
        """SHA-256 of what identifies the recording: its object and metadata open only with it (docs/format.md)."""
        row = self.committed_row()
        return hashlib.sha256(b"arlo-rec/1/recording\0" + canonical({key: row[key] for key in _BOUND})).digest()

    def row_digest(self) -> str:
        """SHA-256 of `committed_row` in hex; the intake's log entry keeps it, so that a changed row is detected."""
        return hashlib.sha256(self._canonical_row().encode("utf-8")).hexdigest()

    def _canonical_row(self) -> str:
        """`committed_row` in canonical form, four times as fast as the encoder: a verification needs a million."""
        caller = f'"{self.caller.hex()}"' if self.caller else "null"
        parent = f'"{self.parent.hex()}"' if self.parent else "null"
        team, said = _quoted(self.team), _consent_quoted(self.policy, self.prompt, self.prompt_sha256, self.purposes)
        return (
            f'{{"agent":"{self.agent.hex()}","bytes":{self.object_bytes:d},"caller":{caller},'
            f'"commit_key":"{self.commit_key.hex()}","content":"{self.content.hex()}","due_at":{to_micros(self.due_at):d},'
            f'"id":"{self.id.hex()}","kind":{self.kind:d},"object":"{self.object_digest.hex()}","parent":{parent},'
            f'{said},"source":"{self.source.hex()}","started_at":{to_micros(self.started_at):d},"team":{team}}}'
        )

    def committed_row(self) -> dict[str, Any]:
        """The row that the log entry of the intake commits to, as JSON (docs/format.md)."""
        return {
            "agent": self.agent.hex(),
            "caller": self.caller.hex() if self.caller else None,
            "commit_key": self.commit_key.hex(),
            "content": self.content.hex(),
            "due_at": to_micros(self.due_at),
            "id": self.id.hex(),
            "kind": int(self.kind),
            "object": self.object_digest.hex(),
            "bytes": self.object_bytes,
            "parent": self.parent.hex() if self.parent else None,
            "policy": self.policy,
            "prompt": [self.prompt, self.prompt_sha256.hex()],
            "purposes": sorted(self.purposes),
            "source": self.source.hex(),
            "started_at": to_micros(self.started_at),
            "team": self.team,
        }


# -- audiences ---------------------------------------------------------------------------------------
# Audiences: the people who can hear a recording, by its prompt's purposes and its stage. Pure.


class Audience(StrEnum):
    """People who can hear a recording, besides the officers, who open every one for access requests."""

    ORIGINAL = "original"  # holders of a quality grant of its team
    REVIEW = "review"  # the same people, for an unreleased copy
    TRAINING = "training"  # holders of a training grant of its team
    OFFICER = "officer"  # officers alone


class Stage(StrEnum):
    """A stage between a call and a released training copy."""

    ORIGINAL = "original"
    UNDER_REVIEW = "under_review"
    RELEASED = "released"


_AUDIENCES: Final[Mapping[Stage, tuple[Purpose, Audience]]] = {
    Stage.ORIGINAL: (Purpose.QUALITY, Audience.ORIGINAL),
    Stage.UNDER_REVIEW: (Purpose.QUALITY, Audience.REVIEW),
    Stage.RELEASED: (Purpose.TRAINING, Audience.TRAINING),
}
_OPENED_FOR: Final = {audience: purpose for purpose, audience in _AUDIENCES.values()}


def audience_of(purposes: Collection[Purpose], stage: Stage) -> Audience:
    """The audience of a recording whose prompt named *purposes*; an original is never heard for training."""
    purpose, audience = _AUDIENCES[stage]
    return audience if purpose in purposes else Audience.OFFICER


def purpose_of(audience: Audience) -> Purpose | None:
    """The purpose whose grants open an audience's recordings; None for officers alone."""
    return _OPENED_FOR.get(audience)


def audiences_for(purpose: Purpose) -> frozenset[Audience]:
    """The audiences that grants of *purpose* open."""
    return frozenset(audience for audience in Audience if purpose_of(audience) is purpose)
