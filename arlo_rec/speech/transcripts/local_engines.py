"""Read the JSON of engines that people run themselves: the Whisper family, Vosk, and our own list of words.

Times are seconds, except in whisper.cpp: milliseconds, of tokens that are parts of words. `builder` validates and
sorts.
"""

from __future__ import annotations

from typing import Any

from arlo_rec.speech.transcripts.builder import (
    JsonObject,
    TranscriptBuilder,
    first_alternative,
    object_in,
    objects_in,
    parse_score,
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
            self.start, self.end, self.score = start, end, 1.0
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
    """Read Vosk's utterances, which `reading` lists under "vosk"; partial results are skipped, being not final."""
    for utterance in objects_in(document, "vosk"):
        alternative = first_alternative(utterance, "alternatives") or utterance
        words = objects_in(alternative, "result")
        if not words:
            builder.refuse_unlisted_words(alternative.get("text"))
        for word in words:
            builder.next_word()
            start, end = builder.parse_seconds(word.get("start")), builder.parse_seconds(word.get("end"))
            builder.add_word(word.get("word"), start, end, score=parse_score(word.get("conf")))
