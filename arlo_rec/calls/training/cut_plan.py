"""Plan the cuts of a call, with notes for the reviewer: from a list, from transcripts, from an engine.

It works on a sound in memory, and knows neither store nor keys. A plan needs words or a list. `words.planner` decides
which words identify a person; `build` cuts.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import islice
from typing import TYPE_CHECKING, Any, NamedTuple

from msgspec.structs import astuple

from arlo_rec.law.model.documents import Record
from arlo_rec.law.model.errors import Usage
from arlo_rec.policy import Mode
from arlo_rec.sound import speech
from arlo_rec.sound.audio import Fill, Sound, cut_list
from arlo_rec.sound.audio.cut_list import Cut
from arlo_rec.sound.speech import NO_SCORES, NOT_UNDERSTOOD, NOTHING_FOUND, UNPROVEN, Transcript, Word

if TYPE_CHECKING:
    from arlo_rec.sound.speech import Engines


MOST_WORDS_KEPT = 40_000  # of all transcripts of a plan: a call of two hours, heard twice


@dataclass(frozen=True, slots=True)
class CallSound:
    """The sound of a call, and all that planning its cuts needs to know: no key and no id."""

    sound: Sound = field(repr=False)
    names: tuple[str, ...] = field(default=(), repr=False)  # of known speakers: the agent, and those known before
    lead: float = 0.0  # seconds before the key press, which intake cut; transcripts of the whole call include them
    sides: Mapping[str, int] = field(default_factory=dict)  # the channels of `caller` and `agent`, if known

    def channel_of(self, role: str | None) -> int | None:
        """The channel of "caller", "agent" or a number; None for mono. Raises Usage for any other."""
        if role is None or self.sound.channels == 1:
            return None
        channel = int(role) if role.isdecimal() else self.sides.get(role)
        if channel is None or not 0 <= channel < self.sound.channels:
            raise Usage("track_unknown", role=role)
        return int(channel)


@dataclass(frozen=True, slots=True)
class CopyOrder:
    """The order for a copy; *transcripts* are documents with the role or channel of their words."""

    mode: Mode
    fill: Fill = Fill.SILENCE
    cuts: tuple[Cut, ...] = ()
    transcripts: tuple[tuple[str | None, bytes], ...] = field(default=(), repr=False)
    files: tuple[str, ...] = ()  # names of the transcripts' files, if any, for people
    cut_circumstances: bool = False  # also in detect mode, by the policy
    language: str | None = None


class UnsureStretch(Record, frozen=True):
    """A stretch, in seconds, that was heard badly and is not cut."""

    start: float
    end: float
    channel: int | None


class UnusedTranscript(Record, frozen=True):
    """A transcript that was left out because only another fits."""

    file: str
    why: str  # a code


class HeardWord(NamedTuple):
    """A word as the reviewer sees it."""

    text: str
    start: float
    end: float
    score: float | None
    channel: int | None
    transcript: int = 0  # number of its transcript: words of 0 are shown, others are a second opinion


@dataclass(frozen=True, slots=True)
class CutPlan:
    """The cuts of a call, with notes for the reviewer."""

    listed: tuple[Cut, ...]  # numbered from 1 through every edit, removed ones included
    mode: Mode
    cover_of_speech: float | None = None
    offset_s: float | None = None
    warnings: tuple[str, ...] = ()
    unsure: tuple[UnsureStretch, ...] = ()
    words: tuple[HeardWord, ...] = field(default=(), repr=False)
    unused: tuple[UnusedTranscript, ...] = ()

    @property
    def is_understood(self) -> bool:
        """Whether the speech was understood, and not guessed by an engine."""
        return NOT_UNDERSTOOD not in self.warnings

    @property
    def is_scored(self) -> bool:
        """Whether there are words, with scores that say how well they were heard."""
        return bool(self.words) and NO_SCORES not in self.warnings

    @property
    def may_miss_all(self) -> bool:
        """Whether the words may be another call's, or hold nothing that was looked for: only hearing the call tells."""
        return UNPROVEN in self.warnings or NOTHING_FOUND in self.warnings

    @property
    def is_all_doubtful(self) -> bool:
        """Whether all that is not cut has to be heard."""
        return self.may_miss_all or not self.is_scored

    @property
    def cuts(self) -> tuple[Cut, ...]:
        """The effective cuts, in order of time."""
        return in_order(cut for cut in self.listed if cut.is_cut)

    def with_cuts(self, listed: Sequence[Cut]) -> CutPlan:
        """The same plan with other cuts, by their numbers."""
        return replace(self, listed=tuple(listed))

    def without_words(self) -> CutPlan:
        """The same plan without words."""
        return replace(self, words=())

    def to_json(self) -> dict[str, Any]:
        """The plan as the makers' metadata keeps it."""
        return {
            "list": [cut.to_json() for cut in self.listed],
            "mode": str(self.mode),
            "cover_of_speech": self.cover_of_speech,
            "offset_s": self.offset_s,
            "warnings": list(self.warnings),
            "unsure": [list(astuple(stretch)) for stretch in self.unsure],
            "words": [list(word) for word in self.words],
            "unused": [list(astuple(transcript)) for transcript in self.unused],
        }

    @classmethod
    def from_json(cls, kept: Mapping[str, Any]) -> CutPlan:
        """The plan that `to_json` wrote."""
        return cls(
            tuple(cut_list.from_json(cut) for cut in kept["list"]),
            Mode(kept.get("mode", Mode.MANUAL)),
            kept.get("cover_of_speech"),
            kept.get("offset_s"),
            tuple(kept.get("warnings", ())),
            tuple(UnsureStretch(*stretch) for stretch in kept.get("unsure", ())),
            tuple(HeardWord(*word) for word in kept.get("words", ())),
            tuple(UnusedTranscript(*transcript) for transcript in kept.get("unused", ())),
        )


def demand_words(order: CopyOrder, *, hears: bool) -> None:
    """Raise Usage for an order without a list or words, unless an engine *hears* them."""
    if order.mode is Mode.MANUAL:
        if not order.cuts:
            raise Usage("cuts_missing")
    elif not order.transcripts and not hears:
        raise Usage("words_missing")


def plan_cuts(call: CallSound, order: CopyOrder, engines: Engines = ()) -> CutPlan:
    """Plan the cuts of a call; raises Usage if words or a list are missing, or do not fit."""
    demand_words(order, hears=bool(engines))
    listed = within(order.cuts, call.sound)
    if order.mode is Mode.MANUAL:
        return CutPlan(tuple(listed), Mode.MANUAL)
    plan = speech.words().plan(
        call.sound,
        _transcripts(call, order, engines),
        call.names,
        strict=order.mode is Mode.STRICT,
        cut_circumstances=order.cut_circumstances,
        lead=call.lead,
    )
    return CutPlan(
        in_order([*plan.cuts, *listed]),
        order.mode,
        plan.cover_of_speech,
        plan.offsets[0],
        plan.warnings,
        tuple(UnsureStretch(*stretch) for stretch in plan.unsure),
        tuple(_heard_words(plan.words)),
        tuple(UnusedTranscript(unused.file or str(unused.place), unused.why) for unused in plan.dropped),
    )


def within(cuts: Sequence[Cut], sound: Sound) -> list[Cut]:
    """Clip cuts to the sound; raises Usage for a cut outside it."""
    return cut_list.clip(list(cuts), sound.duration, sound.channels)


def in_order(cuts: Iterable[Cut]) -> tuple[Cut, ...]:
    """Sort cuts by start."""
    return tuple(sorted(cuts, key=lambda cut: (cut.start, cut.end)))


def _heard_words(transcripts: Sequence[Sequence[Word]]) -> Iterator[HeardWord]:
    """Yield up to `MOST_WORDS_KEPT` words of all transcripts, the first transcript first."""
    every = ((number, word) for number, words in enumerate(transcripts) for word in words)
    for number, word in islice(every, MOST_WORDS_KEPT):
        yield HeardWord(word.text, word.start, word.end, word.score, word.channel, number)


def _transcripts(call: CallSound, order: CopyOrder, engines: Engines) -> list[Transcript]:
    files = [*order.files, *map(str, range(len(order.files) + 1, len(order.transcripts) + 1))]
    transcripts = [
        replace(_read(raw, file, call.channel_of(role)), file=file)
        for (role, raw), file in zip(order.transcripts, files, strict=True)
    ]
    if engines:
        transcripts += speech.words().transcribe(engines, call.sound, order.language, call.names)
    return _united(transcripts)


def _read(raw: bytes, file: str, channel: int | None) -> Transcript:
    """Read a transcript; raises Usage with the name of its *file*."""
    try:
        return speech.words().read(raw, channel)
    except Usage as error:
        raise Usage(error.code, place=error.detail["place"], why=error.detail["why"], file=file) from None


def _united(transcripts: Sequence[Transcript]) -> list[Transcript]:
    """Unite transcripts of single channels to transcripts of all: the first of each, then the second.

    A transcript by itself would leave the other channel without words; two passes of one channel must not mix.
    """
    by_channel: dict[int, list[Transcript]] = {}
    for transcript in transcripts:
        if transcript.channel is not None:
            by_channel.setdefault(transcript.channel, []).append(transcript)
    if len(by_channel) < 2:
        return list(transcripts)
    united = []
    for number in range(max(len(engine) for engine in by_channel.values())):
        beside = [engine[min(number, len(engine) - 1)] for engine in by_channel.values()]
        words = tuple(word for transcript in beside for word in transcript.words)
        redactions = tuple(redaction for transcript in beside for redaction in transcript.redactions)
        files = ", ".join(dict.fromkeys(transcript.file for transcript in beside if transcript.file))
        languages = tuple(language for transcript in beside for language in transcript.languages)
        united.append(Transcript(beside[0].form, words, redactions, files, languages))
    return [*united, *(transcript for transcript in transcripts if transcript.channel is None)]


# -- edits -------------------------------------------------------------------------------------------
# A reviewer's changes of a cut list. A cut keeps its number through every edit, even if removed.


@dataclass(frozen=True, slots=True)
class Changes:
    """A reviewer's changes of a cut list; cuts by their numbers, from 1."""

    accepted: Sequence[int] = ()
    removed: Sequence[int] = ()
    moved: Mapping[int, Cut] = field(default_factory=dict)
    added: Sequence[Cut] = ()
    undone: Sequence[int] = ()  # decisions taken back: the cut is as proposed

    def __bool__(self) -> bool:
        return bool(self.accepted or self.removed or self.moved or self.added or self.undone)


def edited(listed: Sequence[Cut], changes: Changes) -> list[Cut]:
    """Apply changes to cuts; added ones get the next numbers.

    Raises Usage for an unknown number, or one that is named twice.
    """
    named = [*changes.accepted, *changes.removed, *changes.moved, *changes.undone]
    for number, times in Counter(named).items():
        numbered(listed, number)
        if times > 1:
            raise Usage("cut_twice", number=number)
    decided = (_decided(number, cut, changes) for number, cut in enumerate(listed, 1))
    return [*decided, *(replace(cut, status="added") for cut in changes.added)]


def numbered(listed: Sequence[Cut], number: int) -> Cut:
    """The cut of a number; raises Usage."""
    if not 1 <= number <= len(listed):
        raise Usage("no_such_cut", number=number, most=len(listed))
    return listed[number - 1]


def _decided(number: int, cut: Cut, changes: Changes) -> Cut:
    if number in changes.removed:
        return replace(cut, status="removed")
    if number in changes.moved:
        moved = changes.moved[number]
        if cut.status == "added":
            return replace(cut, start=moved.start, end=moved.end)
        was = cut.was or (cut.start, cut.end)
        return replace(cut, start=moved.start, end=moved.end, status="changed", was=was)
    if number in changes.accepted and cut.status not in {"changed", "added"}:
        return replace(cut, status="accepted")
    return _taken_back(cut) if number in changes.undone else cut


def _taken_back(cut: Cut) -> Cut:
    """A cut before the reviewer's decision; one that they added is removed."""
    start, end = cut.was or (cut.start, cut.end)
    status = "removed" if cut.status == "added" else cut.first_status
    return replace(cut, start=start, end=end, status=status, was=None)
