"""Answering a caller's access request (GDPR 15): a case, the recordings held, and an encrypted page to hand over.

By default the answer holds only what the caller said: the other channel is exact digital zero. A call that cannot be
separated is included only by the officer's decision with a reason. The log names every recording before it is opened;
the page lists every access, which `accesses` reads from it. `letter` words the letter, `package` encrypts the page.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import Any, NamedTuple

from arlo_rec import audio
from arlo_rec.access import audience_keys, disclosures, gate, metadata
from arlo_rec.access.gate import Permit
from arlo_rec.backends.durable import write_new
from arlo_rec.catalogue.cases import CaseRow
from arlo_rec.catalogue.sealed_secrets import INDEX_SEED, access_seed
from arlo_rec.crypto import primitives
from arlo_rec.dsar import accesses, withdrawals
from arlo_rec.dsar.answer import Answer, Case, CaseState, RecordingFacts
from arlo_rec.dsar.package import build
from arlo_rec.keys.key_files import readable_secret
from arlo_rec.model import audit_events
from arlo_rec.model.audit_events import (
    CaseAnswered,
    CaseOpened,
    Denied,
    Failed,
    OpenedForSubject,
)
from arlo_rec.model.deadlines import answer_due
from arlo_rec.model.errors import Integrity, NothingMatched, Refused, Usage
from arlo_rec.model.particulars import Particulars
from arlo_rec.model.phone_numbers import parse_caller
from arlo_rec.model.records import Kind, Private, Recording, from_iso
from arlo_rec.model.times import local_date
from arlo_rec.policy import (
    POLICY_VERSION,
    Action,
    Decision,
    identity_stated,
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


class SoundForCaller(NamedTuple):
    """The sound for the caller, as 16-bit WAV, or the code of why it is withheld."""

    wav: bytes | None
    withheld: str | None


def answer(store: Store, request: Request, clock: Callable[[], datetime]) -> AnswerFile:
    """Open or continue the caller's case and write the package; refusals are logged before they are raised."""
    now = clock()
    store.demand(Action.DSAR, now)
    store.demand_replayed(Action.DSAR, now)
    store.demand_clock(Action.DSAR, now)
    if request.out.exists() or request.out.is_symlink():
        raise Usage("out_exists", path=str(request.out))
    _check_whole_call(store, request, now)
    number = _number(store, request, now)
    tag = primitives.caller_tag(store.secret(INDEX_SEED), number.reveal().encode("ascii"))
    case = _case(store, tag, request, now)
    held = [
        recording
        for recording in store.catalogue.recordings.of_caller(tag)
        if recording.kind is Kind.ORIGINAL and not is_due(recording.ends_at, store.today(now))
    ]
    permits = _permits(store, held, case, request, clock())
    with disclosures.unless_written(store, permits[0].seq if permits else None, now):
        recordings = _recordings(store, permits, request, clock)
        content = Answer(
            replace(case, state=CaseState.ANSWERED),
            clock(),
            (number.reveal(),),
            tuple(recordings),
            withdrawals.of_caller(store, tag),
            store.settings.ring_hours if store.settings.escrows else None,
            request.whole_call_reason,
            request.particulars,
            POLICY_VERSION,
            store.log.vkey(),
        )
        return _write(store, request, content, permits, clock)


def _write(
    store: Store, request: Request, content: Answer, permits: list[Permit], clock: Callable[[], datetime]
) -> AnswerFile:
    """Write the package, if everything in it is still held then, and log the answer."""
    passphrase = readable_secret(PASSPHRASE_GROUPS)
    salt, nonce = primitives.fresh(16), primitives.fresh(primitives.NONCE)
    page = build(content, passphrase, request.lang, salt=salt, nonce=nonce)
    write_new(request.out, [page], lambda: _demand_held(store, permits, clock()))
    digest, case, now = primitives.sha256(page).hex(), content.case, clock()
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


# -- the case -----------------------------------------------------------------------------------------


def _case(store: Store, tag: bytes, request: Request, now: datetime) -> Case:
    """The caller's open case, or a new case, which needs a checked identity (access.subject)."""
    running = _running_case(store, tag, now)
    if running is not None:
        return running
    statement = request.identity or ""
    decision = identity_stated(statement)
    if not decision.allowed:
        _log_denied(store, decision, now)
        raise Refused(decision.code, rule=decision.rule)
    received = request.received_at or now
    if received > now:
        raise Usage("received_in_future")
    case = Case(primitives.fresh(6).hex(), CaseState.OPEN, received, answer_due(local_date(received)), statement)
    access = audience_keys.access_key(store)
    sealed = access.id + primitives.seal(access.public, statement.encode("utf-8"), _identity_info(store, case.id))
    with store.change(now) as change:
        row = CaseRow(case.id, received, case.due_on, sealed, tag)
        store.catalogue.cases.add(row)
        change.log(CaseOpened(case=case.id, sworn=row.digest()))
    return case


def _running_case(store: Store, tag: bytes, now: datetime) -> Case | None:
    """The caller's case that is not past its deadline: within it an answer needs no new identity check."""
    row = store.catalogue.cases.newest_due_from(tag, local_date(now))
    if row is None:
        return None
    _demand_opened(store, row)
    key_id, sealed = row.sealed_identity[:16], row.sealed_identity[16:]
    key = primitives.SealingKey.from_seed(store.secret(access_seed(key_id)))
    try:
        statement = key.open(sealed, _identity_info(store, row.id)).decode("utf-8")
    except primitives.Sealed:
        raise Integrity("case_changed", rule="access.subject", case=row.id) from None
    return Case(row.id, CaseState.OPEN, row.received_at, row.due_on, statement)


def _demand_opened(store: Store, row: CaseRow) -> None:
    """Raise Integrity unless an officer's entry of the log commits to a case, and so to how identity was checked."""
    for entry in store.log.holding([f'"case":"{row.id}"']):
        event = audit_events.read(entry.body or {})
        is_this = isinstance(event, CaseOpened) and event.sworn == row.digest()
        if is_this and store.entry_counts(entry.seq, Action.DSAR):
            return
    raise Integrity("case_changed", rule="access.subject", case=row.id)


def _identity_info(store: Store, case: str) -> bytes:
    """The HPKE info that a sealed identity statement is bound to."""
    return b"arlo-rec/1/identity\0" + store.layout.id + case.encode("ascii")


# -- the recordings -----------------------------------------------------------------------------------


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


def _recordings(
    store: Store, permits: list[Permit], request: Request, clock: Callable[[], datetime]
) -> list[RecordingFacts]:
    """The facts about the permitted recordings, with their sound; raises Refused where one is no longer held."""
    if not permits:
        return []
    erasure_keys = gate.erasure_keys(store, [permit.recording for permit in permits])
    named = accesses.with_copies(store, [permit.recording.id for permit in permits])
    entries = list(store.log.naming({each for ids in named.values() for each in ids}))
    recordings = []
    for permit in permits:
        recording = permit.recording
        ke = erasure_keys.get(recording.id)
        known = metadata.open_for(store, recording, permit.keyring, ke, whole=True) if ke else None
        if known is None:
            raise Refused("gone_meanwhile", rule="consent.withdraw")
        body = b"".join(gate.listen_to(store, permit, clock))
        sound = sound_for(body, known["channels"], whole=request.whole_call)
        told = accesses.recorded(store, entries, named[recording.id], clock())
        copies = accesses.copies(store, entries, recording.id)
        facts = _facts(store, recording, known, sound, whole=request.whole_call)
        could = accesses.possible_of_copies(store, recording, copies)
        recordings.append(replace(facts, accesses=told, copies=copies, copy_grants=could))
    return recordings


def sound_for(body: bytes, roles: Mapping[str, int], *, whole: bool) -> SoundForCaller:
    """The part of a sound that the caller gets.

    That is the caller's own voice (data.customer); the agent's channel (data.employee) is exact zero, unless the
    officer decided on the *whole* call.
    """
    sound = audio.as_pcm16(audio.read_wav(io.BytesIO(body), len(body)))
    if whole:
        return SoundForCaller(audio.canonical_wav(sound), None)
    if sound.channels != 2:
        return SoundForCaller(None, "mono")
    if "caller" not in roles:
        return SoundForCaller(None, "roles_unknown")
    return SoundForCaller(audio.canonical_wav(audio.keep_channel(sound, roles["caller"])), None)


def _facts(
    store: Store, recording: Recording, known: Mapping[str, Any], sound: SoundForCaller, *, whole: bool
) -> RecordingFacts:
    """The facts about a recording; *whole* where its sound includes the agent."""
    return RecordingFacts(
        id=recording.id.hex(),
        started_at=recording.started_at,
        duration_s=float(known["duration_s"]),
        team=recording.team,
        purposes=tuple(sorted(recording.purposes)),
        consent_at=from_iso(known["consent"]["at"]),
        prompt_version=recording.prompt,
        prompt_lang=store.prompts[recording.prompt].lang,
        prompt_text=store.prompts[recording.prompt].text,
        prompt_sha256=recording.prompt_sha256.hex(),
        number=known["caller"],
        reference=str(known["source_id"]),
        identifiers=tuple(known["known"].get("caller", ())),
        erased_on=recording.ends_at,
        sound=sound.wav,
        own_speech=sound.wav is not None and not whole,
        withheld=sound.withheld,
        copies=(),
        accesses=(),
        grants=accesses.possible(store, recording),
        copy_grants=(),
    )
