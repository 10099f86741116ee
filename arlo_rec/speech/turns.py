"""Who speaks when, on a track on which several people are heard: read from RTTM, as diarisation programs write it.

A line is `SPEAKER file channel start duration <NA> <NA> name confidence <NA>`, in seconds from the start of the sound
(NIST, Rich Transcription 2009 evaluation plan, appendix A). The file is our id or the exchange's reference of a call;
the name is `caller` or `agent`. Whoever has another name may be anybody.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple

from arlo_rec.model.errors import Usage

LONGEST: Final = 16 * 1024 * 1024  # bytes of a document
_FIELDS = range(9, 11)  # the last, a look-ahead time, is of newer versions
_NOTHING = "<NA>"


class Turn(NamedTuple):
    """A stretch in which somebody speaks, in seconds; the confidence is from 0 to 1, None where it is not said."""

    start: float
    end: float
    speaker: str
    confidence: float | None = None


def read(document: bytes) -> Mapping[str, Sequence[Turn]]:
    """The turns of each sound, by the name of its file, in the document's order; raises Usage for what is no RTTM."""
    turns: dict[str, list[Turn]] = {}
    if len(document) > LONGEST:
        raise Usage("turns_too_long", longest=LONGEST // 1_000_000)
    try:
        lines = document.decode("utf-8").splitlines()
    except UnicodeDecodeError:
        raise Usage("turns_unreadable", line=1) from None
    for number, line in enumerate(lines, 1):
        fields = line.split()
        if not fields or fields[0].startswith(";;"):  # a comment
            continue
        if fields[0] == "SPEAKER":  # there are types of lines about words, noises and who the speakers are
            try:
                turns.setdefault(fields[1], []).append(_turn(fields))
            except (ValueError, IndexError):
                raise Usage("turns_unreadable", line=number) from None
    if not turns:
        raise Usage("turns_unreadable", line=max(len(lines), 1))
    return turns


def _turn(fields: Sequence[str]) -> Turn:
    if len(fields) not in _FIELDS:
        raise ValueError("not so many fields")
    start, length = float(fields[3]), float(fields[4])
    confidence = None if fields[8] == _NOTHING else float(fields[8])
    if not (math.isfinite(start + length) and start >= 0 and length >= 0):
        raise ValueError("no stretch")
    if confidence is not None and not 0 <= confidence <= 1:
        raise ValueError("no confidence")
    return Turn(start, start + length, fields[7], confidence)
