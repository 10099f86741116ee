"""Gathering what a reader of transcripts finds: here times become seconds, words fall into order, and all is refused
that is not so. It knows no vendor's names; the readers beside it know those and nothing of this.

    too_large, too_many, word_too_long                what nobody says in a call, and what would cost minutes
    not_utf8, not_json, unknown_form                  no document that is known
    no_words, no_time, no_such_channel                something is lacking
    negative_time, ends_before_it_starts, out_of_order

A lane is what one voice says one word after another: a channel, and in it whatever the document tells apart. Within
a lane words stay as the document has them; lanes are put together by the start of their words.
"""

from __future__ import annotations

import math
import re
from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from heapq import merge
from typing import Any, TypeGuard

from arlo_rec.model.errors import Usage
from arlo_rec.speech.words import Redaction, Transcript, Word

JsonObject = dict[str, Any]

LONGEST = 64 * 1024 * 1024  # bytes of a transcript; whisper.cpp with all its tokens takes about 10 MB an hour
MOST = 500_000  # words, and redactions; ten hours of two people talking without a pause have about 200,000
MOST_CHANNELS = 32
MOST_VOICES = 16  # that talk at the same time in one channel
BACK = 0.5  # seconds by which a word may start before the one before it: engines overlap neighbours a little
LONGEST_WORD = 1000  # characters; behind as many no more punctuation is taken, either
SLOWEST = 0.5  # seconds a character of a number read out takes at most: where nothing else bounds a word without times
QUICKEST = 0.05  # seconds a character takes at least: a narrower gap cannot hold the word, its neighbours took its time
_DECIMAL = re.compile(r"-?[0-9]{1,15}(?:\.[0-9]{1,15})?")
_MASK = re.compile(r"\[[A-Za-z][A-Za-z0-9_]*\]|##|^\W*#\W*$|^\*+\W*$")  # [NAME_1], ####, ****


def wrong(why: str, place: int | str = 1) -> Usage:
    """The one error of this room; *place* is the number of a word or line, or a path in the document."""
    return Usage("transcript_wrong", place=str(place), why=why)


def listed(told: JsonObject, key: str) -> list[JsonObject]:
    """The objects under *key*, none if it is not there; raises Usage for anything but a list of objects."""
    many = told.get(key)
    if many is None:
        return []
    if not isinstance(many, list) or not all(isinstance(one, dict) for one in many):
        raise wrong("unknown_form", key)
    return many


def inner(told: JsonObject, key: str) -> JsonObject:
    """The object under *key*, an empty one if it is not there; raises Usage for anything else."""
    one = told.get(key)
    if one is None:
        return {}
    if not isinstance(one, dict):
        raise wrong("unknown_form", key)
    return one


def best(told: JsonObject, key: str) -> JsonObject:
    """The first of the alternatives under *key*: engines put the likeliest first."""
    many = listed(told, key)
    return many[0] if many else {}


def is_number(value: object) -> TypeGuard[float]:
    """Whether *value* is a number of JSON; true and false are none."""
    return type(value) is float or type(value) is int


def is_masked(text: object) -> bool:
    """Whether a vendor put a label or signs in the place of what was said."""
    return isinstance(text, str) and _MASK.search(text) is not None


def score(value: object) -> float | None:
    """From 0 to 1, also of a string; None for whatever is not."""
    if isinstance(value, str) and _DECIMAL.fullmatch(value):
        value = float(value)
    return float(value) if is_number(value) and 0 <= value <= 1 else None


@dataclass(slots=True)
class _Heard:
    text: str
    start: float
    end: float
    score: float | None
    channel: int | None
    place: int
    timed: bool = True
    bounded: bool = True  # False: start and end are those of the segment (or -1), the neighbours are still to come


class Gathered:
    """Words and redactions as a reader finds them, one after another; `transcript` gives them checked and in order."""

    def __init__(self) -> None:
        self.place = 0  # of what is read now: the reader of lines sets it, else it counts words
        self.shift = 0.0  # seconds from the start of the recording to the start of this part
        self.part: Hashable = None  # documents that hold several transcripts tell them apart here
        self._lanes: dict[Hashable, list[_Heard]] = {}
        self._last: dict[Hashable, _Heard | None] = {}
        self._turns: dict[Hashable, tuple[float, list[float]]] = {}
        self._redactions: list[Redaction] = []
        self._count = 0

    def seconds(self, value: object, per_second: float = 1.0) -> float:
        """A number of units from the start; raises Usage for what is none, or before the start."""
        if not is_number(value):
            raise wrong("no_time", self.place)
        try:
            at = value / per_second
        except OverflowError:
            raise wrong("no_time", self.place) from None
        if not math.isfinite(at):
            raise wrong("no_time", self.place)
        if at < 0:
            raise wrong("negative_time", self.place)
        return at

    def written(self, value: object, unit: str = "") -> float:
        """Seconds as a string writes them, with *unit* behind."""
        if not isinstance(value, str) or not value.endswith(unit):
            raise wrong("no_time", self.place)
        digits = value.removesuffix(unit)
        if not _DECIMAL.fullmatch(digits):
            raise wrong("no_time", self.place)
        return self.seconds(float(digits))

    def channel(self, value: object, first: int = 0) -> int | None:
        """The channel that *value* names, counted from *first*; None names none."""
        if value is None:
            return None
        if isinstance(value, str) and re.fullmatch("[0-9]{1,3}", value):
            value = int(value)
        if type(value) is not int or not 0 <= value - first < MOST_CHANNELS:
            raise wrong("no_such_channel", self.place)
        return value - first

    def next(self) -> None:
        """Go on to the next word: whatever is wrong from here on is wrong in it."""
        self.place += 1

    def word(
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
        """One word from *start* to *end* in seconds; several between blanks share the time, and none is no word.

        With *masks*, what a vendor put in the place of words takes its share of the time and is no word.
        """
        if end < start:
            raise wrong("ends_before_it_starts", self.place)
        parts = self._split(text)
        lane = (channel, self.part, voice)
        if len(parts) == 1 and not masks:
            self._keep(lane, _Heard(parts[0], self._at(start), self._at(end), score, channel, self.place, timed))
            return
        whole, done = sum(map(len, parts)), 0
        for part in parts:
            begin, done = done, done + len(part)
            first, last = (round(start + (end - start) * at / whole, 6) for at in (begin, done))
            if not (masks and is_masked(part)):
                heard = _Heard(part, self._at(first), self._at(last), score, channel, self.place, timed=False)
                self._keep(lane, heard)

    def masked(
        self,
        text: object,
        start: float,
        end: float,
        *,
        score: float | None = None,
        channel: int | None = None,
        voice: Hashable = None,
    ) -> None:
        """A word of a vendor who puts masks in the place of what was said: a redaction if it is one, else a word."""
        if is_masked(text):
            self.redaction(start, end, channel)
            self._last[channel, self.part, voice] = None  # a full stop behind it does not end the word before it
        else:
            self.word(text, start, end, score=score, channel=channel, voice=voice)

    def untimed(self, text: object, start: float, end: float, score: float | None = None) -> None:
        """A word whose times are to be worked out; *start* and *end* are those of what it stands in, or -1."""
        start, end = (self._at(one) if one >= 0 else one for one in (start, end))
        for part in self._split(text):
            heard = _Heard(part, start, end, score, None, self.place, timed=False, bounded=False)
            self._keep((None, self.part, None), heard)

    def segment(
        self,
        text: object,
        start: float,
        end: float,
        *,
        channel: int | None = None,
        voice: Hashable = None,
        masks: bool = False,
    ) -> None:
        """All that was said from *start* to *end*; of turns that overlap, each has a lane of its own."""
        if end < start:
            raise wrong("ends_before_it_starts", self.place)
        turn = (channel, self.part, voice)
        latest, ends = self._turns.get(turn, (start, []))
        if start < latest - BACK:
            raise wrong("out_of_order", self.place)
        free = next((count for count, one in enumerate(ends) if one <= start + BACK), len(ends))
        if free == MOST_VOICES:
            raise wrong("out_of_order", self.place)
        ends[free : free + 1] = [end]
        self._turns[turn] = max(latest, start), ends
        lane = (voice, free) if free else voice
        self.word(text, start, end, channel=channel, voice=lane, timed=False, masks=masks)

    def punctuation(self, text: object, *, channel: int | None = None, voice: Hashable = None) -> None:
        """A full stop or the like that stands for itself: it belongs to the word before."""
        last = self._last.get((channel, self.part, voice))
        parts = self._split(text)
        if last is not None and parts and len(last.text) + len(parts[0]) < LONGEST_WORD:
            last.text += parts[0]

    def without_words(self, text: object) -> None:
        """A stretch whose words the document does not list: refused if any were said, for they would be passed over."""
        if isinstance(text, str) and text.strip():
            raise wrong("no_time", self.place + 1)

    def redaction(self, start: float, end: float, channel: int | None = None) -> None:
        """A stretch that the vendor marked."""
        if end < start:
            raise wrong("ends_before_it_starts", self.place)
        if len(self._redactions) == MOST:
            raise wrong("too_many", self.place)
        self._redactions.append(Redaction(self._at(start), self._at(end), channel))

    def transcript(self, form: str, channel: int | None) -> Transcript:
        """All that was gathered; *channel*, if given, is that of every word."""
        if not self._count and not self._redactions:
            raise wrong("no_words")
        for lane in self._lanes.values():
            _bound(lane)
            _check_order(lane)
        ordered = merge(*self._lanes.values(), key=lambda one: one.start)
        words = tuple(
            Word(one.text, one.start, one.end, one.score, one.channel if channel is None else channel, one.timed)
            for one in ordered
        )
        marked = self._redactions
        if channel is not None:
            marked = [Redaction(one.start, one.end, channel) for one in marked]
        return Transcript(form, words, tuple(sorted(marked, key=lambda one: one.start)))

    def _at(self, seconds: float) -> float:
        return round(seconds + self.shift, 6) if self.shift else seconds

    def _split(self, text: object) -> list[str]:
        if not isinstance(text, str):
            raise wrong("unknown_form", self.place)
        parts = text.split()
        if any(len(part) > LONGEST_WORD for part in parts):
            raise wrong("word_too_long", self.place)
        return parts

    def _keep(self, lane: Hashable, heard: _Heard) -> None:
        if self._count == MOST:
            raise wrong("too_many", self.place)
        self._count += 1
        self._lanes.setdefault(lane, []).append(heard)
        self._last[lane] = heard


def _check_order(lane: Sequence[_Heard]) -> None:
    latest = 0.0
    for one in lane:
        if one.start < latest - BACK:
            raise wrong("out_of_order", one.place)
        latest = max(latest, one.start)


def _bound(lane: Sequence[_Heard]) -> None:
    """Give words without times the whole gap between the neighbours that have some."""
    before: _Heard | None = None
    at = 0
    while at < len(lane):
        if lane[at].bounded:
            before, at = lane[at], at + 1
            continue
        behind = at
        while behind < len(lane) and not lane[behind].bounded:
            behind += 1
        run = lane[at:behind]
        start, end = _gap(run, before, lane[behind] if behind < len(lane) else None)
        for one in run:
            one.start, one.end = start, end
        at = behind


def _gap(run: Sequence[_Heard], before: _Heard | None, after: _Heard | None) -> tuple[float, float]:
    """Where a run of words without times lies; raises Usage if nothing in the document says it."""
    letters = sum(len(one.text) for one in run)
    first, last = run[0], run[-1]
    if before is not None:
        start = before.end
    elif after is not None:
        start = max(0.0, min(after.start - SLOWEST * letters, first.start if first.start >= 0 else after.start))
    else:
        start = first.start
    if after is not None:
        end = after.start
    elif before is not None:
        end = max(before.end + SLOWEST * letters, last.end)
    else:
        end = last.end
    if start < 0 or end < 0:
        raise wrong("no_time", first.place)
    start, end = min(start, end), max(start, end)
    lacking = QUICKEST * letters - (end - start)
    if lacking > 0:
        start = max(0.0 if before is None else before.start, start - lacking / 2)
        end += lacking / 2
    return round(start, 6), round(end, 6)
