"""The process that opens compressed sound: it holds no secret, and each file gets a confined process of its own.

It is started with one end of a socket as descriptor 0 and asked, file by file, with a request and two
descriptors: the sound, and a pipe for the answer. It forks for each; the fork confines itself (`confinement`)
before it looks at a byte of the file, so what a crafted file may do to a decoding library ends there. The
libraries are loaded before, since a confined process can open no file.

    request   16 name of the codec, 4 seconds of processor time, 8 bytes of memory         big-endian
    answer    "SND1" (or "NONE": the library is not installed), 4 rate, 2 channels, 8 frames (-1: unknown until the end)
              then blocks: 4 length, that many bytes of 16-bit PCM, interleaved, little-endian
              then 4 zero bytes: the end was reached     or 2^32-1: the library gave up

An answer that stops without its last mark is a decoder that died. `decoding` is the other end.
"""

from __future__ import annotations

import io
import os
import signal
import socket
import struct
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from itertools import chain
from typing import Any, BinaryIO, Final

from arlo_rec.audio.confinement import Limits, confine

REQUEST = struct.Struct(">16sIQ")
HEAD = struct.Struct(">4sIHq")
LENGTH = struct.Struct(">I")
MAGIC, NO_LIBRARY = b"SND1", b"NONE"
END, GAVE_UP = 0, 2**32 - 1
UNKNOWN = -1  # frames of a sound whose file does not say
BLOCK = 16_384  # frames decoded at once: libvorbis has crashed on millions

_SOUNDFILE: Final = frozenset({"flac", "mp3", "vorbis", "opus", "ogg_flac", "gsm", "ima_adpcm", "ms_adpcm"})
_AV: Final = {  # our name -> the demuxer's name and options
    "g722": ("g722", {}),
    "g726_16": ("g726le", {"code_size": "2"}),
    "g726_24": ("g726le", {"code_size": "3"}),
    "g726_32": ("g726le", {"code_size": "4"}),
    "g726_40": ("g726le", {"code_size": "5"}),
    "g729": ("g729", {}),
    "amr": ("amr", {}),
    "aac": ("aac", {}),
    "mp4": ("mov", {}),
    "wav": ("wav", {}),
}


@dataclass(frozen=True, slots=True)
class _Opened:
    """A sound that a library has opened: its form, and its samples block by block."""

    rate: int
    channels: int
    frames: int
    blocks: Iterator[bytes | memoryview]


def main() -> None:
    """Serve requests until the other end of descriptor 0 is closed."""
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # who asked sees the end of the pipe; nobody waits here
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C ends the parent, and that ends this
    with socket.socket(fileno=0) as asked:
        while request := _next(asked):
            _serve(*request, asked)


def _next(asked: socket.socket) -> tuple[str, Limits, list[int]] | None:
    raw, sound_and_pipe = b"", []
    while len(raw) < REQUEST.size:
        piece, handles, _, _ = socket.recv_fds(asked, REQUEST.size - len(raw), 2)
        if not piece:
            return None
        raw += piece
        sound_and_pipe += handles
    name, cpu_s, memory = REQUEST.unpack(raw)
    return name.rstrip(b"\0").decode("ascii"), Limits(cpu_s, memory), sound_and_pipe


def _serve(codec: str, limits: Limits, handles: list[int], asked: socket.socket) -> None:
    loaded = _load(codec)
    with suppress(OSError):  # no process to be had: the pipe closes without an answer
        if os.fork() == 0:
            try:
                asked.detach()
                sound, answer = handles
                _answer(codec if loaded else None, limits, sound, answer)
            finally:
                os._exit(0)
    for one in handles:
        os.close(one)


def _answer(codec: str | None, limits: Limits, sound: int, answer: int) -> None:
    """Decode *sound* into *answer*; runs in the fork, and everything here may end at any moment."""
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)  # nobody reads any more: nothing to do any more
    os.dup2(os.open(os.devnull, os.O_RDWR), 0)  # never the socket: it brings other files' descriptors
    confine(limits)
    if codec is None:
        _write(answer, HEAD.pack(NO_LIBRARY, 0, 0, 0))
        return
    os.lseek(sound, 0, os.SEEK_SET)
    try:
        opened = _open(codec, sound)
        _write(answer, HEAD.pack(MAGIC, opened.rate, opened.channels, opened.frames))
        for block in opened.blocks:
            _write(answer, LENGTH.pack(len(block)))
            _write(answer, block)
        _write(answer, LENGTH.pack(END))
    except Exception:  # noqa: BLE001 - whatever a library raises about hostile bytes, the answer is the same
        _write(answer, LENGTH.pack(GAVE_UP))


def _write(handle: int, piece: bytes | memoryview) -> None:
    rest = memoryview(piece)
    while rest:
        rest = rest[os.write(handle, rest) :]


@cache
def _load(codec: str) -> bool:
    """Import what a codec needs, while files can still be opened; False where it is not installed."""
    try:
        if codec in _SOUNDFILE:
            import soundfile  # noqa: F401

            return True
        import av
    except ImportError:
        return False
    av.logging.set_level(None)
    for _ in _open_with_av("g722", io.BytesIO(bytes(160))).blocks:  # av imports parts of itself at first use
        pass
    return True


def _open(codec: str, sound: int) -> _Opened:
    if codec in _SOUNDFILE:
        return _open_with_soundfile(sound)
    return _open_with_av(codec, os.fdopen(sound, "rb", closefd=False))


def _open_with_soundfile(handle: int) -> _Opened:
    import soundfile

    file = soundfile.SoundFile(handle, closefd=False)
    known = 0 < file.frames < 2**62
    return _Opened(file.samplerate, file.channels, file.frames if known else UNKNOWN, _soundfile_blocks(file))


def _soundfile_blocks(file: Any) -> Iterator[memoryview]:
    block = bytearray(BLOCK * file.channels * 2)
    while frames := file.buffer_read_into(block, "int16"):
        yield memoryview(block)[: frames * file.channels * 2]


def _open_with_av(codec: str, sound: BinaryIO) -> _Opened:
    import av

    demuxer, options = _AV[codec]
    file = av.open(sound, format=demuxer, options=options)
    stream = file.streams.audio[0]
    context = stream.codec_context
    context.thread_type = "NONE"  # a confined process has no second thread
    return _Opened(context.sample_rate, context.channels, UNKNOWN, _av_blocks(av, file, stream))


def _av_blocks(av: Any, file: Any, stream: Any) -> Iterator[bytes]:
    """16-bit PCM in the stream's own rate and layout."""
    context = stream.codec_context
    resampler = av.AudioResampler(format="s16", layout=context.layout, rate=context.sample_rate)
    for frame in chain(file.decode(stream), [None]):  # the last one asks for what is left
        for ready in resampler.resample(frame):
            yield bytes(ready.planes[0])[: ready.samples * context.channels * 2]


if __name__ == "__main__":
    main()
