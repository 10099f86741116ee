"""The sound of a record: a pattern of a map, and the names below the folder of the export that fit it."""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Iterable, Iterator
from itertools import pairwise
from pathlib import PurePath
from typing import Final, NamedTuple

from arlo_rec.exchanges.manifest import SIDES
from arlo_rec.exchanges.maps.paths import LONGEST, Mistake, RecordPath

ANY_ENDING: Final = ".*"
_MOST_STARS: Final = 4  # that a sign does not end: each multiplies the ways in which a name may fit
_VALUE_LONGEST: Final = 200  # characters; a file's name has 255 bytes at most
_TOUCHING: Final = re.compile(r"\*\{|\}\*|\}\{")
_NAME: Final = re.compile(r"\{([^{}]+)\}")


class AudioPattern(NamedTuple):
    """The name of a sound: fixed texts and `*`, and paths into the record.

    The *signs* between a path and a `*` stand in no value, and no `*` matches them. So a name fits the values of one
    record alone.
    """

    parts: tuple[str | RecordPath, ...]
    signs: frozenset[str]


def audio_pattern(value: object) -> AudioPattern:
    """The pattern that a map writes; raises Mistake."""
    if not isinstance(value, str) or not 0 < len(value) <= LONGEST or "/" in value:
        raise Mistake("audio_pattern")
    if _TOUCHING.search(value.removesuffix(ANY_ENDING)):
        raise Mistake("audio_touching")  # the id 1 would fit the sound of the id 11
    pieces = _NAME.split(value)
    if len(pieces) == 1:
        raise Mistake("audio_constant")  # one sound for every call
    if any(sign in piece for piece in pieces[::2] for sign in "{}?[]"):
        raise Mistake("audio_pattern")
    whole = value.removesuffix(ANY_ENDING)
    if whole.startswith("*") and whole.endswith("*"):
        raise Mistake("audio_pattern")  # every name would be looked at for every call
    texts = _NAME.split(whole)[::2]
    behind, before = ({text[end] for text in some if "*" in text} for some, end in ((texts[1:], 0), (texts[:-1], -1)))
    signs = frozenset(behind | before)
    if sum(star == "*" and end not in signs for star, end in pairwise(whole + "/")) > _MOST_STARS:
        raise Mistake("audio_pattern")
    parts = [RecordPath(piece, decides=False) if number % 2 else piece for number, piece in enumerate(pieces)]
    return AudioPattern(tuple(parts), signs)


def audio_patterns(value: object) -> tuple[AudioPattern, ...]:
    """The pattern of a map, or those of the two legs, the caller's first; raises Mistake."""
    if not isinstance(value, dict):
        return (audio_pattern(value),)
    if set(value) != set(SIDES):
        raise Mistake("audio_legs")
    return tuple(audio_pattern(value[side]) for side in SIDES)


def filled(pattern: AudioPattern, record: object) -> str | None:
    """The name of a sound with the record's values; None where one is missing, or is no part of a name."""
    name = ""
    for part in pattern.parts:
        if isinstance(part, str):
            name += part
            continue
        value = part.search(record)
        text = str(value) if isinstance(value, str | int) and not isinstance(value, bool) else ""
        if not 0 < len(text) <= _VALUE_LONGEST or {"/", "\0", "*", *pattern.signs} & set(text):
            return None
        name += text
    return name


class SoundNames:
    """The names of the sounds in and below a folder, found by a pattern without looking at each."""

    def __init__(self, folder: PurePath, sounds: Iterable[PurePath]) -> None:
        self._below: dict[str, list[str]] = {}
        for sound in sounds:
            if sound.is_relative_to(folder):
                self._below.setdefault(sound.name, []).append(str(sound.relative_to(folder)))
        self._begins = sorted(self._below)
        self._ends = sorted((PurePath(name).stem[::-1], name) for name in self._below)

    def fitting(self, name: str | None, pattern: AudioPattern) -> list[str]:
        """The sounds below the folder that fit a *name* which was filled by *pattern*, in order."""
        if name is None:
            return []
        if "*" not in name:
            return sorted(self._below.get(name, []))
        whole = name.removesuffix(ANY_ENDING)
        begin, end = whole.partition("*")[0], whole.rpartition("*")[2]
        is_any = whole != name
        near = self._beginning(begin) if begin else self._ending(end if is_any else PurePath(end).stem)
        anything = f"[^{re.escape(''.join(sorted(pattern.signs)))}]*" if pattern.signs else ".*"
        form = anything.join(map(re.escape, whole.split("*"))) + (r"\.[^.]+" if is_any else "")
        fits = re.compile(form, re.DOTALL).fullmatch
        return sorted(path for known in near if fits(known) for path in self._below[known])

    def _beginning(self, begin: str) -> Iterator[str]:
        for name in self._begins[bisect_left(self._begins, begin) :]:
            if not name.startswith(begin):
                return
            yield name

    def _ending(self, end: str) -> Iterator[str]:
        backwards = end[::-1]
        for stem, name in self._ends[bisect_left(self._ends, (backwards, "")) :]:
            if not stem.startswith(backwards):
                return
            yield name
