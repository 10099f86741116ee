"""Training copies: planned, reviewed, released. A person decides what goes, and another look proves that it went.

    propose   the original opened, cut, proved against the original, sealed to its makers: `needs_review`
    review    who may hear the original looks at the cut list, hears each cut, changes it, and confirms it: `ready`
    release   proved once more, sealed anew to training under another id; the copy under review is erased
    reject    the copy under review is erased
Nothing that was decrypted touches the disk, and without a list of cuts there is no copy.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from arlo_rec import audio, copies, crypto, cutlist, erasure, gate, objects, recipients
from arlo_rec.audio import Fill, Sound, Stretch
from arlo_rec.copies import NEEDS_REVIEW, READY, RELEASED, Copy
from arlo_rec.cutlist import Cut
from arlo_rec.errors import Integrity, Refused, Usage
from arlo_rec.jsontext import from_base64, to_base64
from arlo_rec.policy import Action, reason_problem
from arlo_rec.records import Kind, Recording, RecordingId
from arlo_rec.store import Store

CONTEXT = 1.5  # seconds before and behind a cut that a reviewer hears
_FOR_TRAINERS = ("agent", "duration_s", "encoding", "rate", "tracks")


@dataclass(frozen=True, slots=True)
class Made:
    """A copy with its cut list."""

    original: RecordingId
    copy: RecordingId
    state: str
    cuts: tuple[Cut, ...]
    cover: float  # of the length of the call, how much is cut
    duration: float


@dataclass(frozen=True, slots=True)
class _Opened:
    """A recording in memory."""

    recording: Recording
    key: objects.DataKey
    header: objects.Header
    sound: Sound
    known: dict[str, Any]


def propose(store: Store, shown_id: str, cuts: Sequence[Cut], fill: Fill, clock: Callable[[], datetime]) -> Made:
    """Make a copy with these cuts, to be reviewed; raises NotGranted, Refused, Usage or Integrity."""
    original = _open(store, shown_id, Action.PSEUDONYMISE, clock)
    if original.recording.kind is not Kind.ORIGINAL:
        raise Usage("not_an_original")
    return _make(store, original, cuts, fill, clock())


def shown(store: Store, shown_id: str, clock: Callable[[], datetime]) -> Made:
    """A copy under review; raises NotGranted or Usage."""
    copy, opened = _under_review(store, shown_id, Action.REVIEW, clock)
    return _made(copy, opened.known, opened.sound.duration)


def heard(store: Store, shown_id: str, number: int, clock: Callable[[], datetime]) -> bytes:
    """The original around one cut, as WAV: what a reviewer listens to; raises Usage where there is no such cut.

    It leaves, so it is noted like an export: whoever has it must delete it when the call goes.
    """
    copy, opened = _under_review(store, shown_id, Action.REVIEW, clock)
    cuts = _cuts(opened.known)
    if not 1 <= number <= len(cuts):
        raise Usage("no_such_cut", number=number, most=len(cuts))
    original = _open(store, copy.parent.hex(), Action.REVIEW, clock)
    now = clock()
    with store.change(now) as commit:
        recipients.note(store, store.book.tree().size, "export", now)
        entry = store.entry(Action.REVIEW, "allowed", "data.pseudonymised", now, heard=number)
        commit.log(entry.naming(copy.parent))
    sound, one = original.sound, cuts[number - 1]
    begin = max(0, int((one.start - CONTEXT) * sound.rate))
    end = min(sound.frames, int((one.end + CONTEXT) * sound.rate) + 1)
    part = sound.data[begin * sound.frame_bytes : end * sound.frame_bytes]
    return audio.canonical_wav(Sound(sound.encoding, sound.rate, sound.channels, part))


def change(
    store: Store, shown_id: str, removed: Sequence[int], added: Sequence[Cut], clock: Callable[[], datetime]
) -> Made:
    """The same copy with other cuts, made anew from the original; the one before is erased. It needs a review again."""
    copy, opened = _under_review(store, shown_id, Action.REVIEW, clock)
    cuts = list(_cuts(opened.known))
    for number in removed:
        if not 1 <= number <= len(cuts):
            raise Usage("no_such_cut", number=number, most=len(cuts))
    left = [one for number, one in enumerate(cuts, 1) if number not in set(removed)]
    original = _open(store, copy.parent.hex(), Action.REVIEW, clock)
    made = _make(store, original, sorted([*left, *added], key=lambda one: one.start), _fill(opened.known), clock())
    _erase(store, copy, Action.REVIEW, None, clock())
    return made


def confirm(store: Store, shown_id: str, clock: Callable[[], datetime]) -> Made:
    """A person has gone through the cut list; the log says who."""
    copy, opened = _under_review(store, shown_id, Action.REVIEW, clock)
    now = clock()
    with store.change(now) as commit:
        store.db.run(
            "UPDATE copies SET state = ?, reviewed_by = ? WHERE recording = ?", (READY, store.person.name, copy.id)
        )
        entry = store.entry(Action.REVIEW, "allowed", "data.pseudonymised", now, confirmed=True)
        commit.log(entry.naming(copy.id))
    return _made(copies.get(store, copy.id) or copy, opened.known, opened.sound.duration)


def release(store: Store, shown_id: str, reason: str | None, clock: Callable[[], datetime]) -> Made:
    """Give a reviewed copy to training; raises Refused where nobody reviewed it, Integrity where it is not as cut."""
    _demand_reason(reason)
    copy, opened = _under_review(store, shown_id, Action.RELEASE, clock)
    if copy.state != READY:
        raise Refused("not_reviewed", rule="data.pseudonymised")
    original = _open(store, copy.parent.hex(), Action.RELEASE, clock)
    _prove(original.sound, opened.sound, _cuts(opened.known), _fill(opened.known), _chance(opened.known))
    given = copies.released_from(store, copy.id) or _give(store, original, copy, opened, clock())
    _erase(store, copy, Action.RELEASE, reason, clock())
    return _made(
        Copy(given, copy.parent, RELEASED, copy.made_by, copy.reviewed_by), opened.known, opened.sound.duration
    )


def _give(store: Store, original: _Opened, copy: Copy, opened: _Opened, now: datetime) -> RecordingId:
    """The same sound sealed anew to training."""
    plain = {key: opened.known[key] for key in _FOR_TRAINERS}
    with store.change(now):
        audience = copies.trainers(store, original.recording, opened.known, plain, now)
    wav = audio.canonical_wav(opened.sound)
    return copies.make(store, original.recording, original.key, wav, audience, RELEASED, now, copy.id).id


def reject(store: Store, shown_id: str, reason: str | None, clock: Callable[[], datetime]) -> Copy:
    """Erase a copy that is not good enough; raises Usage or NotGranted."""
    _demand_reason(reason)
    copy, _ = _under_review(store, shown_id, Action.REJECT, clock)
    _erase(store, copy, Action.REJECT, reason, clock())
    return copy


# -- opening ------------------------------------------------------------------------------------------


def _open(store: Store, shown_id: str, action: Action, clock: Callable[[], datetime]) -> _Opened:
    """A recording with its key, whole and in memory, for whoever may make a copy of it."""
    given = gate.permit_maker(store, shown_id, action, clock())
    key, header = gate.data_key(store, given, clock())
    body = b"".join(gate.listen_to(store, given, clock))
    sound = audio.read_wav(io.BytesIO(body), len(body))
    return _Opened(given.recording, key, header, sound, copies.known_of(store, given.recording.id, given.keys, key.ke))


def _under_review(store: Store, shown_id: str, action: Action, clock: Callable[[], datetime]) -> tuple[Copy, _Opened]:
    """A copy that is not released, opened; raises NotGranted, or Usage where the id is that of something else."""
    opened = _open(store, shown_id, action, clock)
    copy = copies.get(store, opened.recording.id)
    if copy is None or copy.state == RELEASED:
        raise Usage("not_under_review")
    return copy, opened


def _demand_reason(reason: str | None) -> None:
    if problem := reason_problem(reason):
        raise Usage(problem, rule="security.reason")


# -- making -------------------------------------------------------------------------------------------


def _make(store: Store, original: _Opened, cuts: Sequence[Cut], fill: Fill, now: datetime) -> Made:
    inside = cutlist.within(list(cuts), original.sound.duration, original.sound.channels)
    if not inside:
        raise Usage("cuts_empty")
    chance = crypto.fresh()
    cut = audio.cut(original.sound, _stretches(inside), fill, chance)
    _prove(original.sound, cut, inside, fill, chance)
    told = {key: original.known[key] for key in _FOR_TRAINERS}
    told["cuts"] = {"list": [one.told() for one in inside], "fill": str(fill), "chance": to_base64(chance)}
    audience = copies.makers(store, original.header, told)
    made = copies.make(store, original.recording, original.key, audio.canonical_wav(cut), audience, NEEDS_REVIEW, now)
    return _made(Copy(made.id, original.recording.id, NEEDS_REVIEW, store.person.name, None), told, cut.duration)


def _prove(before: Sound, after: Sound, cuts: Sequence[Cut], fill: Fill, chance: bytes) -> None:
    """Length, everything outside and everything inside; raises Integrity."""
    if found := audio.cut_problems(before, after, list(_stretches(cuts)), fill, chance):
        raise Integrity("copy_is_not_the_cut_call", why=found[0])


def _stretches(cuts: Sequence[Cut]) -> list[Stretch]:
    return [Stretch(one.start, one.end, one.channels) for one in cuts]


def _erase(store: Store, copy: Copy, action: Action, reason: str | None, now: datetime) -> None:
    order = erasure.Order(str(action), "data.pseudonymised", (copy.id,))
    entry = store.entry(action, "done", "data.pseudonymised", now, parent=copy.parent.hex(), why=reason or "")
    erasure.carry_out(store, lambda: order, now, lambda commit, _: commit.log(entry.naming(copy.id)))


def _made(copy: Copy, known: dict[str, Any], duration: float) -> Made:
    cuts = _cuts(known)
    return Made(copy.parent, copy.id, copy.state, cuts, _cover(cuts, duration), duration)


def _cover(cuts: Sequence[Cut], duration: float) -> float:
    """Of the length of a call, the share in which something is cut."""
    total, reached = 0.0, 0.0
    for one in sorted(cuts, key=lambda each: each.start):
        total += max(0.0, one.end - max(one.start, reached))
        reached = max(reached, one.end)
    return total / duration


def _cuts(known: dict[str, Any]) -> tuple[Cut, ...]:
    return tuple(cutlist.from_told(one) for one in known["cuts"]["list"])


def _fill(known: dict[str, Any]) -> Fill:
    return Fill(known["cuts"]["fill"])


def _chance(known: dict[str, Any]) -> bytes:
    return from_base64(known["cuts"]["chance"])
