"""The process that decodes compressed sound, each file in a confined fork of its own; `sound_file` is the other end.

It holds no secret. It is started with one end of a socket as descriptor 0, and receives for each file a request with
two descriptors: the sound, and a pipe for the answer. It forks for each request; the fork confines itself
(`processes.hardening`) before it reads a byte of the file, which bounds what a crafted file can do through a library.
The libraries are loaded before, since a confined process can open no file.

    request   16 name of the codec, 4 seconds of processor time, 8 bytes of memory,
              1 whether the samples are wanted, too                                        big-endian
    answer    "SND1" (or "NONE": no library; "FORK": no process), 4 rate, 2 channels, 8 frames (-1: not known yet)
              then blocks: 4 length, that many bytes of 16-bit PCM, interleaved, little-endian
              then 4 zero bytes: end of the sound     or 2^32-1: the library failed

An answer that ends without either mark means that the decoder died.
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

from arlo_rec.sound.processes.hardening import Limits, confine, forbid_core_dumps, leave_session

REQUEST = struct.Struct(">16sIQ?")
HEAD = struct.Struct(">4sIHq")
LENGTH = struct.Struct(">I")
MAGIC, NO_LIBRARY, NO_PROCESS = b"SND1", b"NONE", b"FORK"
END, GAVE_UP = 0, 2**32 - 1
UNKNOWN = -1  # frames of a sound whose file does not give its length
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
    """A sound opened by a library: sample rate, channels, length in frames, and blocks of 16-bit PCM."""

    rate: int
    channels: int
    frames: int
    blocks: Iterator[bytes | memoryview]


def main() -> None:
    """Serve requests until the other end of descriptor 0 is closed."""
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # forks are not waited for: the parent sees the end of the pipe
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C ends the parent, which ends this process
    forbid_core_dumps()  # nor may another process of this account read its memory: each sound passes through
    leave_session()  # a decoder must not reach the user's unlocked key
    with socket.socket(fileno=0) as asked:
        while request := _receive(asked):
            _serve(*request, asked)


@dataclass(frozen=True, slots=True)
class _Request:
    """A request: the codec, the limits of the fork, and whether samples are wanted."""

    codec: str
    limits: Limits
    samples: bool


def _receive(asked: socket.socket) -> tuple[_Request, list[int]] | None:
    raw, sound_and_pipe = b"", []
    while len(raw) < REQUEST.size:
        piece, handles, _, _ = socket.recv_fds(asked, REQUEST.size - len(raw), 2)
        if not piece:
            return None
        raw += piece
        sound_and_pipe += handles
    name, cpu_s, memory, samples = REQUEST.unpack(raw)
    return _Request(name.rstrip(b"\0").decode("ascii"), Limits(cpu_s, memory), samples), sound_and_pipe


def _serve(request: _Request, handles: list[int], asked: socket.socket) -> None:
    loaded = _load(request.codec)
    sound, answer = handles
    try:
        child = os.fork()
    except OSError:  # no memory: nothing is said of the sound
        with suppress(OSError):
            _write(answer, HEAD.pack(NO_PROCESS, 0, 0, 0))
    else:
        if child == 0:
            try:
                asked.detach()
                _decode(request, sound, answer, loaded=loaded)
            finally:
                os._exit(0)
    for handle in handles:
        os.close(handle)


def _decode(request: _Request, sound: int, answer: int, *, loaded: bool) -> None:
    """Decode *sound* into *answer*; runs in the fork, which may be killed at any moment."""
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)  # end when the reader of the answer is gone
    os.dup2(os.open(os.devnull, os.O_RDWR), 0)  # give up the socket, which brings other files' descriptors
    confine(request.limits)
    if not loaded:
        _write(answer, HEAD.pack(NO_LIBRARY, 0, 0, 0))
        return
    os.lseek(sound, 0, os.SEEK_SET)
    try:
        opened = _open(request.codec, sound)
        _write(answer, HEAD.pack(MAGIC, opened.rate, opened.channels, opened.frames))
        for block in opened.blocks if request.samples else ():
            _write(answer, LENGTH.pack(len(block)))
            _write(answer, block)
        _write(answer, LENGTH.pack(END))
    except Exception:  # noqa: BLE001 - any error of a library about hostile bytes has the same answer
        _write(answer, LENGTH.pack(GAVE_UP))


def _write(handle: int, piece: bytes | memoryview) -> None:
    rest = memoryview(piece)
    while rest:
        rest = rest[os.write(handle, rest) :]


@cache
def _load(codec: str) -> bool:
    """Import the library of a codec while files can still be opened; False where it is not installed."""
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
        import soundfile

        file = soundfile.SoundFile(sound, closefd=False)
        known = 0 < file.frames < 2**62
        return _Opened(file.samplerate, file.channels, file.frames if known else UNKNOWN, _soundfile_blocks(file))
    return _open_with_av(codec, os.fdopen(sound, "rb", closefd=False))


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
    """Yield 16-bit PCM at the stream's own sample rate and channel layout."""
    context = stream.codec_context
    resampler = av.AudioResampler(format="s16", layout=context.layout, rate=context.sample_rate)
    for frame in chain(file.decode(stream), [None]):  # None flushes the resampler
        for ready in resampler.resample(frame):
            yield bytes(ready.planes[0])[: ready.samples * context.channels * 2]
