"""Answering a caller's access request (GDPR 15): a case, the recordings held, and an encrypted page to hand over.

By default the answer holds only what the caller said: the other channel is exact digital zero. A call that cannot be
separated is included only by the officer's decision with a reason. The log names every recording before it is opened;
the page lists every access, which `accesses` reads from it. `letter` words the letter, `package` encrypts the page.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path

from arlo_rec.access import disclosures, gate
from arlo_rec.access.gate import Permit
from arlo_rec.backends.durable import write_new
from arlo_rec.catalogue.sealed_secrets import INDEX_SEED
from arlo_rec.crypto import primitives
from arlo_rec.crypto.object_file import Counted
from arlo_rec.dsar import pdf, recordings, register, withdrawals
from arlo_rec.dsar.answer import Answer, Case, CaseState
from arlo_rec.dsar.package import Composition
from arlo_rec.dsar.page_file import PageFile
from arlo_rec.dsar.sounds import GivenSound, given
from arlo_rec.keys.key_files import readable_secret
from arlo_rec.model.audit_events import (
    CaseAnswered,
    Denied,
    Failed,
    OpenedForSubject,
)
from arlo_rec.model.errors import NothingMatched, Usage
from arlo_rec.model.particulars import Particulars
from arlo_rec.model.phone_numbers import parse_caller
from arlo_rec.model.records import Kind, Private, Recording
from arlo_rec.policy import (
    POLICY_VERSION,
    Action,
    Decision,
    is_due,
    reason_problem,
    whole_call,
)
from arlo_rec.store import Store

PASSPHRASE_GROUPS = 6  # of 4 characters: 120 bits for a file that leaves the company


@dataclass(frozen=True, slots=True)
class Request:
    """An access request, and how the officer answers it."""

    caller: str
    out: Path
    identity: str | None = None
    received_at: datetime | None = None
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


@dataclass(frozen=True, slots=True)
class AnswerFile:
    """An answer that is written; the passphrase is shown once, and is sent by another channel."""

    case: Case
    recordings: int
    out: Path
    sha256: str
    passphrase: str = field(repr=False)


def answer(store: Store, request: Request, clock: Callable[[], datetime]) -> AnswerFile:
    """Open or continue the caller's case and write the package; refusals are logged before they are raised."""
    now = clock()
    store.demand(Action.DSAR, now)
    store.demand_replayed(Action.DSAR, now)
    store.demand_clock(Action.DSAR, now)
    if request.out.exists() or request.out.is_symlink():
        raise Usage("out_exists", path=str(request.out))
    if request.pdf:
        pdf.demand()
    _check_whole_call(store, request, now)
    number = _number(store, request, now)
    tag = primitives.caller_tag(store.secret(INDEX_SEED), number.reveal().encode("ascii"))
    case = register.case_of(store, tag, request.identity, request.received_at, now)
    held = [
        recording
        for recording in store.catalogue.recordings.of_caller(tag)
        if recording.kind is Kind.ORIGINAL and not is_due(recording.ends_at, store.today(now))
    ]
    permits = _permits(store, held, case, request, clock())
    with disclosures.unless_written(store, permits[0].seq if permits else None, now):
        calls, damaged = recordings.of_permits(store, permits, clock)
        content = Answer(
            replace(case, state=CaseState.ANSWERED),
            clock(),
            (number.reveal(),),
            tuple(call.facts for call in calls),
            tuple(damaged),
            None,
            0,
            "mp3",
            withdrawals.of_caller(store, tag),
            store.settings.ring_hours if store.settings.escrows else None,
            request.whole_call_reason,
            request.particulars,
            POLICY_VERSION,
            store.log.vkey(),
        )
        sounds = given(store, [call.source for call in calls], clock, whole=request.whole_call, wav=False)
        return _write(store, request, content, sounds, permits, clock)


def _write(
    store: Store,
    request: Request,
    content: Answer,
    sounds: Iterator[GivenSound],
    permits: list[Permit],
    clock: Callable[[], datetime],
) -> AnswerFile:
    """Write the package, if everything in it is still held then, and log the answer."""
    passphrase = readable_secret(PASSPHRASE_GROUPS)
    page = PageFile(passphrase, request.lang, primitives.fresh(primitives.PACKAGE_SALT))
    pieces = Counted(Composition(page, content, sounds, request.lang, pdf=request.pdf))
    write_new(request.out, pieces, lambda: _demand_held(store, permits, clock()))
    digest, case, now = pieces.sha256().hex(), content.case, clock()
    store.note(CaseAnswered(case=case.id, sha256=digest), now)  # may be given again within a case; the newest counts
    return AnswerFile(case, len(content.recordings), request.out.absolute(), digest, passphrase)


def _demand_held(store: Store, permits: list[Permit], now: datetime) -> None:
    """Raise Refused where one of the recordings was withdrawn or is past retention since it was listed."""
    for permit in permits:
        gate.still_held(store, permit.recording, now)


def _number(store: Store, request: Request, now: datetime) -> Private:
    """The requested number in E.164; raises NothingMatched, after logging it, where it is not a number."""
    try:
        return parse_caller(request.caller)
    except NothingMatched as problem:
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


def _permits(store: Store, held: list[Recording], case: Case, request: Request, now: datetime) -> list[Permit]:
    if not held:
        return []
    event = OpenedForSubject(
        recordings=tuple(recording.id for recording in held),
        case=case.id,
        whole_call=request.whole_call,
        reason=request.whole_call_reason,
    )
    return gate.permits_for_subject(store, held, event, now)
