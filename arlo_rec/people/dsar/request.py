"""Answering a caller's access request (GDPR 15): a case, the recordings held, and an encrypted page to hand over.

By default the answer holds only the caller's speech: the other channel is exact digital zero. A call that cannot be
separated is included only by the officer's decision with a reason. The log names every recording before it is opened;
the page lists every access, which `accesses` reads from it. `letter` words the letter, `package` encrypts the page.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import NamedTuple

import msgspec

from arlo_rec.calls.intake import left_in_spool
from arlo_rec.calls.intake.left_in_spool import LeftCall
from arlo_rec.law.log.events import CaseAnswered, Denied, Failed, OpenedForSubject
from arlo_rec.law.log.registers import PENDING
from arlo_rec.law.messages import say
from arlo_rec.law.model.documents import Record
from arlo_rec.law.model.errors import ArloError, NothingMatched, Refused, Unreachable, Usage
from arlo_rec.law.model.names import agent_name
from arlo_rec.law.model.particulars import FOR_CALLERS, FOR_STAFF, Particulars
from arlo_rec.law.model.progress import Observer, unobserved
from arlo_rec.law.model.records import Recording, RecordingId
from arlo_rec.law.model.times import local_date
from arlo_rec.law.rights import ANSWERED_BY_COPY, ObjectionScope, Right, may_differ
from arlo_rec.people.dsar import access_list, accesses, recordings, register, subjects, users, writing
from arlo_rec.people.dsar.accesses import LogMentions
from arlo_rec.people.dsar.answer import Answer, DamagedRecording, ErasedSince, NotTakenIn, SaidAbout, Scope
from arlo_rec.people.dsar.files import Enclosure
from arlo_rec.people.dsar.recordings import HeldCall, KnownWithdrawal
from arlo_rec.people.dsar.register import CaseShown, Intake, KnownAs
from arlo_rec.people.dsar.signing import Statement, sealed
from arlo_rec.people.dsar.sounds import given
from arlo_rec.people.dsar.subjects import Identifier, KnownBy
from arlo_rec.people.dsar.writing import Composition, Form
from arlo_rec.policy import REFUSED_FOR_GOOD, REFUSED_WITHOUT_CONSENT, Action, Decision, reason_problem
from arlo_rec.sound.audio.turns import Turn, written
from arlo_rec.vault.access import disclosures, gate, objections
from arlo_rec.vault.access.gate import Permit
from arlo_rec.vault.backends.named_files import NamedFile
from arlo_rec.vault.crypto import primitives
from arlo_rec.vault.crypto.object_file import Digested
from arlo_rec.vault.erasure import objection
from arlo_rec.vault.opened import Store


@dataclass(frozen=True, slots=True)
class Request:
    """An access request: the identifiers of the person, and the officer's statement of it."""

    callers: tuple[str, ...] = ()  # telephone numbers in any notation, or the groups of one
    references: tuple[str, ...] = ()  # of calls whose number was withheld
    agents: tuple[str, ...] = ()  # an employee's names in the telephone system
    person: str | None = None  # of the roster, a user of this system
    intake: Intake = field(default_factory=Intake)

    def __repr__(self) -> str:
        return "Request()"


@dataclass(frozen=True, slots=True)
class Reply:
    """The file that answers a request, and what it is to hold."""

    out: NamedFile
    turns: Mapping[str, Sequence[Turn]] = field(default_factory=dict, repr=False)  # `sound.audio.turns.read`
    turns_out: NamedFile | None = None  # gets the drafted turns of what is not separated
    whole_call: bool = False
    withhold: bool = False  # refuse the sounds that are not separated
    said_about: Mapping[str, Sequence[SaidAbout]] = field(default_factory=dict, repr=False)  # by id or reference
    reason: str | None = None
    form: Form = field(default_factory=Form)
    scope: Scope | None = None  # the requested part of all held recordings; None: everything
    particulars: Particulars = field(default_factory=Particulars)

    @property
    def whole_call_reason(self) -> str | None:
        """The reason for including the whole call; None if it is not included."""
        return self.reason if self.whole_call else None

    @property
    def decision(self) -> Decision | None:
        """Whether the answer may differ from the person's own speech as the officer wants it; None if it does not."""
        chosen = {
            "whole_call_without_reason": self.whole_call,
            "withhold_without_reason": self.withhold,
            "about_without_reason": bool(self.said_about),
        }
        return next((may_differ(code, self.reason) for code, is_chosen in chosen.items() if is_chosen), None)


class WithoutSound(Record, frozen=True):
    """A recording of an answer whose sound is not given, with the code of why."""

    id: str
    code: str


class Stretch(Record, frozen=True):
    """A drafted turn on a single track: speech of an unknown speaker, in seconds."""

    id: str
    start: float
    end: float


class CallsOf(KnownAs, frozen=True):
    """An identifier of the person, with the times of its calls: others may have called from the same number."""

    calls: list[datetime]


class Answered(Record, frozen=True):
    """A written answer; the passphrase is shown once, and is sent by another channel."""

    case: CaseShown
    recordings: int
    out: str
    sha256: str
    passphrase: str
    without_sound: list[WithoutSound]
    turns: list[Stretch]  # of recordings whose voices are not separated
    damaged: tuple[str, ...]  # ids of recordings that cannot be given, or not their sound
    known_by: list[CallsOf]
    nothing_of: tuple[str, ...]  # names of employees and references that no call has
    unsigned: int  # accesses in entries that their person did not sign, which are told as possible


class _Found(NamedTuple):
    """The recordings and withdrawals that the identifiers of a case lead to."""

    entry: register.Entry
    side: str  # of the person in the calls
    held: Sequence[Recording]
    asked: Sequence[Recording]  # those of the held ones that the person wants
    gone: Sequence[ErasedSince]
    withdrawals: Sequence[KnownWithdrawal]

    @property
    def ids(self) -> list[RecordingId]:
        """The recordings that the answer tells of, the erased ones too."""
        names = [recording.id for recording in self.asked]
        names += [RecordingId(bytes.fromhex(recording.id)) for recording in self.gone]
        names += [call for withdrawal in self.withdrawals for call in withdrawal.calls]
        return list(dict.fromkeys(names))


class _Opened(NamedTuple):
    """The opened parts of an answer: permits, facts of each recording, and the list of accesses, if any."""

    permits: list[Permit]
    calls: Sequence[HeldCall]
    damaged: Sequence[DamagedRecording]
    mentions: LogMentions | None
    listed: bytes | None


class Registered(Record, frozen=True):
    """A registered request that waits for its answer, with the number of its recordings."""

    case: CaseShown
    recordings: int
    known_by: list[CallsOf]
    nothing_of: tuple[str, ...]  # names of employees and references that no call has
    asked_late: int | None = None  # days until identity was asked for, if these are many


def enter(store: Store, request: Request, clock: Callable[[], datetime]) -> Registered:
    """Open or continue the person's case without an answer, which a later run gives; raises as `answer`."""
    now = clock()
    _demand(store, now)
    entry = _taken(store, request, now, entered=True)
    if entry.case.right is Right.OBJECTION:
        _enter_objection(store, entry, now)
    if entry.case.state not in PENDING:
        raise Refused("case_is_answered", rule="access.subject", case=entry.case.id)
    known_by = entry.statement.known_by
    held, case = subjects.held(store, known_by, now), register.facts(store, entry.case, now)
    late = register.asked_late(entry.case, request.intake)
    return Registered(case, len(held), *_of_each(store, known_by, now), late)


def _enter_objection(store: Store, entry: register.Entry, now: datetime) -> None:
    """Enter the objection of an employee to every use: it closes their calls from the day it was received."""
    for each in entry.statement.known_by:
        if each.kind is KnownBy.AGENT:
            closing = objections.in_force(store).get(agent_name(each.text), {})
            scopes = [scope for scope in ObjectionScope if scope not in closing]
            if scopes:
                objection.enter(store, each.text, scopes, local_date(entry.case.received_at), now)


def _of_each(store: Store, known_by: Sequence[Identifier], now: datetime) -> tuple[list[CallsOf], tuple[str, ...]]:
    """The times of the held calls of each identifier; and the names and references without one, maybe misspelt."""
    calls = [
        CallsOf(each.kind, each.text, [call.started_at for call in subjects.held(store, [each], now)])
        for each in known_by
    ]
    typed = (each for each in calls if each.kind in {KnownBy.AGENT, KnownBy.CALL})
    return calls, tuple(each.text for each in typed if not each.calls)


def _demand(store: Store, now: datetime) -> None:
    store.demand(Action.DSAR, now)
    store.demand_replayed(Action.DSAR, now)
    store.demand_clock(Action.DSAR, now)


def _taken(store: Store, request: Request, now: datetime, *, entered: bool = False) -> register.Entry:
    """The case of a request; refusals are logged before they are raised."""
    return register.take(store, _identifiers(store, request, now), request.intake, now, entered=entered)


def answer(
    store: Store,
    request: Request,
    reply: Reply,
    clock: Callable[[], datetime],
    observer: Observer = unobserved,
) -> Answered:
    """Open or continue the caller's case and write the package; refusals are logged before they are raised.

    *observer* follows the reading of the sounds.
    """
    now = clock()
    _demand(store, now)
    reply.out.demand_new()
    if reply.turns_out is not None:
        reply.turns_out.demand_new()
    _check_decision(store, reply, now)
    entry = _taken(store, request, now)
    if entry.case.right not in ANSWERED_BY_COPY:
        raise Refused("case_of_another_right", rule="access.subject", case=entry.case.id)
    if subjects.side_of(entry.statement.known_by) == "person":
        return _answer_user(store, entry, reply, clock)
    found = _found(store, reply, entry, now)
    calls_of, nothing_of = _of_each(store, entry.statement.known_by, now)
    permits = _permits(store, found.asked, entry, reply, clock())
    with disclosures.unless_written(store, permits[0].seq if permits else None, reply.out.files, now):
        opened = _opened(store, reply, found, permits, clock)
        content = _content(store, reply, found, opened, clock)
        answered = _write(store, reply, content, opened, clock, observer)
    return msgspec.structs.replace(answered, nothing_of=nothing_of, known_by=calls_of)


def _answer_user(store: Store, entry: register.Entry, reply: Reply, clock: Callable[[], datetime]) -> Answered:
    """Answer a user of this system, from the roster and the log; raises Refused without the company's contacts."""
    reply.particulars.demand(("contact", "data_protection", "processors"), "access.subject")
    case, name = register.as_answered(entry), entry.statement.known_by[0].text
    target = writing.target(reply.out, [], reply.form, whole=False)
    content = users.answer(store, case, name, clock())
    composed = users.compose(target.package, content, reply.particulars, reply.form.lang, clock())
    pieces = Digested(sealed(store, composed, Statement(case.id, None, None), clock), hashlib.sha256())
    target.file.write(pieces, lambda: register.demand_open(store, case.id, clock()))
    sha256 = pieces.digest().hex()
    _note_answered(store, target.file, CaseAnswered(case=case.id, sha256=sha256), clock())
    shown = register.facts(store, register.shown(store, case.id, clock()).case, clock())
    return Answered(shown, 0, target.file.absolute(), sha256, target.passphrase, [], [], (), [], (), 0)


def _found(store: Store, reply: Reply, entry: register.Entry, now: datetime) -> _Found:
    """All that the identifiers of a case lead to; raises NothingMatched, and Refused without particulars."""
    side, known_by = _side(entry, reply), entry.statement.known_by
    held = subjects.held(store, known_by, now)
    gone = recordings.since_intake(store, entry.case, [call.id for call in held], now)
    asked = _asked(store, reply, held, now)
    return _Found(entry, side, held, asked, gone, recordings.withdrawals_of(store, known_by))


def _opened(store: Store, reply: Reply, found: _Found, permits: list[Permit], clock: Callable[[], datetime]) -> _Opened:
    """The calls that the permits open, and the log's mentions of all that was found."""
    case = found.entry.case.id
    mentions = accesses.mentions(store, found.ids, case, found.side) if found.ids else None
    listed = access_list.document(store, mentions, case, clock()) if mentions else None
    calls, damaged = recordings.of_permits(store, permits, mentions, clock, side=found.side, turns=reply.turns)
    calls = recordings.with_said_about(calls, reply.said_about, found.side)
    return _Opened(permits, calls, damaged, mentions, listed)


def _content(store: Store, reply: Reply, found: _Found, opened: _Opened, clock: Callable[[], datetime]) -> Answer:
    """The answer before its sounds are read."""
    known_by, mentions, now = found.entry.statement.known_by, opened.mentions, clock()
    gone = {recording.id for recording in found.gone}
    policy = store.policy.at(now)
    return Answer(
        register.as_answered(found.entry),
        now,
        tuple(identifier.text for identifier in known_by),
        tuple(call.facts for call in opened.calls),
        tuple(opened.damaged),
        subjects.in_full(reply.scope, found.held),
        len(found.held) - len(found.asked),
        reply.form.sound_format,
        tuple(recordings.with_what_was_done(store, each, gone, mentions, now) for each in found.withdrawals),
        store.settings.ring_hours if store.settings.escrows else None,
        reply.whole_call_reason,
        reply.particulars,
        policy.version,
        store.log.vkey(),
        recordings.with_accesses(store, found.gone, mentions, now),
        *(found.side, policy.retention_days, policy.entries_days),
        subjects.objections_of(store, known_by),
        reply.reason if reply.withhold else None,
        *_not_taken_in(store, found, now),
    )


def _not_taken_in(store: Store, found: _Found, now: datetime) -> tuple[tuple[NotTakenIn, ...], bool]:
    """The caller's calls that lie in a known spool, and whether all of these could be read."""
    if found.side != "caller":
        return (), True
    numbers = {each.text for each in found.entry.statement.known_by if each.text.startswith("+")}
    search = left_in_spool.of_callers(store, numbers, now)
    withdrawn_at = max((each.facts.at for each in found.withdrawals), default=None)
    told = (NotTakenIn(call.began, _refused_as(call), call.leaves_at(now, withdrawn_at)) for call in search.calls)
    return tuple(told), search.is_whole


def _refused_as(call: LeftCall) -> str:
    """The letter's code for a refusal; a call that is past retention was not taken in before, and nothing else."""
    if call.code in REFUSED_WITHOUT_CONSENT:
        return "stopped" if call.stopped else "unasked"
    if call.code == "not_a_file":
        return "no_sound"
    return "waits" if call.code in {left_in_spool.WAITS, *REFUSED_FOR_GOOD, "future"} else "faulty"


def _side(entry: register.Entry, reply: Reply) -> str:
    """The person's side of the calls; raises Refused where the company has not stated what an answer to them tells."""
    side = subjects.side_of(entry.statement.known_by)
    reply.particulars.demand(FOR_STAFF if side == "agent" else FOR_CALLERS, "access.subject")
    return side


def _unsigned(answer: Answer) -> int:
    """The number of accesses that an answer tells as possible only."""
    groups = (answer.recordings, answer.damaged, answer.erased_since, answer.withdrawals)
    return sum(not access.certain for group in groups for recording in group for access in recording.accesses)


def _write(
    store: Store,
    reply: Reply,
    content: Answer,
    opened: _Opened,
    clock: Callable[[], datetime],
    observer: Observer,
) -> Answered:
    """Write the signed package, if everything in it is still held then, and log the answer."""
    form, whole, permits, calls, listed = reply.form, reply.whole_call, opened.permits, opened.calls, opened.listed
    side = None if whole else content.side
    target = writing.target(reply.out, calls, form, whole=whole)
    if permits and target.file.name != reply.out.name:
        disclosures.name_anew(store, permits[0].seq, target.file.absolute(), clock())
    sounds = given(store, [call.source for call in calls], clock, side=side, wav=form.wav, observer=observer)
    beside = [Enclosure(access_list.NAME, "application/json", listed)] if listed is not None else []
    composed = Composition(target.package, content, sounds, form.lang, beside)
    of = permits[0].seq if permits else None
    statement = Statement(content.case.id, of, primitives.sha256(listed).hex() if listed else None)
    answer = sealed(store, composed, statement, clock, target.zip)
    pieces = Digested(answer, hashlib.sha256())
    target.file.write(pieces, lambda: _demand_open_and_held(store, content.case.id, permits, clock()))
    _write_turns(reply, composed, target.file)
    sha256, damaged = pieces.digest().hex(), _damaged(composed.answer)
    answered = CaseAnswered(case=content.case.id, sha256=sha256, of=of, damaged=damaged or None)
    _note_answered(store, target.file, answered, clock())
    case = register.facts(store, register.shown(store, content.case.id, clock()).case, clock())
    whys = ((facts.id, str(facts.withheld)) for facts in composed.answer.recordings)
    without = [
        WithoutSound(name, "withheld" if reply.withhold else why)
        for name, why in whys
        if why not in {"None", "damaged"}
    ]
    count, out = len(content.recordings), target.file.absolute()
    drafts = composed.drafts.items() if not reply.withhold else ()
    turns = [Stretch(name, turn.start, turn.end) for name, each in drafts for turn in each]
    facts = (case, count, out, sha256, target.passphrase, without, turns, damaged)
    return Answered(*facts, [], (), _unsigned(content))


def _write_turns(reply: Reply, composed: Composition, answer: NamedFile) -> None:
    """Write the drafted turns, if they are wanted and there are any; without them there is no answer either."""
    if reply.turns_out is None or not composed.drafts:
        return
    try:
        reply.turns_out.write([written(composed.drafts, say("dsar.turns_note", reply.form.lang))])
    except BaseException:
        answer.remove()
        raise


def _damaged(answer: Answer) -> tuple[str, ...]:
    """The ids of the recordings that an answer lacks, whole or in part, because they are damaged."""
    without_sound = [facts.id for facts in answer.recordings if facts.withheld == "damaged"]
    return (*(recording.id for recording in answer.damaged), *without_sound)


def _asked(store: Store, reply: Reply, held: Sequence[Recording], now: datetime) -> list[Recording]:
    """The recordings that the person wants to have; raises NothingMatched, after logging it."""
    if reply.scope is None:
        return list(held)
    try:
        return subjects.within(store, reply.scope, held)
    except NothingMatched as problem:
        store.note(Failed(action=Action.DSAR, rule="access.subject", code=problem.code), now)
        raise


def _note_answered(store: Store, file: NamedFile, answered: CaseAnswered, now: datetime) -> None:
    """Log the answer, unless the case was refused or closed meanwhile; of several answers the newest counts.

    Without an entry the file is deleted again. If the entry was written and a later step failed, the file is the
    answer, and its passphrase is shown only now.
    """
    try:
        with store.change(now) as change:
            register.demand_open(store, answered.case, now)
            change.log(answered)
    except BaseException as problem:
        if isinstance(problem, Unreachable) and register.is_answered_by(store, answered):
            return
        file.remove()
        raise


def _demand_open_and_held(store: Store, case: str, permits: list[Permit], now: datetime) -> None:
    """Raise Refused if the case is over, or a listed recording was withdrawn or is past retention."""
    register.demand_open(store, case, now)
    for permit in permits:
        gate.still_held(store, permit.recording, now)


def _identifiers(store: Store, request: Request, now: datetime) -> tuple[Identifier, ...]:
    """The person's identifiers; raises the errors of `subjects.identifiers`, after logging them."""
    if request.intake.case is not None and not (
        request.callers or request.references or request.agents or request.person
    ):
        return ()
    try:
        return subjects.identifiers(store, request.callers, request.references, request.agents, request.person)
    except ArloError as problem:
        store.note(Failed(action=Action.DSAR, rule="access.subject", code=problem.code), now)
        raise


def _check_decision(store: Store, reply: Reply, now: datetime) -> None:
    """Raise Usage, after logging it, if more or less than own speech is to be given without a reason."""
    if reply.whole_call and reply.withhold:
        raise Usage("not_together", names="--turns --whole-call")
    decision = reply.decision
    if decision is not None and not decision.allowed:
        store.note(Denied(action=Action.DSAR, rule=decision.rule, code=decision.code), now)
        problem = reason_problem(reply.reason) if reply.reason is not None else None
        raise Usage(problem or decision.code, rule=decision.rule)


def _permits(
    store: Store, held: Sequence[Recording], entry: register.Entry, reply: Reply, now: datetime
) -> list[Permit]:
    if not held:
        return []
    ids = tuple(recording.id for recording in held)
    copies = [copy.hex() for copy in store.catalogue.search.made_of(ids)]
    event = OpenedForSubject(
        recordings=ids,
        case=entry.case.id,
        whole_call=reply.whole_call,
        reason=reply.reason if reply.decision is not None else None,
        withheld=reply.withhold or None,
        about=bool(reply.said_about) or None,
        side=subjects.side_of(entry.statement.known_by),
        transcripts=copies or None,
    )
    return gate.permits_for_subject(store, list(held), event, reply.out.absolute(), now)
