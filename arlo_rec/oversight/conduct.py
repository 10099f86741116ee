"""What people did with recordings, as the log tells: by person for the auditor's report, and the facts of a breach.

A figure stands out where it is far from those of the same role, by the median and the median absolute deviation
(Iglewicz and Hoaglin, How to Detect and Handle Outliers, 1993), and large enough to mean something.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import islice
from statistics import median
from typing import Final, NamedTuple
from zoneinfo import ZoneInfo

from arlo_rec.access import grant_history
from arlo_rec.access.limits import HEARD
from arlo_rec.keys.roster import name_then
from arlo_rec.log.event import AuditEvent
from arlo_rec.log.events import (
    CopyMade,
    Denied,
    GrantsExpired,
    Heard,
    HeardInReview,
    Opened,
    OpenedForSubject,
    SearchBegun,
    SearchShown,
    WithdrawalShown,
)
from arlo_rec.model.records import RecordingId
from arlo_rec.policy import ZONE, Action, Role
from arlo_rec.store import Store

_OPENING: Final = HEARD | {Action.PSEUDONYMISE, Action.REVIEW, Action.RELEASE, Action.REJECT, Action.DSAR}
_READ: Final = (
    '"outcome":"denied"',
    *(f'"action":"{action}"' for action in sorted({Action.FIND, Action.WITHDRAW, *_OPENING})),
)
_COUNTED: Final = (SearchBegun, Denied, Opened, Heard, HeardInReview)  # by person
_REACHING: Final = (Opened, OpenedForSubject, SearchShown, WithdrawalShown)
_AT_ONCE: Final = 5000
NIGHT: Final = (22, 6)  # hours in Oslo: from, and before
FAR: Final = 6.0  # spreads from the median of the others
LEAST: Final = 0.6  # of the median: honest people differ by a factor of four
FEWEST: Final = 4  # others of the same role, of whom a median says something
FLOORS: Final[Mapping[str, int]] = {  # below which a figure means nothing, however far it is
    "searches": 20,
    "heard": 15,
    "exports": 6,
    "denied": 6,
    "at_night": 4,
    "same_caller": 4,
    "same_reason": 20,
}


class Deed(NamedTuple):
    """An entry that tells what somebody did with recordings, or tried."""

    seq: int
    at: datetime
    person: str
    role: Role
    event: AuditEvent
    recordings: tuple[RecordingId, ...]

    @property
    def opens(self) -> bool:
        """Whether what was said was opened for somebody: its sound, or its words to make or review a copy."""
        return isinstance(self.event, Opened | OpenedForSubject)

    @property
    def shows(self) -> bool:
        """Whether a line was shown of some calls: when, which team, perhaps the agent and the length."""
        return isinstance(self.event, SearchShown | WithdrawalShown)

    @property
    def reason(self) -> str | None:
        """The reason that was given for a search, or for opening sound."""
        if isinstance(self.event, SearchBegun):
            return self.event.reason
        if isinstance(self.event, Opened) and self.event.action in HEARD:
            return str(self.event.reason)
        return None

    @property
    def saves(self) -> bool:
        """Whether a file was let be written; that none came of it, its own person alone would say."""
        return self.event.leaves is not None


def deeds(
    store: Store,
    kinds: tuple[type[AuditEvent], ...],
    since: datetime | None,
    before: datetime | None,
    *,
    of: str | None = None,
    about: Sequence[str] = (),
) -> Iterator[Deed]:
    """Every such entry of these *kinds* in a span of time, in order.

    With *of*, of that person alone; with *about*, of entries in which one of these ids stands, or the beginning of one.
    """
    signers = store.roster.signers()
    for entry in store.log.entries.holding(about or _READ, taken_in=False):
        if (since is not None and entry.at < since) or (before is not None and entry.at >= before):
            continue
        event, person = entry.event, signers.named(entry.person, entry.seq)
        if isinstance(event, kinds) and person is not None and of in (None, entry.person):
            yield Deed(entry.seq, entry.at, entry.person, person.role, event, entry.recordings)


# -- by person ----------------------------------------------------------------------------------------


@dataclass(slots=True)
class Conduct:
    """What one person did in a span of time."""

    person: str
    role: Role
    searches: int = 0
    exports: int = 0
    denied: int = 0
    at_night: int = 0  # times that sound was opened then
    calls: Counter[RecordingId] = field(default_factory=Counter)  # of which sound was opened
    seconds: dict[int, int] = field(default_factory=dict)  # that were heard, by the entry that opened it
    reasons: Counter[str] = field(default_factory=Counter)
    codes: Counter[str] = field(default_factory=Counter)  # of the policy, with which reasons began
    same_caller: int = 0  # different calls of one caller, the most

    @property
    def heard(self) -> int:
        """Different calls of which sound was opened."""
        return len(self.calls)

    @property
    def heard_s(self) -> int:
        """Seconds that were heard on pages and by players, as these say."""
        return sum(self.seconds.values())

    @property
    def same_reason(self) -> int:
        """How often the reason that was used most was used, word for word."""
        return max(self.reasons.values(), default=0)

    def take(self, deed: Deed, calls: Iterable[RecordingId], code: str | None) -> None:
        """Count a deed, which names recordings of *calls*, and whose reason began with a *code* of the policy."""
        self.reasons.update([deed.reason] if deed.reason is not None else [])
        self.codes.update([code] if code is not None else [])
        match deed.event:
            case SearchBegun():
                self.searches += 1
            case Denied():
                self.denied += 1
            case Heard(of=of, heard_s=seconds) | HeardInReview(of=of, heard_s=seconds):
                self.seconds[of] = seconds
            case Opened(action=action) if action in HEARD:
                self.exports += action == Action.EXPORT
                self.at_night += _is_night(deed.at)
                self.calls.update(calls)


class Outlier(NamedTuple):
    """A figure of somebody that is far from those of the others of their role."""

    person: str
    figure: str  # one of FLOORS
    value: int
    usual: float  # the median of the others


def report(store: Store, since: datetime | None, before: datetime | None) -> list[Conduct]:
    """What everybody did who did anything, by name."""
    found = dict[str, Conduct]()
    for deed, calls in _with_calls(store, deeds(store, _COUNTED, since, before)):
        code = store.policy.at(deed.at).code_of(deed.reason) if deed.reason is not None else None
        found.setdefault(deed.person, Conduct(deed.person, deed.role)).take(deed, calls, code)
    for conduct in found.values():
        callers = Counter(caller for call in conduct.calls if (caller := _caller(store, call)) is not None)
        conduct.same_caller = max(callers.values(), default=0)
    return [found[name] for name in sorted(found)]


def outliers(people: Sequence[Conduct]) -> list[Outlier]:
    """What stands out among the people of one role; nothing where there are too few others."""
    by_role: dict[Role, list[Conduct]] = defaultdict(list)
    for conduct in people:
        by_role[conduct.role].append(conduct)
    return [
        Outlier(conduct.person, figure, getattr(conduct, figure), usual)
        for conducts in by_role.values()
        for conduct in conducts
        for figure, floor in FLOORS.items()
        if (usual := _usual(conduct, conducts, figure, floor)) is not None
    ]


def are_compared(people: Sequence[Conduct]) -> bool:
    """Whether there are enough people of one role to compare any."""
    return max(Counter(each.role for each in people).values(), default=0) > FEWEST


def _usual(conduct: Conduct, conducts: Sequence[Conduct], figure: str, floor: int) -> float | None:
    """The median of the others where somebody's figure is far above it; else None."""
    value, others = getattr(conduct, figure), [getattr(each, figure) for each in conducts if each is not conduct]
    if len(others) < FEWEST or value < floor:
        return None
    usual = float(median(others))
    spread = max(1.4826 * median(abs(other - usual) for other in others), LEAST * usual, floor / FAR / 2)
    return usual if value > usual + FAR * spread else None


def _caller(store: Store, call: RecordingId) -> bytes | None:
    row = store.catalogue.recordings.held(call)
    return row.caller if row is not None else None


def _is_night(at: datetime) -> bool:
    hour = at.astimezone(ZoneInfo(ZONE)).hour
    return hour >= NIGHT[0] or hour < NIGHT[1]


# -- a breach -----------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Breach:
    """The facts that a notification of a breach asks for (GDPR 33(3)), as far as the log has them."""

    begin: datetime | None  # the first and the last deed
    end: datetime | None
    people: Mapping[str, Counter[str]]  # by name: calls whose sound was opened, that were shown, and files
    opened: frozenset[RecordingId]  # calls whose sound was opened
    shown: frozenset[RecordingId]  # calls of which no more than a line was shown: time, team, agent, length
    callers: int  # different ones, of calls that are held
    erased: int  # calls that are erased by now, of which nobody can tell the caller
    only_ciphertext: bool  # nobody of them opened anything, or could have


def breach(
    store: Store,
    person: str | None,
    recording: str | None,
    since: datetime | None,
    before: datetime | None,
) -> Breach:
    """What somebody reached, or who reached a recording, or what was reached at all in a span of time.

    *recording* is the id of a call or a copy, or the beginning of one.
    """
    meant = _calls_meant(store, recording) if recording is not None else None
    about = sorted(each.hex() for each in meant) if meant is not None else ()
    every_deed = deeds(store, _REACHING, since, before, of=person, about=about) if meant is None or meant else iter(())
    reached = _Reached()
    for deed, calls in _with_calls(store, every_deed):
        named = calls if meant is None else calls & set(meant.values())
        if meant is None or named:
            reached.add(deed, named)
    every = reached.opened | reached.shown
    held = {call: row for call in every if (row := store.catalogue.recordings.held(call)) is not None}
    return Breach(
        min(reached.times, default=None),
        max(reached.times, default=None),
        reached.people,
        frozenset(reached.opened),
        frozenset(reached.shown - reached.opened),
        len({row.caller for row in held.values() if row.caller is not None}),
        len(every) - len(held),
        not every and not _could(store, person, since, before),
    )


def calls_of(store: Store, recordings: Collection[RecordingId]) -> dict[RecordingId, RecordingId]:
    """The call of which each recording is the original or a copy, by the entry that took it in."""
    calls = {each: each for each in recordings}
    for recording, entry in store.log.entries.taking_in(recordings).items():
        if isinstance(event := entry.event, CopyMade):
            calls[recording] = RecordingId(bytes.fromhex(event.parent))
    return calls


def _with_calls(store: Store, every: Iterable[Deed]) -> Iterator[tuple[Deed, set[RecordingId]]]:
    """Deeds, each with the calls of the recordings that it names; these are looked up for many deeds at once."""
    known, rest = dict[RecordingId, RecordingId](), iter(every)
    while some := list(islice(rest, _AT_ONCE)):
        known |= calls_of(store, {each for deed in some for each in deed.recordings if each not in known})
        yield from ((deed, {known[each] for each in deed.recordings}) for deed in some)


def _calls_meant(store: Store, beginning: str) -> dict[RecordingId, RecordingId]:
    """The recordings that an id, or the beginning of one, may mean, and all of the same calls; each with its call."""
    named = {each for entry in store.log.entries.holding([beginning]) for each in entry.recordings}
    calls = set(calls_of(store, {each for each in named if each.hex().startswith(beginning)}).values())
    made = {each for entry in store.log.entries.holding([call.hex() for call in calls]) for each in entry.recordings}
    return {each: call for each, call in calls_of(store, made | calls).items() if call in calls}


@dataclass(slots=True)
class _Reached:
    """What deeds reached, as they are gone through in order."""

    opened: set[RecordingId] = field(default_factory=set)
    shown: set[RecordingId] = field(default_factory=set)
    people: dict[str, Counter[str]] = field(default_factory=lambda: defaultdict(Counter))
    times: list[datetime] = field(default_factory=list)

    def add(self, deed: Deed, calls: set[RecordingId]) -> None:
        if deed.saves:
            self.people[deed.person]["files"] += 1
        if deed.opens:
            self.opened |= calls
            self.people[deed.person]["opened"] += len(calls)
        elif deed.shows:
            self.shown |= calls
            self.people[deed.person]["shown"] += len(calls)
        if deed.opens or deed.shows:
            self.times.append(deed.at)


def _could(store: Store, person: str | None, since: datetime | None, before: datetime | None) -> bool:
    """Whether somebody (None: anybody) had keys to sound then: an officer, or by a grant until they were taken."""
    everybody = [
        each for each in (*store.roster.people, *store.roster.former) if person in (None, name_then(each.name))
    ]
    if any(each.role is Role.OFFICER for each in everybody):
        return True
    spans, taken = grant_history.spans(store), list(_keys_taken(store))
    for grant in store.roster.grants:
        for span in spans.get(grant.id, ()) if person in (None, grant.person) else ():
            end: datetime | None = span.end
            if span.end == grant.until:  # by time: the keys are there until a purge takes them
                end = min((at for name, at in taken if name == grant.person and at >= span.end), default=None)
            if (before is None or span.begin < before) and (since is None or end is None or end > since):
                return True
    return False


def _keys_taken(store: Store) -> Iterator[tuple[str, datetime]]:
    """Whose keys a purge took because their grants had run out, and when."""
    for entry in store.log.entries.holding([f'"action":"{GrantsExpired.ACTION}"'], taken_in=False):
        event = entry.event
        if isinstance(event, GrantsExpired):
            yield from ((name, entry.at) for name in event.expired)
