"""Read line-based transcripts: WebVTT and SubRip. The place of an error is a line number.

It parses text into times, words and channels; `builder` validates and sorts them. Sources:
WebVTT: https://www.w3.org/TR/webvtt1/. SubRip has no standard: a number, two times with a comma, text.
"""

from __future__ import annotations

import html
import re
from collections.abc import Iterator

from arlo_rec.speech.transcripts.builder import TranscriptBuilder, transcript_error

_TIME = re.compile(r"(-?)(?:([0-9]{1,5}):)?([0-9]{1,2}):([0-9]{1,2})[.,]([0-9]{1,3})")
_STAMP = re.compile(r"<((?:[0-9]{1,5}:)?[0-9]{1,2}:[0-9]{1,2}\.[0-9]{1,3})>")
_TAG = re.compile(r"<[^<>]*>")  # stops at the next "<", so that a line of "<" costs linear time
_LINES = re.compile(r"\r\n|\n|\r")
_BLOCK = ("NOTE", "STYLE", "REGION")


def form_of(text: str) -> str | None:
    """Which of the two forms a text has; None for neither."""
    if re.match(r"WEBVTT(?:[ \t\r\n]|$)", text):
        return "webvtt"
    return "srt" if "-->" in text else None


def read_webvtt(text: str, builder: TranscriptBuilder) -> None:
    """Read WebVTT: a cue ends at a blank line and may hold a time before each word."""
    _add_cues(_split_cues(text, builder, blank_ends=True), builder)


def read_srt(text: str, builder: TranscriptBuilder) -> None:
    """Read SubRip: a cue ends at the next cue's number and times, so that text after a blank line is not lost."""
    _add_cues(_split_cues(text, builder, blank_ends=False), builder)


def _add_cues(cues: Iterator[tuple[int, float, float, str]], builder: TranscriptBuilder) -> None:
    for line, start, end, text in cues:
        builder.place = line
        if end < start:
            raise transcript_error("ends_before_it_starts", line)
        pieces = _STAMP.split(text)  # text, stamp, text, stamp, text ...
        if len(pieces) == 1:
            builder.add_segment(_without_tags(text), start, end)
            continue
        times = [start, *(_parse_clock(stamp, builder) for stamp in pieces[1::2]), end]
        for count, piece in enumerate(pieces[0::2]):
            begin = times[count]
            builder.add_word(_without_tags(piece), begin, max(begin, times[count + 1]) if count else times[count + 1])


def _split_cues(text: str, builder: TranscriptBuilder, *, blank_ends: bool) -> Iterator[tuple[int, float, float, str]]:
    """Yield line number, start and end in seconds, and text of each cue."""
    lines, at = _LINES.split(text), 0
    while at < len(lines):
        first, at = at, at + 1
        if blank_ends and lines[first].startswith(_BLOCK):  # a comment may contain "-->"
            while at < len(lines) and lines[at].strip():
                at += 1
        elif "-->" in lines[first]:
            builder.place = first + 1
            start, _, rest = lines[first].partition("-->")
            times = _parse_clock(start.strip(), builder), _parse_clock(rest.split()[0] if rest.split() else "", builder)
            text_start = at
            while at < len(lines) and "-->" not in lines[at] and (lines[at].strip() or not blank_ends):
                at += 1
            text_end = at
            if not blank_ends and at < len(lines) and lines[at - 1].strip().isdigit() and at - 1 > text_start:
                text_end -= 1
            yield first + 1, *times, " ".join(lines[text_start:text_end])


def _parse_clock(text: str, builder: TranscriptBuilder) -> float:
    match = _TIME.fullmatch(text)
    if not match:
        raise transcript_error("no_time", builder.place)
    sign, hours, minutes, seconds, fraction = match.groups()
    if sign:
        raise transcript_error("negative_time", builder.place)
    whole_seconds = int(hours or 0) * 3600 + int(minutes) * 60 + int(seconds)
    return (whole_seconds * 1000 + int(fraction.ljust(3, "0"))) / 1000


def _without_tags(text: str) -> str:
    """The spoken text: without tags, of which a voice tag names the speaker, and with entities decoded."""
    return html.unescape(_TAG.sub("", text))
