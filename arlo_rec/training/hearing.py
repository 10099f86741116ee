"""What a reviewer hears as a file: the original around a cut, a part of it, the copy, or what was heard badly in it.

Whoever hears takes a live grant for quality and a reason, an officer too. It is logged as a disclosure, like an export,
with the seconds of sound that leave; and like an export it leaves nothing where the recording was erased or the grant
ended before the file has its name.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum

from arlo_rec import audio
from arlo_rec.access import disclosures, gate
from arlo_rec.access.gate import Intent
from arlo_rec.audio import Sound
from arlo_rec.backends.named_files import NamedFile
from arlo_rec.catalogue.copies import Copy
from arlo_rec.model.audit_events import ReviewHeard
from arlo_rec.model.errors import Usage
from arlo_rec.model.spans import Span, united
from arlo_rec.policy import Action
from arlo_rec.speech.cut_list import Cut
from arlo_rec.store import Store
from arlo_rec.training import opening, owed, under_review
from arlo_rec.training.build import CutRecord
from arlo_rec.training.cut_plan import numbered
from arlo_rec.training.opening import OpenRecording

LONGEST_HEARD = 60  # seconds of a part of the original that is not a cut
CONTEXT = 1.5  # seconds before and behind what a reviewer hears


class Whole(StrEnum):
    """What is heard of a copy itself."""

    COPY = "copy"
    UNSURE = "unsure"  # what the engine heard badly and nothing cuts, as far as this person has not heard it yet


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a reviewer wants to hear: the original around a cut (by number) or in a part, or of the copy; and why."""

    part: int | Cut | Whole
    reason: str | None


@dataclass(frozen=True, slots=True)
class _Chosen:
    """A recording that was opened to be heard, and what of it."""

    source: OpenRecording
    parts: str  # as the log calls them
    sound: Sound


def write(store: Store, wanted: Wanted, shown_id: str, out: NamedFile, clock: Callable[[], datetime]) -> int:
    """Write what a reviewer wants to hear as WAV to a new file, and return the number of bytes.

    Raises Usage where there is no such cut, where nothing was heard badly, and for a part of more than LONGEST_HEARD,
    so that an original is not heard whole in this way; and what the gate raises.
    """
    gate.admit(store, Intent(Action.HEAR, reason=wanted.reason), clock())
    copy, recording = under_review.open_one(store, shown_id, Action.REVIEW, clock)
    chosen = _chosen(store, wanted, copy, recording, clock)
    seq = _note(store, chosen, wanted.reason, out.name, clock())
    with disclosures.unless_written(store, seq, out.files, clock()):
        wav = audio.canonical_wav(chosen.sound)
        return out.write([wav], lambda: gate.still_open(store, chosen.source.permit, clock()))


def _chosen(
    store: Store, wanted: Wanted, copy: Copy, recording: OpenRecording, clock: Callable[[], datetime]
) -> _Chosen:
    """What is heard, opened for that."""
    part, plan = wanted.part, CutRecord.of_copy(recording.metadata).plan
    if isinstance(part, Whole):
        unheard = owed.owed(plan, owed.heard(store, copy, plan)).unheard
        if part is Whole.UNSURE and not unheard:
            raise Usage("nothing_unsure")
        opened = opening.open_recording(store, copy.id.hex(), Action.HEAR, clock, wanted.reason)
        if part is Whole.COPY:
            return _Chosen(opened, "copy", opened.sound)
        spans = united((stretch.start, stretch.end) for stretch in unheard)
        return _Chosen(opened, ",".join(map(_as_logged, spans)), _parts(opened.sound, spans))
    stretch = part if isinstance(part, Cut) else numbered(plan.listed, part)
    if isinstance(part, Cut) and part.end - part.start > LONGEST_HEARD:
        raise Usage("hear_too_long", most=LONGEST_HEARD)
    original = opening.open_recording(store, copy.parent.hex(), Action.HEAR, clock, wanted.reason)
    if stretch.start >= original.sound.duration:
        raise Usage("cuts_wrong", place="1", why="behind_the_end")
    span = (stretch.start, stretch.end)
    return _Chosen(original, _as_logged(span), _parts(original.sound, [span]))


def _as_logged(span: Span) -> str:
    return f"{span[0]:.2f}-{span[1]:.2f}"


def _note(store: Store, chosen: _Chosen, reason: str | None, file: str, now: datetime) -> int:
    """Log what will be heard, why and how long it is, with its disclosure, and return the entry's number.

    In the same change the recording is still held: a withdrawal comes before it, and nothing leaves, or behind it, and
    tells who has it. Raises Refused.
    """
    source, seconds = chosen.source, f"{chosen.sound.duration:.2f}"
    with store.change(now) as commit:
        gate.still_open(store, source.permit, now)
        event = ReviewHeard(recordings=(source.recording.id,), reason=str(reason), heard=chosen.parts, seconds=seconds)
        seq = commit.log(event)
        disclosures.name_file(store, seq, file)
    return seq


def _parts(sound: Sound, spans: Sequence[Span]) -> Sound:
    """The parts of a sound in those spans with CONTEXT around each, one behind the other."""
    return replace(sound, data=b"".join(_part(sound, begin - CONTEXT, end + CONTEXT) for begin, end in spans))


def _part(sound: Sound, begin: float, end: float) -> bytes:
    """The bytes of a sound from *begin* to *end* in seconds, up to its length."""
    first = max(0, int(begin * sound.rate)) * sound.frame_bytes
    behind = min(sound.frames, int(end * sound.rate) + 1) * sound.frame_bytes
    return sound.data[first:behind]
