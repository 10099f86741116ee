"""Reading vCons, which hold transcripts of one or more parts of a conversation, and what they hold most: WTF.

vCon: https://datatracker.ietf.org/doc/draft-ietf-vcon-vcon-core/; a transcript stands in it under "analysis", whole or
as a string, in the form of whoever made it. WTF, the World Transcription Format:
https://datatracker.ietf.org/doc/draft-howe-vcon-wtf-extension/.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable, Iterator
from datetime import datetime

from arlo_rec.speech.transcripts.gathering import Gathered, JsonObject, listed, score, wrong

TYPES = ("transcript", "wtf_transcription")
Recognise = Callable[[object], Callable[[Gathered], None] | None]  # what reads a body, if anything does


def read_wtf(told: JsonObject, into: Gathered) -> None:
    """Seconds; punctuation is marked as such where it stands for itself."""
    words = listed(told, "words")
    for one in words:
        into.next()
        if one.get("is_punctuation") is True:
            into.punctuation(one.get("text"))
            continue
        start, end = into.seconds(one.get("start")), into.seconds(one.get("end"))
        into.word(one.get("text"), start, end, score=score(one.get("confidence")))
    for one in [] if words else listed(told, "segments"):
        into.next()
        into.segment(one.get("text"), into.seconds(one.get("start")), into.seconds(one.get("end")))


def read_vcon(told: JsonObject, recognise: Recognise, into: Gathered) -> None:
    """The first transcript of each dialog that can be read, each from where its dialog began after the earliest."""
    found: dict[int, Callable[[Gathered], None]] = {}
    for dialog, body in _bodies(told):
        if dialog not in found:
            reader = recognise(body)
            if reader:
                found[dialog] = reader
    if not found:
        raise wrong("unknown_form", "analysis")
    starts = _starts(told, sorted(found)) if len(found) > 1 else dict.fromkeys(found, 0.0)
    for dialog, reader in found.items():
        into.part, into.shift = dialog, starts[dialog]
        reader(into)


def _bodies(told: JsonObject) -> Iterator[tuple[int, object]]:
    """Of every transcript: which dialog it is of, and its body. The first draft of WTF had attachments."""
    for one in (*listed(told, "analysis"), *listed(told, "attachments")):
        if one.get("type", one.get("purpose")) in TYPES:
            dialog = one.get("dialog")
            if isinstance(dialog, list) and dialog:
                dialog = dialog[0]
            yield dialog if type(dialog) is int and dialog >= 0 else 0, _decoded(one)


def _decoded(told: JsonObject) -> object:
    body = told.get("body")
    if isinstance(body, str) and told.get("encoding") == "base64url":
        try:
            return base64.b64decode(body + "=" * (-len(body) % 4), altchars=b"-_", validate=True)
        except (binascii.Error, ValueError):
            return None
    return body.encode("utf-8") if isinstance(body, str) else body


def _starts(told: JsonObject, dialogs: list[int]) -> dict[int, float]:
    """Seconds from the start of the earliest of these dialogs to the start of each."""
    many, begun = listed(told, "dialog"), dict[int, datetime]()
    for count in dialogs:
        place = f"dialog[{count}].start"
        try:
            begun[count] = datetime.fromisoformat(many[count]["start"])
        except (IndexError, KeyError, TypeError, ValueError):
            raise wrong("no_time", place) from None
        if begun[count].utcoffset() is None:
            raise wrong("no_time", place)
    earliest = min(begun.values())
    return {count: (one - earliest).total_seconds() for count, one in begun.items()}
