"""Read the transcripts that companies already have, in 16 forms, to words with times.

The form is recognised by content, never by file name. A document that cannot be read completely is refused;
`transcript_builder` lists the reasons. It reads bytes that it is given and opens no file.

    form                 made by                                            time         channel
    words                this toolkit, and software for it                  s            from 0
    openai-whisper       openai-whisper, whisper-ctranslate2                s            -
    faster-whisper       segments of faster-whisper, written as JSON        s            -
    openai-api           verbose_json and diarized_json of OpenAI           s            -
    whisperx             WhisperX; words without times lie in the gap       s            -
    whisper.cpp          -ojf, words of tokens; -oj, segments               ms           -
    vosk                 Vosk, utterances one after another                 s            -
    google               Google Speech-to-Text v1 and v2                    "1.300s"     from 1
    azure-batch          Azure batch transcription v3                       100 ns       from 0
    azure-fast           Azure fast transcription                           ms           from 0
    aws-transcribe       Amazon Transcribe                                  "1.3"        ch_0
    contact-lens         Amazon Connect Contact Lens, Call Analytics        ms           -
    wtf                  World Transcription Format                         s            -
    vcon                 vCon, holding any of the forms above or below      s            as in what it holds
    webvtt               WebVTT, with or without times of words             1:02.300     -
    srt                  SubRip                                             0:01:02,300  -

Where a document times segments only, words share a segment's time in proportion to their length and have `timed`
False. A vendor's mask ([PII], ####) becomes a redaction, not a word; its label is not kept. A document may contain
redactions alone, which are added to the words of another transcript.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

from arlo_rec.law.model.errors import Usage
from arlo_rec.law.model.strict_json import parse
from arlo_rec.sound.speech import LONGEST, Transcript
from arlo_rec.words import transcript_forms
from arlo_rec.words.transcript_builder import JsonObject, TranscriptBuilder, transcript_error


@dataclass(frozen=True, slots=True)
class _Form:
    name: str
    matches: Callable[[JsonObject], bool]
    read: Callable[[JsonObject, TranscriptBuilder], None]


def _has_lists(*keys: str) -> Callable[[JsonObject], bool]:
    return lambda doc: all(isinstance(doc.get(key), list) for key in keys)


def _results_of(document: JsonObject) -> Any:
    """The value under "results", also within the "response" of a finished Google operation."""
    response = document.get("response")
    return response.get("results") if isinstance(response, dict) else document.get("results")


def _has_entry_with(entries: object, *keys: str) -> bool:
    if not isinstance(entries, list):
        return False
    return any(isinstance(entry, dict) and any(key in entry for key in keys) for entry in entries)


def _is_aws(document: JsonObject) -> bool:
    results = document.get("results")
    return isinstance(results, dict) and isinstance(results.get("items", results.get("channel_labels")), list | dict)


def _is_vosk(document: object) -> bool:
    """Whether *document* is an utterance of Vosk, final, partial or empty; whisper.cpp's "result" is no list."""
    if not isinstance(document, dict):
        return False
    lists = isinstance(document.get("result"), list) or isinstance(document.get("alternatives"), list)
    return lists or set(document) in ({"text"}, {"partial"})


def _has_scores(document: JsonObject) -> bool:
    segments = [segment for segment in document["segments"] if isinstance(segment, dict)]
    return any(_has_entry_with(segment.get("words"), "score") for segment in segments)


def _is_own(document: JsonObject) -> bool:
    return _has_lists("words")(document) and bool(document["words"] or "segments" not in document)


_JSON = (  # the first match counts: keys that only one form has come before keys that several have
    _Form("whisper.cpp", _has_lists("transcription"), transcript_forms.read_whisper_cpp),
    _Form("vosk", _has_lists("vosk"), transcript_forms.read_vosk),
    _Form("contact-lens", _has_lists("Transcript"), transcript_forms.read_contact_lens),
    _Form("azure-batch", _has_lists("recognizedPhrases"), transcript_forms.read_azure_batch),
    _Form("azure-fast", _has_lists("phrases"), transcript_forms.read_azure_fast),
    _Form("aws-transcribe", _is_aws, transcript_forms.read_aws),
    _Form("google", lambda doc: isinstance(_results_of(doc), list), transcript_forms.read_google),
    _Form("wtf", lambda doc: isinstance(doc.get("transcript"), dict), transcript_forms.read_wtf),
    _Form("whisperx", _has_lists("word_segments"), transcript_forms.read_whisperx),
    _Form(
        "openai-api",
        lambda doc: "segments" in doc and _has_entry_with(doc.get("words"), "word"),
        transcript_forms.read_openai_api,
    ),
    _Form("openai-api", lambda doc: "task" in doc and "duration" in doc, transcript_forms.read_openai_api),
    _Form("words", _is_own, transcript_forms.read_words),
    _Form(
        "whisperx",
        lambda doc: _has_lists("segments")(doc) and _has_scores(doc),
        transcript_forms.read_whisperx,
    ),
    _Form("openai-api", lambda doc: _has_entry_with(doc.get("segments"), "type"), transcript_forms.read_openai_api),
    _Form(
        "openai-whisper",
        lambda doc: "text" in doc and _has_lists("segments")(doc),
        transcript_forms.read_segments,
    ),
    _Form("faster-whisper", _has_lists("segments"), transcript_forms.read_segments),
)
_LINES = {"webvtt": transcript_forms.read_webvtt, "srt": transcript_forms.read_srt}
FORMS = tuple(dict.fromkeys([form.name for form in _JSON] + ["vcon", *_LINES]))
_BETWEEN = re.compile(r"\}\s*\{")


def read(raw: bytes, channel: int | None = None) -> Transcript:
    """Read the words of a transcript of any of the forms, with times in seconds.

    *channel* is the channel of all words, for companies that transcribe each channel separately. Words of a channel
    keep the document's order, and channels are merged by start. Raises Usage `transcript_wrong` with the number of
    the word or line (or the path) that is wrong, and the reason.
    """
    builder = TranscriptBuilder()
    builder.parse_channel(channel)
    form, reader = _find_reader(raw)
    reader(builder)
    return builder.build(form, channel)


def _find_reader(raw: bytes, *, inside: bool = False) -> tuple[str, Callable[[TranscriptBuilder], None]]:
    """The name of a document's form and its reader; *inside* a vCon no further vCon is accepted."""
    if len(raw) > LONGEST:
        raise transcript_error("too_large")
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError:
        return "whisper.cpp", partial(
            transcript_forms.read_whisper_cpp, _parse_byte_characters(raw), byte_characters=True
        )
    start = text.lstrip()[:1]
    if not start:
        raise transcript_error("no_words")
    if start in "[{":
        return _find_json_reader(_parse_json(raw, text), inside=inside)
    form = transcript_forms.form_of(text)
    if form is None:
        raise transcript_error("unknown_form")
    return form, partial(_LINES[form], text)


def _parse_byte_characters(raw: bytes) -> JsonObject:
    """Parse whisper.cpp's invalid UTF-8 with each byte as one character; raises Usage for anything else.

    It splits UTF-8 sequences between tokens: https://github.com/ggml-org/whisper.cpp/issues/1798.
    """
    if b'"transcription"' in raw:
        read_as_bytes = raw.decode("latin-1").encode("utf-8")
        try:
            document = parse(read_as_bytes, max_bytes=len(read_as_bytes))
        except ValueError:
            document = None
        if isinstance(document, dict) and isinstance(document.get("transcription"), list):
            return document
    raise transcript_error("not_utf8")


def _parse_json(raw: bytes, text: str) -> Any:
    """Parse one JSON document, or several that follow one another, as Vosk writes them, into a list."""
    try:
        return parse(raw, max_bytes=LONGEST)
    except ValueError:
        pass
    joined = f"[{_BETWEEN.sub('},{', text)}]".encode()  # "} {" occurs between documents only
    try:
        return parse(joined, max_bytes=len(joined))
    except ValueError:
        raise transcript_error("not_json") from None


def _find_json_reader(document: Any, *, inside: bool = False) -> tuple[str, Callable[[TranscriptBuilder], None]]:
    document = _as_object(document)
    if "vcon" in document and not inside:
        return "vcon", partial(transcript_forms.read_vcon, document, _find_body_reader)
    for form in _JSON:
        if form.matches(document):
            return form.name, partial(form.read, document)
    raise transcript_error("unknown_form")


def _as_object(document: Any) -> JsonObject:
    """Wrap a document that is a list into an object under the key that its form's reader expects."""
    documents = document if isinstance(document, list) else [document]
    if any(_is_vosk(entry) for entry in documents):
        return {"vosk": documents}
    if isinstance(document, dict):
        return document
    for name, keys in (("segments", ("words", "segments", "seek", "tokens")), ("words", transcript_forms.TEXTS)):
        if _has_entry_with(document, *keys):
            return {name: document}
    raise transcript_error("unknown_form")


def _find_body_reader(body: object) -> Callable[[TranscriptBuilder], None] | None:
    """The reader of a body inside a vCon; None for an unknown form, since many bodies are plain text."""
    try:
        if isinstance(body, bytes):
            return _find_reader(body, inside=True)[1]
        return _find_json_reader(body, inside=True)[1] if isinstance(body, dict | list) else None
    except Usage:
        return None
