"""Ask the decoder process for a compressed sound, and check whatever it answers.

The process is started at the first compressed sound of a run and ends with the run. It gets no secret, no environment
and no terminal, and its resources are limited per file. `decoder` has its side and the protocol.
"""

from __future__ import annotations

import json
import os
import selectors
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import BinaryIO, Final

from arlo_rec.audio.confinement import Limits
from arlo_rec.audio.decoder import END, GAVE_UP, HEAD, LENGTH, MAGIC, NO_LIBRARY, REQUEST, UNKNOWN
from arlo_rec.audio.formats import MAX_DATA, Encoding, Header
from arlo_rec.model.errors import SoundError

MEMORY = 256 * 1024 * 1024  # bytes that one decoding may add; the libraries need about 20
CPU_FLOOR_S = 10
CPU_PER_BYTE = 1 / 50_000  # seconds: Opus at 16 kbit/s, the dearest, needs a third of it
SILENCE_S = 60.0  # seconds without a byte from the decoder, which then counts as hanging
BLOCK_MOST = 1 << 20  # bytes; the decoder sends at most 64 kB
_START: Final = (  # with this process's module path, whatever the environment says
    "import json, sys; sys.path[:] = json.loads(sys.argv[1]); from arlo_rec.audio import decoder; decoder.main()"
)
_ENVIRONMENT: Final = {"LC_ALL": "C.UTF-8", "OPENBLAS_NUM_THREADS": "1"}  # one thread: the process forks


class Decoder:
    """The decoder process of one run; it ends when its socket is closed."""

    def __init__(self) -> None:
        self._asking = threading.Lock()
        self._socket: socket.socket | None = None
        self._process: subprocess.Popen[bytes] | None = None

    def open(self, codec: str, stream: BinaryIO, size: int, *, samples: bool) -> Decoding:
        """Begin to decode a plain file of *size* bytes; without *samples*, only its header.

        The decoder shares *stream*'s descriptor, so nobody may read it before the end of the answer. Raises SoundError
        `decoder_missing` where no process can be started, `needs_av` where its library is not installed, and
        `undecodable` where it cannot open the file.
        """
        limits = Limits(CPU_FLOOR_S + int(size * CPU_PER_BYTE), MEMORY)
        try:
            answer, pipe = os.pipe()
        except OSError:
            raise SoundError("decoder_missing") from None
        try:
            request = REQUEST.pack(codec.encode("ascii"), limits.cpu_s, limits.memory, samples)
            self._ask(request, [stream.fileno(), pipe])
        except OSError:
            os.close(answer)
            raise SoundError("decoder_missing") from None
        finally:
            os.close(pipe)
        return Decoding(answer)

    def close(self) -> None:
        """End the process and wait for it; its forks end with their pipes."""
        if self._socket is not None:
            self._socket.close()
            self._socket = None
        if self._process is not None:
            self._process.wait()
            self._process = None

    def _ask(self, request: bytes, handles: list[int]) -> None:
        with self._asking:
            listening = self._socket or self._start()
            try:
                socket.send_fds(listening, [request], handles)
            except BrokenPipeError:  # it died; one crash must not refuse every call that follows
                self.close()
                socket.send_fds(self._start(), [request], handles)

    def _start(self) -> socket.socket:
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            with theirs:
                self._process = subprocess.Popen(  # noqa: S603 - our own module, with the interpreter that runs here
                    [sys.executable, "-I", "-c", _START, json.dumps(sys.path)],
                    stdin=theirs.fileno(),
                    stdout=subprocess.DEVNULL,
                    stderr=subprocess.DEVNULL,
                    env=_ENVIRONMENT,
                    cwd="/",
                )
        except OSError:
            ours.close()
            raise
        self._socket = ours
        return ours


class Decoding:
    """The answer to one request: `rate`, `channels` and `frames` (None if unknown) at once, then `blocks` once."""

    def __init__(self, answer: int) -> None:
        self._answer = answer
        try:
            self.rate, self.channels, self.frames = self._read_head()
        except BaseException:
            self.close()
            raise

    def blocks(self) -> Iterator[bytes]:
        """Yield blocks of 16-bit PCM; raises SoundError where the answer fails, breaks off or gets too long."""
        total = 0
        while True:
            (length,) = LENGTH.unpack(self._read_exactly(LENGTH.size))
            if length == END:
                return
            if length == GAVE_UP or length > BLOCK_MOST:
                raise SoundError("undecodable")
            total += length
            if total > MAX_DATA:
                raise SoundError("too_large", found=total)
            yield self._read_exactly(length)

    def close(self) -> None:
        """Close the pipe; a decoder that still writes ends."""
        if self._answer >= 0:
            os.close(self._answer)
            self._answer = -1

    def _read_head(self) -> tuple[int, int, int | None]:
        magic, rate, channels, frames = HEAD.unpack(self._read_exactly(HEAD.size))
        if magic == NO_LIBRARY:
            raise SoundError("needs_av")
        if magic != MAGIC:
            raise SoundError("undecodable")
        return int(rate), int(channels), int(frames) if frames != UNKNOWN else None

    def _read_exactly(self, length: int) -> bytes:
        answer = bytearray()
        with selectors.DefaultSelector() as waiting:
            waiting.register(self._answer, selectors.EVENT_READ)
            while len(answer) < length:
                if not waiting.select(SILENCE_S):
                    raise SoundError("decoder_hangs")
                piece = os.read(self._answer, length - len(answer))
                if not piece:
                    raise SoundError("undecodable")
                answer += piece
        return bytes(answer)


@contextmanager
def open_decoding(
    decoder: Decoder, codec: str, stream: BinaryIO, size: int, *, samples: bool = True
) -> Iterator[Decoding]:
    """Open a `Decoding` that is closed with the context."""
    opened = decoder.open(codec, stream, size, samples=samples)
    try:
        yield opened
    finally:
        opened.close()


def read_header(decoder: Decoder, codec: str, stream: BinaryIO, size: int) -> Header:
    """Read form and length of a compressed sound; decodes it completely where the file does not give its length.

    Raises SoundError where it cannot be opened, or its form is not accepted.
    """
    with open_decoding(decoder, codec, stream, size, samples=False) as opened:
        frames = opened.frames
        for _ in opened.blocks():  # no blocks come, but the end mark says that the file is free again
            pass
    if frames is None:
        with open_decoding(decoder, codec, stream, size) as opened:
            frames = sum(len(block) for block in opened.blocks()) // max(1, 2 * opened.channels)
    return Header(Encoding.PCM16, opened.rate, opened.channels, frames)


@contextmanager
def decoder_process() -> Iterator[Decoder]:
    """A decoder for one run, closed with the context."""
    decoder = Decoder()
    try:
        yield decoder
    finally:
        with suppress(OSError):
            decoder.close()
