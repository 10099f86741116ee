"""Use of recordings by the log: by person for the auditor's report, and the facts of a breach.

A figure is an outlier if it is large enough to matter and far from those of the same role. The measures are the median
and the median absolute deviation (Iglewicz and Hoaglin, How to Detect and Handle Outliers, 1993).
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import islice
from pathlib import Path
from statistics import median
from typing import Final, NamedTuple
from zoneinfo import ZoneInfo

from arlo_rec.law.log.event import AuditEvent
from arlo_rec.law.log.events import (
    CopyMade,
    Denied,
    GrantsExpired,
    Heard,
    HeardInReview,
    LogShown,
    Opened,
    OpenedForSubject,
    SearchBegun,
    SearchShown,
    Unlocked,
    WithdrawalShown,
)
from arlo_rec.law.messages import LANGUAGES
from arlo_rec.law.model.documents import Record
from arlo_rec.law.model.errors import NothingMatched, nearest
from arlo_rec.law.model.particulars import Particulars
from arlo_rec.law.model.records import RecordingId, from_iso
from arlo_rec.law.model.times import local_date
from arlo_rec.law.pages import Formats, render, render_markdown
from arlo_rec.policy import BREACH_NOTICE, ZONE, Action, Role
from arlo_rec.vault.access import grant_history
from arlo_rec.vault.access.limits import HEARD
from arlo_rec.vault.erasure import old_entries
from arlo_rec.vault.keys.roster import name_then
from arlo_rec.vault.opened import Store

_OPENING: Final = HEARD | {Action.PSEUDONYMISE, Action.REVIEW, Action.RELEASE, Action.REJECT, Action.DSAR}
_READ: Final = (
    '"outcome":"denied"',
    '"action":"unlock"',
    *(f'"action":"{action}"' for action in sorted({Action.FIND, Action.WITHDRAW, *_OPENING})),
)
_COUNTED: Final = (SearchBegun, Denied, Opened, Heard, HeardInReview, Unlocked)  # by person
_REACHING: Final = (Opened, OpenedForSubject, SearchShown, WithdrawalShown)
_REACH: Final = ("opened", "shown", "files")
_AT_ONCE: Final = 5000
PAGE: Final = Path(__file__).with_name("page")
MOST_REASONS: Final = 3  # of a person, that are shown
NIGHT: Final = (22, 6)  # hours in Oslo: from, and before
FAR: Final = 6.0  # spreads from the median of the others
LEAST: Final = 0.6  # of the median: honest people differ by a factor of four
FEWEST: Final = 4  # others of the same role for a meaningful median
FLOORS: Final[Mapping[str, int]] = {  # smaller figures mean nothing, however far they are
    "searches": 20,
    "heard": 15,
    "exports": 6,
    "denied": 6,
    "at_night": 4,
    "same_caller": 4,
    "same_reason": 20,
}


class Deed(NamedTuple):
    """An entry about use of recordings, or an attempt."""

    seq: int
    at: datetime
    person: str
    role: Role
    event: AuditEvent
    recordings: tuple[RecordingId, ...]

    @property
    def opens(self) -> bool:
        """Whether it opened sound, or words for making or reviewing a copy."""
        return isinstance(self.event, Opened | OpenedForSubject)

    @property
    def shows(self) -> bool:
        """Whether a line about calls was shown: time, team, perhaps agent and length."""
        return isinstance(self.event, SearchShown | WithdrawalShown)

    @property
    def reason(self) -> str | None:
        """The reason of a search, or of opening sound."""
        if isinstance(self.event, SearchBegun):
            return self.event.reason
        if isinstance(self.event, Opened) and self.event.action in HEARD:
            return str(self.event.reason)
        return None

    @property
    def saves(self) -> bool:
        """Whether it allowed a file; only its own person could say that none was written."""
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
    """Every entry of these *kinds* in a span of time, in order.

    *of* limits it to a person, *about* to entries that contain one of these ids or beginnings of ids.
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
    """Use of recordings by one person in a span of time."""

    person: str
    role: Role
    searches: int = 0
    exports: int = 0
    denied: int = 0
    at_night: int = 0  # sound opened at night
    calls: Counter[RecordingId] = field(default_factory=Counter)  # with opened sound
    seconds: dict[int, int] = field(default_factory=dict)  # heard, by the entry that opened the sound
    reasons: Counter[str] = field(default_factory=Counter)
    codes: Counter[str] = field(default_factory=Counter)  # reason codes of the policy
    same_caller: int = 0  # most different calls of one caller

    @property
    def heard(self) -> int:
        """The number of different calls with opened sound."""
        return len(self.calls)

    @property
    def heard_s(self) -> int:
        """Seconds heard, as reported by pages and players."""
        return sum(self.seconds.values())

    @property
    def same_reason(self) -> int:
        """The number of uses of the most frequent reason, word for word."""
        return max(self.reasons.values(), default=0)

    @property
    def shown(self) -> ConductShown:
        """The same as answers show it."""
        most = self.reasons.most_common(MOST_REASONS)
        repeated = [SameReason(reason, count) for reason, count in most if count > 1]
        return ConductShown.of(self, reasons=repeated, codes=dict(self.codes))

    def take(self, deed: Deed, calls: Iterable[RecordingId], code: str | None, *, reused: bool = False) -> None:
        """Count a deed on recordings of *calls*, with the reason's *code*; one that an unlock *reused* counts once."""
        self.reasons.update([deed.reason] if deed.reason is not None and not reused else [])
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


class SameReason(Record, frozen=True):
    """A reason that a person gave more than once, word for word."""

    reason: str
    count: int


class ConductShown(Record, frozen=True):
    """Use of recordings by one person, as answers show it, with the most frequent of the repeated reasons."""

    person: str
    role: Role
    searches: int
    heard: int
    heard_s: int
    exports: int
    denied: int
    at_night: int
    same_caller: int
    reasons: list[SameReason]
    codes: dict[str, int]


class Outlier(Record, frozen=True, rename={"figure": "why"}):
    """A figure of a person that is far from those of their role."""

    person: str
    figure: str  # one of FLOORS
    value: int
    usual: float  # median of the others


class Report(Record, frozen=True):
    """Use of recordings by each person, and what stands out; earlier entries may be forgotten."""

    people: list[ConductShown]
    outliers: list[Outlier]
    forgotten_until: datetime | None


def report(store: Store, since: datetime | None, before: datetime | None, now: datetime) -> list[Conduct]:
    """The use of each person with any, by name; raises NotGranted."""
    _demand_audit(store, now)
    by_person, unlocks = dict[str, Conduct](), dict[str, Unlocked]()
    used = set[str]()  # people whose unlock has given a reason already
    for deed, calls in _with_calls(store, deeds(store, _COUNTED, since, before)):
        if isinstance(deed.event, Unlocked):
            unlocks[deed.person] = deed.event
            used.discard(deed.person)
            continue
        unlock = unlocks.get(deed.person)
        by_unlock = unlock is not None and deed.reason == unlock.reason and deed.at < from_iso(unlock.until)
        code = store.policy.at(deed.at).code_of(deed.reason) if deed.reason is not None else None
        by_person.setdefault(deed.person, Conduct(deed.person, deed.role)).take(
            deed, calls, code, reused=by_unlock and deed.person in used
        )
        used |= {deed.person} if by_unlock and deed.reason is not None else set()
    for conduct in by_person.values():
        callers = Counter(caller for call in conduct.calls if (caller := _caller(store, call)) is not None)
        conduct.same_caller = max(callers.values(), default=0)
    return [by_person[name] for name in sorted(by_person)]


def _demand_audit(store: Store, now: datetime) -> None:
    store.demand(Action.AUDIT_SHOW, now)
    store.note(LogShown(), now)


def outliers(people: Sequence[Conduct]) -> list[Outlier]:
    """Outliers among the people of each role; none for roles with too few others."""
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
    """Whether some role has enough people to compare."""
    return max(Counter(conduct.role for conduct in people).values(), default=0) > FEWEST


def _usual(conduct: Conduct, conducts: Sequence[Conduct], figure: str, floor: int) -> float | None:
    """The median of the others if a person's figure is far above it; else None."""
    value, others = getattr(conduct, figure), [getattr(peer, figure) for peer in conducts if peer is not conduct]
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


class Reach(Record, frozen=True):
    """The calls that one person opened and was shown, and the files that they got."""

    person: str
    opened: int
    shown: int
    files: int


class Breach(Record, frozen=True, rename={"begin": "from", "end": "to"}):
    """The facts for a notification of a breach (GDPR 33(3)), by the log."""

    recordings: int  # calls with opened sound or a shown line: time, team, agent, length
    opened: int  # of these, with opened sound
    callers: int  # different ones, of held calls
    people: list[Reach]
    begin: datetime | None  # first and last deed
    end: datetime | None
    already_erased: int  # calls, whose callers are unknown
    only_ciphertext: bool  # they opened nothing, and could have opened nothing
    ids: frozenset[RecordingId]
    forgotten_until: datetime | None
    aware: datetime  # when the company became aware of the breach
    deadline: datetime  # of the notification
    lead_authority: str | None  # None: not stated
    out: Path | None = None  # a draft of the notice to the people concerned

    @property
    def files(self) -> int:
        """The files that people were let save."""
        return sum(each.files for each in self.people)


def breach(
    store: Store,
    person: str | None,
    recording: str | None,
    since: datetime | None,
    before: datetime | None,
    now: datetime,
    *,
    aware: datetime,
    lead_authority: str | None,
) -> Breach:
    """The facts of a breach: by one person, on one recording, or all in a span of time.

    *recording* is the id of a call or a copy, or the beginning of one. Raises NotGranted, and NothingMatched for a
    person who never had an identity: they would seem to have reached nothing.
    """
    _demand_audit(store, now)
    known = {name_then(each.name) for each in (*store.roster.people, *store.roster.former)}
    if person is not None and person not in known:
        raise NothingMatched("no_such_person", name=person, **nearest(person, known))
    candidates = _calls_by_beginning(store, recording) if recording is not None else None
    about = sorted(name.hex() for name in candidates) if candidates is not None else ()
    every_deed = (
        deeds(store, _REACHING, since, before, of=person, about=about) if candidates is None or candidates else iter(())
    )
    reached = _Reached()
    for deed, calls in _with_calls(store, every_deed):
        named = calls if candidates is None else calls & set(candidates.values())
        if candidates is None or named:
            reached.add(deed, named)
    every = reached.opened | reached.shown
    held = {call: row for call in every if (row := store.catalogue.recordings.held(call)) is not None}
    return Breach(
        recordings=len(every),
        opened=len(reached.opened),
        callers=len({row.caller for row in held.values() if row.caller is not None}),
        people=[Reach(name, *(reached.people[name][it] for it in _REACH)) for name in sorted(reached.people)],
        begin=min(reached.times, default=None),
        end=max(reached.times, default=None),
        already_erased=len(every) - len(held),
        only_ciphertext=not every and not _could(store, person, since, before),
        ids=frozenset(every),
        forgotten_until=old_entries.last(store)[1],
        aware=aware,
        deadline=aware + BREACH_NOTICE,
        lead_authority=lead_authority,
    )


def notice(found: Breach, company: Particulars, *, html: bool = False) -> str:
    """A draft of the notice to the people concerned, in Norwegian and English (GDPR 34), as Markdown or HTML.

    What only people can know is a blank between two marks. It names nobody.
    """
    texts = []
    for lang in LANGUAGES:
        day = Formats(lang).day
        first, last = (day(local_date(at)) if at is not None else None for at in (found.begin, found.end))
        asked = {"controller": company.controller, "contact": company.contact, "about": company.data_protection}
        facts = {"first": first, "last": last, "opened": found.opened, "files": found.files}
        text = render_markdown(PAGE, f"breach.{lang}.md.j2", **asked, **facts).strip()
        texts.append(text.replace("\\. ", ". "))  # of a day, which begins no line here: people edit this text
    if not html:
        return "\n\n---\n\n".join(texts) + "\n"
    from arlo_rec.people.publishing import pages
    from arlo_rec.people.publishing.markup import whole

    bodies = {lang: whole(text) for lang, text in zip(LANGUAGES, texts, strict=True)}
    return render(
        PAGE, "breach.html.j2", title=texts[0].partition("\n")[0].strip("# "), bodies=bodies, css=pages.style()
    )


def calls_of(store: Store, recordings: Collection[RecordingId]) -> dict[RecordingId, RecordingId]:
    """The call of each original or copy, by the entry that took it in."""
    calls = {original: original for original in recordings}
    for recording, entry in store.log.entries.taking_in(recordings).items():
        if isinstance(event := entry.event, CopyMade):
            calls[recording] = RecordingId(bytes.fromhex(event.parent))
    return calls


def _with_calls(store: Store, every: Iterable[Deed]) -> Iterator[tuple[Deed, set[RecordingId]]]:
    """Deeds with the calls of their recordings, looked up in batches."""
    known, rest = dict[RecordingId, RecordingId](), iter(every)
    while batch := list(islice(rest, _AT_ONCE)):
        known |= calls_of(store, {name for deed in batch for name in deed.recordings if name not in known})
        yield from ((deed, {known[name] for name in deed.recordings}) for deed in batch)


def _calls_by_beginning(store: Store, beginning: str) -> dict[RecordingId, RecordingId]:
    """Recordings that an id or its beginning may mean, and all others of the same calls; each with its call."""
    named = {recording for entry in store.log.entries.holding([beginning]) for recording in entry.recordings}
    calls = set(calls_of(store, {recording for recording in named if recording.hex().startswith(beginning)}).values())
    made = {name for entry in store.log.entries.holding([call.hex() for call in calls]) for name in entry.recordings}
    return {name: call for name, call in calls_of(store, made | calls).items() if call in calls}


@dataclass(slots=True)
class _Reached:
    """The reach of deeds, added in order."""

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
    """Whether a person (None: any) had keys to sound then: as an officer, or by a grant until its keys were removed."""
    everybody = [
        member for member in (*store.roster.people, *store.roster.former) if person in (None, name_then(member.name))
    ]
    if any(member.role is Role.OFFICER for member in everybody):
        return True
    spans, taken = grant_history.spans(store), list(_keys_taken(store))
    for grant in store.roster.grants:
        for span in spans.get(grant.id, ()) if person in (None, grant.person) else ():
            end: datetime | None = span.end
            if span.end == grant.until:  # expired: the keys exist until a purge removes them
                end = min((at for name, at in taken if name == grant.person and at >= span.end), default=None)
            if (before is None or span.begin < before) and (since is None or end is None or end > since):
                return True
    return False


def _keys_taken(store: Store) -> Iterator[tuple[str, datetime]]:
    """Names and times of purges that removed keys of expired grants."""
    for entry in store.log.entries.holding([f'"action":"{GrantsExpired.ACTION}"'], taken_in=False):
        event = entry.event
        if isinstance(event, GrantsExpired):
            yield from ((name, entry.at) for name in event.expired)
