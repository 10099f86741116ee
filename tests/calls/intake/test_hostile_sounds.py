"""Sounds that lie, on the command that takes them in: each is refused at once, with its reason, and stays.

What the walker of headers says of every field stands in test_audio.py; what decoders do in test_sound_file.py.
"""

from __future__ import annotations

import io
import os
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from arlo_rec.sound import audio
from tests.fuzz.judge import limited
from tests.support.compressed import SOUNDFILE
from tests.support.sounds import chunk, fmt, rf64, riff, tone, tone_wav
from tests.support.world import World

DATA = chunk(b"data", tone(0.05))
VAST = chunk(b"data", bytes(1000), size=2**32 - 1)
IMA = 0x11
FLAC = SOUNDFILE["flac"][1]()
OPUS = SOUNDFILE["opus"][1]()
TERABYTE = 1 << 40


def streaminfo(rate: int, channels: int, frames: int) -> bytes:
    """A FLAC file whose first block says so (RFC 9639, 8.2): 20 bits rate, 3 channels, 5 width, 36 frames."""
    fields = rate << 44 | (channels - 1) << 41 | 15 << 36 | frames
    return FLAC[:18] + fields.to_bytes(8, "big") + FLAC[26:]


def zipped() -> bytes:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as file:
        file.writestr("call.json", "Kari Hemmelig")
    return made.getvalue()


LIES: dict[str, tuple[str, bytes]] = {
    "65535 channels": ("channels", riff(fmt(channels=65_535, byte_rate=0), DATA)),
    "65535 channels, compressed": ("channels", riff(fmt(tag=IMA, channels=65_535, block_align=4, byte_rate=0), DATA)),
    "no channel": ("channels", riff(fmt(channels=0), DATA)),
    "rate 0": ("rate", riff(fmt(rate=0), DATA)),
    "rate 2^32-1": ("rate", riff(fmt(rate=2**32 - 1, byte_rate=0), DATA)),
    "rate 0, compressed": ("rate", riff(fmt(tag=IMA, rate=0), DATA)),
    "rate 2^32-1, compressed": ("rate", riff(fmt(tag=IMA, rate=2**32 - 1, byte_rate=0), DATA)),
    "4 GB of sound in 1 kB": ("data_beyond_end", riff(fmt(), VAST)),
    "4 GB of sound in 1 kB, as told": ("riff_size", riff(fmt(), VAST, size=2**32 - 4)),
    "2^63 bytes of sound in 1 kB": ("data_beyond_end", rf64(fmt(), VAST, data_size=2**63)),
    "4 GB of notes in 1 kB": ("chunk_beyond_end", riff(fmt(), chunk(b"LIST", bytes(1000), size=2**32 - 2), DATA)),
    "100,000 chunks before": ("too_many_chunks", riff(fmt(), *[chunk(b"junk", b"")] * 100_000, DATA)),
    "100,000 chunks behind": ("too_many_chunks", riff(fmt(), DATA, *[chunk(b"junk", b"")] * 100_000)),
    "two formats": ("second_fmt", riff(fmt(), fmt(rate=16_000), DATA)),
    "the same format twice": ("second_fmt", riff(fmt(), fmt(), DATA)),
    "two sounds": ("second_data", riff(fmt(), DATA, DATA)),
    "RIFX": ("big_endian", riff(fmt(), DATA, name=b"RIFX")),
    "a zip behind": ("riff_size", riff(fmt(), DATA) + zipped()),
    "a video": ("not_wave", riff(fmt(), DATA, form=b"AVI ")),
    "a page": ("not_sound", b"<!DOCTYPE html><script>alert(1)</script>" + FLAC),
    "a document": ("not_sound", b"%PDF-1.7\n" + FLAC),
    "a script": ("not_sound", b"#!/bin/sh\nreboot\n" + FLAC),
    "a zip": ("not_sound", zipped()),
    "FLAC of 8 channels": ("channels", streaminfo(8000, 8, 12_000)),
    "FLAC of 2^36 frames": ("too_large", streaminfo(8000, 1, 2**36 - 1)),
    "FLAC of 655,350 Hz": ("rate", streaminfo(655_350, 1, 12_000)),
    "Opus of 255 channels": ("undecodable", OPUS.replace(b"OpusHead\x01\x01", b"OpusHead\x01\xff")),
}  # fmt: skip


@pytest.mark.slow
@pytest.mark.parametrize(("why", "file"), LIES.values(), ids=LIES)
def test_a_sound_that_lies_about_itself_is_refused_at_once_with_its_reason(world: World, why: str, file: bytes) -> None:
    path = world.deliver("call", sound=file).with_suffix(".wav")
    with limited():
        (refused,) = world.json("ingest", str(world.spool), who="telefon")["refused"]
    assert (refused["code"], refused["why"]) == ("bad_audio", why)
    assert path.read_bytes() == file
    assert [one for one in (world.store / "objects").rglob("*") if one.is_file()] == []


POLYGLOTS = {
    "WAV with a zip in a chunk": riff(fmt(), chunk(b"junk", zipped()), chunk(b"data", tone(0.5))),
    "FLAC behind a page in an ID3 tag": b"ID3\x04\0\0\0\0\x00\x40" + b"<script>call.json</script>".ljust(64) + FLAC,
    "WAV whose sound is JSON": riff(fmt(), chunk(b"data", b'{"caller": "Kari Hemmelig", "x": "call.json"}  ' * 20)),
}  # fmt: skip


@pytest.mark.parametrize("file", POLYGLOTS.values(), ids=POLYGLOTS)
def test_a_sound_that_is_something_else_too_comes_in_as_its_samples_alone(world: World, file: bytes) -> None:
    assert b"call.json" in file
    manifest = world.deliver("call", sound=file)
    (taken,) = world.json("ingest", str(world.spool), who="telefon")["accepted"]
    assert not manifest.exists()
    world.grant()
    out = world.base / "out.wav"
    words = ("--purpose", "quality", "--reason", "monthly quality talk with the team")
    world.json("export", taken["id"], *words, "--out", str(out), who="leif")
    written = out.read_bytes()
    header = audio.probe(io.BytesIO(written), len(written))
    assert written.startswith(audio.canonical_header(header))
    assert (b"call.json" in written) == (b'"caller"' in file)  # where those are the samples


def test_a_manifest_that_is_a_sound_too_is_no_manifest_and_a_sound_that_is_a_manifest_no_sound(world: World) -> None:
    manifest = world.deliver("call")
    sound = manifest.with_suffix(".wav").read_bytes()
    manifest.with_suffix(".wav").write_bytes(manifest.read_bytes())
    assert world.json("ingest", str(world.spool), who="telefon")["refused"][0]["why"] == "not_sound"
    manifest.write_bytes(sound)
    assert world.json("ingest", str(world.spool), who="telefon")["refused"][0]["code"] == "bad_metadata"


# A terabyte of nothing --------------------------------------------------------------------------------------

BEGINNINGS = {  # name -> how the file begins
    "call.wav": riff(fmt(), chunk(b"data", b"", size=2**32 - 1)),
    "rf64.wav": rf64(fmt(), chunk(b"data", b"", size=2**32 - 1), riff_size=TERABYTE - 8, data_size=TERABYTE - 80),
    "zeros.wav": b"",
    "call.flac": FLAC,
    "call.opus": OPUS,
    "call.mp3": SOUNDFILE["mp3"][1](),
    "call.g722": b"",
    "call.aac": b"\xff\xf1\x50\x80",
    "call.m4a": b"\0\0\0\x20ftypM4A ",
}


@pytest.mark.parametrize("name", BEGINNINGS)
def test_a_sound_of_a_terabyte_is_refused_at_once(world: World, name: str) -> None:
    manifest = world.deliver("call", audio=name)
    (world.spool / name).write_bytes(BEGINNINGS[name])
    os.truncate(world.spool / name, TERABYTE)
    with limited():
        (refused,) = world.json("ingest", str(world.spool), who="telefon")["refused"]
    assert refused["code"] == "bad_audio"
    assert refused["why"] in {"riff_size", "too_large", "not_sound"}
    assert manifest.exists()


# While it is read -------------------------------------------------------------------------------------------


def grow(path: Path) -> None:
    with path.open("ab") as file:
        file.write(b"more")


def shrink(path: Path) -> None:
    os.truncate(path, path.stat().st_size - 100)


def overwrite(path: Path) -> None:
    with path.open("r+b") as file:
        file.seek(100)
        file.write(b"other")


@pytest.mark.slow
@pytest.mark.parametrize("form", ["wav", "flac"])
@pytest.mark.parametrize("change", [grow, shrink, overwrite], ids=lambda one: one.__name__)
def test_a_sound_that_changes_while_it_is_read_is_left_for_the_next_run(
    world: World, monkeypatch: pytest.MonkeyPatch, change: Callable[[Path], None], form: str
) -> None:
    file = tone_wav(2) if form == "wav" else SOUNDFILE["flac"][1]()
    path = world.deliver("call", sound=file).with_suffix(".wav")
    during(monkeypatch, lambda: change(path))
    with limited():
        told = world.json("ingest", str(world.spool), who="telefon")
    assert (told["accepted"], told["refused"], len(told["waiting"])) == ([], [], 1)
    assert path.exists()
    assert [one for one in (world.store / "objects").rglob("*") if one.is_file()] == []
    monkeypatch.undo()
    path.write_bytes(file)
    assert len(world.json("ingest", str(world.spool), who="telefon")["accepted"]) == 1


@pytest.mark.parametrize("other", ["file", "link", "pipe", "folder"])
@pytest.mark.parametrize("which", ["call.wav", "call.json"])
def test_a_file_that_is_exchanged_while_it_is_read_is_taken_as_it_was_opened_and_the_other_stays(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, which: str, other: str
) -> None:
    path = world.deliver("call").with_name(which)
    outside = tmp_path / "outside"
    outside.write_bytes(b"of somebody else")

    def exchange() -> None:
        path.unlink()
        if other == "file":
            path.write_bytes(b"another")
        elif other == "link":
            path.symlink_to(outside)
        elif other == "pipe":
            os.mkfifo(path)
        else:
            path.mkdir()

    during(monkeypatch, exchange)
    with limited():
        told = world.json("ingest", str(world.spool), who="telefon")
    assert len(told["accepted"]) == 1
    assert os.path.lexists(path)
    assert outside.read_bytes() == b"of somebody else"


def during(monkeypatch: pytest.MonkeyPatch, happening: Callable[[], None]) -> None:
    """Let something happen once, when the sound was opened and a part of it was read."""
    unchanged, waiting = audio.sound_file.read_at, [happening]

    def meanwhile(stream: Any, start: int, length: int) -> bytes:
        found = unchanged(stream, start, length)
        while waiting:
            waiting.pop()()
        return found

    monkeypatch.setattr(audio.sound_file, "read_at", meanwhile)
