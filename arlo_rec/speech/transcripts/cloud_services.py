"""Read the JSON of speech services: one function for each service's field names and units.

`builder` validates and sorts. What services add to words and times (speakers, sentiment, summaries) is not read.
"""

from __future__ import annotations

from arlo_rec.speech.transcripts.builder import (
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
    """Whether the last result repeats the words of all results: so v1 adds speaker tags."""
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


EPOCH = 10**11  # milliseconds: no call is three years long, and no recording of calls is older than 1973
