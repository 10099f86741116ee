"""Training copies: planned, reviewed, released. A person decides what goes, and another look proves that it went.

    propose   the original opened, cut, proved against the original, sealed to its makers: `needs_review`
    review    who may hear the original looks at the cut list, hears each cut, changes it, and confirms it: `ready`
    release   proved once more, sealed anew to training under another id; the copy under review is erased
    reject    the copy under review is erased
How a copy is made stands in `making`; what is still to be made, in `backlog`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import TYPE_CHECKING

from arlo_rec import audio
from arlo_rec.access import disclosures
from arlo_rec.audio import Sound
from arlo_rec.erasure import protocol
from arlo_rec.model.errors import Integrity, Refused, Usage
from arlo_rec.model.records import RecordingId
from arlo_rec.policy import Action, reason_problem
from arlo_rec.speech.cut_list import Cut
from arlo_rec.store import Store
from arlo_rec.training import build, copies
from arlo_rec.training.build import FOR_TRAINERS, Helpers, Made, Opened, Order
from arlo_rec.training.copies import READY, RELEASED, REPLACED, Copy

if TYPE_CHECKING:
    from arlo_rec.speech.engines.engine import Engine

LONGEST_HEARD = 60  # seconds of a stretch that is no cut
CONTEXT = 1.5  # seconds before and behind a cut that a reviewer hears


@dataclass(frozen=True, slots=True)
class Changes:
    """What a reviewer wants otherwise; cuts by their numbers, from 1."""

    accepted: Sequence[int] = ()
    removed: Sequence[int] = ()
    moved: Mapping[int, Cut] = field(default_factory=dict)
    added: Sequence[Cut] = ()

    def __bool__(self) -> bool:
        return bool(self.accepted or self.removed or self.moved or self.added)


def propose(store: Store, shown_id: str, order: Order, helpers: Helpers, clock: Callable[[], datetime]) -> Made:
    """Make a copy, to be reviewed; raises NotGranted, Refused, Usage, Unreachable or Integrity."""
    build.demand_words(order, helpers)
    source = build.original(store, shown_id, clock)
    return build.make(store, source, build.planned(source, order, helpers), order, clock())


def shown(store: Store, shown_id: str, clock: Callable[[], datetime]) -> Made:
    """A copy under review; raises NotGranted or Usage."""
    copy, opened = _under_review(store, shown_id, Action.REVIEW, clock)
    return build.made_of(copy, opened.known, opened.sound.duration)


def heard(store: Store, shown_id: str, what: int | Cut | None, clock: Callable[[], datetime]) -> bytes:
    """What a reviewer listens to, as WAV: the original around a cut, by its number, or around a stretch; or the copy.

    It leaves, so it is noted like an export: whoever has it must delete it when the call goes. Raises Usage where
    there is no such cut, or for a stretch of more than a minute: the original is not heard whole in this way.
    """
    copy, opened = _under_review(store, shown_id, Action.REVIEW, clock)
    if what is None:
        _note(store, copy.id, "copy", clock())
        return audio.canonical_wav(opened.sound)
    one = what if isinstance(what, Cut) else _numbered(build.cuts_of(opened.known), what)
    if isinstance(what, Cut) and one.end - one.start > LONGEST_HEARD:
        raise Usage("hear_too_long", most=LONGEST_HEARD)
    source = build.opened(store, copy.parent.hex(), Action.REVIEW, clock)
    if one.start >= source.sound.duration:
        raise Usage("cuts_wrong", place="1", why="behind_the_end")
    _note(store, copy.parent, f"{one.start:.2f}-{one.end:.2f}", clock())
    return audio.canonical_wav(_part(source.sound, one.start - CONTEXT, one.end + CONTEXT))


def change(store: Store, shown_id: str, changes: Changes, clock: Callable[[], datetime]) -> Made:
    """The same copy with other cuts, made anew from the original; the one before is erased. It needs a review again."""
    copy, opened = _under_review(store, shown_id, Action.REVIEW, clock)
    before = build.made_of(copy, opened.known, opened.sound.duration)
    cuts = _changed(before.cuts, changes)
    source = build.opened(store, copy.parent.hex(), Action.REVIEW, clock)
    inside = build.within(cuts, source.sound)
    order = build.order_of(opened.known)
    made = build.make(store, source, build.with_cuts(before.planned, inside), order, clock(), changed=copy.id)
    _erase(store, copy, Action.REVIEW, None, clock())
    return made


def confirm(store: Store, shown_id: str, clock: Callable[[], datetime]) -> Made:
    """A person has gone through the cut list; the log says who."""
    copy, opened = _under_review(store, shown_id, Action.REVIEW, clock)
    now = clock()
    with store.change(now) as commit:
        copies.confirm(store, copy.id)
        entry = store.entry(Action.REVIEW, "allowed", "data.pseudonymised", now, confirmed=True)
        commit.log(entry.naming(copy.id))
    return build.made_of(copies.get(store, copy.id) or copy, opened.known, opened.sound.duration)


def release(
    store: Store, shown_id: str, reason: str | None, engine: Engine | None, clock: Callable[[], datetime]
) -> Made:
    """Give a reviewed copy to training.

    Raises Refused where nobody reviewed it, or where *engine* still hears a name that is known; Integrity where it is
    not as cut.
    """
    _demand_reason(reason)
    copy, opened = _of_a_review(store, shown_id, Action.RELEASE, clock)
    if copy.state == REPLACED:
        return _released_before(store, copy, opened, reason, clock)
    if copy.state != READY:
        raise Refused("not_reviewed", rule="data.pseudonymised")
    source = build.opened(store, copy.parent.hex(), Action.RELEASE, clock)
    _prove(source, opened)
    if engine is not None:
        _demand_unheard(engine, source, opened)
    given = _give(store, source, copy, opened, clock(), heard_again=engine is not None)
    _erase(store, copy, Action.RELEASE, reason, clock())
    return _released(given, copy, opened)


def reject(store: Store, shown_id: str, reason: str | None, clock: Callable[[], datetime]) -> Copy:
    """Erase a copy that is not good enough; raises Usage or NotGranted."""
    _demand_reason(reason)
    copy, _ = _under_review(store, shown_id, Action.REJECT, clock)
    _erase(store, copy, Action.REJECT, reason, clock())
    return copy


# -- review -------------------------------------------------------------------------------------------


def _under_review(store: Store, shown_id: str, action: Action, clock: Callable[[], datetime]) -> tuple[Copy, Opened]:
    """A copy that waits for a person, opened; raises NotGranted, or Usage where the id is that of something else.

    One that was replaced by a run that broke off is erased now, and the error says what to look at instead.
    """
    copy, opened = _of_a_review(store, shown_id, action, clock)
    if copy.state == REPLACED:
        successor = copies.successor_of(store, copy.id)
        _erase(store, copy, action, None, clock())
        raise Usage("copy_replaced", copy=successor.hex() if successor else "-")
    return copy, opened


def _of_a_review(store: Store, shown_id: str, action: Action, clock: Callable[[], datetime]) -> tuple[Copy, Opened]:
    """A copy that is not released, opened."""
    opened = build.opened(store, shown_id, action, clock)
    copy = copies.get(store, opened.recording.id)
    if copy is None or copy.state == RELEASED:
        raise Usage("not_under_review")
    return copy, opened


def _changed(cuts: Sequence[Cut], changes: Changes) -> list[Cut]:
    """The cuts as a reviewer wants them, each with what became of it."""
    for number in (*changes.accepted, *changes.removed, *changes.moved):
        _numbered(cuts, number)
    kept = []
    for number, one in enumerate(cuts, 1):
        if number in changes.removed:
            continue
        moved = changes.moved.get(number)
        if moved is not None:
            kept.append(replace(one, start=moved.start, end=moved.end, status="changed"))
        else:
            kept.append(replace(one, status="accepted") if number in changes.accepted else one)
    return [*kept, *(replace(one, status="added") for one in changes.added)]


def _numbered(cuts: Sequence[Cut], number: int) -> Cut:
    if not 1 <= number <= len(cuts):
        raise Usage("no_such_cut", number=number, most=len(cuts))
    return cuts[number - 1]


def _note(store: Store, recording: RecordingId, what: str, now: datetime) -> None:
    """Who listened to what; it is a copy that left."""
    with store.change(now) as commit:
        disclosures.note(store, store.book.tree().size, "export", now)
        entry = store.entry(Action.REVIEW, "allowed", "data.pseudonymised", now, heard=what)
        commit.log(entry.naming(recording))


def _part(sound: Sound, begin: float, end: float) -> Sound:
    """A sound from one moment to another, as far as it goes."""
    first = max(0, int(begin * sound.rate)) * sound.frame_bytes
    behind = min(sound.frames, int(end * sound.rate) + 1) * sound.frame_bytes
    return Sound(sound.encoding, sound.rate, sound.channels, sound.data[first:behind])


# -- release ------------------------------------------------------------------------------------------


def _prove(source: Opened, opened: Opened) -> None:
    """Against the original; a disguised copy, whose voice was drawn and not kept, against itself cut once more."""
    order = build.order_of(opened.known)
    before = opened.sound if order.disguise else source.sound
    if before.frames != source.sound.frames:
        raise Integrity("copy_is_not_the_cut_call", why="length_differs")
    build.prove(before, opened.sound, build.cuts_of(opened.known), order.fill, build.chance_of(opened.known))


def _demand_unheard(engine: Engine, source: Opened, opened: Opened) -> None:
    """Raise Refused where a name that is known to the call is heard in its copy."""
    from arlo_rec.speech.detectors import identify, likeness
    from arlo_rec.speech.engines import passes

    known = likeness.known(source.names)
    for one in passes.heard(engine, opened.sound, None, []):
        still = identify.known_in(one.words, known)
        if still:
            raise Refused("still_heard", rule="data.pseudonymised", at=f"{still[0].start:.1f}-{still[0].end:.1f}")


def _released_before(
    store: Store, copy: Copy, opened: Opened, reason: str | None, clock: Callable[[], datetime]
) -> Made:
    """What a release that broke off had given already; the copy under review is erased now."""
    successor = copies.successor_of(store, copy.id)
    given = copies.get(store, successor) if successor else None
    _erase(store, copy, Action.RELEASE, reason, clock())
    if given is None or given.state != RELEASED:
        raise Usage("copy_replaced", copy=given.id.hex() if given else "-")
    return _released(given.id, copy, opened)


def _released(given: RecordingId, copy: Copy, opened: Opened) -> Made:
    told = Copy(given, copy.parent, RELEASED, copy.made_by, copy.reviewed_by)
    return build.made_of(told, opened.known, opened.sound.duration)


def _give(store: Store, source: Opened, copy: Copy, opened: Opened, now: datetime, *, heard_again: bool) -> RecordingId:
    """The same sound sealed anew to training, its list without the words; the log says whether it was heard again."""
    plain = {key: opened.known[key] for key in FOR_TRAINERS}
    told = {**opened.known, "cuts": {**opened.known["cuts"], "words": []}}

    def audience() -> copies.Audience:
        with store.change(now) as commit:
            entry = store.entry(Action.RELEASE, "allowed", "data.pseudonymised", now, heard_again=heard_again)
            commit.log(entry.naming(copy.id))
            return copies.trainers(store, source.recording, told, plain, now)

    return build.sealed(store, source, opened.sound, audience, RELEASED, now, copy.id).id


def _erase(store: Store, copy: Copy, action: Action, reason: str | None, now: datetime) -> None:
    order = protocol.Order(str(action), "data.pseudonymised", (copy.id,))
    entry = store.entry(action, "done", "data.pseudonymised", now, parent=copy.parent.hex(), why=reason or "")
    protocol.carry_out(store, lambda: order, now, lambda commit, _: commit.log(entry.naming(copy.id)))


def _demand_reason(reason: str | None) -> None:
    if problem := reason_problem(reason):
        raise Usage(problem, rule="security.reason")
