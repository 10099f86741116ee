"""Candidates, delivered calls that are not recordings yet: read and judge them.

Each stage has a frozen type of its own, made from the one before it:

    Delivered   the manifest was read and proves a consent; the tags are computed       `read_delivery`, `batch`
    Judged      with the store's knowledge of the call when its batch began             `history_of`
    Announced   with the id of the row that was inserted for it                         `batch`
    Examined    the sound is open, it was judged too, and the consent is proven         `examined`
    Sealed      the object is there for good, and its row is ready to be inserted       `sealing`

This module opens files of the spool and reads the catalogue. It writes nothing: `sealing` writes objects and rows, in
the order that `ingest` describes; `batch` decides about refused calls.

Tags (blind indexes) are keyed hashes of a source id, an agent, a number or a sound: the catalogue recognises them
without keeping the text itself.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from fractions import Fraction
from pathlib import Path
from typing import BinaryIO

from arlo_rec.exchanges import spool
from arlo_rec.exchanges.manifest import BadManifest, Delivery, Vanished, Withdrawal, WithheldNumber, lacks_sound
from arlo_rec.law.log.events import CallDeclined
from arlo_rec.law.model.consent import (
    Claim,
    Consent,
    Prompt,
    after_withdrawal,
    declined_after,
    has_said_no,
    judge,
    judge_notice,
    prove,
    wrong_part,
)
from arlo_rec.law.model.errors import SoundError
from arlo_rec.law.model.names import agent_name
from arlo_rec.law.model.policy_versions import Policy, PolicyVersion
from arlo_rec.law.model.records import Call, Private, Recording, RecordingId
from arlo_rec.law.model.strict_json import canonical
from arlo_rec.law.model.times import iso_week
from arlo_rec.law.rights import NO_OBJECTIONS, Objections, taken_in_despite
from arlo_rec.policy import CLOCK_AHEAD, Decision, State
from arlo_rec.sound import audio
from arlo_rec.vault.catalogue.tables import Catalogue
from arlo_rec.vault.crypto import primitives


@dataclass(frozen=True, slots=True)
class Tags:
    """Computes the tags of one run from the index seed; safe to use from several threads."""

    index_seed: bytes = field(repr=False)
    _callers: dict[str, bytes] = field(default_factory=dict, repr=False)

    def tag(self, kind: str, text: str | bytes) -> bytes:
        """Keyed BLAKE2b of a source id, an agent, the hash of a sound, or a refusal."""
        raw = text.encode("utf-8", "surrogatepass") if isinstance(text, str) else text
        return primitives.tag(primitives.derive(self.index_seed, "tags"), raw, kind=kind)

    def spool(self, folder: Path, map: str | None) -> str:
        """The mark of a folder in which refused files lie, as it is read by a map, or by none."""
        return self.tag("spool", f"{folder.absolute()}\0{map or ''}").hex()

    def identity(self, sound: audio.SoundFile) -> primitives.Hasher:
        """A hash of a sound's identity, begun with its form."""
        form = sound.header
        return primitives.hasher(canonical([form.encoding, form.rate, form.channels]))

    def content(self, identity: primitives.Hasher) -> bytes:
        """The tag of a sound by its complete *identity*."""
        return self.tag("content", identity.digest())

    def prepare(self, calls: Iterable[Call]) -> None:
        """Compute the tags of new numbers in threads: Argon2 releases the GIL."""
        numbers = {call.caller.reveal() for call in calls if call.caller is not None} - self._callers.keys()
        with ThreadPoolExecutor() as threads:
            self._callers.update(zip(numbers, threads.map(self._caller, numbers), strict=True))

    def caller(self, caller: Private | None) -> bytes | None:
        """The tag of a number, None if withheld; each costs 5 ms once per run, on purpose."""
        if caller is None:
            return None
        number = caller.reveal()
        if number not in self._callers:
            self._callers[number] = self._caller(number)
        return self._callers[number]

    def _caller(self, number: str) -> bytes:
        return primitives.caller_tag(self.index_seed, number.encode("ascii"))


RULE_OF_CODE = {  # of refusals outside `model.consent`
    "not_a_file": "scope.only",
    "bad_metadata": "consent.basis",
    "withdrawn": "consent.withdraw",
    "conflict": "scope.only",
    "agent_objected": "data.employee",
    "agent_not_told": "info.employees",
    "bad_audio": "scope.only",
}
NO_ID = RecordingId(b"")  # of a call accepted by a dry run
NO_DECODER = "decoder_missing"  # of a sound, and of a file that cannot be read for that reason


class Refusal(Exception):
    """The call is not taken in, by a rule.

    `why` is a code word for an unacceptable sound or notice, `field` the field that is missing or wrong. `sound_gone`:
    no file has the name in the manifest, so the call may be stored already.
    """

    def __init__(
        self,
        code: str,
        rule: str | None = None,
        why: str | None = None,
        *,
        sound_gone: bool = False,
        field: str | None = None,
    ) -> None:
        self.code, self.rule, self.why = code, rule or RULE_OF_CODE[code], why
        super().__init__(self.code, self.rule, self.why)  # the arguments by which it is unpickled
        self.sound_gone, self.field = sound_gone, field


class Duplicate(Exception):
    """The call is a recording already."""

    def __init__(self, recording: RecordingId) -> None:
        super().__init__("duplicate")
        self.recording = recording


NotNow = Vanished | spool.Unfinished | spool.Unavailable  # reasons why a delivery is left as it lies
NOT_NOW = (Vanished, spool.Unfinished, spool.Unavailable)


# -- the stages ---------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class NotRead:
    """A delivery that was refused by its manifest, or of which nothing can be said now."""

    delivery: Delivery
    reason: Refusal | NotNow


@dataclass(frozen=True, slots=True)
class Declined:
    """A delivered call that its caller declined, and that has no sound; its log entry."""

    delivery: Delivery
    event: CallDeclined


@dataclass(frozen=True, slots=True)
class Counted:
    """A declined call that an earlier run counted, and whose file could not go yet."""

    delivery: Delivery


@dataclass(frozen=True, slots=True)
class Notice:
    """A delivered withdrawal that counts."""

    delivery: Delivery
    withdrawal: Withdrawal


@dataclass(frozen=True, slots=True)
class Delivered:
    """A delivery whose manifest was read and judged, with the tags of the call (`caller`: None if withheld)."""

    delivery: Delivery
    call: Call
    source: bytes
    agent: bytes
    caller: bytes | None


@dataclass(frozen=True, slots=True)
class CallHistory:
    """The store's knowledge of a call: withdrawals of its caller or source id, recordings of that id, its employee."""

    withdrawn_at: tuple[datetime, ...]
    recordings: tuple[Recording, ...]
    of_agent: Decision

    def check(self, call: Call, content: Callable[[], bytes], now: datetime) -> None:
        """Raise Refusal for a call that is withdrawn, contradicts a recording, or is not to be kept for its employee.

        Raise Duplicate for one that is held.

        *content* computes the tag of its sound, only if there is a recording to compare.
        """
        if self.withdrawn_at and call.consent_at:
            decision = after_withdrawal(call.consent_at, max(self.withdrawn_at), now=now)
            if not decision.allowed:
                raise Refusal(decision.code, decision.rule)
        for recording in self.recordings:
            if recording.state is not State.HELD:
                raise Refusal("withdrawn")
            if recording.content == content():
                raise Duplicate(recording.id)
            raise Refusal("conflict")
        if not self.of_agent.allowed:
            raise Refusal(self.of_agent.code, self.of_agent.rule)


@dataclass(frozen=True, slots=True)
class Agents:
    """The employees as the store knows them: objections in force by compared name, and tags of those who were told.

    `told` is None while no notice is required.
    """

    objections: Mapping[str, Objections]
    told: frozenset[bytes] | None

    def decision(self, delivered: Delivered) -> Decision:
        """Whether a call may be taken in for the employee who answered."""
        theirs = self.objections.get(agent_name(delivered.call.agent), NO_OBJECTIONS)
        return taken_in_despite(theirs, informed=self.told is None or delivered.agent in self.told)


@dataclass(frozen=True, slots=True)
class Judged:
    """A delivered call, with the store's knowledge of it when its batch began."""

    delivered: Delivered
    history: CallHistory


@dataclass(frozen=True, slots=True)
class Announced:
    """A call with an id, under which a row was inserted: its object may be written."""

    judged: Judged
    id: RecordingId

    @property
    def delivered(self) -> Delivered:
        """The delivered call."""
        return self.judged.delivered


@dataclass(frozen=True, slots=True)
class Examined:
    """A call's open sound, and its consent."""

    files: tuple[spool.SpoolFile, ...]
    sound: audio.SoundFile
    identity: primitives.Hasher  # fed while the sound is read
    tags: Tags
    consent: Consent
    cut: int  # frames before the key press

    @property
    def header(self) -> audio.Header:
        """Form and length of the sound after the key press."""
        return self.sound.header.without_start(self.cut)

    def frames(self) -> Iterator[bytes]:
        """Yield the sound after the key press in pieces, once; raises SoundError where the file breaks off."""
        try:
            yield from audio.skip_first(self.cut * self.sound.header.frame_bytes, self.sound.frames(self.identity))
        except OSError as error:  # of the spool's disk, while the store's is written to
            raise spool.Unavailable(self.files[0].path, error) from None

    def content(self) -> bytes:
        """The tag of the whole sound, after all `frames` were read."""
        return self.tags.content(self.identity)


# -- from stage to stage ------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class ConsentRules:
    """The policy, by whose version of its time each call is judged, and the current time."""

    policy: Policy
    now: datetime

    def check(self, claim: Claim) -> None:
        """Raise Refusal where a claim is no consent, or another rule forbids to keep the call."""
        prompts = self.prompts(claim)
        decision = judge(claim, prompts, now=self.now, deadline=self.policy.due_at)
        if not decision.allowed:
            raise Refusal(
                decision.code, decision.rule, field=wrong_part(claim) if decision.code in _OF_EVIDENCE else None
            )

    def checked(self, withdrawal: Withdrawal) -> Withdrawal:
        """A withdrawal that counts; raises Refusal for one that lies in the future, or too far back."""
        decision = judge_notice(withdrawal.at, now=self.now)
        if not decision.allowed:
            raise Refusal(decision.code, decision.rule, "notice")
        return withdrawal

    def consent(self, claim: Claim) -> Consent:
        """The consent that a checked claim proves, under the version in force when the key was pressed."""
        version, deadline = self._version(claim), self.policy.due_at
        return prove(claim, self.prompts(claim), version.version, now=self.now, deadline=deadline)

    def prompts(self, claim: Claim) -> Mapping[str, Prompt]:
        """The prompts of the version that was in force when the key was pressed."""
        return self._version(claim).by_prompt()

    def _version(self, claim: Claim) -> PolicyVersion:
        return self.policy.at(claim.key_at or self.now)


def read_delivery(delivery: Delivery, rules: ConsentRules) -> Call | Notice | Declined:
    """Read and judge a manifest, and check that its sound is a plain file; raises Refusal, and what is `NOT_NOW`."""
    try:
        delivery.read()
        if delivery.is_notice:
            return Notice(delivery, rules.checked(delivery.withdrawal()))
        try:
            with _sounds(delivery):
                pass
        except Refusal as refusal:
            event = declined(delivery, rules) if refusal.sound_gone else None
            if event is not None and delivery.locate() and not delivery.sounds:
                return Declined(delivery, event)
            raise
        call = delivery.call()
    except BadManifest as bad:
        told = "notice" if delivery.says_withdrawal else None
        why = "withheld" if isinstance(bad, WithheldNumber) else told
        raise Refusal(bad.code, why=why, field=bad.field) from None
    rules.check(_claim(call))
    return call


_OF_EVIDENCE = frozenset({"no_consent", "prompt_unknown", "prompt_not_completed"})


def claimed(delivery: Delivery) -> Claim | None:
    """The claim of a read delivery; None if its manifest describes no call."""
    try:
        return _claim(delivery.call())
    except BadManifest:
        return None


def was_stopped(delivery: Delivery) -> bool:
    """Whether a key ended the recording of a read delivery during the call."""
    claim = claimed(delivery)
    return claim is not None and claim.stopped is not None


def began(delivery: Delivery, now: datetime) -> datetime:
    """When a read delivery's call began; where its manifest tells none, or one to come, when that was written."""
    claim, file = claimed(delivery), delivery.manifest_file
    if claim is not None and claim.started_at <= now:
        return claim.started_at
    try:
        written = datetime.fromtimestamp(file.changed_ns // 1_000_000_000 if file is not None else 0, UTC)
    except (OverflowError, ValueError):  # no time of the calendar
        return now
    return min(written, now)


def comes_apart(delivery: Delivery) -> bool:
    """Whether the sound of a read delivery, or a side of it, may come later than its record.

    The record of our own manifests is the last that is written. An export, and a call in two files, comes apart.
    """
    claim, in_part = claimed(delivery), delivery.sounds and lacks_sound(delivery)
    return bool(delivery.comes_apart or in_part) and claim is not None and not has_said_no(claim)


def pressed(delivery: Delivery, now: datetime) -> datetime:
    """When the key of consent of a read delivery was pressed; else when its call began.

    A time a moment ahead of the clock is one. What is further ahead than any clock in use says nothing.
    """
    claim = claimed(delivery)
    key_at = claim.key_at if claim is not None else None
    return key_at if key_at is not None and key_at < now + CLOCK_AHEAD else began(delivery, now)


def declined(delivery: Delivery, rules: ConsentRules) -> CallDeclined | None:
    """The log entry of a read delivery whose caller said no with key 2; else None."""
    claim = claimed(delivery)
    if claim is None:
        return None
    prompt = declined_after(claim, rules.prompts(claim), now=rules.now)
    if prompt is None or claim.key_at is None:
        return None
    return CallDeclined(prompt=prompt, week=iso_week(claim.key_at))


def history_of(delivered: Delivered, catalogue: Catalogue, agents: Agents) -> CallHistory:
    """The store's knowledge of a call now."""
    tags = (("caller", delivered.caller), ("source", delivered.source))
    withdrawals = [catalogue.withdrawn_at(kind, tag) for kind, tag in tags if tag]
    recordings = catalogue.search.of_sources([delivered.source])
    return CallHistory(tuple(at for at in withdrawals if at), tuple(recordings), agents.decision(delivered))


@contextmanager
def examined(judged: Judged, decoder: audio.Decoder, tags: Tags, rules: ConsentRules) -> Iterator[Examined]:
    """Open and judge the sound of a call.

    It does not use the store, so that calls can be examined in parallel. Raises Refusal, Duplicate, what is `NOT_NOW`,
    and these at the end too if the file was changed meanwhile.
    """
    call = judged.delivered.call
    try:
        with _sounds(judged.delivered.delivery) as opened:
            sound, problem = _recognised(opened, decoder)
            if problem == NO_DECODER:
                raise _no_decoder(judged.delivered.delivery)
            claim = _claim(call, sound.header if sound else None)
            rules.check(claim)
            judged.history.check(call, lambda: _content(sound, tags), rules.now)
            if sound is None:
                raise Refusal("bad_audio", why=problem)
            files = tuple(file for _, file in opened)
            yield Examined(files, sound, tags.identity(sound), tags, rules.consent(claim), claim.cut or 0)
            if not all(spool.is_unchanged(stream, file) for stream, file in opened):
                raise Refusal("bad_audio", why="changed")
    except SoundError as error:
        if error.reason == NO_DECODER:
            raise _no_decoder(judged.delivered.delivery) from None
        raise Refusal("bad_audio", why=error.reason) from None


def _no_decoder(delivery: Delivery) -> spool.Unavailable:
    """The reason of a sound that cannot be decoded for want of memory or of handles: no word about this sound."""
    return spool.Unavailable(delivery.sounds[0].path, OSError(NO_DECODER))


@contextmanager
def _sounds(delivery: Delivery) -> Iterator[list[tuple[BinaryIO, spool.SpoolFile]]]:
    """Open the sounds that the manifest names; raises Refusal where one is no plain file."""
    try:
        with delivery.opened_sounds(shared=True) as opened:
            delivery.sounds = tuple(file for _, file in opened)
            yield opened
    except BadManifest as bad:
        raise Refusal(bad.code) from None
    except spool.NotAFile as problem:
        raise Refusal("not_a_file", sound_gone=problem.missing) from None


def _content(sound: audio.SoundFile | None, tags: Tags) -> bytes:
    """The tag of a sound, by reading the file; empty without a sound."""
    if sound is None:
        return b""
    identity = tags.identity(sound)
    sound.identify(identity)
    return tags.content(identity)


def _recognised(
    opened: Sequence[tuple[BinaryIO, spool.SpoolFile]], decoder: audio.Decoder
) -> tuple[audio.SoundFile | None, str | None]:
    """The sound, or the reason why it is none, which is not raised as other refusals precede it."""
    try:
        first, *second = (audio.recognise(stream, file.size, file.path.name, decoder) for stream, file in opened)
        return (audio.join_legs(first, *second) if second else first), None
    except SoundError as error:
        return None, error.reason


def _claim(call: Call, sound: audio.Header | None = None) -> Claim:
    """The manifest's claim of a consent, with the sound's length if known."""
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
        line=call.line,
        stopped=call.stopped,
        granted=call.granted,
        call=call.times,
        cut=cut,
        frames=frames,
    )
