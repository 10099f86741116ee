"""Reading the transcripts that companies already have. Which form a document has is told by what is in it, never by
its name. Whatever cannot be read whole is refused; `gathering` says for which reasons.

    form                 made by                                            time         channel
    words                this toolkit, and whoever writes for it            s            from 0
    openai-whisper       openai-whisper, whisper-ctranslate2                s            -
    faster-whisper       segments of faster-whisper, written as JSON        s            -
    openai-api           verbose_json and diarized_json of OpenAI           s            -
    whisperx             WhisperX; words without times lie in the gap       s            -
    whisper.cpp          -ojf, words of tokens; -oj, segments               ms           -
    vosk                 Vosk, utterances one after another                 s            -
    deepgram             Deepgram                                           s            place in the list
    assemblyai           AssemblyAI                                         ms           from 1
    google               Google Speech-to-Text v1 and v2                    "1.300s"     from 1
    azure-batch          Azure batch transcription v3                       100 ns       from 0
    azure-fast           Azure fast transcription                           ms           from 0
    speechmatics         Speechmatics json-v2                               s            channel_1, or own labels
    aws-transcribe       Amazon Transcribe                                  "1.3"        ch_0
    contact-lens         Amazon Connect Contact Lens, Call Analytics        ms           -
    genesys              Genesys Cloud                                      ms of 1970   -
    wtf                  World Transcription Format                         s            -
    vcon                 vCon, holding any of the forms above or below      s            as in what it holds
    webvtt               WebVTT, with or without times of words             1:02.300     -
    srt                  SubRip                                             0:01:02,300  -
    ctm                  NIST's CTM                                         s            1 and 2, A and B

Where a document has times of segments only, words share them by their length, and say so (`timed`). What a vendor
masked ([PII], ####) is no word but a redaction; of its label nothing is kept. A document may hold redactions alone:
it adds them to what another one heard.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

from arlo_rec.model.errors import Usage
from arlo_rec.model.strict_json import parse
from arlo_rec.speech.transcripts import captions, clouds, containers, whispers
from arlo_rec.speech.transcripts.gathering import LONGEST, Gathered, JsonObject, wrong
from arlo_rec.speech.words import Transcript


@dataclass(frozen=True, slots=True)
class _Form:
    name: str
    fits: Callable[[JsonObject], bool]
    read: Callable[[JsonObject, Gathered], None]


def _lists(*keys: str) -> Callable[[JsonObject], bool]:
    return lambda told: all(isinstance(told.get(key), list) for key in keys)


def _result(told: JsonObject) -> Any:
    """What stands under "results", also of an operation of Google's that is done."""
    answer = told.get("response")
    return answer.get("results") if isinstance(answer, dict) else told.get("results")


def _has(many: object, *keys: str) -> bool:
    """Whether any object of a list has one of *keys*."""
    return isinstance(many, list) and any(isinstance(one, dict) and any(key in one for key in keys) for one in many)


def _is_aws(told: JsonObject) -> bool:
    results = told.get("results")
    return isinstance(results, dict) and isinstance(results.get("items", results.get("channel_labels")), list | dict)


def _is_deepgram(told: JsonObject) -> bool:
    results = told.get("results")
    return isinstance(results, dict) and isinstance(results.get("channels"), list)


def _is_vosk(told: object) -> bool:
    """An utterance, the part of one, or silence; whisper.cpp has a "result" too, but no list."""
    if not isinstance(told, dict):
        return False
    lists = isinstance(told.get("result"), list) or isinstance(told.get("alternatives"), list)
    return lists or set(told) in ({"text"}, {"partial"})


def _has_scores(told: JsonObject) -> bool:
    return any(_has(one.get("words"), "score") for one in told["segments"] if isinstance(one, dict))


def _is_own(told: JsonObject) -> bool:
    return _lists("words")(told) and bool(told["words"] or "segments" not in told)


_ASSEMBLYAI = frozenset({"audio_url", "audio_duration", "acoustic_model", "speech_model"})
_JSON = (  # the first that fits: what only one form has stands before what several have
    _Form("whisper.cpp", _lists("transcription"), whispers.read_whisper_cpp),
    _Form("vosk", _lists("vosk"), whispers.read_vosk),
    _Form("contact-lens", _lists("Transcript"), clouds.read_contact_lens),
    _Form("azure-batch", _lists("recognizedPhrases"), clouds.read_azure_batch),
    _Form("azure-fast", _lists("phrases"), clouds.read_azure_fast),
    _Form("genesys", lambda told: _has(told.get("transcripts"), "phrases"), clouds.read_genesys),
    _Form("deepgram", _is_deepgram, clouds.read_deepgram),
    _Form("aws-transcribe", _is_aws, clouds.read_aws),
    _Form("speechmatics", lambda told: _has(_result(told), "type"), clouds.read_speechmatics),
    _Form("google", lambda told: isinstance(_result(told), list), clouds.read_google),
    _Form("wtf", lambda told: isinstance(told.get("transcript"), dict), containers.read_wtf),
    _Form(
        "assemblyai", lambda told: _lists("words")(told) and not _ASSEMBLYAI.isdisjoint(told), clouds.read_assemblyai
    ),
    _Form("whisperx", _lists("word_segments"), whispers.read_whisperx),
    _Form("openai-api", lambda told: "segments" in told and _has(told.get("words"), "word"), whispers.read_openai_api),
    _Form("openai-api", lambda told: "task" in told and "duration" in told, whispers.read_openai_api),
    _Form("words", _is_own, whispers.read_words),
    _Form("whisperx", lambda told: _lists("segments")(told) and _has_scores(told), whispers.read_whisperx),
    _Form("openai-api", lambda told: _has(told.get("segments"), "type"), whispers.read_openai_api),
    _Form("openai-whisper", lambda told: "text" in told and _lists("segments")(told), whispers.read_segments),
    _Form("faster-whisper", _lists("segments"), whispers.read_segments),
)
_LINES = {"webvtt": captions.read_webvtt, "srt": captions.read_srt, "ctm": captions.read_ctm}
FORMS = tuple(dict.fromkeys([one.name for one in _JSON] + ["vcon", *_LINES]))
_BETWEEN = re.compile(r"\}\s*\{")


def read(raw: bytes, channel: int | None = None) -> Transcript:
    """The words of a transcript and their times, whatever made it.

    *channel* says on which channel all of it was said, for companies that have each channel recognised by itself.
    Words stand as the document has them, channel by channel, and channels are put together by start. Raises Usage with
    the code transcript_wrong, the number of the word or line (or the path) that is wrong, and why.
    """
    into = Gathered()
    into.channel(channel)
    form, reader = _recognised(raw)
    reader(into)
    return into.transcript(form, channel)


def _recognised(raw: bytes, *, inside: bool = False) -> tuple[str, Callable[[Gathered], None]]:
    """The name of a document's form and what reads it; *inside* a vCon there is no other."""
    if len(raw) > LONGEST:
        raise wrong("too_large")
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError:
        return "whisper.cpp", partial(whispers.read_whisper_cpp, _halved(raw), halved=True)
    start = text.lstrip()[:1]
    if not start:
        raise wrong("no_words")
    if start in "[{":
        return _recognised_json(_parsed(raw, text), inside=inside)
    form = captions.form_of(text)
    if form is None:
        raise wrong("unknown_form")
    return form, partial(_LINES[form], text)


def _halved(raw: bytes) -> JsonObject:
    """What whisper.cpp wrote that cut letters between tokens: https://github.com/ggml-org/whisper.cpp/issues/1798."""
    if b'"transcription"' in raw:
        read_as_bytes = raw.decode("latin-1").encode("utf-8")
        try:
            told = parse(read_as_bytes, max_bytes=len(read_as_bytes))
        except ValueError:
            told = None
        if isinstance(told, dict) and isinstance(told.get("transcription"), list):
            return told
    raise wrong("not_utf8")


def _parsed(raw: bytes, text: str) -> Any:
    """One document, or as a list several that follow one another, as Vosk writes them."""
    try:
        return parse(raw, max_bytes=LONGEST)
    except ValueError:
        pass
    joined = f"[{_BETWEEN.sub('},{', text)}]".encode()  # a brace may follow another so between documents only
    try:
        return parse(joined, max_bytes=len(joined))
    except ValueError:
        raise wrong("not_json") from None


def _recognised_json(told: Any, *, inside: bool = False) -> tuple[str, Callable[[Gathered], None]]:
    told = _as_object(told)
    if "vcon" in told and not inside:
        return "vcon", partial(containers.read_vcon, told, _recognised_body)
    for form in _JSON:
        if form.fits(told):
            return form.name, partial(form.read, told)
    raise wrong("unknown_form")


def _as_object(told: Any) -> JsonObject:
    """A document that is a list as one that is an object."""
    many = told if isinstance(told, list) else [told]
    if any(_is_vosk(one) for one in many):
        return {"vosk": many}
    if isinstance(told, dict):
        return told
    for name, keys in (("segments", ("words", "segments", "seek", "tokens")), ("words", whispers.TEXTS)):
        if _has(told, *keys):
            return {name: told}
    raise wrong("unknown_form")


def _recognised_body(body: object) -> Callable[[Gathered], None] | None:
    """What reads a body inside a vCon; None if nothing does, for many hold no more than text."""
    try:
        if isinstance(body, bytes):
            return _recognised(body, inside=True)[1]
        return _recognised_json(body, inside=True)[1] if isinstance(body, dict | list) else None
    except Usage:
        return None
