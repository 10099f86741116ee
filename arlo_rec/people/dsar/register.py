"""The register of requests (GDPR 12, 15 to 18, 20, 21): a case from its receipt until it is answered or decided.

Every step of a case is a log entry, signed by the officer (`access.cases`); `decisions` has the later ones. The
person's identifiers, and how their identity was checked, are sealed to the officers.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from itertools import count
from typing import Any, Final, NamedTuple

from msgspec import UNSET, UnsetType

from arlo_rec.law.log.events import CaseAnswered, CaseHolds, CaseIdentified, CaseOpened, CaseWidened, Denied
from arlo_rec.law.log.registers import PENDING, CaseState, LoggedCase
from arlo_rec.law.model.deadlines import answer_due
from arlo_rec.law.model.documents import Record
from arlo_rec.law.model.errors import Integrity, InUse, NothingMatched, NotUnlocked, Refused, Usage
from arlo_rec.law.model.records import to_iso
from arlo_rec.law.model.strict_json import canonical, parse_object
from arlo_rec.law.model.times import local_date
from arlo_rec.law.rights import ASKED_LATE, Right, identity_stated
from arlo_rec.people.dsar import subjects
from arlo_rec.people.dsar.answer import Case, IdentityCheck
from arlo_rec.people.dsar.subjects import Identifier, KnownBy
from arlo_rec.policy import Action
from arlo_rec.vault.access import audience_keys, cases, holds
from arlo_rec.vault.access.holds import Holds
from arlo_rec.vault.access.short_ids import named
from arlo_rec.vault.catalogue.cases import CaseRow
from arlo_rec.vault.catalogue.sealed_secrets import access_seed
from arlo_rec.vault.crypto import primitives
from arlo_rec.vault.opened import Store

# -- register ---------------------------------------------------------------------------------------


OVER: Final = {
    CaseState.ANSWERED: "case_is_answered",
    CaseState.GRANTED: "case_is_granted",
    CaseState.REFUSED: "case_is_refused",
    CaseState.CLOSED: "case_is_closed",
}
_KEY_ID = 16  # bytes of the id of the access key that a statement is sealed to, before it
_TAG = 17  # bytes of `Identifier.marked`


@dataclass(frozen=True, slots=True)
class Intake:
    """An officer's statement of a request: the right, its receipt, and how and when identity was checked."""

    identity: tuple[str, ...] = ()  # one statement, or one for each of the identifiers, in their order
    received_at: datetime | None = None
    asked_at: datetime | None = None  # when the person was asked who they are; None if that took no time
    shown_at: datetime | None = None  # when they showed it
    case: str | None = None  # the case that the request belongs to; None if it is to be looked up
    is_new: bool = False  # another person with the same identifiers asks
    rights: tuple[Right, ...] = (Right.ACCESS,)  # a new case is for the first
    way: str | None = None  # by which the request came, in the officer's words

    def __repr__(self) -> str:
        return "Intake()"


@dataclass(frozen=True, slots=True)
class Statement:
    """The sealed statement of a case or a part of it: how identity was checked, and the identifiers."""

    identity: tuple[str, ...] = field(repr=False)
    known_by: tuple[Identifier, ...] = field(repr=False)
    way: tuple[str, ...] = field(default=(), repr=False)  # by which the request came
    checks: tuple[IdentityCheck, ...] = field(default=(), repr=False)  # of each identifier


class CaseShown(Record, frozen=True):
    """A case as answers show it."""

    id: str
    right: Right
    received: datetime
    due: date
    days_left: int | None  # None where no answer is due
    first_erased: datetime | None  # of its recordings; None without one, and where no answer is due
    state: CaseState
    waits: str | None  # the id of a refusal that a second officer is to decide


class KnownAs(Record, frozen=True):
    """An identifier of the person, as answers show it."""

    kind: KnownBy
    text: str


class CaseDetails(CaseShown, frozen=True):
    """Everything about a case."""

    opened: datetime
    answered: datetime | None
    granted: datetime | None
    refused: datetime | None
    ground: str | None  # of the refusal, or of closing it without an answer
    closed: datetime | None
    ends: datetime
    identity: tuple[str, ...]
    identity_asked: date | None  # since when the deadline stands still
    known_by: list[KnownAs]
    way: tuple[str, ...]
    stood_still_days: int
    extension: str | None
    why: str | None
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
    """A case of the register with its statements; a part of them may be lost (after a restore), or damaged."""

    case: LoggedCase
    statement: Statement
    is_lost: bool = False


# -- intake -------------------------------------------------------------------------------------------


def take(
    store: Store, known_by: Sequence[Identifier], intake: Intake, now: datetime, *, entered: bool = False
) -> Entry:
    """The case of a request: the named one, the running one of the same identifiers, or a new one.

    Several people may share a number. So a case answers for its own identifiers; a request that shares only some of
    them, or states another identity or day, joins none by itself: Refused, which names the case. Each addition needs a
    statement of how identity was checked (access.subject), and so does a new case unless it is *entered* to ask for
    it: Refused, after its log entry. The log names the recordings that are held at that moment, in the same change.
    """
    if intake.case is not None and intake.is_new:
        raise Usage("case_or_new_case")
    if intake.case is not None:
        return _join(store, intake.case, known_by, intake, now, entered=entered)
    running = [] if intake.is_new else _running(store, known_by, intake.rights, now)
    if running:
        if len(running) == 1 and not running[0].is_lost and _is_repeated(running[0], known_by, intake):
            return _join(store, running[0].case.id, (), replace(intake, received_at=None), now, entered=entered)
        names = ", ".join(entry.case.id for entry in running)
        raise Refused("case_runs", rule="access.subject", case=names)
    if not entered or intake.identity:
        _demand_identity(store, intake, known_by, now)
    case = _add(store, None, _stated(intake, known_by), intake, now)
    return shown(store, case, now)


def _stated(intake: Intake, known_by: Iterable[Identifier]) -> Statement:
    return Statement(intake.identity, tuple(known_by), (intake.way,) if intake.way is not None else ())


def _join(
    store: Store, case: str, known_by: Sequence[Identifier], intake: Intake, now: datetime, *, entered: bool
) -> Entry:
    """The case of that id, with the request's identifiers and identity check added."""
    entry = shown(store, case, now)
    _demand_open(entry.case, store.clock.today(now))
    is_open = entry.case.state is CaseState.IDENTITY
    if intake.received_at is not None or ((intake.asked_at or intake.shown_at) is not None and not is_open):
        raise Usage("case_has_its_days", case=entry.case.id)
    if entry.is_lost and not (known_by and intake.identity):
        raise Refused("case_part_lost", rule="access.subject", case=entry.case.id)
    new = [identifier for identifier in known_by if identifier not in entry.statement.known_by]
    if subjects.are_mixed((*entry.statement.known_by, *new)):
        raise Usage("agent_or_caller")
    is_known = set(intake.identity) <= set(entry.statement.identity)
    if not new and is_known and (entered or not is_open):
        return entry
    _demand_identity(store, intake, new, now)
    _add(store, entry, _stated(intake, new), intake, now)
    return shown(store, case, now)


def _is_repeated(entry: Entry, known_by: Sequence[Identifier], intake: Intake) -> bool:
    """Whether a request repeats a running case: same identifiers, and nothing else stated."""
    same_day = intake.received_at in (None, entry.case.received_at)
    is_open = entry.case.state is CaseState.IDENTITY  # then the check is what is new
    same_check = is_open or set(intake.identity) <= set(entry.statement.identity)
    return set(known_by) == set(entry.statement.known_by) and same_day and same_check


def as_answered(entry: Entry) -> Case:
    """A case as the letter that answers it tells it."""
    case, statement, _ = entry  # an answer comes once identity is shown, so the deadline stands
    return Case(
        case.id,
        CaseState.ANSWERED,
        case.received_at,
        case.due_on,
        statement.identity,
        case.stood_still,
        case.extension,
        statement.checks,
    )


def _demand_identity(store: Store, intake: Intake, known_by: Sequence[Identifier], now: datetime) -> None:
    """Raise Refused, after logging it, unless a check of identity is stated, for all identifiers or for each."""
    if len(intake.identity) > 1 and len(intake.identity) != len(known_by):
        raise Usage("identity_for_each", rule="access.subject", count=len(known_by))
    for decision in map(identity_stated, intake.identity or ("",)):
        if decision.allowed:
            continue
        store.note(Denied(action=Action.DSAR, rule=decision.rule, code=decision.code), now)
        raise Refused(decision.code, rule=decision.rule)


def _running(store: Store, known_by: Iterable[Identifier], rights: Collection[Right], now: datetime) -> list[Entry]:
    """The running cases of these rights that share an identifier with a person, the oldest first."""
    tags, today = {identifier.marked for identifier in known_by}, local_date(store.clock.today(now))
    rows = store.catalogue.cases.rows()
    ids = {row.id for row in rows if tags & _tags(row)}
    logged = cases.logged(store) if ids else {}
    sharing = sorted((case for case in logged.values() if case.id in ids), key=lambda case: case.received_at)
    return [_entry(store, case, rows) for case in sharing if case.takes(today) and case.right in rights]


def others(store: Store, case: LoggedCase, now: datetime) -> list[Entry]:
    """The person's other running cases of the same right."""
    known_by = shown(store, case.id, now).statement.known_by
    return [entry for entry in _running(store, known_by, {case.right}, now) if entry.case.id != case.id]


def _tags(row: CaseRow) -> set[bytes]:
    return {row.tags[at : at + _TAG] for at in range(0, len(row.tags), _TAG)}


def _add(store: Store, entry: Entry | None, stated: Statement, intake: Intake, now: datetime) -> str:
    """Open a case, or add a part to the one of *entry*, by the state within the change; its id."""
    case = entry.case.id if entry is not None else primitives.fresh(6).hex()
    with store.change(now) as change:
        if entry is None and not intake.is_new and _running(store, stated.known_by, intake.rights, now):
            raise InUse("case_opened_meanwhile", rule="access.subject")
        parts = [row.part for row in store.catalogue.cases.rows() if row.id == case]
        if entry is not None:
            _demand_open(cases.logged(store)[case], store.clock.today(now))
        first = len(entry.case.sworn) if entry is not None else 0
        row = _sealed(store, case, next(n for n in count(first) if n not in parts), stated)
        widened = CaseWidened(case=case, sworn=row.digest())
        store.catalogue.cases.add(row)
        change.log(widened if entry is not None else _opening(row, intake, now))
        if entry is not None and entry.case.state is CaseState.IDENTITY and stated.identity:
            change.log(_identified(entry.case, intake, now))
        ids = tuple(subjects.still_there(store, stated.known_by))
        change.log(CaseHolds(case=case, recordings=ids, held=len(ids)))
    return case


def _demand_open(case: LoggedCase, at: datetime) -> None:
    """Raise Refused if a case is over at that time."""
    if not case.takes(local_date(at)):
        raise Refused(OVER[case.state], rule="access.subject", case=case.id)


def demand_open(store: Store, case: str, now: datetime) -> None:
    """Raise Refused if a case was refused or closed since it was taken."""
    _demand_open(cases.logged(store)[case], store.clock.today(now))


def is_answered_by(store: Store, answered: CaseAnswered) -> bool:
    """Whether the log has an entry of this answer."""
    case = cases.logged(store).get(answered.case)
    return case is not None and case.sha256 == answered.sha256


def _opening(row: CaseRow, intake: Intake, now: datetime) -> CaseOpened:
    """The event of opening a case; raises Usage for days that are not in order."""
    received, is_identified = local_date(intake.received_at or now), bool(intake.identity)
    if received > local_date(now) or (intake.received_at or now) > now:
        raise Usage("received_in_future")
    asked = local_date(intake.asked_at) if intake.asked_at is not None else None
    stood_still = _stood_still(received, asked, intake, now) if is_identified else 0
    is_in_order = intake.shown_at is None and (asked is None or received <= asked <= local_date(now))
    if not is_identified and not is_in_order:
        raise Usage("identity_days")
    return CaseOpened(
        case=row.id,
        sworn=row.digest(),
        received=to_iso(intake.received_at or now),
        due=answer_due(received, stood_still=stood_still).isoformat(),
        stood_still=stood_still,
        subject_right=intake.rights[0],
        identified=is_identified,
        asked=asked.isoformat() if asked is not None and not is_identified else None,
    )


def _identified(case: LoggedCase, intake: Intake, now: datetime) -> CaseIdentified:
    """The event of a person who has shown who they are; raises Usage for days that are not in order."""
    asked = local_date(intake.asked_at) if intake.asked_at is not None else case.asked_on
    received = local_date(case.received_at)
    stood_still = _stood_still(received, asked, intake, now)
    due = answer_due(received, stood_still=stood_still, extended=case.extension is not None)
    return CaseIdentified(case=case.id, due=due.isoformat(), stood_still=stood_still)


def _stood_still(received: date, asked: date | None, intake: Intake, now: datetime) -> int:
    """The days from the question who the person is until they showed it; raises Usage if they are not in order."""
    today = local_date(now)
    shown = local_date(intake.shown_at) if intake.shown_at is not None else today
    if asked is None:
        if intake.shown_at is not None:
            raise Usage("identity_days")
        return 0
    if not received <= asked <= shown <= today:
        raise Usage("identity_days")
    return (shown - asked).days


def asked_late(case: LoggedCase, intake: Intake) -> int | None:
    """The days until identity was asked for, if that was late: the deadline may not stand still then (GDPR 12(6))."""
    asked = local_date(intake.asked_at) if intake.asked_at is not None else case.asked_on
    days = (asked - local_date(case.received_at)).days if asked is not None else 0
    return days if days > ASKED_LATE.days else None


# -- the sealed statement -----------------------------------------------------------------------------


def _sealed(store: Store, case: str, part: int, stated: Statement) -> CaseRow:
    access = audience_keys.access_key(store)
    known_by = [[identifier.kind, identifier.text] for identifier in stated.known_by]
    content = canonical({"identity": list(stated.identity), "known_by": known_by, "way": list(stated.way)})
    sealed = access.id + primitives.seal(access.public, content, _info(store, case))
    return CaseRow(case, part, sealed, b"".join(sorted(identifier.marked for identifier in stated.known_by)))


def _entry(store: Store, case: LoggedCase, rows: Iterable[CaseRow]) -> Entry:
    """A case with the statements of all its parts."""
    identity: list[str] = []
    checks: list[IdentityCheck] = []
    known_by: list[Identifier] = []
    way: list[str] = []
    parts = 0
    for row in rows:
        if row.id == case.id and (stated := _opened(store, row)) is not None:
            identity += [words for words in stated.identity if words not in identity]
            known_by += [identifier for identifier in stated.known_by if identifier not in known_by]
            way += stated.way
            checks += _checks(stated, known_by)
            parts += 1
    told = Statement(tuple(identity), tuple(known_by), tuple(way), tuple(dict.fromkeys(checks)))
    return Entry(case, told, parts < len(case.sworn))


def _checks(stated: Statement, so_far: Sequence[Identifier]) -> list[IdentityCheck]:
    """How each identifier of a part was checked; a part without any is a check of all that the case has *so far*."""
    names = [identifier.text for identifier in stated.known_by or so_far]
    if len(stated.identity) == len(names):
        return [IdentityCheck(*pair) for pair in zip(names, stated.identity, strict=True)]
    return [IdentityCheck(name, way) for name in names for way in stated.identity]


def _opened(store: Store, row: CaseRow) -> Statement | None:
    """The statement of a part; None where its row is damaged, which `verify` reports."""
    try:
        key = primitives.SealingKey.from_seed(store.secret(access_seed(row.sealed[:_KEY_ID])))
        content: dict[str, Any] = parse_object(key.open(row.sealed[_KEY_ID:], _info(store, row.id)))
        by_kind = [(KnownBy(kind), str(text)) for kind, text in content["known_by"]]
        known_by = tuple(subjects.known(store, kind, text) for kind, text in by_kind)
        return Statement(tuple(map(str, content["identity"])), known_by, tuple(map(str, content["way"])))
    except (Integrity, NotUnlocked, primitives.Sealed, KeyError, TypeError, ValueError):
        return None


def _info(store: Store, case: str) -> bytes:
    """The HPKE info that a statement is bound to."""
    return b"arlo-rec/1/case\0" + store.layout.id + case.encode("ascii")


# -- the register -------------------------------------------------------------------------------------


def listed(store: Store, now: datetime) -> list[CaseShown]:
    """The cases that have not ended, by deadline; raises NotGranted."""
    store.demand(Action.DSAR, now)
    on_hold = holds.at(store, now)
    return [CaseShown(**_facts(store, case, on_hold, now)) for case in cases.running(store, now)]


def facts(store: Store, case: LoggedCase, now: datetime) -> CaseShown:
    """A case as answers show it."""
    return CaseShown(**_facts(store, case, holds.at(store, now), now))


def details(store: Store, entry: Entry, now: datetime) -> CaseDetails:
    """Everything about a case."""
    case, statement, _ = entry
    return CaseDetails(
        **_facts(store, case, holds.at(store, now), now),
        opened=case.opened_at,
        answered=case.answered_at,
        granted=case.granted_at,
        refused=case.refused_at,
        ground=case.ground,
        closed=case.closed_at,
        ends=case.ends_at,
        identity=statement.identity,
        identity_asked=case.asked_on if case.state is CaseState.IDENTITY else None,
        known_by=[KnownAs(each.kind, each.text) for each in statement.known_by],
        way=statement.way,
        stood_still_days=case.stood_still,
        extension=case.extension,
        why=case.why,
        held=len(case.held),
        sha256=case.sha256,
    )


def _facts(store: Store, case: LoggedCase, on_hold: Holds, now: datetime) -> dict[str, Any]:
    first = cases.first_erased(store, case, on_hold, now) if case.state in PENDING else None
    today = local_date(store.clock.today(now))
    return {
        **{"id": case.id, "right": case.right, "received": case.received_at, "due": case.due(today)},
        **{"days_left": case.days_left(today), "first_erased": first, "state": case.state},
        "waits": waits.id if (waits := case.waiting(now)) is not None else None,
    }


def shown(store: Store, case: str, now: datetime) -> Entry:
    """One case with its sealed statements; raises NotGranted, NothingMatched."""
    store.demand(Action.DSAR, now)
    logged = known(store, case, now)
    return _entry(store, logged, store.catalogue.cases.rows())


def known(store: Store, case: str, now: datetime) -> LoggedCase:
    """The open case of an id or of its beginning; raises NothingMatched."""
    running = {open_case.id: open_case for open_case in cases.running(store, now)}
    ids = named(case, running)
    if len(ids) != 1:
        raise NothingMatched("no_such_case", rule="access.subject", id=case[:40])
    return running[ids[0]]
