"""Reading transcripts that are lines: WebVTT, SubRip, and NIST's CTM. Places are the numbers of lines.

WebVTT: https://www.w3.org/TR/webvtt1/. SubRip has no standard: a number, two times with a comma, text.
CTM: file, channel, start, length, word, and how sure it is: https://github.com/usnistgov/SCTK, ctm(5).
"""

from __future__ import annotations

import html
import re
from collections.abc import Iterator

from arlo_rec.speech.transcripts.gathering import Gathered, score, wrong

_TIME = re.compile(r"(-?)(?:([0-9]{1,5}):)?([0-9]{1,2}):([0-9]{1,2})[.,]([0-9]{1,3})")
_STAMP = re.compile(r"<((?:[0-9]{1,5}:)?[0-9]{1,2}:[0-9]{1,2}\.[0-9]{1,3})>")
_TAG = re.compile(r"<[^<>]*>")  # no further than the next one: a line of "<" is read once
_LINES = re.compile(r"\r\n|\n|\r")
_CTM = re.compile(r"(?:;;[^\n]*+\n|\s++)*+\S++[ \t]++\S++[ \t]++-?[0-9.]++[ \t]++-?[0-9.]++[ \t]++\S")
_BLOCK = ("NOTE", "STYLE", "REGION")
_CHANNELS = {"1": 0, "2": 1, "a": 0, "b": 1}


def form_of(text: str) -> str | None:
    """Which of the three a text is; None is none."""
    if re.match(r"WEBVTT(?:[ \t\r\n]|$)", text):
        return "webvtt"
    if "-->" in text:
        return "srt"
    return "ctm" if _CTM.match(text) else None


def read_webvtt(text: str, into: Gathered) -> None:
    """Cues end at a blank line; some have times of words inside."""
    _gather(_cues(text, into, blank_ends=True), into)


def read_srt(text: str, into: Gathered) -> None:
    """Cues end at the next times, and the number before those: so no words are lost behind a blank line."""
    _gather(_cues(text, into, blank_ends=False), into)


def _gather(cues: Iterator[tuple[int, float, float, str]], into: Gathered) -> None:
    for line, start, end, said in cues:
        into.place = line
        if end < start:
            raise wrong("ends_before_it_starts", line)
        pieces = _STAMP.split(said)  # text, stamp, text, stamp, text ...
        if len(pieces) == 1:
            into.segment(_plain(said), start, end)
            continue
        times = [start, *(_seconds(one, into) for one in pieces[1::2]), end]
        for count, piece in enumerate(pieces[0::2]):
            begin = times[count]
            into.word(_plain(piece), begin, max(begin, times[count + 1]) if count else times[count + 1])


def _cues(text: str, into: Gathered, *, blank_ends: bool) -> Iterator[tuple[int, float, float, str]]:
    """Line, start, end and text of each cue."""
    lines, at = _LINES.split(text), 0
    while at < len(lines):
        first, at = at, at + 1
        if blank_ends and lines[first].startswith(_BLOCK):  # a comment may hold what looks like times
            while at < len(lines) and lines[at].strip():
                at += 1
        elif "-->" in lines[first]:
            into.place = first + 1
            start, _, rest = lines[first].partition("-->")
            times = _seconds(start.strip(), into), _seconds(rest.split()[0] if rest.split() else "", into)
            said = at
            while at < len(lines) and "-->" not in lines[at] and (lines[at].strip() or not blank_ends):
                at += 1
            last = at
            if not blank_ends and at < len(lines) and lines[at - 1].strip().isdigit() and at - 1 > said:
                last -= 1
            yield first + 1, *times, " ".join(lines[said:last])


def _seconds(written: str, into: Gathered) -> float:
    found = _TIME.fullmatch(written)
    if not found:
        raise wrong("no_time", into.place)
    sign, hours, minutes, seconds, parts = found.groups()
    if sign:
        raise wrong("negative_time", into.place)
    whole = int(hours or 0) * 3600 + int(minutes) * 60 + int(seconds)
    return (whole * 1000 + int(parts.ljust(3, "0"))) / 1000


def _plain(said: str) -> str:
    """Without tags: the name of a voice stands in one, and is not said."""
    return html.unescape(_TAG.sub("", said))


def read_ctm(text: str, into: Gathered) -> None:
    """One word a line; channels are 1 and 2, or A and B."""
    for count, line in enumerate(_LINES.split(text), 1):
        into.place = count
        fields = line.split()
        if not fields or line.startswith(";;"):
            continue
        if len(fields) < 5:
            raise wrong("unknown_form", count)
        channel = _CHANNELS.get(fields[1].lower())
        if channel is None:
            raise wrong("no_such_channel", count)
        start = into.written(fields[2])
        if fields[3].startswith("-"):
            raise wrong("ends_before_it_starts", count)
        end = round(start + into.written(fields[3]), 6)
        into.word(fields[4], start, end, score=score(fields[5]) if len(fields) > 5 else None, channel=channel)
