"""The register of access requests (GDPR 12 and 15): a case from its receipt until it is answered, refused or closed.

Every step of a case is a log entry, signed by the officer (`access.cases`). The person's identifiers, and how their
identity was checked, are sealed to the officers.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from itertools import count
from typing import Any, NamedTuple

from msgspec import UNSET, UnsetType

from arlo_rec.access import audience_keys, cases
from arlo_rec.access.short_ids import named
from arlo_rec.catalogue.cases import CaseRow
from arlo_rec.catalogue.sealed_secrets import access_seed
from arlo_rec.crypto import primitives
from arlo_rec.dsar import subjects
from arlo_rec.dsar.answer import Case
from arlo_rec.dsar.subjects import Identifier, KnownBy
from arlo_rec.log.cases import CaseState, LoggedCase
from arlo_rec.log.event import AuditEvent
from arlo_rec.log.events import (
    CaseAnswered,
    CaseClosed,
    CaseExtended,
    CaseHolds,
    CaseOpened,
    CaseRefused,
    CaseWidened,
    Denied,
)
from arlo_rec.model.deadlines import answer_due
from arlo_rec.model.documents import Record
from arlo_rec.model.errors import Integrity, InUse, NothingMatched, Refused, Usage
from arlo_rec.model.records import to_iso
from arlo_rec.model.strict_json import canonical, parse_object
from arlo_rec.model.times import end_of_day, local_date
from arlo_rec.policy import Action, identity_stated, reason_problem
from arlo_rec.store import Store

# -- register ---------------------------------------------------------------------------------------


_OVER = {
    CaseState.ANSWERED: "case_is_answered",
    CaseState.REFUSED: "case_is_refused",
    CaseState.CLOSED: "case_is_closed",
}
_KEY_ID = 16  # bytes of the id of the access key that a statement is sealed to, before it
_TAG = 17  # bytes of `Identifier.marked`


@dataclass(frozen=True, slots=True)
class Intake:
    """An officer's statement of a request: its receipt, and how and when identity was checked."""

    identity: str | None = None
    received_at: datetime | None = None
    asked_at: datetime | None = None  # when the person was asked who they are; None if that took no time
    shown_at: datetime | None = None  # when they showed it
    case: str | None = None  # the case that the request belongs to; None if it is to be looked up
    is_new: bool = False  # another person with the same identifiers asks

    def __repr__(self) -> str:
        return "Intake()"


@dataclass(frozen=True, slots=True)
class Statement:
    """The sealed statement of a case or a part of it: how identity was checked, and the identifiers."""

    identity: tuple[str, ...] = field(repr=False)
    known_by: tuple[Identifier, ...] = field(repr=False)


class CaseShown(Record, frozen=True):
    """A case as answers show it."""

    id: str
    received: datetime
    due: date
    days_left: int | None  # None where no answer is due
    first_erased: datetime | None  # of its recordings; None without one, and where no answer is due
    state: CaseState


class KnownAs(Record, frozen=True):
    """An identifier of the person, as answers show it."""

    kind: KnownBy
    text: str


class CaseDetails(CaseShown, frozen=True):
    """Everything about a case."""

    opened: datetime
    answered: datetime | None
    refused: datetime | None
    closed: datetime | None
    ends: datetime
    identity: tuple[str, ...]
    known_by: list[KnownAs]
    stood_still_days: int
    extension: str | None
    why_not: str | None
    held: int
    sha256: str | None


class Cases(Record, frozen=True):
    """The cases that have not ended."""

    cases: list[CaseShown]


class CaseWhole(Record, frozen=True):
    """Everything about a case, and the file of its last letter where that was written again."""

    case: CaseDetails
    out: str | UnsetType = UNSET


class CaseAnswer(Record, frozen=True):
    """A case that was changed, and the letter to the person where there is one."""

    case: CaseShown
    letter: str | UnsetType = UNSET
    out: str | UnsetType = UNSET  # the file of the letter


class Entry(NamedTuple):
    """A case of the register with its statements; a part of them may be lost (after a restore)."""

    case: LoggedCase
    statement: Statement
    is_lost: bool = False


# -- intake -------------------------------------------------------------------------------------------


def take(store: Store, known_by: Sequence[Identifier], intake: Intake, now: datetime) -> Entry:
    """The case of a request: the named one, the running one of the same identifiers, or a new one.

    Several people may share a number. So a case answers for its own identifiers; a request that shares only some of
    them, or states another identity or day, joins none by itself: Refused, which names the case. A new case, and each
    addition, needs a statement of how identity was checked (access.subject): Refused, after its log entry. The log
    names the recordings that are held at that moment, in the same change.
    """
    if intake.case is not None and intake.is_new:
        raise Usage("case_or_new_case")
    if intake.case is not None:
        return _join(store, intake.case, known_by, intake, now)
    running = _running(store, known_by, now)
    if running and not intake.is_new:
        if len(running) == 1 and not running[0].is_lost and _is_repeated(running[0], known_by, intake):
            return running[0]
        names = ", ".join(entry.case.id for entry in running)
        raise Refused("case_runs", rule="access.subject", case=names)
    _demand_identity(store, intake.identity, now)
    case = _add(store, None, Statement((str(intake.identity),), tuple(known_by)), intake, now)
    return shown(store, case, now)


def _join(store: Store, case: str, known_by: Sequence[Identifier], intake: Intake, now: datetime) -> Entry:
    """The case of that id, with the request's identifiers and identity check added."""
    entry = shown(store, case, now)
    _demand_open(entry.case, store.clock.today(now))
    if intake.received_at is not None or intake.asked_at is not None or intake.shown_at is not None:
        raise Usage("case_has_its_days", case=entry.case.id)
    if entry.is_lost and not (known_by and intake.identity):
        raise Refused("case_part_lost", rule="access.subject", case=entry.case.id)
    new = [identifier for identifier in known_by if identifier not in entry.statement.known_by]
    if subjects.are_mixed((*entry.statement.known_by, *new)):
        raise Usage("agent_or_caller")
    if not new and intake.identity in (None, *entry.statement.identity):
        return entry
    _demand_identity(store, intake.identity, now)
    _add(store, entry, Statement((str(intake.identity),), tuple(new)), intake, now)
    return shown(store, case, now)


def _is_repeated(entry: Entry, known_by: Sequence[Identifier], intake: Intake) -> bool:
    """Whether a request repeats a running case: same identifiers, and nothing else stated."""
    same_day = intake.received_at in (None, entry.case.received_at)
    same_check = intake.identity in (None, *entry.statement.identity)
    return set(known_by) == set(entry.statement.known_by) and same_day and same_check


def as_told(entry: Entry) -> Case:
    """A case as a letter tells it."""
    case, statement, _ = entry
    return Case(
        case.id,
        case.state,
        case.received_at,
        case.due_on,
        statement.identity,
        case.stood_still,
        case.extension,
    )


def _demand_identity(store: Store, identity: str | None, now: datetime) -> None:
    decision = identity_stated(identity or "")
    if not decision.allowed:
        store.note(Denied(action=Action.DSAR, rule=decision.rule, code=decision.code), now)
        raise Refused(decision.code, rule=decision.rule)


def _running(store: Store, known_by: Iterable[Identifier], now: datetime) -> list[Entry]:
    """The running cases that share an identifier with a person, the oldest first."""
    tags, today = {identifier.marked for identifier in known_by}, local_date(store.clock.today(now))
    rows = store.catalogue.cases.rows()
    ids = {row.id for row in rows if tags & _tags(row)}
    logged = cases.logged(store) if ids else {}
    sharing = sorted((case for case in logged.values() if case.id in ids), key=lambda case: case.received_at)
    return [_entry(store, case, rows) for case in sharing if case.takes(today)]


def _tags(row: CaseRow) -> set[bytes]:
    return {row.tags[at : at + _TAG] for at in range(0, len(row.tags), _TAG)}


def _add(store: Store, entry: Entry | None, stated: Statement, intake: Intake, now: datetime) -> str:
    """Open a case, or add a part to the one of *entry*, by the state within the change; its id."""
    case = entry.case.id if entry is not None else primitives.fresh(6).hex()
    with store.change(now) as change:
        if entry is None and not intake.is_new and _running(store, stated.known_by, now):
            raise InUse("case_opened_meanwhile", rule="access.subject")
        parts = [row.part for row in store.catalogue.cases.rows() if row.id == case]
        if entry is not None:
            _demand_open(cases.logged(store)[case], store.clock.today(now))
        first = len(entry.case.sworn) if entry is not None else 0
        row = _sealed(store, case, next(n for n in count(first) if n not in parts), stated)
        widened = CaseWidened(case=case, sworn=row.digest())
        store.catalogue.cases.add(row)
        change.log(widened if entry is not None else _opening(row, intake, now))
        ids = tuple(recording.id for recording in subjects.held(store, stated.known_by, now))
        change.log(CaseHolds(case=case, recordings=ids, held=len(ids)))
    return case


def _demand_open(case: LoggedCase, at: datetime) -> None:
    """Raise Refused if a case is over at that time."""
    if not case.takes(local_date(at)):
        raise Refused(_OVER[case.state], rule="access.subject", case=case.id)


def demand_open(store: Store, case: str, now: datetime) -> None:
    """Raise Refused if a case was refused or closed since it was taken."""
    _demand_open(cases.logged(store)[case], store.clock.today(now))


def is_answered_by(store: Store, answered: CaseAnswered) -> bool:
    """Whether the log has an entry of this answer."""
    case = cases.logged(store).get(answered.case)
    return case is not None and case.sha256 == answered.sha256


def _opening(row: CaseRow, intake: Intake, now: datetime) -> CaseOpened:
    """The event of opening a case; raises Usage for days that are not in order."""
    received = intake.received_at or now
    asked = intake.asked_at or intake.shown_at
    shown = intake.shown_at or (now if intake.asked_at is not None else None)
    if received > now:
        raise Usage("received_in_future")
    stood_still = 0
    if asked is not None and shown is not None:
        days = [local_date(at) for at in (received, asked, shown, now)]
        if days != sorted(days) or intake.asked_at is None:
            raise Usage("identity_days")
        stood_still = (days[2] - days[1]).days
    due = answer_due(local_date(received), stood_still=stood_still)
    return CaseOpened(
        case=row.id, sworn=row.digest(), received=to_iso(received), due=due.isoformat(), stood_still=stood_still
    )


# -- the sealed statement -----------------------------------------------------------------------------


def _sealed(store: Store, case: str, part: int, stated: Statement) -> CaseRow:
    access = audience_keys.access_key(store)
    known_by = [[identifier.kind, identifier.text] for identifier in stated.known_by]
    content = canonical({"identity": list(stated.identity), "known_by": known_by})
    sealed = access.id + primitives.seal(access.public, content, _info(store, case))
    return CaseRow(case, part, sealed, b"".join(sorted(identifier.marked for identifier in stated.known_by)))


def _entry(store: Store, case: LoggedCase, rows: Iterable[CaseRow]) -> Entry:
    """A case with the statements of all its parts."""
    identity: list[str] = []
    known_by: list[Identifier] = []
    parts = 0
    for row in rows:
        if row.id == case.id:
            stated = _opened(store, row)
            identity += [words for words in stated.identity if words not in identity]
            known_by += [identifier for identifier in stated.known_by if identifier not in known_by]
            parts += 1
    return Entry(case, Statement(tuple(identity), tuple(known_by)), parts < len(case.sworn))


def _opened(store: Store, row: CaseRow) -> Statement:
    try:
        key = primitives.SealingKey.from_seed(store.secret(access_seed(row.sealed[:_KEY_ID])))
        content: dict[str, Any] = parse_object(key.open(row.sealed[_KEY_ID:], _info(store, row.id)))
        by_kind = [(KnownBy(kind), str(text)) for kind, text in content["known_by"]]
        known_by = tuple(subjects.known(store, kind, text) for kind, text in by_kind)
        return Statement(tuple(map(str, content["identity"])), known_by)
    except (primitives.Sealed, KeyError, TypeError, ValueError):
        raise Integrity("case_changed", rule="access.subject", case=row.id) from None


def _info(store: Store, case: str) -> bytes:
    """The HPKE info that a statement is bound to."""
    return b"arlo-rec/1/case\0" + store.layout.id + case.encode("ascii")


# -- the register -------------------------------------------------------------------------------------


def listed(store: Store, now: datetime) -> list[CaseShown]:
    """The cases that have not ended, by deadline; raises NotGranted."""
    store.demand(Action.DSAR, now)
    return [facts(store, case, now) for case in cases.running(store, now)]


def facts(store: Store, case: LoggedCase, now: datetime) -> CaseShown:
    """A case as answers show it."""
    return CaseShown(**_facts(store, case, now))


def details(store: Store, entry: Entry, now: datetime) -> CaseDetails:
    """Everything about a case."""
    case, statement, _ = entry
    return CaseDetails(
        **_facts(store, case, now),
        opened=case.opened_at,
        answered=case.answered_at,
        refused=case.refused_at,
        closed=case.closed_at,
        ends=case.ends_at,
        identity=statement.identity,
        known_by=[KnownAs(each.kind, each.text) for each in statement.known_by],
        stood_still_days=case.stood_still,
        extension=case.extension,
        why_not=case.why_not,
        held=len(case.held),
        sha256=case.sha256,
    )


def _facts(store: Store, case: LoggedCase, now: datetime) -> dict[str, Any]:
    first = cases.first_erased(store, case, now) if case.state is CaseState.OPEN else None
    left = case.days_left(local_date(store.clock.today(now)))
    return {
        **{"id": case.id, "received": case.received_at, "due": case.due_on},
        **{"days_left": left, "first_erased": first, "state": case.state},
    }


def shown(store: Store, case: str, now: datetime) -> Entry:
    """One case with its sealed statements; raises NotGranted, NothingMatched, Integrity."""
    store.demand(Action.DSAR, now)
    logged = _known(store, case, now)
    return _entry(store, logged, store.catalogue.cases.rows())


def extend(store: Store, case: str, reason: str | None, now: datetime) -> LoggedCase:
    """Extend the deadline by the two months that GDPR 12(3) allows, once and within the first month.

    Raises NotGranted, NothingMatched, Usage for an empty reason, Refused (access.subject).
    """

    def event(logged: LoggedCase) -> CaseExtended:
        if logged.extension is not None:
            raise Refused("case_extended_already", rule="access.subject", case=logged.id)
        if store.clock.today(now) >= end_of_day(logged.due_on):
            raise Refused("case_too_late_to_extend", rule="access.subject", case=logged.id)
        received = local_date(logged.received_at)
        due = answer_due(received, stood_still=logged.stood_still, extended=True)
        return CaseExtended(case=logged.id, reason=str(reason), due=due.isoformat())

    return _do(store, case, reason, event, now)


def refuse(store: Store, case: str, reason: str | None, now: datetime) -> LoggedCase:
    """Refuse a request for a reason that the person is told (GDPR 12(4)); raises as `extend`."""
    return _do(store, case, reason, lambda logged: CaseRefused(case=logged.id, reason=str(reason)), now)


def close(store: Store, case: str, reason: str | None, now: datetime) -> LoggedCase:
    """Close a case whose answer was handed over, or, with a reason, one that needs none; raises as `extend`."""

    def event(logged: LoggedCase) -> CaseClosed:
        if logged.state is CaseState.OPEN and reason is None:
            raise Refused("case_not_answered", rule="access.subject", case=logged.id)
        return CaseClosed(case=logged.id, reason=reason)

    return _do(store, case, reason, event, now, among=(CaseState.OPEN, CaseState.ANSWERED), needs_reason=False)


def _do(
    store: Store,
    case: str,
    reason: str | None,
    event: Callable[[LoggedCase], AuditEvent],
    now: datetime,
    *,
    among: Sequence[CaseState] = (CaseState.OPEN,),
    needs_reason: bool = True,
) -> LoggedCase:
    """Log an event of a case in one of these states; the case afterwards."""
    store.demand(Action.DSAR, now)
    problem = reason_problem(reason) if needs_reason or reason is not None else None
    if problem is not None:
        raise Usage(problem, rule="access.subject")
    with store.change(now) as change:
        logged = _known(store, case, now)
        if logged.state not in among:
            raise Refused(_OVER[logged.state], rule="access.subject", case=logged.id)
        change.log(event(logged))
    return _known(store, logged.id, now)


def _known(store: Store, case: str, now: datetime) -> LoggedCase:
    """The open case of an id or of its beginning; raises NothingMatched."""
    running = {open_case.id: open_case for open_case in cases.running(store, now)}
    ids = named(case, running)
    if len(ids) != 1:
        raise NothingMatched("no_such_case", rule="access.subject", id=case[:40])
    return running[ids[0]]
