"""Read vCons, which contain transcripts of the dialogs of a conversation, and the form they mostly contain: WTF.

`reading` recognises the form of a contained transcript; `builder` validates and sorts its words. Sources:
vCon: https://datatracker.ietf.org/doc/draft-ietf-vcon-vcon-core/; a transcript is an object or a string under
"analysis", in its maker's form. WTF, the World Transcription Format:
https://datatracker.ietf.org/doc/draft-howe-vcon-wtf-extension/.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable, Iterator
from datetime import datetime

from arlo_rec.speech.transcripts.builder import JsonObject, TranscriptBuilder, objects_in, parse_score, transcript_error

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
    """Seconds from the start of the earliest of these dialogs to the start of each; raises Usage for no such time."""
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
