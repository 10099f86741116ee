"""Build a `Transcript` from the words that a reader adds: validate them, convert times to seconds, and sort.

It knows no vendor's field names; the readers of `transcript_forms` know those and leave all validation to this module.
It touches no file. Errors are Usage `transcript_wrong` with one of these reasons:

    too_large, too_many, word_too_long                   more than people say in a call, or minutes of work
    not_utf8, not_json, unknown_form                     not a document of a known form
    no_words, no_time, no_such_channel                   something is missing
    negative_time, ends_before_it_starts, out_of_order   impossible times

A lane is the sequence of words of one voice: a channel, part and speaker, as far as the document tells them apart.
Within a lane words keep the document's order; lanes are merged by the start of their words.
"""

from __future__ import annotations

import math
import re
from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from heapq import merge
from typing import Any, TypeGuard

from arlo_rec.law.model.errors import Usage
from arlo_rec.sound.speech import Redaction, Transcript, Word

JsonObject = dict[str, Any]

MOST = 500_000  # words, and redactions; ten hours of two people talking without a pause have about 200,000
MOST_CHANNELS = 32
MOST_VOICES = 16  # overlapping speakers in one channel
BACK = 0.5  # seconds by which a word may start before its predecessor: engines overlap neighbours a little
LONGEST_WORD = 1000  # characters; punctuation that would make a word longer is dropped
SLOWEST = 0.5  # seconds a character of a number read out takes at most: bounds an untimed word at either end of a lane
QUICKEST = 0.05  # seconds a character takes at least: in a narrower gap the neighbours' times are wrong, and overlap
PERCENT = 100.0
ROUNDED = 1.01  # a score of 1 that was computed in single precision is a little more; a percentage is more than that
_DECIMAL = re.compile(r"-?[0-9]{1,15}(?:\.[0-9]{1,15})?")
_MASK = re.compile(r"\[[A-Za-z][A-Za-z0-9_]*\]|##|^\W*#\W*$|^\*+\W*$")  # [NAME_1], ####, ****


def transcript_error(why: str, place: int | str = 1) -> Usage:
    """The error for a transcript that cannot be read; *place* is the number of a word or line, or a path in it."""
    return Usage("transcript_wrong", place=str(place), why=why)


def objects_in(parent: JsonObject, key: str) -> list[JsonObject]:
    """The list of objects under *key*, empty if the key is missing; raises Usage for anything but a list of objects."""
    entries = parent.get(key)
    if entries is None:
        return []
    if not isinstance(entries, list) or not all(isinstance(entry, dict) for entry in entries):
        raise transcript_error("unknown_form", key)
    return entries


def object_in(parent: JsonObject, key: str) -> JsonObject:
    """The object under *key*, empty if the key is missing; raises Usage for anything but an object."""
    value = parent.get(key)
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise transcript_error("unknown_form", key)
    return value


def first_alternative(parent: JsonObject, key: str) -> JsonObject:
    """The first of the alternatives under *key*, empty if there is none: engines put the likeliest first."""
    alternatives = objects_in(parent, key)
    return alternatives[0] if alternatives else {}


def is_number(value: object) -> TypeGuard[float]:
    """Whether *value* is a JSON number; true and false are not."""
    return type(value) is float or type(value) is int


def is_masked(text: object) -> bool:
    """Whether *text* is a vendor's mask of redacted words: a label ([NAME_1]) or signs (####, ****)."""
    return isinstance(text, str) and _MASK.search(text) is not None


def parse_score(value: object) -> float | None:
    """A confidence from 0 to 1 or in percent, as a number or a decimal string; None for anything else.

    `TranscriptBuilder.build` learns from all scores of a document which of the two its maker counts in.
    """
    if isinstance(value, str) and _DECIMAL.fullmatch(value):
        value = float(value)
    return float(value) if is_number(value) and 0 <= value <= PERCENT else None


_Lane = tuple[int | None, Hashable, Hashable]  # channel, part and voice


@dataclass(slots=True)
class _TimedWord:
    text: str
    start: float
    end: float
    score: float | None
    channel: int | None
    place: int
    timed: bool = True
    bounded: bool = True  # False: start and end are the segment's (or -1) until the neighbours' times are known


class TranscriptBuilder:
    """Collects words and redactions in document order; `build` returns them checked and sorted.

    Times are in seconds from the start of the part that is read; `shift` moves them to the start of the recording.
    Every method raises Usage `transcript_wrong` with `place` and a reason of the module's list.
    """

    def __init__(self) -> None:
        self.place = 0  # in the document, for errors: a line number set by line readers, else a count of words
        self.shift = 0.0  # seconds from the start of the recording to the start of this part
        self.part: Hashable = None  # which of the document's transcripts is read, if it holds several
        self._lanes: dict[_Lane, list[_TimedWord]] = {}
        self._last: dict[_Lane, _TimedWord | None] = {}
        self._turns: dict[_Lane, tuple[float, list[float]]] = {}
        self._redactions: list[Redaction] = []
        self._count = 0

    def parse_seconds(self, value: object, per_second: float = 1.0) -> float:
        """Convert *value*, in units of 1 / *per_second* seconds, to seconds; not a finite number >= 0 raises Usage."""
        if not is_number(value):
            raise transcript_error("no_time", self.place)
        try:
            seconds = value / per_second
        except OverflowError:
            raise transcript_error("no_time", self.place) from None
        if not math.isfinite(seconds):
            raise transcript_error("no_time", self.place)
        if seconds < 0:
            raise transcript_error("negative_time", self.place)
        return seconds

    def parse_seconds_text(self, value: object, unit: str = "") -> float:
        """Convert a decimal string that ends in *unit*, such as "1.3s", to seconds."""
        if not isinstance(value, str) or not value.endswith(unit):
            raise transcript_error("no_time", self.place)
        digits = value.removesuffix(unit)
        if not _DECIMAL.fullmatch(digits):
            raise transcript_error("no_time", self.place)
        return self.parse_seconds(float(digits))

    def parse_channel(self, value: object, first: int = 0) -> int | None:
        """Convert a channel that the document counts from *first* to one from 0; None stays None."""
        if value is None:
            return None
        if isinstance(value, str) and re.fullmatch("[0-9]{1,3}", value):
            value = int(value)
        if type(value) is not int or not 0 <= value - first < MOST_CHANNELS:
            raise transcript_error("no_such_channel", self.place)
        return value - first

    def next_word(self) -> None:
        """Count one word further: errors raised from here on name this word as their place."""
        self.place += 1

    def add_word(
        self,
        text: object,
        start: float,
        end: float,
        *,
        score: float | None = None,
        channel: int | None = None,
        voice: Hashable = None,
        timed: bool = True,
        masks: bool = False,
    ) -> None:
        """Add *text*, spoken from *start* to *end* seconds; blank text adds nothing.

        Several words share the time in proportion to their length and count as untimed. With *masks*, a vendor's mask
        takes its share of the time and is not added.
        """
        if end < start:
            raise transcript_error("ends_before_it_starts", self.place)
        parts = self._split(text)
        lane = (channel, self.part, voice)
        if len(parts) == 1 and not masks:
            self._add(lane, _TimedWord(parts[0], self._at(start), self._at(end), score, channel, self.place, timed))
            return
        length, behind = sum(map(len, parts)), 0
        for part in parts:
            before, behind = behind, behind + len(part)
            first, last = (round(start + (end - start) * count / length, 6) for count in (before, behind))
            if not (masks and is_masked(part)):
                word = _TimedWord(part, self._at(first), self._at(last), score, channel, self.place, timed=False)
                self._add(lane, word)

    def add_word_or_mask(
        self,
        text: object,
        start: float,
        end: float,
        *,
        score: float | None = None,
        channel: int | None = None,
        voice: Hashable = None,
    ) -> None:
        """Add a redaction where *text* is a vendor's mask, else a word."""
        if is_masked(text):
            self.add_redaction(start, end, channel)
            self._last[channel, self.part, voice] = None  # punctuation after a mask does not belong to the word before
        else:
            self.add_word(text, start, end, score=score, channel=channel, voice=voice)

    def add_untimed_word(self, text: object, start: float, end: float, score: float | None = None) -> None:
        """Add a word without times of its own; *start* and *end* are those of its segment, or -1 where unknown.

        `build` gives it the gap between its neighbours.
        """
        start, end = (self._at(time) if time >= 0 else time for time in (start, end))
        for part in self._split(text):
            word = _TimedWord(part, start, end, score, None, self.place, timed=False, bounded=False)
            self._add((None, self.part, None), word)

    def add_segment(
        self,
        text: object,
        start: float,
        end: float,
        *,
        channel: int | None = None,
        voice: Hashable = None,
        masks: bool = False,
    ) -> None:
        """Add the words of a segment, which share its time; each of several overlapping turns gets its own lane."""
        if end < start:
            raise transcript_error("ends_before_it_starts", self.place)
        voice_key = (channel, self.part, voice)
        latest, ends = self._turns.get(voice_key, (start, []))
        if start < latest - BACK:
            raise transcript_error("out_of_order", self.place)
        free = next((lane_index for lane_index, turn_end in enumerate(ends) if turn_end <= start + BACK), len(ends))
        if free == MOST_VOICES:
            raise transcript_error("out_of_order", self.place)
        ends[free : free + 1] = [end]
        self._turns[voice_key] = max(latest, start), ends
        lane = (voice, free) if free else voice
        self.add_word(text, start, end, channel=channel, voice=lane, timed=False, masks=masks)

    def append_punctuation(self, text: object, *, channel: int | None = None, voice: Hashable = None) -> None:
        """Append punctuation that the document lists separately to the preceding word of the same lane."""
        last = self._last.get((channel, self.part, voice))
        parts = self._split(text)
        if last is not None and parts and len(last.text) + len(parts[0]) < LONGEST_WORD:
            last.text += parts[0]

    def refuse_unlisted_words(self, text: object) -> None:
        """Raise Usage if an utterance has *text* but no words with times, which would be lost."""
        if isinstance(text, str) and text.strip():
            raise transcript_error("no_time", self.place + 1)

    def add_redaction(self, start: float, end: float, channel: int | None = None) -> None:
        """Add a span, in seconds, that the vendor marked as identifying."""
        if end < start:
            raise transcript_error("ends_before_it_starts", self.place)
        if len(self._redactions) == MOST:
            raise transcript_error("too_many", self.place)
        self._redactions.append(Redaction(self._at(start), self._at(end), channel))

    def build(self, form: str, channel: int | None) -> Transcript:
        """The words and redactions that were added, each sorted by start; *channel*, if given, is that of all of them.

        Raises Usage where nothing was added, words of a lane are out of order, or an untimed word has no bounds.
        """
        if not self._count and not self._redactions:
            raise transcript_error("no_words")
        for lane in self._lanes.values():
            _time_untimed_words(lane)
            latest = 0.0
            for word in lane:
                if word.start < latest - BACK:
                    raise transcript_error("out_of_order", word.place)
                latest = max(latest, word.start)
        in_percent = self._parts_in_percent()
        for (_, part, _), lane in self._lanes.items():
            _scale_scores(lane, PERCENT if part in in_percent else 1.0)
        in_order = merge(*self._lanes.values(), key=lambda entry: entry.start)
        words = tuple(
            Word(
                entry.text,
                entry.start,
                entry.end,
                entry.score,
                entry.channel if channel is None else channel,
                entry.timed,
            )
            for entry in in_order
        )
        redactions = self._redactions
        if channel is not None:
            redactions = [Redaction(entry.start, entry.end, channel) for entry in redactions]
        return Transcript(form, words, tuple(sorted(redactions, key=lambda entry: entry.start)))

    def _parts_in_percent(self) -> set[Hashable]:
        """The parts whose scores are percentages: one of them is more than 1, and no part mixes the two."""
        return {
            part
            for (_, part, _), lane in self._lanes.items()
            if any(word.score is not None and word.score > ROUNDED for word in lane)
        }

    def _at(self, seconds: float) -> float:
        return round(seconds + self.shift, 6) if self.shift else seconds

    def _split(self, text: object) -> list[str]:
        if not isinstance(text, str):
            raise transcript_error("unknown_form", self.place)
        parts = text.split()
        if any(len(part) > LONGEST_WORD for part in parts):
            raise transcript_error("word_too_long", self.place)
        return parts

    def _add(self, lane: _Lane, word: _TimedWord) -> None:
        if self._count == MOST:
            raise transcript_error("too_many", self.place)
        self._count += 1
        self._lanes.setdefault(lane, []).append(word)
        self._last[lane] = word


def _scale_scores(lane: Sequence[_TimedWord], most: float) -> None:
    """Bring scores that were counted from 0 to *most* to 0 to 1."""
    for word in lane:
        if word.score is not None:
            word.score = min(1.0, word.score / most)


def _time_untimed_words(lane: Sequence[_TimedWord]) -> None:
    """Give each run of words without times the whole gap between its timed neighbours."""
    before: _TimedWord | None = None
    index = 0
    while index < len(lane):
        if lane[index].bounded:
            before, index = lane[index], index + 1
            continue
        after_run = index
        while after_run < len(lane) and not lane[after_run].bounded:
            after_run += 1
        run = lane[index:after_run]
        start, end = _find_gap(run, before, lane[after_run] if after_run < len(lane) else None)
        for word in run:
            word.start, word.end = start, end
        index = after_run


def _find_gap(run: Sequence[_TimedWord], before: _TimedWord | None, after: _TimedWord | None) -> tuple[float, float]:
    """Start and end of a run of untimed words between its neighbours; raises Usage if nothing bounds it.

    A gap too narrow for the words at `QUICKEST` is widened on both sides.
    """
    characters = sum(len(word.text) for word in run)
    first, last = run[0], run[-1]
    if before is not None:
        start = before.end
    elif after is not None:
        start = max(0.0, min(after.start - SLOWEST * characters, first.start if first.start >= 0 else after.start))
    else:
        start = first.start
    if after is not None:
        end = after.start
    elif before is not None:
        end = max(before.end + SLOWEST * characters, last.end)
    else:
        end = last.end
    if start < 0 or end < 0:
        raise transcript_error("no_time", first.place)
    start, end = min(start, end), max(start, end)
    lacking = QUICKEST * characters - (end - start)
    if lacking > 0:
        start = max(0.0 if before is None else before.start, start - lacking / 2)
        end += lacking / 2
    return round(start, 6), round(end, 6)
