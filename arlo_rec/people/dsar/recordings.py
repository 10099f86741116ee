"""The recordings of an answer: their facts, before a sound is opened."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from itertools import chain
from types import MappingProxyType
from typing import Any, Final, NamedTuple

from arlo_rec.calls.training.cut_plan import HeardWord
from arlo_rec.law.log.events import CopyMade, Erases, ObjectionUpheld, Purged, Withdrawn
from arlo_rec.law.log.registers import LoggedCase
from arlo_rec.law.model.errors import Integrity, Usage
from arlo_rec.law.model.records import Recording, RecordingId, from_iso
from arlo_rec.law.model.strict_json import parse_object
from arlo_rec.law.rights import HoldGround, outlives_withdrawal
from arlo_rec.people.dsar import accesses
from arlo_rec.people.dsar.accesses import LogMentions
from arlo_rec.people.dsar.answer import (
    DamagedRecording,
    ErasedSince,
    HoldFacts,
    PastWithdrawal,
    RecordingFacts,
    SaidAbout,
    Utterance,
)
from arlo_rec.people.dsar.sounds import Source
from arlo_rec.people.dsar.subjects import Identifier, KnownBy
from arlo_rec.policy import RETENTION, WITHDRAWN_MARGIN, has_hidden_characters, is_due
from arlo_rec.sound.audio.turns import Turn
from arlo_rec.vault.access import gate, holds, metadata
from arlo_rec.vault.access.gate import Permit
from arlo_rec.vault.access.holds import Holds
from arlo_rec.vault.access.keyrings import Keyring
from arlo_rec.vault.opened import Store

# -- own words ---------------------------------------------------------------------------------------
# The person's words in a call, if a transcript is held: with a training copy under review.
#
# Only words of the person's own channel; on a single track the speakers are mixed, so the answer says only that a
# transcript is held.


_FIELDS: Final = range(len(HeardWord._fields) - len(HeardWord._field_defaults), len(HeardWord._fields) + 1)
_PAUSE: Final = 1.0  # seconds without a word after which another utterance begins
_WORD_LONGEST: Final = 200  # characters
ABOUT_LONGEST: Final = 1024 * 1024  # bytes of an officer's list of what the employee says about the caller
_SAID_LONGEST: Final = 5000  # characters of one of its texts


class OwnWords(NamedTuple):
    """The words of the person in a call, and whether a transcript is held at all."""

    is_held: bool
    utterances: tuple[Utterance, ...]


def own_words(
    store: Store,
    call: RecordingId,
    copies: Collection[RecordingId],
    keyring: Keyring,
    roles: Mapping[str, int],
    side: str,
) -> OwnWords:
    """The words of *side*, from the newest copy that has any; copies are never mixed."""
    is_held = False
    held = sorted(store.catalogue.search.held_among(copies), reverse=True)
    rows = [row for _, row in held if row.parent == call]
    keys = metadata.erasure_keys(store, rows, lenient=True)
    for row in rows:
        try:
            known = metadata.open_for(store, row, keyring, keys[row.id]) if row.id in keys else None
        except Integrity:
            continue
        every = list(_words(known or {}))
        is_held = is_held or bool(every)
        own = [word for word in every if side in roles and word.channel == roles[side]]
        words = sorted(own, key=lambda word: (word.start, word.end))
        if words:
            return OwnWords(is_held, tuple(_utterances(words)))
    return OwnWords(is_held, ())


def _words(known: Mapping[str, Any]) -> Iterator[HeardWord]:
    """The words in the makers' metadata of a copy, by the start of each."""
    cuts = known.get("cuts")
    kept = cuts.get("words") if isinstance(cuts, dict) else None
    for fields in kept if isinstance(kept, list) else ():
        if isinstance(fields, list) and len(fields) in _FIELDS:
            word = HeardWord(*fields)
            is_timed = all(type(at) in (int, float) and 0 <= at <= metadata.LONGEST for at in (word.start, word.end))
            is_text = isinstance(word.text, str) and 0 < len(word.text) <= _WORD_LONGEST
            if is_timed and is_text and word.transcript == 0:  # others are the same words, heard once more
                yield word


def _utterances(words: list[HeardWord]) -> Iterator[Utterance]:
    """Words in order of time, joined until a pause."""
    together: list[HeardWord] = []
    for word in words:
        if together and word.start - together[-1].end >= _PAUSE:
            yield _utterance(together)
            together = []
        together.append(word)
    yield _utterance(together)


def _utterance(words: list[HeardWord]) -> Utterance:
    return Utterance(words[0].start, max(word.end for word in words), " ".join(word.text for word in words))


# -- recordings -------------------------------------------------------------------------------------


class HeldCall(NamedTuple):
    """A recording with opened metadata: its facts, and the means to read its sound."""

    facts: RecordingFacts
    source: Source
    frames: int  # of the sound, as the metadata says; and so the others
    rate: int  # frames in a second
    tracks: int


def of_permits(
    store: Store,
    permits: list[Permit],
    mentions: LogMentions | None,
    clock: Callable[[], datetime],
    *,
    side: str = "caller",
    turns: Mapping[str, Sequence[Turn]] = MappingProxyType({}),
) -> tuple[list[HeldCall], list[DamagedRecording]]:
    """The facts of the permitted recordings, and the recordings whose metadata is damaged.

    *side* is the person's in the calls; *turns*, by id or reference, tell who speaks when on a single track.

    Raises Refused if one is no longer held.
    """
    if mentions is None:  # of no recording
        return [], []
    erasure_keys = metadata.erasure_keys(store, [permit.recording for permit in permits], lenient=True)
    calls, damaged = [], []
    on_hold = holds.at(store, clock())
    for permit in permits:
        recording = permit.recording
        try:
            known = _known(store, permit, erasure_keys.get(recording.id))
        except Integrity as problem:
            gate.still_held(store, recording, clock())
            damaged.append(damage_of(store, recording, problem, mentions, clock()))
            continue
        facts = replace(
            _facts(store, recording, known, side, on_hold), **_done_with(store, recording, mentions, clock())
        )
        made = set(mentions.named[recording.id]) - {recording.id}
        own = own_words(store, recording.id, made, permit.keyring, known["channels"], side)
        facts = replace(facts, transcript_held=own.is_held, transcript=own.utterances)
        spoken = turns.get(facts.id) or turns.get(facts.reference) or ()
        frames, source = round(float(known["duration_s"]) * known["rate"]), Source(permit, known["channels"], spoken)
        calls.append(HeldCall(facts, source, frames, known["rate"], known["tracks"]))
    return calls, damaged


def with_said_about(
    calls: Sequence[HeldCall], said_about: Mapping[str, Sequence[SaidAbout]], side: str
) -> list[HeldCall]:
    """The calls with the chosen words of the employee about the caller, by id or reference.

    Raises Usage for words of a call that is not among *calls*, and in the answer to an employee.
    """
    if said_about and side != "caller":
        raise Usage("about_of_caller")
    unknown = set(said_about) - {name for call in calls for name in (call.facts.id, call.facts.reference)}
    if unknown:
        raise Usage("about_of_no_call", call=min(unknown))
    words = {
        call.facts.id: [*said_about.get(call.facts.id, ()), *said_about.get(call.facts.reference, ())] for call in calls
    }
    return [
        call._replace(
            facts=replace(call.facts, said_about=tuple(sorted(words[call.facts.id], key=lambda said: said.starts_s)))
        )
        for call in calls
    ]


def read_said_about(document: bytes) -> dict[str, list[SaidAbout]]:
    """An officer's list of what the employee says about the caller: `{"id or reference": [{"start", "text"}]}`.

    Raises Usage for another document.
    """
    try:
        calls = parse_object(document, max_bytes=ABOUT_LONGEST)
        said = {call: [_said(fields) for fields in each] for call, each in calls.items()}
    except (ValueError, TypeError, KeyError, AttributeError):
        raise Usage("about_unreadable") from None
    if not all(said.values()) or not said:
        raise Usage("about_unreadable")
    return said


def _said(fields: Mapping[str, Any]) -> SaidAbout:
    start, text = fields["start"], fields["text"].strip()
    is_timed = type(start) in (int, float) and 0 <= start <= metadata.LONGEST
    if (
        not is_timed
        or not 0 < len(text) <= _SAID_LONGEST
        or has_hidden_characters(text)
        or set(fields) != {"start", "text"}
    ):
        raise ValueError("no words with their place")
    return SaidAbout(float(start), text)


def _known(store: Store, permit: Permit, ke: bytes | None) -> dict[str, Any]:
    """The facts of a recording; raises Integrity if its metadata or a key of it is damaged or missing."""
    recording = permit.recording
    known = metadata.open_for(store, recording, permit.keyring, ke, whole=True) if ke else None
    if known is None:
        raise Integrity("metadata_damaged", id=recording.id.hex())
    return known


def damage_of(
    store: Store, recording: Recording, problem: Integrity, mentions: LogMentions, now: datetime
) -> DamagedRecording:
    """The facts of a recording that cannot be given; its time comes from a row that may be changed."""
    return DamagedRecording(
        *(recording.id.hex(), recording.started_at, store.policy.ends_at(recording), problem.code),
        purposes=tuple(sorted(recording.purposes)),
        **_done_with(store, recording, mentions, now),
    )


def _done_with(store: Store, recording: Recording, mentions: LogMentions, now: datetime) -> dict[str, Any]:
    """The accesses to a recording, the possible ones, its copies and its exports, by the log."""
    named = mentions.named[recording.id]
    return {
        "accesses": accesses.recorded(store, mentions, named, now),
        "copies": accesses.copies(store, mentions.entries, named, recording.id),
        "grants": accesses.possible(store, recording, mentions),
        "copy_grants": accesses.possible_of_copies(store, recording, mentions),
        "exports": accesses.exports(store, mentions, recording.id, now),
    }


def _facts(
    store: Store,
    recording: Recording,
    known: Mapping[str, Any],
    side: str,
    on_hold: Holds,
) -> RecordingFacts:
    """The facts of a call for the person on that *side*, without anything of the other side.

    The recording begins at the key press, as its sound does: what came before was cut off at intake.
    """
    consent_at = from_iso(known["consent"]["at"])
    return RecordingFacts(
        id=recording.id.hex(),
        started_at=max(recording.started_at, consent_at),
        duration_s=float(known["duration_s"]),
        team=recording.team,
        purposes=tuple(sorted(recording.purposes)),
        consent_at=consent_at if side == "caller" else None,
        prompt_version=recording.prompt,
        prompt_lang=store.prompts[recording.prompt].lang,
        prompt_text=store.prompts[recording.prompt].text,
        prompt_sha256=recording.prompt_sha256.hex(),
        policy_version=recording.policy,
        number=known["caller"] if side == "caller" else None,
        reference=str(known["source_id"]),
        identifiers=_identifiers(known, side),
        erased_on=on_hold.ends_at(recording),
        hold=_hold(recording, on_hold, side),
        own_speech=False,
        withheld=None,
        copies=(),
        accesses=(),
        grants=(),
        copy_grants=(),
        consent_key=str(known["consent"]["key"]) if side == "caller" else None,
    )


def _hold(recording: Recording, on_hold: Holds, side: str) -> HoldFacts | None:
    """The hold of a call; the employee who answered learns no more of it than of the caller's cases."""
    hold = on_hold.of(recording)
    if hold is None:
        return None
    if side == "agent" and hold.ground is not HoldGround.OBJECTED:
        return HoldFacts(None, on_hold.until(recording) or hold.until)
    return HoldFacts(hold.ground, hold.until, recording.id in on_hold.withdrawn)


def _identifiers(known: Mapping[str, Any], side: str) -> tuple[str, ...]:
    """The identifiers that came with a call; for an employee, the name by which the call was found comes first."""
    name = (str(known["agent"]),) if side == "agent" and known["agent"] else ()
    return tuple(dict.fromkeys((*name, *known["known"].get(side, ()))))


# -- withdrawals -------------------------------------------------------------------------------------
# The kept traces of a caller's withdrawals, for the letter.
#
# A withdrawal of everything is kept under the number, one of a single call under the call's reference alone: no number
# leads to it, and a request by that reference is told of it.


_KEPT_UNDER: Final[Mapping[KnownBy, tuple[str, str]]] = {  # the kind of the tag, and its name in a letter
    KnownBy.CALLER: ("caller", "number"),
    KnownBy.CALL: ("source", "reference"),
}


class KnownWithdrawal(NamedTuple):
    """A withdrawal that an identifier leads to, with the calls that it erased."""

    facts: PastWithdrawal
    calls: tuple[RecordingId, ...]


def withdrawals_of(store: Store, known_by: Iterable[Identifier]) -> list[KnownWithdrawal]:
    """The withdrawals of which a code of a person's numbers or calls is still kept, the oldest first."""
    withdrawals = {withdrawal for identifier in known_by for withdrawal in _of(store, identifier)}
    return sorted(withdrawals, key=lambda withdrawal: withdrawal.facts.at)


def _of(store: Store, identifier: Identifier) -> Iterator[KnownWithdrawal]:
    """The withdrawals that are kept under the blind index of an identifier."""
    if identifier.kind not in _KEPT_UNDER:
        return
    table, (kind, code_of) = store.catalogue.tombstones, _KEPT_UNDER[identifier.kind]
    for seq in table.entries_of(kind, identifier.tag):
        entry, kept = store.log.entries.get(seq), table.of_entry(seq)
        if entry is not None and isinstance(event := entry.event, Withdrawn):
            until = max(tombstone.at for tombstone in kept) + RETENTION + WITHDRAWN_MARGIN
            taken_in = store.log.entries.taking_in(event.recordings)
            copies = {taken for taken, entry in taken_in.items() if isinstance(entry.event, CopyMade)}
            calls = tuple(recording for recording in event.recordings if recording not in copies)
            yield KnownWithdrawal(PastWithdrawal(entry.at, len(calls), until, code_of), calls)


def with_what_was_done(
    store: Store, withdrawal: KnownWithdrawal, gone: Collection[str], mentions: LogMentions | None, now: datetime
) -> PastWithdrawal:
    """A withdrawal with the accesses to its calls and the sound files of them, but for calls among *gone*."""
    if mentions is None:
        return withdrawal.facts
    done = [_done_until_erased(store, call, mentions, now) for call in withdrawal.calls if call.hex() not in gone]
    accesses_of = chain.from_iterable(each["accesses"] for each in done)
    exports_of = chain.from_iterable(each["exports"] for each in done)
    return replace(
        withdrawal.facts,
        accesses=tuple(sorted(accesses_of, key=lambda access: access.at)),
        exports=tuple(sorted(exports_of, key=lambda export: export.at)),
    )


# -- erased since ------------------------------------------------------------------------------------
# Recordings that were held when a request arrived and are erased by now, by the log.
#
# No recording is kept longer because of a request, and a withdrawal erases all the same; the answer says so.


def since_intake(
    store: Store, case: LoggedCase, known: Collection[RecordingId], now: datetime
) -> tuple[ErasedSince, ...]:
    """The recordings that a case began with and that are gone, the oldest first; *known* are the held ones.

    A recording that is past retention and waits for the next purge has no time of erasure yet.
    """
    gone = case.held - set(known)
    ends, taken_in, at = _ends(store, gone), store.log.entries.taking_in(gone), store.clock.today(now)
    erased = []
    for recording, entry in taken_in.items():
        row = store.catalogue.recordings.held(recording)
        if recording in ends:
            erased.append(ErasedSince(recording.hex(), entry.at, *ends[recording]))
        elif row is not None and is_due(store.policy.ends_at(row), at):
            erased.append(ErasedSince(recording.hex(), entry.at, None, "expired"))
    return tuple(sorted(erased, key=lambda recording: recording.taken_in_at))


def with_accesses(
    store: Store, gone: Sequence[ErasedSince], mentions: LogMentions | None, now: datetime
) -> tuple[ErasedSince, ...]:
    """The erased recordings with every access, copy and export until then: the right outlives them (CJEU C-553/07)."""
    if mentions is None:
        return tuple(gone)
    ids = [RecordingId(bytes.fromhex(recording.id)) for recording in gone]
    return tuple(
        replace(recording, **_done_until_erased(store, name, mentions, now))
        for recording, name in zip(gone, ids, strict=True)
    )


def _done_until_erased(store: Store, call: RecordingId, mentions: LogMentions, now: datetime) -> dict[str, Any]:
    """The accesses to an erased call and its copies, and the sound files of them."""
    return {
        "accesses": accesses.recorded(store, mentions, mentions.named[call], now),
        "exports": accesses.exports(store, mentions, call, now),
    }


_WHYS: Final = {Withdrawn: "withdrawn", Purged: "expired", ObjectionUpheld: "objection"}


def _ends(store: Store, gone: Collection[RecordingId]) -> dict[RecordingId, tuple[datetime | None, str]]:
    """The time of each recording's erasure, and the reason."""
    ends: dict[RecordingId, tuple[datetime | None, str]] = {}
    for entry in store.log.entries.naming(gone) if gone else ():
        event = entry.event
        if isinstance(event, Erases):
            for recording in set(gone).intersection(entry.recordings) - ends.keys():
                ends[recording] = entry.at, _WHYS.get(type(event), "other")
    return ends | {recording: (ends[recording][0], "withdrawn") for recording in _withdrawn_on_hold(store, ends)}


def _withdrawn_on_hold(store: Store, gone: Collection[RecordingId]) -> set[RecordingId]:
    """Those that a withdrawal left on hold: the purge after the hold carried it out."""
    of_holds = (hold.calls for hold in holds.logged(store).values() if outlives_withdrawal(hold.ground))
    held = {call.hex() for calls in of_holds for call in calls if call in gone}
    events = (entry.event for entry in store.log.entries.holding(sorted(held)))
    kept = {name for event in events if isinstance(event, Withdrawn) for name in event.kept or ()}
    return {RecordingId(bytes.fromhex(name)) for name in kept & held}
