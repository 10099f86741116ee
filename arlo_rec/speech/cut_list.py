"""Lists of what is to be cut out of a sound, as people make them: Audacity's labels, CTM, or JSON. Told by content.

No text of a label is kept: somebody may have written down the very name that is to go.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

from arlo_rec.model.errors import Usage
from arlo_rec.model.strict_json import parse

LONGEST = 1024 * 1024  # bytes of a list
MOST = 10_000  # cuts
TYPES = frozenset({"name", "number", "email", "address", "birth", "code", "spelled", "keys", "speech", "other"})
_CHANNELS = {"1": 0, "2": 1, "a": 0, "b": 1, "caller": None, "agent": None}


@dataclass(frozen=True, slots=True)
class Cut:
    """A stretch of one call, in seconds from the start of the recording; None is every channel."""

    start: float
    end: float
    channels: tuple[int, ...] | None = None
    types: tuple[str, ...] = ("other",)
    sources: tuple[str, ...] = ("manual",)
    score: float | None = None
    status: str = "proposed"

    def to_json(self) -> dict[str, Any]:
        """As JSON."""
        return {
            "start": self.start,
            "end": self.end,
            "channels": list(self.channels) if self.channels is not None else None,
            "types": list(self.types),
            "sources": list(self.sources),
            "score": self.score,
            "status": self.status,
        }


def from_json(cut: dict[str, Any]) -> Cut:
    """What `Cut.to_json` wrote."""
    channels = cut["channels"]
    return Cut(
        float(cut["start"]),
        float(cut["end"]),
        tuple(channels) if channels is not None else None,
        tuple(cut["types"]),
        tuple(cut["sources"]),
        cut["score"],
        str(cut["status"]),
    )


def read(raw: bytes) -> list[Cut]:
    """The cuts of a list, in order; raises Usage with the line or place that is wrong."""
    if len(raw) > LONGEST:
        raise Usage("cuts_wrong", place="1", why="too_large")
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise Usage("cuts_wrong", place="1", why="not_utf8") from None
    found = list(_json(raw) if text.lstrip()[:1] in {"{", "["} else _lines(text))
    if not found:
        raise Usage("cuts_empty")
    if len(found) > MOST:
        raise Usage("cuts_wrong", place=str(MOST), why="too_many")
    return sorted(found, key=lambda one: (one.start, one.end))


def within(cuts: list[Cut], duration: float, channels: int) -> list[Cut]:
    """The same cuts, ended with the sound; raises Usage for one that begins behind it or of a channel it lacks."""
    kept = []
    for count, one in enumerate(cuts, 1):
        if one.start >= duration:
            raise Usage("cuts_wrong", place=str(count), why="behind_the_end")
        if one.channels is not None and not set(one.channels) <= set(range(channels)):
            raise Usage("cuts_wrong", place=str(count), why="no_such_channel")
        kept.append(replace(one, end=min(one.end, duration)))
    return kept


def _json(raw: bytes) -> Iterator[Cut]:
    try:
        told = parse(raw, max_bytes=LONGEST)
    except ValueError:
        raise Usage("cuts_wrong", place="1", why="not_json") from None
    many = told.get("cuts") if isinstance(told, dict) else told
    if not isinstance(many, list):
        raise Usage("cuts_wrong", place="1", why="no_list")
    for count, one in enumerate(many, 1):
        try:
            channels = one.get("channels")
            right = channels is None or (isinstance(channels, list) and all(type(each) is int for each in channels))
            if not right or channels == []:
                raise ValueError("channels")  # noqa: TRY301 - as whatever else is wrong with it
            named = one.get("types", [one.get("type", "other")])
            types = tuple(sorted({each if each in TYPES else "other" for each in named})) or ("other",)
            start, end = one["start"], one["end"]
            if isinstance(start, bool) or isinstance(end, bool):
                raise TypeError("a time")  # noqa: TRY301
            yield _checked(float(start), float(end), count, tuple(channels) if channels else None, types)
        except (AttributeError, KeyError, OverflowError, TypeError, ValueError):
            raise Usage("cuts_wrong", place=str(count), why="not_a_cut") from None


def _lines(text: str) -> Iterator[Cut]:
    for count, line in enumerate(text.splitlines(), 1):
        if not line.strip() or line.startswith(("\\", ";;", "#")):  # Audacity's frequencies, CTM's comments
            continue
        label = line.split("\t")
        words = line.split()
        try:
            if len(label) >= 2:  # start, end, label
                yield _checked(float(label[0]), float(label[1]), count, None, _type(label[2:3]))
            elif len(words) >= 5:  # file, channel, start, duration, word
                channel = _CHANNELS[words[1].lower()]
                start = float(words[2])
                yield _checked(
                    start, start + float(words[3]), count, None if channel is None else (channel,), ("other",)
                )
            else:
                raise Usage("cuts_wrong", place=str(count), why="not_a_cut")
        except (KeyError, ValueError):
            raise Usage("cuts_wrong", place=str(count), why="not_a_cut") from None


def _type(label: list[str]) -> tuple[str, ...]:
    named = label[0].strip().lower() if label else ""
    return (named,) if named in TYPES else ("other",)


def _checked(start: float, end: float, place: int, channels: tuple[int, ...] | None, types: tuple[str, ...]) -> Cut:
    if not (math.isfinite(start) and math.isfinite(end)) or start < 0:
        raise Usage("cuts_wrong", place=str(place), why="no_time")
    if end <= start:
        raise Usage("cuts_wrong", place=str(place), why="no_length")
    return Cut(start, end, channels, types)
