"""Reading what speech services give: their names of fields and their units, one function for each.

Each service says more than is read here (speakers, sentiment, summaries); that is left where it is.
"""

from __future__ import annotations

import re
from typing import Any

from arlo_rec.speech.transcripts.gathering import Gathered, JsonObject, best, inner, is_number, listed, score, wrong

MILLI = 1000.0
TICKS = 10_000_000.0  # of 100 ns


def read_deepgram(told: JsonObject, into: Gathered) -> None:
    """One result for each channel; a single one may be several channels mixed, so it names none."""
    channels = listed(inner(told, "results"), "channels")
    for count, one in enumerate(channels):
        channel = into.channel(count) if len(channels) > 1 else None
        said = best(one, "alternatives")
        words = listed(said, "words")
        if not words:
            into.without_words(said.get("transcript"))
        for word in words:
            into.next()
            text = word.get("punctuated_word", word.get("word"))
            start, end = into.seconds(word.get("start")), into.seconds(word.get("end"))
            into.masked(text, start, end, score=score(word.get("confidence")), channel=channel)


def read_assemblyai(told: JsonObject, into: Gathered) -> None:
    """Milliseconds; channels count from 1."""
    for word in listed(told, "words"):
        into.next()
        channel = into.channel(word.get("channel"), first=1)
        start, end = into.seconds(word.get("start"), MILLI), into.seconds(word.get("end"), MILLI)
        into.masked(word.get("text"), start, end, score=score(word.get("confidence")), channel=channel)


def read_google(told: JsonObject, into: Gathered) -> None:
    """Strings such as "1.300s"; a zero may be left out, as protobuf does. Channels count from 1, and 0 is none."""
    results = listed(told, "results") or listed(inner(told, "response"), "results")
    if _is_told_again(results):
        results = results[-1:]
    for one in results:
        tag = one.get("channelTag")
        channel = None if tag == 0 else into.channel(tag, first=1)
        said = best(one, "alternatives")
        words = listed(said, "words")
        if not words:
            into.without_words(said.get("transcript"))
        for word in words:
            into.next()
            start = _duration(word.get("startTime", word.get("startOffset", "0s")), into)
            end = _duration(word.get("endTime", word.get("endOffset")), into)
            into.word(word.get("word"), start, end, score=score(word.get("confidence")) or None, channel=channel)


def _is_told_again(results: list[JsonObject]) -> bool:
    """Whether the last result has all words of all results once more: so v1 tells speakers apart."""
    if len(results) < 2:
        return False
    tagged = [any(word.get("speakerTag") for word in listed(best(one, "alternatives"), "words")) for one in results]
    return tagged[-1] and not any(tagged[:-1])


def _duration(value: object, into: Gathered) -> float:
    if isinstance(value, dict):  # as some libraries write it
        whole, parts = value.get("seconds", 0), value.get("nanos", 0)
        if isinstance(whole, str):
            whole = into.written(whole)
        return round(into.seconds(whole) + into.seconds(parts, 1e9), 9)
    return into.written(value, "s")


def read_azure_batch(told: JsonObject, into: Gathered) -> None:
    """Ticks of 100 ns. Words as they are displayed, with capitals and punctuation, where they were asked for."""
    for phrase in listed(told, "recognizedPhrases"):
        said, channel = best(phrase, "nBest"), into.channel(phrase.get("channel"))
        words = listed(said, "displayWords") or listed(said, "words")
        for word in words:
            into.next()
            start, end = _span(word, "offsetInTicks", "durationInTicks", TICKS, into)
            text = word.get("displayText", word.get("word"))
            into.word(text, start, end, score=score(word.get("confidence")), channel=channel)
        if said and not words:
            into.next()
            start, end = _span(phrase, "offsetInTicks", "durationInTicks", TICKS, into)
            into.segment(said.get("display", said.get("lexical")), start, end, channel=channel)


def read_azure_fast(told: JsonObject, into: Gathered) -> None:
    """Milliseconds; the score is one for a phrase, so no word has any."""
    for phrase in listed(told, "phrases"):
        channel, words = into.channel(phrase.get("channel")), listed(phrase, "words")
        for word in words:
            into.next()
            start, end = _span(word, "offsetMilliseconds", "durationMilliseconds", MILLI, into)
            into.word(word.get("text"), start, end, channel=channel)
        if not words:
            into.next()
            start, end = _span(phrase, "offsetMilliseconds", "durationMilliseconds", MILLI, into)
            into.segment(phrase.get("text"), start, end, channel=channel)


def _span(told: JsonObject, offset: str, duration: str, per_second: float, into: Gathered) -> tuple[float, float]:
    """Start and end of what has a start and a length; added in the unit of the document, where both are whole."""
    start, long = told.get(offset), told.get(duration)
    begin = into.seconds(start, per_second)
    if not is_number(start) or not is_number(long):
        raise wrong("no_time", into.place)
    if long < 0:
        raise wrong("ends_before_it_starts", into.place)
    into.seconds(long, per_second)
    return begin, into.seconds(start + long, per_second)


def read_speechmatics(told: JsonObject, into: Gathered) -> None:
    """Words, entities (numbers, dates: several words in one), and punctuation that says what it belongs to."""
    channels = _speechmatics_channels(told, into)
    for one in listed(told, "results"):
        into.next()
        label, said = one.get("channel"), best(one, "alternatives")
        channel = channels(label)
        if one.get("type") == "punctuation":
            if one.get("attaches_to") in (None, "previous", "both"):
                into.punctuation(said.get("content"), channel=channel)
        elif one.get("type") in ("word", "entity"):
            start, end = into.seconds(one.get("start_time")), into.seconds(one.get("end_time"))
            into.masked(said.get("content"), start, end, score=score(said.get("confidence")), channel=channel)


def _speechmatics_channels(told: JsonObject, into: Gathered) -> Any:
    """What channel a label names: the customer's own labels stand in the order of channels, others end in a number."""
    labels = inner(inner(told, "metadata"), "transcription_config").get("channel_diarization_labels")
    own = {one: count for count, one in enumerate(labels) if isinstance(one, str)} if isinstance(labels, list) else {}

    def named(label: object) -> int | None:
        if label is None:
            return None
        if isinstance(label, str):
            if label in own:
                return into.channel(own[label])
            number = re.search("[0-9]{1,3}$", label)
            if number:
                return into.channel(number[0], first=1)
        raise wrong("no_such_channel", into.place)

    return named


def read_aws(told: JsonObject, into: Gathered) -> None:
    """Seconds as strings; what was redacted stands as [PII] or has redactions."""
    results = inner(told, "results")
    channels = listed(inner(results, "channel_labels"), "channels")
    for one in channels:
        for item in listed(one, "items"):
            _aws_item(item, one.get("channel_label"), into)
    if not channels:
        for item in listed(results, "items"):
            _aws_item(item, item.get("channel_label"), into)


def _aws_item(item: JsonObject, label: object, into: Gathered) -> None:
    into.next()
    channel = into.channel(label.removeprefix("ch_") if isinstance(label, str) else label)
    said = best(item, "alternatives")
    if item.get("type") == "punctuation":
        into.punctuation(said.get("content"), channel=channel)
        return
    start, end = into.written(item.get("start_time")), into.written(item.get("end_time"))
    text = "[PII]" if said.get("redactions") else said.get("content")
    into.masked(text, start, end, score=score(said.get("confidence")), channel=channel)


def read_contact_lens(told: JsonObject, into: Gathered) -> None:
    """Turns in milliseconds; which channel a participant is on stands nowhere. Call Analytics adds words to a turn."""
    for turn in listed(told, "Transcript"):
        for mark in listed(inner(turn, "Redaction"), "RedactedTimestamps"):
            into.redaction(*_millis(mark, into))
        items = listed(turn, "Items")
        who = turn.get("ParticipantId", turn.get("ParticipantRole"))
        voice = who if isinstance(who, str) else None
        for item in items:
            into.next()
            if item.get("Type") == "punctuation":
                into.punctuation(item.get("Content"), voice=voice)
            else:
                sure = score(item.get("Confidence"))
                into.masked(item.get("Content"), *_millis(item, into), score=sure, voice=voice)
        if not items:
            into.next()
            into.segment(turn.get("Content"), *_millis(turn, into), voice=voice, masks=True)


def _millis(told: JsonObject, into: Gathered) -> tuple[float, float]:
    return into.seconds(told.get("BeginOffsetMillis"), MILLI), into.seconds(told.get("EndOffsetMillis"), MILLI)


def read_genesys(told: JsonObject, into: Gathered) -> None:
    """Milliseconds since 1970, from which the start of the call is taken; small ones count from it already."""
    transcripts = listed(told, "transcripts")
    starts = [told.get("startTime"), told.get("conversationStartTime"), *(one.get("startTime") for one in transcripts)]
    start = next((one for one in starts if is_number(one)), 0)
    for one in transcripts:
        for phrase in listed(one, "phrases"):
            purpose = phrase.get("participantPurpose")
            voice = purpose if isinstance(purpose, str) else None
            words = listed(phrase, "words")
            for word in words:
                into.next()
                times = _genesys_times(word, start, into)
                into.word(word.get("word"), *times, score=score(word.get("confidence")), voice=voice)
            if not words:
                into.next()
                into.segment(phrase.get("text"), *_genesys_times(phrase, start, into), voice=voice)


EPOCH = 10**11  # milliseconds: no call is three years long, and no recording of calls is older than 1973


def _genesys_times(told: JsonObject, start: float, into: Gathered) -> tuple[float, float]:
    at, long = told.get("startTimeMs"), inner(told, "duration").get("milliseconds")
    if is_number(at) and at >= EPOCH:
        if start < EPOCH:
            raise wrong("no_time", into.place)
        into.seconds(start)
        into.seconds(at)
        at -= start
    return _span({"at": at, "long": long}, "at", "long", MILLI, into)
