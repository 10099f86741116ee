"""Answering a caller's access request (GDPR 15): a case, what is held, and one sealed page to hand over.

By default only what the caller said leaves: the other channel is exact digital zero. A call that cannot be
separated leaves only by the officer's decision with a reason. The log has every recording that is opened
before it is opened; the page tells every access, by role and never by name.
"""

from __future__ import annotations

import io
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import date, datetime
from pathlib import Path
from typing import Any

from arlo_rec import audio
from arlo_rec.access import disclosures, gate, listening_keys, metadata
from arlo_rec.access.gate import Permit
from arlo_rec.backends.durable import write_new
from arlo_rec.crypto import primitives
from arlo_rec.dsar.answer import AccessTold, Answer, Case, CopyTold, GrantTold, RecordingTold
from arlo_rec.dsar.package import build
from arlo_rec.keys.key_files import readable_secret
from arlo_rec.model.deadlines import answer_due
from arlo_rec.model.errors import Integrity, NothingMatched, Refused, Usage
from arlo_rec.model.phone_numbers import parse_caller
from arlo_rec.model.records import Entry, Kind, Private, Recording, from_iso, from_micros, to_micros
from arlo_rec.model.times import local_date
from arlo_rec.policy import POLICY_VERSION, Action, Purpose, Role, identity_stated, reason_problem, whole_call
from arlo_rec.store import INDEX_PART, Store, access_part
from arlo_rec.training import copies

PASSPHRASE_GROUPS = 6  # of 4 signs: 120 bits for a file that leaves the house
_LOOKS = (Action.FIND, Action.EXPORT, Action.DSAR, Action.WITHDRAW, Action.PSEUDONYMISE, Action.REVIEW, Action.RELEASE)
_TOLD_ACTIONS = frozenset(str(one) for one in _LOOKS)


@dataclass(frozen=True, slots=True)
class Request:
    """What somebody asked for, and how the officer answers."""

    caller: str
    out: Path
    identity: str | None = None
    received_at: datetime | None = None
    whole_call: bool = False
    reason: str | None = None
    lang: str = "nb"

    def __repr__(self) -> str:
        return f"Request({self.out})"


@dataclass(frozen=True, slots=True)
class Answered:
    """An answer that lies ready; the passphrase is shown once and goes by another channel."""

    case: Case
    recordings: int
    out: Path
    sha256: str
    passphrase: str


def answer(store: Store, request: Request, clock: Callable[[], datetime]) -> Answered:
    """Open or continue the caller's case and write the package; raises what it refuses after logging it."""
    now = clock()
    store.demand(Action.DSAR, now)
    store.demand_replayed(Action.DSAR, now)
    if request.out.exists() or request.out.is_symlink():
        raise Usage("out_exists", path=str(request.out))
    _check_whole_call(store, request, now)
    number = _number(store, request, now)
    tag = primitives.caller_tag(store.part(INDEX_PART), number.reveal().encode("ascii"))
    case = _case(store, tag, request, now)
    calls = [one for one in store.catalogue.of_caller(tag) if one.kind is Kind.ORIGINAL]
    held = [one for one in calls if one.due_at > store.today(now)]
    permits = _permits(store, held, case, request, clock())
    with disclosures.unless_written(store, permits[0].seq if permits else None, now):
        return _written(store, request, case, number, permits, clock)


def _written(
    store: Store, request: Request, case: Case, number: Private, permits: list[Permit], clock: Callable[[], datetime]
) -> Answered:
    """The package, once everything in it is still held."""
    now = clock()
    told = _recordings(store, permits, request, clock)
    whole = request.reason if request.whole_call else None
    answered = replace(case, state="answered")
    content = Answer(answered, now, (number.reveal(),), tuple(told), whole, POLICY_VERSION, store.book.vkey())
    passphrase = readable_secret(PASSPHRASE_GROUPS)
    page = build(content, passphrase, request.lang, salt=primitives.fresh(16), nonce=primitives.fresh(primitives.NONCE))
    write_new(request.out, [page], lambda: _all_held(store, [one.recording for one in permits], clock()))
    digest = primitives.sha256(page).hex()
    _close(store, answered, digest, clock())
    return Answered(answered, len(told), request.out.absolute(), digest, passphrase)


def _number(store: Store, request: Request, now: datetime) -> Private:
    """The number that was asked about; raises NothingMatched after logging it."""
    try:
        return parse_caller(request.caller)
    except NothingMatched as problem:
        with store.change(now) as change:
            change.log(store.entry(Action.DSAR, "failed", "access.subject", now, code=problem.code))
        raise


def _check_whole_call(store: Store, request: Request, now: datetime) -> None:
    if not request.whole_call:
        return
    decision = whole_call(request.reason)
    if not decision.allowed:
        with store.change(now) as change:
            change.log(store.entry(Action.DSAR, "denied", decision.rule, now, code=decision.code))
        problem = reason_problem(request.reason) if request.reason is not None else None
        raise Usage(problem or decision.code, rule=decision.rule)


# -- the case -----------------------------------------------------------------------------------------


def _case(store: Store, tag: bytes, request: Request, now: datetime) -> Case:
    """The caller's running case, or a new one, for which identity must have been checked (access.subject)."""
    running = _running(store, tag, now)
    if running is not None:
        return running
    statement = request.identity or ""
    decision = identity_stated(statement)
    if not decision.allowed:
        with store.change(now) as change:
            change.log(store.entry(Action.DSAR, "denied", decision.rule, now, code=decision.code))
        raise Refused(decision.code, rule=decision.rule)
    received = request.received_at or now
    if received > now:
        raise Usage("received_in_future")
    case = Case(primitives.fresh(6).hex(), "open", received, answer_due(local_date(received)), statement)
    access = listening_keys.access_key(store)
    sealed = access.id + primitives.seal(access.public, statement.encode("utf-8"), _identity_info(store, case.id))
    with store.change(now) as change:
        store.db.run(
            "INSERT INTO cases (id, caller, state, received_at, due_on, identity) VALUES (?, ?, ?, ?, ?, ?)",
            (case.id, tag, case.state, to_micros(received), case.due_on.isoformat(), sealed),
        )
        change.log(store.entry(Action.DSAR, "done", decision.rule, now, case=case.id, step="opened"))
    return case


def _running(store: Store, tag: bytes, now: datetime) -> Case | None:
    """A case runs until its last day: within it an answer can be given again without a new identity check."""
    rows = store.db.rows(
        "SELECT id, state, received_at, due_on, identity FROM cases WHERE caller = ? AND due_on >= ? "
        "ORDER BY received_at DESC LIMIT 1",
        (tag, local_date(now).isoformat()),
    )
    if not rows:
        return None
    case_id, state, received, due_on, sealed = rows[0]
    key = primitives.SealingKey.from_seed(store.part(access_part(bytes(sealed[:16]))))
    try:
        statement = key.open(bytes(sealed[16:]), _identity_info(store, case_id)).decode("utf-8")
    except primitives.Sealed:
        raise Integrity("metadata_damaged") from None
    return Case(case_id, state, from_micros(received), date.fromisoformat(due_on), statement)


def _close(store: Store, case: Case, digest: str, now: datetime) -> None:
    """Note that the answer lies ready; given again within the same case, the newest counts."""
    with store.change(now) as change:
        values = (case.state, to_micros(now), case.id)
        store.db.run("UPDATE cases SET state = ?, answered_at = ? WHERE id = ?", values)
        change.log(
            store.entry(Action.DSAR, "done", "access.subject", now, case=case.id, step="answered", sha256=digest)
        )


def _identity_info(store: Store, case: str) -> bytes:
    return b"arlo-rec/1/identity\0" + store.place.id + case.encode("ascii")


# -- the recordings -----------------------------------------------------------------------------------


def _permits(store: Store, held: list[Recording], case: Case, request: Request, now: datetime) -> list[Permit]:
    if not held:
        return []
    entry = Entry(
        str(Action.DSAR),
        "allowed",
        "access.subject",
        store.person.name,
        now,
        reason=request.reason if request.whole_call else None,
        recordings=tuple(one.id for one in held),
        detail={"case": case.id, "whole_call": request.whole_call},
    )
    return gate.permits_for_subject(store, held, entry, now)


def _recordings(
    store: Store, permits: list[Permit], request: Request, clock: Callable[[], datetime]
) -> list[RecordingTold]:
    if not permits:
        return []
    keys, opened = listening_keys.access_keyring(store), dict[bytes, bytes]()
    erasure_keys = gate.reach_keys(store, [one.recording for one in permits])
    told = []
    for given in permits:
        one = given.recording
        ke = erasure_keys.get(one.id)
        known = metadata.open_for(store, one.id, keys, ke, opened) if ke else None
        if known is None:
            raise Refused("gone_meanwhile", rule="consent.withdraw")
        body = b"".join(gate.listen_to(store, given, clock))
        sound, withheld = sound_for(body, known["channels"], whole=request.whole_call)
        told.append(_told(store, one, known, sound, withheld, whole=request.whole_call))
    return told


def _all_held(store: Store, recordings: list[Recording], now: datetime) -> None:
    """Raises Refused where one of them was withdrawn or came of age since it was listed."""
    for one in recordings:
        gate.still_held(store, one, now)


def sound_for(body: bytes, roles: dict[str, int], *, whole: bool) -> tuple[bytes | None, str | None]:
    """What of a sound goes to the caller, as 16-bit WAV, or the code of why nothing does.

    The caller's own voice and words (data.customer); the agent's (data.employee) are exact zero, unless the
    officer decided on the whole call.
    """
    sound = audio.as_pcm16(audio.read_wav(io.BytesIO(body), len(body)))
    if whole:
        return audio.canonical_wav(sound), None
    if sound.channels != 2:
        return None, "mono"
    if "caller" not in roles:
        return None, "roles_unknown"
    return audio.canonical_wav(audio.keep_channel(sound, roles["caller"])), None


def _told(
    store: Store, one: Recording, known: dict[str, Any], sound: bytes | None, withheld: str | None, *, whole: bool
) -> RecordingTold:
    prompt = store.prompts[one.prompt]
    number: str | None = known["caller"]
    return RecordingTold(
        id=one.id.hex(),
        started_at=one.started_at,
        duration_s=float(known["duration_s"]),
        team=one.team,
        purposes=tuple(sorted(one.purposes)),
        consent_at=from_iso(known["consent"]["at"]),
        prompt_version=one.prompt,
        prompt_text=prompt.text,
        prompt_sha256=one.prompt_sha256.hex(),
        number=number,
        reference=str(known["source_id"]),
        identifiers=tuple(known["known"].get("caller", ())),
        erased_on=one.due_at,
        sound=sound,
        own_speech=sound is not None and not whole,
        withheld=withheld,
        copies=tuple(CopyTold(made_at, copy.state) for copy, made_at in copies.held_of(store, one.id)),
        accesses=_accesses(store, one),
        grants=_grants(store, one),
    )


def _accesses(store: Store, one: Recording) -> tuple[AccessTold, ...]:
    """Every look at a recording and its copies that the log knows: in a search, exported, opened for a request."""
    found = []
    held = [one.id, *(copy.id for copy, _ in copies.held_of(store, one.id))]
    for line in (each for recording in held for each in store.book.about(recording)):
        told = line.told or {}
        if told.get("outcome") == "allowed" and told.get("action") in _TOLD_ACTIONS:
            role = _role(store, str(told["person"]))
            looked = told["action"] == Action.WITHDRAW  # its erasure would be told as done, and nothing be left to tell
            action, purpose = ("withdraw_shown", "withdrawal") if looked else (told["action"], told.get("purpose"))
            found.append(AccessTold(from_iso(told["at"]), action, purpose, role))
    return tuple(sorted(found, key=lambda each: each.at))


def _grants(store: Store, one: Recording) -> tuple[GrantTold, ...]:
    """Who could have listened while the recording was held."""
    found = []
    for grant in store.roster.grants:
        until = min(grant.ended_at or grant.until, grant.until)
        covered = grant.purpose is Purpose.QUALITY and grant.purpose in one.purposes
        if covered and grant.opens(grant.purpose, one.team) and until > one.started_at and grant.state != "pending":
            role = _role(store, grant.person)
            found.append(GrantTold(grant.purpose, role, max(grant.starts_at, one.started_at), until))
    return tuple(found)


def _role(store: Store, name: str) -> str:
    everybody = (*store.roster.people, *store.roster.former)
    return next((str(one.role) for one in everybody if one.name == name), str(Role.MANAGER))
