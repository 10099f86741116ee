"""What comes from outside with every call or request: sounds, manifests, words."""

from __future__ import annotations

import base64
import hashlib
import io
import json
import os
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

from arlo_rec.calls.intake.candidates import _claim
from arlo_rec.exchanges import deliveries
from arlo_rec.exchanges.deliveries import Lines, Unreadable
from arlo_rec.exchanges.manifest import MANIFEST_BYTES, BadManifest, Delivery, Manifest
from arlo_rec.exchanges.maps import read
from arlo_rec.exchanges.maps.records import MappedFiles
from arlo_rec.exchanges.spool import Home
from arlo_rec.law.messages import clean
from arlo_rec.law.model import particulars, phone_numbers, strict_json, times
from arlo_rec.law.model.consent import judge
from arlo_rec.law.model.errors import NothingMatched, SoundError, Usage
from arlo_rec.law.model.prompts import SHIPPED
from arlo_rec.policy import has_hidden_characters, reason_problem
from arlo_rec.sound import audio
from arlo_rec.sound.audio import decoder, sound_file
from arlo_rec.vault.keys import key_files, roster
from tests.fuzz.target import Target
from tests.support import exports, pages, sounds, world

NOW = datetime(2026, 10, 1, 9, tzinfo=UTC)
PROMPTS = {one.version: one for one in SHIPPED}

# Sound ------------------------------------------------------------------------------------------------------

_NOTE_CHUNK = sounds.chunk(b"LIST", b"INFOICMT\x02\0\0\0x\0")
_WAVES = [
    sounds.tone_wav(0.01),
    sounds.tone_wav(0.01, encoding=audio.Encoding.PCM16, channels=1),
    sounds.wav(sounds.tone(0.01), extra_chunks=[_NOTE_CHUNK], trailing_chunks=[_NOTE_CHUNK]),
    sounds.riff(sounds.extensible(), sounds.chunk(b"data", sounds.tone(0.01))),
    sounds.rf64(sounds.fmt(), sounds.chunk(b"data", bytes(160), size=0xFFFFFFFF), data_size=160),
    sounds.riff(sounds.fmt(tag=0x11, bits=4, block_align=256), sounds.chunk(b"data", bytes(256))),
]  # fmt: skip
_MARKS = [
    b"OggS" + bytes(22) + b"\x01\x13OpusHead" + bytes(80),
    b"OggS" + bytes(22) + b"\x01\x1e\x01vorbis" + bytes(80),
    b"ID3\x04\0\0\0\0\0\x0a" + bytes(10) + b"fLaC" + bytes(80),
    b"fLaC" + bytes(80), b"#!AMR\n" + bytes(80), b"\0\0\0\x20ftypM4A " + bytes(80), b"\xff\xfb\x90\x00" + bytes(80),
    b"\xff\xf1\x50\x80" + bytes(80), bytes(80),
]  # fmt: skip

HOME = Home(Path())
_MAPS = [read.read(read.shipped_text(name).encode("utf-8"), name) for name in read.shipped()]


class _NoDecoder(sound_file.Decoder):
    """Compressed sound is decoded in another process, which `commands` and `test_sound_file` start."""

    def open(self, *_: Any, **__: Any) -> Any:
        raise SoundError("decoder_missing")


def _wave(raw: bytes) -> bool:
    try:
        found = audio.read_wav(io.BytesIO(raw), len(raw))
    except SoundError:
        with suppress(SoundError):
            audio.probe(io.BytesIO(raw), len(raw))
        return False
    written = audio.canonical_wav(found)
    assert audio.read_wav(io.BytesIO(written), len(written)) == found
    return True


def _recognised(raw: bytes) -> bool:
    name = audio.ENDINGS[len(raw) % len(audio.ENDINGS)]
    with suppress(SoundError):
        found = audio.recognise(io.BytesIO(raw), len(raw), f"call{name}", _NoDecoder())
        assert sum(map(len, found.frames(hashlib.sha256()))) == found.header.data_bytes
        return True
    return False


def _decoder_answer(raw: bytes) -> bool:
    ours, theirs = os.pipe()
    os.write(theirs, raw[:60_000])
    os.close(theirs)
    try:
        opened = sound_file.Decoding(ours)
    except SoundError:
        return False
    try:
        return all(len(block) <= sound_file.BLOCK_MOST for block in opened.blocks())
    except SoundError:
        return False
    finally:
        opened.close()


_ANSWER = decoder.HEAD.pack(decoder.MAGIC, 8000, 1, 4) + decoder.LENGTH.pack(8) + bytes(8) + decoder.LENGTH.pack(0)

# Manifests --------------------------------------------------------------------------------------------------

CALL = {
    "source_id": "pbx.1",
    "audio": "call.wav",
    "direction": "inbound",
    "started_at": "2026-10-01T08:15:30.123Z",
    "caller": "+47 900 00 001",
    "agent": "Ola Oppdiktet",
    "team": "kundeservice",
    "channels": {"caller": 0, "agent": 1},
    "consent": {"key": "1", "at": "2026-10-01T08:15:45+00:00", "prompt": "nb-2026-01", "prompt_completed": True},
    "known": {"caller": ["Kari"], "agent": []},
}
_CALL = json.dumps(CALL).encode()
_TABLES = [world.as_table([CALL] * 2, one).encode() for one in ",;"]


def _call(delivery: Delivery) -> bool:
    try:
        delivery.audio_names()
        call = delivery.call()
    except BadManifest:
        return False
    finally:
        assert delivery.source_id is None or not has_hidden_characters(delivery.source_id)
    sound = audio.Header(audio.Encoding.ULAW, 8000, 2, 800_000)
    return all(judge(_claim(call, one), PROMPTS, now=NOW).allowed for one in (None, sound))


def _manifest(raw: bytes) -> bool:
    try:
        manifest = strict_json.parse_object(raw, max_bytes=MANIFEST_BYTES)
    except ValueError:
        return False
    return _call(Manifest(path=Path("call.json"), home=HOME, json={"audio": None, **manifest}))


def _records(records: Callable[[Lines], Any], raw: bytes) -> bool:
    taken = False
    try:
        for record in records(Lines(io.BytesIO(raw), len(raw))):
            try:
                manifest = record.to_json()
            except ValueError:
                continue
            taken |= _call(Manifest(path=Path("call.json"), home=HOME, json={"audio": None, **manifest}))
    except Unreadable as stopped:
        assert stopped.line >= 1
    return taken


def _exports(raw: bytes) -> bool:
    return any([_records(partial(MappedFiles(by).records, folder=Path(), sounds=list), raw) for by in _MAPS])


def _json(raw: bytes) -> bool:
    try:
        value = strict_json.parse(raw)
    except ValueError:
        return False
    assert strict_json.parse(strict_json.canonical(value), max_bytes=10 * len(raw) + 100) == value
    return True


# Words --------------------------------------------------------------------------------------------------------


def _time(raw: bytes) -> bool:
    text, taken = raw.decode("utf-8", "surrogateescape"), False
    for up in (False, True):
        with suppress(ValueError, OverflowError):
            taken = times.parse_instant(text, round_up=up).tzinfo is UTC
    for parse in (times.first_moment, times.last_moment):
        with suppress(Usage):
            assert parse(text, NOW).tzinfo is UTC
    with suppress(Usage):
        begin, end = times.search_span(text, None, NOW)
        assert begin is not None and (end is None or begin < end)
    return taken


def _number(raw: bytes) -> bool:
    text = raw.decode("utf-8", "surrogateescape")
    phone_numbers.is_withheld(text)
    with suppress(NothingMatched):
        number = phone_numbers.parse_caller(text).reveal()
        return number[0] == "+" and number[1:].isdigit() and number.isascii()
    return False


def _text(raw: bytes) -> bool:
    text = raw.decode("utf-8", "surrogateescape")
    clean(text).encode("utf-8")
    with suppress(Usage):
        key_files.clean_passphrase(raw)
    with suppress(Usage):
        roster.check_name(text)
    reason_problem(text)
    with suppress(ValueError):
        return bool(strict_json.from_base64(raw.decode("latin-1")))
    return False


def _particulars(raw: bytes) -> bool:
    with suppress(Usage):
        stated = particulars.decode(raw, "particulars.toml")
        if not stated.missing:
            return all(pages.page("record-of-processing", lang, "html", stated) for lang in ("nb", "en"))
    return False


_NUMBERS = ["+4790000001", "(+47) 900 00 001", "0047 90.00-00/01", "anonymous", "+46 70 123 45 67", "112"]
_INSTANTS = ["2026-10-01T08:15:30.123456789+02:00", "2026-10-01", "2026-12-31T23:59Z", "0001-01-01T00:00:00-14:00"]
_EXPORTS = exports.samples()
TARGETS = [
    Target("wav", _WAVES, _wave),
    Target("sound by its first bytes", [*_WAVES, *_MARKS], _recognised),
    Target("answer of the decoder", [_ANSWER, decoder.HEAD.pack(decoder.NO_LIBRARY, 0, 0, 0)], _decoder_answer),
    Target("manifest", [_CALL], _manifest),
    Target("JSON Lines", [_CALL + b"\n" + _CALL + b"\n"], lambda raw: _records(deliveries.json_records, raw)),
    Target("exports", _EXPORTS, _exports),
    Target("table", _TABLES, lambda raw: _records(deliveries.table_records, raw)),
    Target("JSON", [_CALL, b'[1, 2.5e3, "\\u00e5", [[]]]'], _json),
    Target("time", [one.encode() for one in _INSTANTS], _time),
    Target("number", [one.encode() for one in _NUMBERS], _number),
    Target("particulars", [pages.FILE.encode(), b'controller = "x"\nprocessors = []\n'], _particulars),
    Target("text", [base64.b64encode(bytes(32)), "Åse Øksnes 🎧\n".encode()], _text),
]
