"""Answering a caller's access request (GDPR 15): a case, the recordings held, and an encrypted page to hand over.

By default the answer holds only what the caller said: the other channel is exact digital zero. A call that cannot be
separated is included only by the officer's decision with a reason. The log names every recording before it is opened;
the page lists every access, which `accesses` reads from it. `letter` words the letter, `package` encrypts the page.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import NamedTuple

from arlo_rec.access import disclosures, gate
from arlo_rec.access.cases import CaseState
from arlo_rec.access.gate import Permit
from arlo_rec.backends.durable import write_new
from arlo_rec.crypto import primitives
from arlo_rec.crypto.object_file import Counted
from arlo_rec.dsar import (
    access_list,
    accesses,
    certificate,
    erased_since,
    pdf,
    recordings,
    register,
    subjects,
    withdrawals,
)
from arlo_rec.dsar.accesses import LogMentions
from arlo_rec.dsar.answer import Answer, Case, DamagedRecording
from arlo_rec.dsar.files import Enclosure
from arlo_rec.dsar.package import Composition
from arlo_rec.dsar.page_file import PageFile
from arlo_rec.dsar.recordings import HeldCall
from arlo_rec.dsar.register import Intake
from arlo_rec.dsar.sounds import GivenSound, given
from arlo_rec.dsar.subjects import Identifier
from arlo_rec.keys.key_files import readable_secret
from arlo_rec.model.audit_events import (
    CaseAnswered,
    Denied,
    Failed,
    OpenedForSubject,
)
from arlo_rec.model.errors import ArloError, Usage
from arlo_rec.model.particulars import Particulars
from arlo_rec.model.records import Recording, RecordingId
from arlo_rec.policy import (
    POLICY_VERSION,
    Action,
    Decision,
    reason_problem,
    whole_call,
)
from arlo_rec.speech.turns import Turn
from arlo_rec.store import Store

PASSPHRASE_GROUPS = 6  # of 4 characters: 120 bits for a file that leaves the company


@dataclass(frozen=True, slots=True)
class Request:
    """An access request, and how the officer answers it."""

    callers: tuple[str, ...]  # telephone numbers in any notation, or the groups of one
    out: Path | None  # where the answer goes; None where the request is only entered into the register
    intake: Intake = field(default_factory=Intake)
    references: tuple[str, ...] = ()  # of calls whose number was withheld
    agents: tuple[str, ...] = ()  # an employee's names in the telephone system
    turns: Mapping[str, Sequence[Turn]] = field(default_factory=dict, repr=False)  # `speech.turns.read`
    whole_call: bool = False
    reason: str | None = None
    lang: str = "nb"
    pdf: bool = False  # the letter lies beside as PDF too
    particulars: Particulars = field(default_factory=Particulars)

    def __repr__(self) -> str:
        return f"Request({self.out})"

    @property
    def whole_call_reason(self) -> str | None:
        """The reason for including the whole call; None where it is not included."""
        return self.reason if self.whole_call else None

    @property
    def side(self) -> str:
        """The person's side in the calls: `caller` or `agent`."""
        return "agent" if self.agents else "caller"


@dataclass(frozen=True, slots=True)
class AnswerFile:
    """An answer that is written; the passphrase is shown once, and is sent by another channel."""

    case: Case
    recordings: int
    without_sound: tuple[tuple[str, str], ...]  # ids, each with the code of why
    nothing_of: tuple[str, ...]  # names of employees that no call has
    out: Path
    sha256: str
    passphrase: str = field(repr=False)
    changed: tuple[RecordingId, ...] = ()  # not in it: their rows were changed, so that they may be the person's


class Registered(NamedTuple):
    """A request that is in the register and waits for its answer, with the recordings that there are."""

    case: Case
    recordings: int
    first_erased_on: datetime | None  # of these


def enter(store: Store, request: Request, clock: Callable[[], datetime]) -> Registered:
    """Open or continue the person's case without an answer, which a later run gives; raises as `answer`."""
    now = clock()
    entry = _taken(store, request, now)
    ends = [recording.ends_at for recording in subjects.held(store, entry.statement.known_by, now)]
    return Registered(register.as_told(entry), len(ends), min(ends, default=None))


def _taken(store: Store, request: Request, now: datetime) -> register.Entry:
    """The case that a request belongs to; refusals are logged before they are raised."""
    store.demand(Action.DSAR, now)
    store.demand_replayed(Action.DSAR, now)
    store.demand_clock(Action.DSAR, now)
    if request.out is not None and (request.out.exists() or request.out.is_symlink()):
        raise Usage("out_exists", path=str(request.out))
    if request.pdf:
        pdf.demand()
    _check_whole_call(store, request, now)
    return register.take(store, _identifiers(store, request, now), request.intake, now)


def answer(store: Store, request: Request, clock: Callable[[], datetime]) -> AnswerFile:
    """Open or continue the caller's case and write the package; refusals are logged before they are raised."""
    now = clock()
    entry = _taken(store, request, now)
    held, changed = subjects.owned(store, entry.statement.known_by, now)
    permits = _permits(store, held, entry.case.id, request, clock())
    with disclosures.unless_written(store, permits[0].seq if permits else None, now):
        mentions = accesses.mentions(store, [permit.recording.id for permit in permits]) if permits else None
        listed = access_list.document(store, mentions, entry.case.id, clock()) if mentions else None
        calls, damaged = _calls(store, request, permits, mentions, clock)
        content = Answer(
            replace(register.as_told(entry), state=CaseState.ANSWERED),
            clock(),
            tuple(identifier.text for identifier in entry.statement.known_by),
            tuple(call.facts for call in calls),
            tuple(damaged),
            None,
            0,
            "mp3",
            withdrawals.of_callers(store, entry.statement.known_by),
            store.settings.ring_hours if store.settings.escrows else None,
            request.whole_call_reason,
            request.particulars,
            POLICY_VERSION,
            store.log.vkey(),
            erased_since.since_intake(store, entry.case, [recording.id for recording in held]),
            len(changed),
        )
        side = None if request.whole_call else request.side
        sounds = given(store, [call.source for call in calls], clock, side=side, wav=False)
        written = _write(store, request, content, sounds, listed, permits, clock)
    if changed:
        denied = Denied(action=Action.DSAR, rule="access.subject", code="recording_changed", recordings=changed)
        store.note(denied, clock())
    return replace(written, changed=changed)


def _write(
    store: Store,
    request: Request,
    content: Answer,
    sounds: Iterator[GivenSound],
    listed: bytes | None,
    permits: list[Permit],
    clock: Callable[[], datetime],
) -> AnswerFile:
    """Write the signed package, if everything in it is still held then, and log the answer."""
    passphrase = readable_secret(PASSPHRASE_GROUPS)
    page = PageFile(passphrase, request.lang, primitives.fresh(primitives.PACKAGE_SALT))
    beside = [Enclosure(access_list.NAME, "application/json", listed)] if listed is not None else []
    composed = Composition(page, content, sounds, request.lang, beside, pdf=request.pdf)
    of = permits[0].seq if permits else None
    statement = certificate.Statement(content.case.id, of, primitives.sha256(listed).hex() if listed else None)
    pieces = Counted(certificate.signed_page(store, composed, statement, clock))
    assert request.out is not None
    write_new(request.out, pieces, lambda: _demand_held(store, permits, clock()))
    case, sha256 = content.case, pieces.sha256().hex()
    store.note(CaseAnswered(case=case.id, sha256=sha256, of=of), clock())  # may be given again; the newest counts
    nothing_of = () if content.recordings else request.agents
    without = tuple((facts.id, facts.withheld) for facts in composed.answer.recordings if facts.withheld is not None)
    return AnswerFile(case, len(content.recordings), without, nothing_of, request.out.absolute(), sha256, passphrase)


def _calls(
    store: Store, request: Request, permits: list[Permit], mentions: LogMentions | None, clock: Callable[[], datetime]
) -> tuple[list[HeldCall], list[DamagedRecording]]:
    """What is known of the permitted recordings, and those that are damaged."""
    if mentions is None:
        return [], []
    return recordings.of_permits(store, permits, mentions, clock, side=request.side, turns=request.turns)


def _demand_held(store: Store, permits: list[Permit], now: datetime) -> None:
    """Raise Refused where one of the recordings was withdrawn or is past retention since it was listed."""
    for permit in permits:
        gate.still_held(store, permit.recording, now)


def _identifiers(store: Store, request: Request, now: datetime) -> tuple[Identifier, ...]:
    """What the person is known by; raises what `subjects.identifiers` raises, after logging it."""
    try:
        return subjects.identifiers(store, request.callers, request.references, request.agents)
    except ArloError as problem:
        store.note(Failed(action=Action.DSAR, rule="access.subject", code=problem.code), now)
        raise


def _check_whole_call(store: Store, request: Request, now: datetime) -> None:
    """Raise Usage, after logging it, where the whole call is to be included without a reason."""
    if not request.whole_call:
        return
    decision = whole_call(request.reason)
    if not decision.allowed:
        _log_denied(store, decision, now)
        problem = reason_problem(request.reason) if request.reason is not None else None
        raise Usage(problem or decision.code, rule=decision.rule)


def _log_denied(store: Store, decision: Decision, now: datetime) -> None:
    store.note(Denied(action=Action.DSAR, rule=decision.rule, code=decision.code), now)


def _permits(store: Store, held: Sequence[Recording], case: str, request: Request, now: datetime) -> list[Permit]:
    if not held:
        return []
    ids = tuple(recording.id for recording in held)
    copies = [copy.hex() for copy in store.catalogue.recordings.made_of(ids)]
    event = OpenedForSubject(
        recordings=ids,
        case=case,
        whole_call=request.whole_call,
        reason=request.whole_call_reason,
        transcripts=copies or None,
    )
    return gate.permits_for_subject(store, list(held), event, now)
