"""Read the forms of transcripts: one function for each program's or service's field names and units.

`transcript_reading` recognises the form; `transcript_builder` validates and sorts the words. Engines that people run
themselves (the Whisper family, Vosk, our own list of words) count seconds, except whisper.cpp: milliseconds, of tokens
that are parts of words. Speakers, sentiment and summaries are not read. The
place of an error in a WebVTT or SubRip file is a line number. Sources:

    WebVTT  https://www.w3.org/TR/webvtt1/. SubRip has no standard: a number, two times with a comma, text
    vCon    https://datatracker.ietf.org/doc/draft-ietf-vcon-vcon-core/; a transcript is an object or a string under
            "analysis", in its maker's form
    WTF     the World Transcription Format: https://datatracker.ietf.org/doc/draft-howe-vcon-wtf-extension/
"""

from __future__ import annotations

import base64
import binascii
import html
import math
import re
from collections.abc import Callable, Iterator
from datetime import datetime
from typing import Any

from arlo_rec.words.transcript_builder import (
    JsonObject,
    TranscriptBuilder,
    first_alternative,
    is_number,
    object_in,
    objects_in,
    parse_score,
    transcript_error,
)

MILLI = 1000.0
DTW = 100.0  # per second: whisper.cpp's t_dtw counts 10 ms
TEXTS = ("word", "text", "w")
_START = ("start", "s")
_END = ("end", "e")
_SCORE = ("probability", "score", "confidence", "conf", "p")
_CHANNEL = ("channel", "ch")


def _first_of(entry: JsonObject, keys: tuple[str, ...]) -> Any:
    for key in keys:
        if key in entry:
            return entry[key]
    return None


def read_words(document: JsonObject, builder: TranscriptBuilder) -> None:
    """Read a plain list of words, with long field names (`text`, `start` ...) or short ones (`w`, `s` ...)."""
    for entry in objects_in(document, "words"):
        builder.next_word()
        builder.add_word(
            _first_of(entry, TEXTS),
            builder.parse_seconds(_first_of(entry, _START)),
            builder.parse_seconds(_first_of(entry, _END)),
            score=parse_score(_first_of(entry, _SCORE)),
            channel=builder.parse_channel(_first_of(entry, _CHANNEL)),
        )


def read_segments(document: JsonObject, builder: TranscriptBuilder) -> None:
    """Read segments, with or without words; a word without times gets the gap between its neighbours.

    WhisperX cannot align characters outside its alphabet, above all digits: https://github.com/m-bain/whisperX,
    Limitations.
    """
    for segment in objects_in(document, "segments"):
        words = objects_in(segment, "words")
        for word in words:
            builder.next_word()
            _add_aligned(word, segment, builder)
        if not words:
            builder.next_word()
            builder.add_segment(
                segment.get("text"),
                builder.parse_seconds(segment.get("start")),
                builder.parse_seconds(segment.get("end")),
            )


def read_whisperx(document: JsonObject, builder: TranscriptBuilder) -> None:
    """Read WhisperX: the words of its segments, or `word_segments` where the segments were dropped."""
    if document.get("segments"):
        read_segments(document, builder)
        return
    for word in objects_in(document, "word_segments"):
        builder.next_word()
        _add_aligned(word, {}, builder)


def _add_aligned(word: JsonObject, segment: JsonObject, builder: TranscriptBuilder) -> None:
    text, start, end = _first_of(word, TEXTS), word.get("start"), word.get("end")
    confidence = parse_score(_first_of(word, _SCORE))
    if start is None or end is None:
        bounds = [segment.get(key) for key in ("start", "end")]
        first, last = (-1.0 if bound is None else builder.parse_seconds(bound) for bound in bounds)
        builder.add_untimed_word(text, first, last, confidence)
    else:
        builder.add_word(text, builder.parse_seconds(start), builder.parse_seconds(end), score=confidence)


def read_openai_api(document: JsonObject, builder: TranscriptBuilder) -> None:
    """Read OpenAI's `verbose_json`, whose words are listed beside the segments, or else its segments."""
    (read_words if document.get("words") else read_segments)(document, builder)


def read_whisper_cpp(document: JsonObject, builder: TranscriptBuilder, *, byte_characters: bool = False) -> None:
    """Read whisper.cpp: full output (-ojf) has tokens, which are joined to words; plain output (-oj) has segments.

    With *byte_characters* each character of a text is one byte (Latin-1), because UTF-8 was split between tokens.
    """
    joiner = _TokenJoiner(builder, byte_characters=byte_characters)
    for segment in objects_in(document, "transcription"):
        tokens = objects_in(segment, "tokens")
        for token in tokens:
            joiner.add(token)
        if not tokens:
            joiner.close()
            builder.next_word()
            times = object_in(segment, "offsets")
            start, end = builder.parse_seconds(times.get("from"), MILLI), builder.parse_seconds(times.get("to"), MILLI)
            text = segment.get("text")
            builder.add_segment(_decode_bytes(text) if byte_characters else text, start, end)
    joiner.close()


class _TokenJoiner:
    """Joins tokens of whisper.cpp to words: a leading blank starts a new word."""

    APART = 0.5  # seconds: tokens further apart than that are never one word

    def __init__(self, builder: TranscriptBuilder, *, byte_characters: bool) -> None:
        self.builder, self.byte_characters = builder, byte_characters
        self.parts: list[str] = []
        self.start, self.end, self.score = 0.0, 0.0, 1.0

    def add(self, token: JsonObject) -> None:
        """Append a token to the open word, or close that and open another."""
        text, times = token.get("text"), object_in(token, "offsets")
        if not isinstance(text, str) or text.startswith("[_"):  # [_BEG_], [_TT_150]: no speech
            return
        start = self.builder.parse_seconds(times.get("from"), MILLI)
        end = self.builder.parse_seconds(times.get("to"), MILLI)
        if text[:1].isspace() or start - self.end > self.APART:
            self.close()
        if token.get("t_dtw", -1) not in (-1, None):
            # a single moment from cross-attention, more exact than the offsets: widen them to include it
            moment = self.builder.parse_seconds(token["t_dtw"], DTW)
            start, end = min(start, moment), max(end, moment)
        confidence = parse_score(token.get("p"))
        if not self.parts:
            self.builder.next_word()
            self.start, self.end, self.score = start, end, math.inf
        self.parts.append(text)
        self.start, self.end = min(self.start, start), max(self.end, end)
        self.score = min(self.score, 0.0 if confidence is None else confidence)

    def close(self) -> None:
        """Add the open word to the transcript; its score is the lowest of its tokens' scores."""
        if self.parts:
            joined = "".join(self.parts)
            text = _decode_bytes(joined) if self.byte_characters else joined
            self.builder.add_word(text, self.start, self.end, score=self.score)
            self.parts = []


def _decode_bytes(text: object) -> object:
    """Decode a text whose characters are bytes as UTF-8; an incomplete sequence becomes U+FFFD."""
    try:
        return text.encode("latin-1").decode("utf-8", "replace") if isinstance(text, str) else text
    except UnicodeEncodeError:  # a character above U+00FF came from an intact JSON escape
        return text


def read_vosk(document: JsonObject, builder: TranscriptBuilder) -> None:
    """Read Vosk's utterances, listed under "vosk" by `transcript_reading`; partial ones are not final, and skipped."""
    for utterance in objects_in(document, "vosk"):
        alternative = first_alternative(utterance, "alternatives") or utterance
        words = objects_in(alternative, "result")
        if not words:
            builder.refuse_unlisted_words(alternative.get("text"))
        for word in words:
            builder.next_word()
            start, end = builder.parse_seconds(word.get("start")), builder.parse_seconds(word.get("end"))
            builder.add_word(word.get("word"), start, end, score=parse_score(word.get("conf")))


TICKS = 10_000_000.0  # of 100 ns


def read_google(document: JsonObject, builder: TranscriptBuilder) -> None:
    """Read Google Speech-to-Text: times such as "1.300s", zero omitted as in protobuf; channels from 1, 0 for none."""
    results = objects_in(document, "results") or objects_in(object_in(document, "response"), "results")
    if _last_repeats_all(results):
        results = results[-1:]
    for result in results:
        tag = result.get("channelTag")
        channel = None if tag == 0 else builder.parse_channel(tag, first=1)
        alternative = first_alternative(result, "alternatives")
        words = objects_in(alternative, "words")
        if not words:
            builder.refuse_unlisted_words(alternative.get("transcript"))
        for word in words:
            builder.next_word()
            start = _parse_duration(word.get("startTime", word.get("startOffset", "0s")), builder)
            end = _parse_duration(word.get("endTime", word.get("endOffset")), builder)
            builder.add_word(
                word.get("word"), start, end, score=parse_score(word.get("confidence")) or None, channel=channel
            )


def _last_repeats_all(results: list[JsonObject]) -> bool:
    """Whether the last result repeats the words of all results, as v1 does to add speaker tags."""
    if len(results) < 2:
        return False
    tagged = [
        any(word.get("speakerTag") for word in objects_in(first_alternative(result, "alternatives"), "words"))
        for result in results
    ]
    return tagged[-1] and not any(tagged[:-1])


def _parse_duration(value: object, builder: TranscriptBuilder) -> float:
    if isinstance(value, dict):  # protobuf's Duration, as some client libraries write it
        seconds, nanos = value.get("seconds", 0), value.get("nanos", 0)
        if isinstance(seconds, str):
            seconds = builder.parse_seconds_text(seconds)
        return round(builder.parse_seconds(seconds) + builder.parse_seconds(nanos, 1e9), 9)
    return builder.parse_seconds_text(value, "s")


def read_azure_batch(document: JsonObject, builder: TranscriptBuilder) -> None:
    """Read Azure batch transcription: ticks of 100 ns; display words (capitals, punctuation) where there are any."""
    for phrase in objects_in(document, "recognizedPhrases"):
        alternative, channel = first_alternative(phrase, "nBest"), builder.parse_channel(phrase.get("channel"))
        words = objects_in(alternative, "displayWords") or objects_in(alternative, "words")
        for word in words:
            builder.next_word()
            start, end = _parse_span(word, "offsetInTicks", "durationInTicks", TICKS, builder)
            text = word.get("displayText", word.get("word"))
            builder.add_word(text, start, end, score=parse_score(word.get("confidence")), channel=channel)
        if alternative and not words:
            builder.next_word()
            start, end = _parse_span(phrase, "offsetInTicks", "durationInTicks", TICKS, builder)
            builder.add_segment(alternative.get("display", alternative.get("lexical")), start, end, channel=channel)


def read_azure_fast(document: JsonObject, builder: TranscriptBuilder) -> None:
    """Read Azure fast transcription: milliseconds; it scores whole phrases, so words have no score."""
    for phrase in objects_in(document, "phrases"):
        channel, words = builder.parse_channel(phrase.get("channel")), objects_in(phrase, "words")
        for word in words:
            builder.next_word()
            start, end = _parse_span(word, "offsetMilliseconds", "durationMilliseconds", MILLI, builder)
            builder.add_word(word.get("text"), start, end, channel=channel)
        if not words:
            builder.next_word()
            start, end = _parse_span(phrase, "offsetMilliseconds", "durationMilliseconds", MILLI, builder)
            builder.add_segment(phrase.get("text"), start, end, channel=channel)


def _parse_span(
    entry: JsonObject, offset: str, duration: str, per_second: float, builder: TranscriptBuilder
) -> tuple[float, float]:
    """Start and end in seconds of an entry with offset and duration; added in the document's unit, as integers."""
    start, length = entry.get(offset), entry.get(duration)
    start_seconds = builder.parse_seconds(start, per_second)
    if not is_number(start) or not is_number(length):
        raise transcript_error("no_time", builder.place)
    if length < 0:
        raise transcript_error("ends_before_it_starts", builder.place)
    builder.parse_seconds(length, per_second)
    return start_seconds, builder.parse_seconds(start + length, per_second)


def read_aws(document: JsonObject, builder: TranscriptBuilder) -> None:
    """Read Amazon Transcribe: seconds as strings; redacted words are "[PII]" or have "redactions"."""
    results = object_in(document, "results")
    channels = objects_in(object_in(results, "channel_labels"), "channels")
    for channel in channels:
        for item in objects_in(channel, "items"):
            _read_aws_item(item, channel.get("channel_label"), builder)
    if not channels:
        for item in objects_in(results, "items"):
            _read_aws_item(item, item.get("channel_label"), builder)


def _read_aws_item(item: JsonObject, label: object, builder: TranscriptBuilder) -> None:
    builder.next_word()
    channel = builder.parse_channel(label.removeprefix("ch_") if isinstance(label, str) else label)
    alternative = first_alternative(item, "alternatives")
    if item.get("type") == "punctuation":
        builder.append_punctuation(alternative.get("content"), channel=channel)
        return
    start, end = builder.parse_seconds_text(item.get("start_time")), builder.parse_seconds_text(item.get("end_time"))
    text = "[PII]" if alternative.get("redactions") else alternative.get("content")
    builder.add_word_or_mask(text, start, end, score=parse_score(alternative.get("confidence")), channel=channel)


def read_contact_lens(document: JsonObject, builder: TranscriptBuilder) -> None:
    """Read Contact Lens: turns in milliseconds, of participants without channel; Call Analytics adds words to turns."""
    for turn in objects_in(document, "Transcript"):
        for mark in objects_in(object_in(turn, "Redaction"), "RedactedTimestamps"):
            builder.add_redaction(*_parse_millis(mark, builder))
        items = objects_in(turn, "Items")
        participant = turn.get("ParticipantId", turn.get("ParticipantRole"))
        voice = participant if isinstance(participant, str) else None
        for item in items:
            builder.next_word()
            if item.get("Type") == "punctuation":
                builder.append_punctuation(item.get("Content"), voice=voice)
            else:
                confidence = parse_score(item.get("Confidence"))
                builder.add_word_or_mask(
                    item.get("Content"), *_parse_millis(item, builder), score=confidence, voice=voice
                )
        if not items:
            builder.next_word()
            builder.add_segment(turn.get("Content"), *_parse_millis(turn, builder), voice=voice, masks=True)


def _parse_millis(entry: JsonObject, builder: TranscriptBuilder) -> tuple[float, float]:
    return builder.parse_seconds(entry.get("BeginOffsetMillis"), MILLI), builder.parse_seconds(
        entry.get("EndOffsetMillis"), MILLI
    )


_TIME = re.compile(r"(-?)(?:([0-9]{1,5}):)?([0-9]{1,2}):([0-9]{1,2})[.,]([0-9]{1,3})")
_STAMP = re.compile(r"<((?:[0-9]{1,5}:)?[0-9]{1,2}:[0-9]{1,2}\.[0-9]{1,3})>")
_TAG = re.compile(r"<[^<>]*>")  # stops at the next "<", so that a line of "<" costs linear time
_LINES = re.compile(r"\r\n|\n|\r")
_BLOCK = ("NOTE", "STYLE", "REGION")


def form_of(text: str) -> str | None:
    """The form of a text, WebVTT or SubRip; None for neither."""
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
    """The text without tags and with entities decoded; a voice tag names the speaker."""
    return html.unescape(_TAG.sub("", text))


TYPES = ("transcript", "wtf_transcription")
FindReader = Callable[[object], Callable[[TranscriptBuilder], None] | None]  # a body's reader, None for an unknown form


def read_wtf(document: JsonObject, builder: TranscriptBuilder) -> None:
    """Read WTF: seconds; separate punctuation has `is_punctuation`; segments count only where there are no words."""
    words = objects_in(document, "words")
    for entry in words:
        builder.next_word()
        if entry.get("is_punctuation") is True:
            builder.append_punctuation(entry.get("text"))
            continue
        start, end = builder.parse_seconds(entry.get("start")), builder.parse_seconds(entry.get("end"))
        builder.add_word(entry.get("text"), start, end, score=parse_score(entry.get("confidence")))
    for entry in [] if words else objects_in(document, "segments"):
        builder.next_word()
        builder.add_segment(
            entry.get("text"), builder.parse_seconds(entry.get("start")), builder.parse_seconds(entry.get("end"))
        )


def read_vcon(document: JsonObject, find_reader: FindReader, builder: TranscriptBuilder) -> None:
    """Read the first readable transcript of each dialog, shifted by its dialog's offset from the earliest one.

    Raises Usage where no transcript is readable, or several dialogs lack start times with a time zone.
    """
    readers: dict[int, Callable[[TranscriptBuilder], None]] = {}
    for dialog, body in _transcript_bodies(document):
        if dialog not in readers:
            reader = find_reader(body)
            if reader:
                readers[dialog] = reader
    if not readers:
        raise transcript_error("unknown_form", "analysis")
    starts = _dialog_offsets(document, sorted(readers)) if len(readers) > 1 else dict.fromkeys(readers, 0.0)
    for dialog, reader in readers.items():
        builder.part, builder.shift = dialog, starts[dialog]
        reader(builder)


def _transcript_bodies(document: JsonObject) -> Iterator[tuple[int, object]]:
    """Yield the dialog number and the body of every transcript; the first draft of WTF used attachments."""
    for attachment in (*objects_in(document, "analysis"), *objects_in(document, "attachments")):
        if attachment.get("type", attachment.get("purpose")) in TYPES:
            dialog = attachment.get("dialog")
            if isinstance(dialog, list) and dialog:
                dialog = dialog[0]
            yield dialog if type(dialog) is int and dialog >= 0 else 0, _decode_body(attachment)


def _decode_body(attachment: JsonObject) -> object:
    body = attachment.get("body")
    if isinstance(body, str) and attachment.get("encoding") == "base64url":
        try:
            return base64.b64decode(body + "=" * (-len(body) % 4), altchars=b"-_", validate=True)
        except (binascii.Error, ValueError):
            return None
    return body.encode("utf-8") if isinstance(body, str) else body


def _dialog_offsets(document: JsonObject, dialogs: list[int]) -> dict[int, float]:
    """Seconds from the start of the earliest dialog to that of each; raises Usage for a missing start time."""
    dialog_objects, starts = objects_in(document, "dialog"), dict[int, datetime]()
    for dialog in dialogs:
        place = f"dialog[{dialog}].start"
        try:
            starts[dialog] = datetime.fromisoformat(dialog_objects[dialog]["start"])
        except (IndexError, KeyError, TypeError, ValueError):
            raise transcript_error("no_time", place) from None
        if starts[dialog].utcoffset() is None:
            raise transcript_error("no_time", place)
    earliest = min(starts.values())
    return {dialog: (start - earliest).total_seconds() for dialog, start in starts.items()}
