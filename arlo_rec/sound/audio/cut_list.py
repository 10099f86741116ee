"""Read lists of cuts that people make: Audacity labels, CTM, or JSON, recognised by content.

The text of a label is not kept, except for the name of a type: it may contain the very name that has to be cut.
Functions read the bytes that they are given; callers decide whether a cut takes effect.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any

from arlo_rec.law.model.documents import Record
from arlo_rec.law.model.errors import Usage
from arlo_rec.law.model.strict_json import parse

LONGEST = 1024 * 1024  # bytes of a list
MOST = 10_000  # cuts
LOOK = "look"  # status and source of a span for a reviewer to look at, cut only if they say so
_CHANNELS = {"1": 0, "2": 1, "a": 0, "b": 1, "caller": None, "agent": None}


class Kind(StrEnum):
    """A kind of words, or of sounds, that identify a person and are cut."""

    NAME = "name"
    NUMBER = "number"
    EMAIL = "email"
    ADDRESS = "address"
    BIRTH = "birth"
    CODE = "code"
    SECRET = "secret"  # noqa: S105 - the name of the kind
    SPELLED = "spelled"
    KEYS = "keys"
    HEALTH = "health"
    CIRCUMSTANCE = "circumstance"
    SPEECH = "speech"
    OTHER = "other"  # also what a list calls by a name of its own


_BY_NAME = {kind.value: kind for kind in Kind}


@dataclass(frozen=True, slots=True)
class Cut:
    """A span to cut, in seconds from the start of the recording; `channels` None means all."""

    start: float
    end: float
    channels: tuple[int, ...] | None = None
    types: tuple[Kind, ...] = (Kind.OTHER,)
    sources: tuple[str, ...] = ("manual",)
    score: float | None = None
    status: str = "proposed"  # or `LOOK`; or a reviewer's: accepted, changed, added, removed
    was: tuple[float, float] | None = None  # proposed start and end, if a reviewer moved it

    @property
    def is_cut(self) -> bool:
        """Whether the cut takes effect; a removed one keeps its number."""
        return self.status not in {"removed", LOOK}

    @property
    def is_open(self) -> bool:
        """Whether a reviewer has still to decide on the cut."""
        return self.status in {"proposed", LOOK}

    @property
    def first_status(self) -> str:
        """The status before a decision."""
        return LOOK if self.sources == (LOOK,) else "proposed"

    def to_json(self) -> dict[str, Any]:
        """The cut as a JSON object."""
        return {
            "start": self.start,
            "end": self.end,
            "channels": list(self.channels) if self.channels is not None else None,
            "types": list(self.types),
            "sources": list(self.sources),
            "score": self.score,
            "status": self.status,
            "was": list(self.was) if self.was is not None else None,
        }


class NumberedCut(Record, frozen=True):
    """A cut with its number in a copy; see `Cut`."""

    number: int
    start: float
    end: float
    channels: tuple[int, ...] | None
    types: tuple[Kind, ...]
    sources: tuple[str, ...]
    score: float | None
    status: str
    was: tuple[float, float] | None


def from_json(cut: dict[str, Any]) -> Cut:
    """The cut that `Cut.to_json` wrote."""
    channels = cut["channels"]
    return Cut(
        float(cut["start"]),
        float(cut["end"]),
        tuple(channels) if channels is not None else None,
        tuple(map(Kind, cut["types"])),
        tuple(cut["sources"]),
        cut["score"],
        str(cut["status"]),
        (float(cut["was"][0]), float(cut["was"][1])) if cut.get("was") is not None else None,
    )


def read(raw: bytes) -> list[Cut]:
    """Read the cuts of a list, sorted by start; raises Usage with the number of the line or entry that is wrong."""
    if len(raw) > LONGEST:
        raise Usage("cuts_wrong", place="1", why="too_large")
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise Usage("cuts_wrong", place="1", why="not_utf8") from None
    cuts = list(_parse_json(raw) if text.lstrip()[:1] in {"{", "["} else _parse_lines(text))
    if not cuts:
        raise Usage("cuts_empty")
    if len(cuts) > MOST:
        raise Usage("cuts_wrong", place=str(MOST), why="too_many")
    return sorted(cuts, key=lambda cut: (cut.start, cut.end))


def clip(cuts: list[Cut], duration: float, channels: int) -> list[Cut]:
    """Clip cuts to a sound of *duration* seconds; raises Usage for one that starts after it or in a missing channel."""
    kept = []
    for number, cut in enumerate(cuts, 1):
        if cut.start >= duration:
            raise Usage("cuts_wrong", place=str(number), why="behind_the_end")
        if cut.channels is not None and not set(cut.channels) <= set(range(channels)):
            raise Usage("cuts_wrong", place=str(number), why="no_such_channel")
        kept.append(replace(cut, end=min(cut.end, duration)))
    return kept


def _parse_json(raw: bytes) -> Iterator[Cut]:
    try:
        document = parse(raw, max_bytes=LONGEST)
    except ValueError:
        raise Usage("cuts_wrong", place="1", why="not_json") from None
    entries = document.get("cuts") if isinstance(document, dict) else document
    if not isinstance(entries, list):
        raise Usage("cuts_wrong", place="1", why="no_list")
    for number, entry in enumerate(entries, 1):
        try:
            channels = entry.get("channels")
            whole = isinstance(channels, list) and all(type(channel) is int for channel in channels)
            valid = channels is None or whole
            if not valid or channels == []:
                raise ValueError("channels")  # noqa: TRY301 - as other errors of it
            named_types = entry.get("types", [entry.get("type", "other")])
            types = tuple(sorted({_BY_NAME.get(name, Kind.OTHER) for name in named_types})) or (Kind.OTHER,)
            start, end = entry["start"], entry["end"]
            if isinstance(start, bool) or isinstance(end, bool):
                raise TypeError("a time")  # noqa: TRY301
            yield _make_cut(float(start), float(end), number, tuple(channels) if channels else None, types)
        except (AttributeError, KeyError, OverflowError, TypeError, ValueError):
            raise Usage("cuts_wrong", place=str(number), why="not_a_cut") from None


def _parse_lines(text: str) -> Iterator[Cut]:
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip() or line.startswith(("\\", ";;", "#")):  # Audacity's frequencies, CTM's comments
            continue
        fields = line.split("\t")
        words = line.split()
        try:
            if len(fields) >= 2:  # start, end, label
                yield _make_cut(float(fields[0]), float(fields[1]), number, None, _parse_type(fields[2:3]))
            elif len(words) >= 5:  # file, channel, start, duration, word
                channel = _CHANNELS[words[1].lower()]
                start = float(words[2])
                yield _make_cut(
                    start, start + float(words[3]), number, None if channel is None else (channel,), (Kind.OTHER,)
                )
            else:
                raise Usage("cuts_wrong", place=str(number), why="not_a_cut")
        except (KeyError, ValueError):
            raise Usage("cuts_wrong", place=str(number), why="not_a_cut") from None


def _parse_type(label: list[str]) -> tuple[Kind, ...]:
    return (_BY_NAME.get(label[0].strip().lower() if label else "", Kind.OTHER),)


def _make_cut(start: float, end: float, place: int, channels: tuple[int, ...] | None, types: tuple[Kind, ...]) -> Cut:
    if not (math.isfinite(start) and math.isfinite(end)) or start < 0:
        raise Usage("cuts_wrong", place=str(place), why="no_time")
    if end <= start:
        raise Usage("cuts_wrong", place=str(place), why="no_length")
    return Cut(start, end, channels, types)
