"""One call on its way in: what a source claims, judged step by step, until it is a recording or refused.

Nothing here writes. `ingest` carries calls through these steps in batches and knows the order of writes.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from fractions import Fraction
from itertools import chain
from typing import Any, BinaryIO

from arlo_rec import audio, policy
from arlo_rec.catalogue.recordings import Catalogue
from arlo_rec.crypto import object_file, primitives
from arlo_rec.intake.sources import spool
from arlo_rec.intake.sources.manifest import BadManifest, Delivery
from arlo_rec.model.consent import Claim, Consent, Prompt, after_withdrawal, judge, prove
from arlo_rec.model.errors import SoundError
from arlo_rec.model.records import Call, Kind, Recording, RecordingId, to_iso
from arlo_rec.model.strict_json import canonical
from arlo_rec.policy import State

RULE_OF_CODE = {
    "not_a_file": "scope.only",
    "bad_metadata": "consent.basis",
    "withdrawn": "consent.withdraw",
    "conflict": "scope.only",
    "bad_audio": "scope.only",
}


FOR_MANAGERS = ("agent", "channels", "duration_s", "encoding", "known", "lead_s", "rate", "tracks")
NOBODY = RecordingId(b"")  # before a call is announced


class Refusal(Exception):
    """Ends the way of one call; `why` is a code word for a sound that we do not take.

    `sound_gone` where a manifest's sound is not there (any more): the store may know what became of it.
    """

    def __init__(self, code: str, rule: str | None = None, why: str | None = None, *, sound_gone: bool = False) -> None:
        super().__init__(code)
        self.code, self.rule, self.why = code, rule or RULE_OF_CODE[code], why
        self.sound_gone = sound_gone


class Duplicate(Exception):
    """The call is here already."""

    def __init__(self, recording: RecordingId) -> None:
        super().__init__("duplicate")
        self.recording = recording


@dataclass(frozen=True)
class Tags:
    """The blind indexes of one run, from the index seed."""

    index: bytes = field(repr=False)
    callers: dict[str, bytes] = field(default_factory=dict, repr=False)

    def tag(self, kind: str, text: str | bytes) -> bytes:
        """Keyed BLAKE2b of a source id, an agent, the hash of a content, or a refusal."""
        raw = text.encode("utf-8", "surrogatepass") if isinstance(text, str) else text
        return primitives.tag(primitives.derive(self.index, "tags"), raw, kind=kind)

    def content(self, sound: audio.Recorded) -> bytes:
        """The tag of a sound: of its SHA-256, which processors compute twice as fast as BLAKE2b."""
        return self.tag("content", primitives.sha256_of(_fingerprint(sound)))

    def caller(self, call: Call) -> bytes | None:
        """The tag of a call's number; None for a withheld one. A number costs 5 ms once a run, on purpose."""
        if call.caller is None:
            return None
        number = call.caller.reveal()
        if number not in self.callers:
            self.callers[number] = primitives.caller_tag(self.index, number.encode("ascii"))
        return self.callers[number]


@dataclass(frozen=True, slots=True)
class Standing:
    """What the store knows about a call at one moment: withdrawals of its caller or its id, and its id's rows."""

    withdrawn: tuple[datetime, ...] = ()
    rows: tuple[Recording, ...] = ()


@dataclass(slots=True)
class Candidate:
    """A call whose manifest was believed so far."""

    delivery: Delivery
    call: Call
    source: bytes
    agent: bytes
    caller: bytes | None = None
    content: bytes = b""
    standing: Standing = Standing()
    id: RecordingId = NOBODY
    key: object_file.DataKey | None = None
    header: object_file.Header | None = None
    recording: Recording | None = None
    told: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Examined:
    """A call's sound, opened, with the consent that it was recorded under; nothing of it is kept yet."""

    sound: audio.Recorded
    consent: Consent
    cut: int

    @property
    def header(self) -> audio.Header:
        """Form and length of what is left behind the key press."""
        return self.sound.header.without_start(self.cut)

    def frames(self) -> Iterator[bytes]:
        """What is left behind the key press, in pieces; raises SoundError where the file breaks off."""
        return audio.without_first(self.cut * self.sound.header.frame_bytes, self.sound.frames())


def read(delivery: Delivery, tags: Tags, prompts: dict[str, Prompt], now: datetime) -> Candidate:
    """Read and judge a manifest, its sound unopened; raises Refusal or Vanished."""
    try:
        delivery.read()
        with _sound(delivery):
            pass
        call = delivery.call()
    except BadManifest as bad:
        raise Refusal(bad.code) from None
    decision = judge(_claim(call), prompts, now=now)
    if not decision.allowed:
        raise Refusal(decision.code, decision.rule)
    return Candidate(delivery, call, tags.tag("source", call.source_id), tags.tag("agent", call.agent))


@contextmanager
def examined(
    candidate: Candidate, decoder: audio.Decoder, tags: Tags, prompts: dict[str, Prompt], now: datetime
) -> Iterator[Examined]:
    """The sound of a call, open inside; raises Refusal or Duplicate, at the end too where the file was changed.

    Asks the store nothing, so that calls can be examined side by side: what it knows is `candidate.standing`.
    """
    try:
        with _sound(candidate.delivery) as (stream, about):
            sound, why = _recognised(stream, about, decoder)
            claim = _claim(candidate.call, sound.header if sound else None)
            decision = judge(claim, prompts, now=now)
            if not decision.allowed:
                raise Refusal(decision.code, decision.rule)
            candidate.content = tags.content(sound) if sound else b""
            compare(candidate)
            if sound is None:
                raise Refusal("bad_audio", why=why)
            yield Examined(sound, prove(claim, prompts, now=now), claim.cut or 0)
            if not spool.is_unchanged(stream, about):
                raise Refusal("bad_audio", why="changed")
    except SoundError as problem:
        raise Refusal("bad_audio", why=problem.reason) from None


def look_at_store(candidate: Candidate, catalogue: Catalogue) -> None:
    """Learn what the store knows about a call now."""
    tags = (("caller", candidate.caller), ("source", candidate.source))
    withdrawn = [catalogue.buried(kind, tag) for kind, tag in tags if tag]
    rows = catalogue.by_source(candidate.source)
    candidate.standing = Standing(tuple(at for at in withdrawn if at), tuple(rows))


def compare(candidate: Candidate) -> None:
    """Raise Refusal or Duplicate for what was withdrawn, is here already, or contradicts what is here."""
    at = candidate.call.consent_at
    for withdrawn in candidate.standing.withdrawn:
        if at and not after_withdrawal(at, withdrawn):
            raise Refusal("withdrawn")
    for row in candidate.standing.rows:
        if row.state is not State.HELD:
            raise Refusal("withdrawn")
        if row.content == candidate.content:
            raise Duplicate(row.id)
        raise Refusal("conflict")


def recording_of(candidate: Candidate, consent: Consent, sha256: bytes, size: int) -> Recording:
    """The row of a call whose object is written."""
    call = candidate.call
    return Recording(
        id=candidate.id,
        kind=Kind.ORIGINAL,
        parent=None,
        state=policy.after(State.ARRIVING, policy.Event.TAKEN_IN),
        started_at=call.started_at,
        due_at=policy.due_at(call.started_at),
        team=call.team,
        caller=candidate.caller,
        agent=candidate.agent,
        source=candidate.source,
        content=candidate.content,
        purposes=consent.purposes,
        prompt=consent.prompt,
        prompt_sha256=consent.prompt_sha256,
        policy=consent.policy,
        object_sha256=sha256,
        object_bytes=size,
    )


def metadata_of(call: Call, sound: audio.Header, consent: Consent) -> dict[str, Any]:
    """What is known about the call, for access requests; managers get a part of it (`for_managers`)."""
    return {
        "agent": call.agent,
        "caller": call.caller.reveal() if call.caller else None,
        "channels": dict(call.channels) if sound.channels == 2 else {},
        "consent": {"at": to_iso(consent.at), "key": "1", "prompt": consent.prompt, "prompt_completed": True},
        "duration_s": round(sound.duration, 3),
        "encoding": sound.encoding,
        "known": {side: list(names) for side, names in call.known.items()},
        "lead_s": round((consent.at - call.started_at).total_seconds(), 6),
        "rate": sound.rate,
        "source_id": call.source_id,
        "tracks": sound.channels,
    }


def for_managers(told: dict[str, Any]) -> dict[str, Any]:
    """What a manager's key opens: no number, no address, and nothing of the exchange's.

    The names that are known are among it, because who may hear a call may also cut its names out of a copy.
    """
    names = {side: [one for one in known if _is_name(one)] for side, known in told["known"].items()}
    return {**{key: told[key] for key in FOR_MANAGERS}, "known": names}


def _is_name(known: str) -> bool:
    """Whether something that was known beforehand can be a name: no digit and no "@" in it."""
    return "@" not in known and not any(one.isdigit() for one in known)


@contextmanager
def _sound(delivery: Delivery) -> Iterator[tuple[BinaryIO, spool.Opened]]:
    """The named sound, opened; raises Refusal where it is no plain file, `sound_gone` where nothing is there."""
    try:
        with spool.opened(delivery.path.parent, delivery.audio_name(), shared=True) as (stream, delivery.sound):
            yield stream, delivery.sound
    except BadManifest as bad:
        raise Refusal(bad.code) from None
    except spool.NotAFile as problem:
        raise Refusal("not_a_file", sound_gone=problem.missing) from None


def _recognised(
    stream: BinaryIO, about: spool.Opened, decoder: audio.Decoder
) -> tuple[audio.Recorded | None, str | None]:
    """The sound, or why it is none: other refusals come before that one."""
    try:
        return audio.recognise(stream, about.size, about.path.name, decoder), None
    except SoundError as problem:
        return None, problem.reason


def _claim(call: Call, sound: audio.Header | None = None) -> Claim:
    cut = frames = None
    if sound is not None and call.consent_at is not None:
        micros = (call.consent_at - call.started_at) // timedelta(microseconds=1)
        cut, frames = audio.frames_before(Fraction(micros, 1_000_000), sound.rate), sound.frames
    return Claim(
        direction=call.direction,
        key=call.consent_key,
        key_at=call.consent_at,
        prompt=call.prompt,
        prompt_completed=call.prompt_completed,
        started_at=call.started_at,
        cut=cut,
        frames=frames,
    )


def _fingerprint(sound: audio.Recorded) -> Iterator[bytes]:
    """What makes two sounds the same: their form and what their file says is the rest."""
    form = sound.header
    return chain([canonical([form.encoding, form.rate, form.channels])], sound.identity())
