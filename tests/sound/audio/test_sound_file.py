"""Every format that an exchange writes comes in as its samples and nothing else, however it was made."""

from __future__ import annotations

import hashlib
import io
import json
import os
import re
import shutil
import signal
import struct
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy
import pytest
import soundfile
from hypothesis import given
from hypothesis import strategies as st

from arlo_rec.law.messages import every
from arlo_rec.law.model.errors import SoundError
from arlo_rec.sound import audio
from arlo_rec.sound.audio import Encoding, decoder, sound_file
from arlo_rec.sound.processes import hardening
from tests.support import needs
from tests.support.compressed import AV, SECRET, SOUNDFILE, samples, with_soundfile
from tests.support.properties import examples
from tests.support.sounds import chunk, fmt, riff, tone
from tests.support.world import World, memory_of

LOOK = ("--purpose", "quality", "--reason", "checking how calls are answered")


@pytest.fixture(scope="module")
def one_decoder() -> Iterator[audio.Decoder]:
    with audio.decoder_process() as decoder:
        yield decoder


def recognised(file: bytes, name: str, decoder: audio.Decoder, folder: Path) -> tuple[audio.Header, bytes]:
    """Form and samples of a file; raises SoundError."""
    path = folder / "sound"
    path.write_bytes(file)
    with path.open("rb", buffering=0) as stream:
        sound_file = audio.recognise(stream, len(file), name, decoder)
        return sound_file.header, b"".join(sound_file.frames(hashlib.sha256()))


def taken_in(world: World, file: bytes, ending: str, **how: Any) -> bytes:
    """What a manager gets of a delivered file."""
    manifest = world.deliver("call", **how)
    manifest.with_suffix(".wav").unlink()
    manifest.with_suffix(ending).write_bytes(file)
    document = json.loads(manifest.read_text())
    manifest.write_text(json.dumps(document | {"audio": f"call{ending}"}))
    answer = world.json("ingest", str(world.spool), who="telefon")
    assert [refusal["why"] for refusal in answer["refused"]] == []
    assert not list(world.spool.iterdir())
    (taken,) = answer["accepted"]
    out = world.base / "out.wav"
    world.json("export", taken["id"], *LOOK, "--out", str(out), who="leif")
    return out.read_bytes()


# Formats ----------------------------------------------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.parametrize("kind", SOUNDFILE)
def test_a_compressed_sound_comes_in_as_the_samples_that_its_library_decodes(world: World, kind: str) -> None:
    world.grant()
    ending, make = SOUNDFILE[kind]
    file = make()
    with soundfile.SoundFile(io.BytesIO(file)) as reference:
        rate, channels = reference.samplerate, reference.channels
        expected = reference.read(dtype="int16", always_2d=True).tobytes() if reference.seekable() else None
    if expected is None:  # GSM cannot be read in one go
        with soundfile.SoundFile(io.BytesIO(file)) as reference:
            expected = reference.read(1 << 20, dtype="int16").tobytes()
    assert taken_in(world, file, ending) == audio.canonical_wav(audio.Sound(Encoding.PCM16, rate, channels, expected))


@pytest.mark.slow
@pytest.mark.parametrize("kind", AV)
def test_what_ffmpeg_decodes_comes_in_with_the_length_that_was_recorded(world: World, kind: str) -> None:
    world.grant()
    ending, make, rate = AV[kind]
    out = taken_in(world, make(), ending)
    sound = audio.read_wav(io.BytesIO(out), len(out))
    assert (sound.encoding, sound.rate, sound.channels) == (Encoding.PCM16, rate, 1)
    assert sound.duration == pytest.approx(1.5, abs=0.15)  # AAC's encoder puts up to 64 ms in front
    if kind != "g729":
        heard = numpy.frombuffer(sound.data, "<i2").astype(float)
        assert heard.std() == pytest.approx(samples(rate=rate).std(), rel=0.2)  # the tone, not its noise


@pytest.mark.parametrize("seconds", ["0.5", "0.500001", "0.7"])
def test_a_compressed_sound_is_cut_at_the_key_press_to_the_sample(world: World, seconds: str) -> None:
    world.grant()
    whole = samples()
    out = taken_in(world, with_soundfile("FLAC", "PCM_16"), ".flac", pressed_after=float(seconds))
    cut = {"0.5": 4000, "0.500001": 4001, "0.7": 5600}[seconds]
    assert out == audio.canonical_wav(audio.Sound(Encoding.PCM16, 8000, 1, whole[cut:].tobytes()))


def test_the_content_decides_what_a_file_is_not_its_ending(world: World) -> None:
    world.grant()
    assert taken_in(world, with_soundfile("FLAC", "PCM_16"), ".mp3")[:4] == b"RIFF"


def test_a_tag_in_front_of_a_sound_is_stepped_over(one_decoder: audio.Decoder, tmp_path: Path) -> None:
    for kind in ("mp3", "flac"):
        file = SOUNDFILE[kind][1]()
        bare = file[decoding_start(file) :]
        body = b"TIT2\0\0\0\x0a\0\0\0" + SECRET.encode()[:9] + bytes(200)
        head = b"ID3\x03\0\0" + bytes([0, 0, len(body) >> 7, len(body) & 0x7F])
        expected = recognised(bare, "x", one_decoder, tmp_path)
        assert recognised(head + body + bare, "x", one_decoder, tmp_path) == expected


def decoding_start(file: bytes) -> int:
    """Where the MPEG frames of a file begin."""
    if file[:3] != b"ID3":
        return 0
    return 10 + (file[6] << 21 | file[7] << 14 | file[8] << 7 | file[9])


# Nothing but samples ----------------------------------------------------------------------------------------


def planted(kind: str) -> tuple[str, bytes]:
    """A file with the secret in its tags, its foreign chunks or its trailing tag."""
    wide = SECRET.encode("utf-16-le")
    chunks = [
        chunk(b"LIST", b"INFO" + chunk(b"INAM", SECRET.encode()) + chunk(b"ICMT", wide)),
        chunk(b"bext", SECRET.encode().ljust(602, b"\0")),
        chunk(b"iXML", f"<BWFXML><NOTE>{SECRET}</NOTE></BWFXML>".encode()),
        chunk(b"id3 ", b"ID3\x03\0\0\0\0\0\x40" + SECRET.encode()),
    ]
    if kind == "wav":
        return ".wav", riff(fmt(), *chunks, chunk(b"data", tone(0.5)), *chunks)
    if kind == "mp3":
        body = b"COMM" + struct.pack(">IH", len(SECRET) + 1, 0) + b"\0" + SECRET.encode()
        front = b"ID3\x03\0\0" + bytes([0, 0, len(body) >> 7, len(body) & 0x7F]) + body
        file = with_soundfile("MP3", "MPEG_LAYER_III")
        return ".mp3", front + file[decoding_start(file) :] + (b"TAG" + SECRET.encode()).ljust(128, b"\0")
    ending, make = SOUNDFILE[kind]
    return ending, make()


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["wav", "mp3", "flac", "vorbis", "opus"])
def test_words_in_tags_and_in_the_name_are_found_nowhere_afterwards(world: World, kind: str) -> None:
    world.grant()
    ending, file = planted(kind)
    assert SECRET.encode() in file  # else nothing is tested
    stem = f"{SECRET} samtale"
    manifest = world.deliver("call")
    manifest.with_suffix(".wav").unlink()
    document = json.loads(manifest.read_text()) | {"audio": stem + ending}
    manifest.write_text(json.dumps(document))
    (world.spool / (stem + ending)).write_bytes(file)
    (taken,) = world.json("ingest", str(world.spool), who="telefon")["accepted"]
    out = world.base / "out.wav"
    world.json("export", taken["id"], *LOOK, "--out", str(out), who="leif")
    world.json(
        "dsar",
        "+4790000001",
        "--out",
        str(world.base / "answer.html"),
        "--identity",
        "seen in person, passport",
        who="sigrid",
    )
    everything = [path for path in world.base.rglob("*") if path.is_file()]
    assert len(everything) > 20
    for needle in (SECRET.encode(), SECRET.encode("utf-16-le"), b"Hemmelig", b"BWFXML"):
        assert [path for path in everything if needle in path.read_bytes() or needle in os.fsencode(path.name)] == []
    assert len(out.read_bytes()) == 44 + audio.probe(io.BytesIO(out.read_bytes()), out.stat().st_size).data_bytes + (
        2 if kind == "wav" else 0  # the longer header of G.711
    )


# Broken and hostile -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["flac", "gsm", "ima adpcm"])
def test_a_sound_that_breaks_off_is_refused_and_stays(world: World, kind: str) -> None:
    ending, make = SOUNDFILE[kind]
    file = make()
    manifest = world.deliver("call")
    manifest.with_suffix(".wav").unlink()
    path = manifest.with_suffix(ending)
    path.write_bytes(file[: len(file) * 2 // 3])
    manifest.write_text(json.dumps(json.loads(manifest.read_text()) | {"audio": path.name}))
    for words in ((), ("--dry-run",), ()):
        result = world.json("ingest", str(world.spool), *words, who="telefon")
        assert [refusal["code"] for refusal in result["refused"]] == ["bad_audio"]
    assert {entry.name for entry in world.spool.iterdir()} == {manifest.name, path.name}
    assert [path for path in (world.store / "objects").rglob("*") if path.is_file()] == []


@examples(40)
@given(
    kind=st.sampled_from(sorted(SOUNDFILE)),
    places=st.dictionaries(st.floats(0, 0.999), st.integers(0, 255), min_size=1, max_size=5),
    kept=st.floats(0.05, 1),
)
def test_a_broken_compressed_file_is_a_sound_or_a_reason(
    one_decoder: audio.Decoder,
    tmp_path_factory: pytest.TempPathFactory,
    kind: str,
    places: dict[float, int],
    kept: float,
) -> None:
    file = bytearray(SOUNDFILE[kind][1]())
    for place, value in places.items():
        file[int(place * place * len(file))] = value  # most of them near the beginning
    begun = time.monotonic()
    try:
        header, frames = recognised(
            bytes(file[: int(kept * len(file))]), "x", one_decoder, tmp_path_factory.mktemp("x")
        )
        assert len(frames) == header.data_bytes
    except SoundError:
        pass
    assert time.monotonic() - begun < 2


@pytest.mark.parametrize(
    ("reason", "file"),
    [
        ("not_sound", b""),
        ("not_sound", b"Ikke en lyd, men en tekst"),
        ("not_sound", b"%PDF-1.7\n" + bytes(80)),
        ("not_sound", b"\x7fELF" + bytes(80)),
        ("format", b"OggS" + bytes(22) + b"\x01\x08Speex   " + bytes(80)),
        ("truncated", b"OggS" + bytes(10)),
        ("undecodable", b"fLaC" + bytes(100)),
        ("undecodable", b"\xff\xfb\x90\x00" + bytes(10)),
        ("undecodable", b"OggS\0\x02" + bytes(20) + b"\x01\x08OpusHead" + bytes(80)),
        ("big_endian", b"RIFX" + bytes(80)),
    ],
)
def test_what_is_no_sound_is_told_why(one_decoder: audio.Decoder, tmp_path: Path, reason: str, file: bytes) -> None:
    with pytest.raises(SoundError) as refused:
        recognised(file, "call.wav", one_decoder, tmp_path)
    assert refused.value.reason == reason


def test_a_wav_header_that_its_sound_contradicts_is_refused(one_decoder: audio.Decoder, tmp_path: Path) -> None:
    file = with_soundfile("WAV", "IMA_ADPCM", channels=2)
    at = file.index(b"fmt ") + 8
    lied = file[: at + 2] + b"\x01\0" + file[at + 4 :]  # one channel, in blocks of two
    with pytest.raises(SoundError):
        recognised(lied, "call.wav", one_decoder, tmp_path)


def test_a_sound_that_is_written_to_while_it_is_read_is_left_for_the_next_run(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = world.deliver("call").with_suffix(".wav")
    unchanged = audio.sound_file.read_at

    def touched(stream: Any, start: int, length: int) -> bytes:
        os.utime(path)
        return unchanged(stream, start, length)

    monkeypatch.setattr(audio.sound_file, "read_at", touched)
    told = world.json("ingest", str(world.spool), who="telefon")
    assert (told["refused"], len(told["waiting"])) == ([], 1)
    monkeypatch.undo()
    assert len(world.json("ingest", str(world.spool), who="telefon")["accepted"]) == 1


# The decoder process ----------------------------------------------------------------------------------------

FLAC = SOUNDFILE["flac"][1]()


def test_a_decoder_that_was_killed_is_started_again(tmp_path: Path) -> None:
    with audio.decoder_process() as decoder:
        first = recognised(FLAC, "x", decoder, tmp_path)
        assert decoder._process is not None
        decoder._process.send_signal(signal.SIGKILL)
        decoder._process.wait()
        assert recognised(FLAC, "x", decoder, tmp_path) == first


def test_the_decoder_ends_with_its_run_and_leaves_no_process(tmp_path: Path) -> None:
    with audio.decoder_process() as decoder:
        recognised(FLAC, "x", decoder, tmp_path)
        process = decoder._process
        assert process is not None
    assert process.returncode == 0


def test_a_run_without_compressed_sound_starts_no_decoder(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sound_file.Decoder, "_start", lambda _self: pytest.fail("started"))
    world.take_in("call")


def test_where_no_process_can_be_started_the_run_ends_with_16_and_the_call_stays(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "executable", "/nowhere/python")
    path = world.deliver("call").with_suffix(".wav")
    path.write_bytes(FLAC)
    assert world.code("ingest", str(world.spool), who="telefon") == (16, "spool_unreachable")
    assert path.exists()


def test_without_the_extra_a_sound_that_needs_it_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "av.py").write_text("raise ImportError")
    monkeypatch.syspath_prepend(tmp_path)
    with audio.decoder_process() as decoder:
        with pytest.raises(SoundError) as refused:
            recognised(b"#!AMR\n" + bytes(100), "call.amr", decoder, tmp_path)
        assert refused.value.reason == "needs_av"
        assert recognised(FLAC, "x", decoder, tmp_path)


def test_an_answer_that_is_longer_than_any_block_is_not_believed(tmp_path: Path) -> None:
    ours, theirs = os.pipe()
    os.write(theirs, decoder.HEAD.pack(decoder.MAGIC, 8000, 1, 10) + decoder.LENGTH.pack(2**31))
    os.close(theirs)
    opened = sound_file.Decoding(ours)
    with pytest.raises(SoundError, match="bad_audio"):
        list(opened.blocks())
    opened.close()


def test_a_decoder_that_says_nothing_is_not_waited_for_longer_than_a_minute(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sound_file, "SILENCE_S", 0.01)
    ours, theirs = os.pipe()
    with pytest.raises(SoundError) as refused:
        sound_file.Decoding(ours)
    os.close(theirs)
    assert refused.value.reason == "decoder_hangs"


ATTEMPTS = {
    "open a file": "open('/etc/hostname')",
    "write a file": "open('/tmp/arlo-rec-escaped', 'w')",
    "open a socket": "import socket; socket.socket()",
    "start a program": "os.execv('/bin/true', ['true'])",
    "make a process": "os.fork()",
    "signal its parent": "os.kill(os.getppid(), 9)",
    "read another process": "libc.process_vm_readv(os.getppid(), 0, 0, 0, 0, 0) == -1 and fail()",
    "trace its parent": "libc.ptrace(16, os.getppid(), 0, 0) == -1 and fail()",
    "duplicate a descriptor": "os.dup(1)",
    "raise its limits": "import resource; resource.setrlimit(resource.RLIMIT_NOFILE, (100, 100))",
    "take half a gigabyte": "bytearray(512 << 20)",
}


def confined(attempt: str, cpu_s: int = 5) -> subprocess.CompletedProcess[bytes]:
    """Run *attempt* in a process that gave up what decoding does not need."""
    script = f"""
import ctypes, os, socket, resource
from arlo_rec.sound.processes.hardening import Limits, confine
libc = ctypes.CDLL(None, use_errno=True)
libc.process_vm_readv, libc.ptrace
def fail():
    raise OSError(ctypes.get_errno(), "refused")
confine(Limits({cpu_s}, 256 << 20))
try:
    {attempt}
except (OSError, MemoryError, ValueError):
    os.write(1, b"refused")
else:
    os.write(1, b"done")
"""
    environment = os.environ | {"PYTHONPATH": str(Path.cwd())}
    return subprocess.run([sys.executable, "-c", script], capture_output=True, timeout=60, env=environment)


@pytest.mark.slow
@needs.mark(needs.linux())
@pytest.mark.parametrize("attempt", ATTEMPTS.values(), ids=ATTEMPTS)
def test_a_confined_process_cannot(attempt: str) -> None:
    assert confined(attempt).stdout == b"refused"


def test_a_confined_process_can_still_compute_and_answer() -> None:
    assert confined("bytearray(64 << 20); os.read(0, 0)").stdout == b"done"


@pytest.mark.slow
def test_a_confined_process_that_computes_for_ever_is_ended() -> None:
    assert confined("exec('while True: pass')", cpu_s=1).returncode in (-signal.SIGXCPU, -signal.SIGKILL)


def test_the_filter_knows_every_call_once() -> None:
    for column in (0, 1):
        numbers = [call[column] for call in hardening.ALLOWED.values()]
        assert len(set(numbers)) == len(numbers)


def test_every_reason_for_refusing_a_sound_has_a_sentence() -> None:
    folder = Path(audio.__file__).parent
    judging = folder.parents[1] / "calls" / "intake" / "candidates.py"
    source = "".join(source.read_text("utf-8") for source in (*folder.glob("*.py"), judging))
    reasons = {
        word for line in source.splitlines() for word in re.findall(r'(?:SoundError\(|"bad_audio", why=)"(\w+)"', line)
    }
    reasons |= {"data_beyond_end", "chunk_beyond_end", "no_frames"}  # chosen between two
    assert len(reasons) > 30
    assert {f"sound.{reason}" for reason in reasons} == {code for code in every() if code.startswith("sound.")}


# Size -------------------------------------------------------------------------------------------------------


@pytest.mark.slow
def test_a_two_hour_stereo_call_is_taken_in_with_less_than_150_mb(world: World) -> None:
    path = world.deliver("long", started=datetime.now(UTC) - timedelta(hours=3)).with_suffix(".wav")
    header = audio.Header(Encoding.PCM16, 8000, 2, 2 * 3600 * 8000)
    block = tone(10, encoding=Encoding.PCM16)
    with path.open("wb") as file:
        file.write(audio.canonical_header(header))
        for _ in range(header.data_bytes // len(block)):
            file.write(block)
    assert path.stat().st_size > 230_000_000
    most, answer = memory_of(world, "ingest", str(world.spool))
    assert len(answer["accepted"]) == 1
    assert most < 150_000_000
    (stored,) = (path for path in (world.store / "objects").rglob("*") if path.is_file())
    assert stored.stat().st_size > 230_000_000


@pytest.mark.slow
def test_an_hour_of_flac_is_taken_in_with_less_than_150_mb(world: World) -> None:
    path = world.deliver("long", started=datetime.now(UTC) - timedelta(hours=3)).with_suffix(".wav")
    block = samples(10, channels=2)
    with soundfile.SoundFile(path, "w", 8000, 2, format="FLAC", subtype="PCM_16") as file:
        for _ in range(360):
            file.write(block)
    most, answer = memory_of(world, "ingest", str(world.spool))
    assert len(answer["accepted"]) == 1
    assert most < 150_000_000


def test_the_decoder_runs_wherever_the_program_was_started(world: World, tmp_path: Path) -> None:
    """Its modules are those of the program, not of a folder that somebody else may write to."""
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    for name in ("arlo_rec", "soundfile", "json"):
        (elsewhere / f"{name}.py").write_text("raise SystemExit(1)")
    path = world.deliver("call").with_suffix(".wav")
    path.write_bytes(FLAC)
    here = Path.cwd()
    os.chdir(elsewhere)
    try:
        result = world.json("ingest", str(world.spool), who="telefon")
    finally:
        os.chdir(here)
    assert len(result["accepted"]) == 1
    shutil.rmtree(elsewhere)
