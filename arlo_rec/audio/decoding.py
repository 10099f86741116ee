"""Asking the decoder process for a compressed sound, and believing nothing that it says without a check.

The process is started at the first compressed sound of a run and ends with it. It gets no secret, no
environment and no terminal; what it may use is bounded per file. See `decoder` for what it does and the bytes
that pass between.
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
from arlo_rec.audio.forms import MAX_DATA, Encoding, Header
from arlo_rec.model.errors import SoundError

MEMORY = 256 * 1024 * 1024  # bytes that one decoding may add; the libraries need about 20
CPU_FLOOR_S = 10
CPU_PER_BYTE = 1 / 50_000  # seconds: Opus at 16 kbit/s, the dearest, needs a third of it
SILENCE_S = 60.0  # without a byte from the decoder although it may use its processor time: it hangs
BLOCK_MOST = 1 << 20  # bytes; the decoder sends at most 64 kB
_START: Final = (  # the very modules that run here, whatever the environment says
    "import json, sys; sys.path[:] = json.loads(sys.argv[1]); from arlo_rec.audio import decoder; decoder.main()"
)
_ENVIRONMENT: Final = {"LC_ALL": "C.UTF-8", "OPENBLAS_NUM_THREADS": "1"}  # one thread: the process forks


class Decoder:
    """The decoder process of one run; closing it is closing the socket that it listens to."""

    def __init__(self) -> None:
        self._asking = threading.Lock()
        self._socket: socket.socket | None = None
        self._process: subprocess.Popen[bytes] | None = None

    def open(self, codec: str, stream: BinaryIO, size: int, *, samples: bool) -> Decoding:
        """Begin to decode a plain file of *size* bytes; raises SoundError.

        `decoder_missing` where no process can be started, `needs_av` where its library is not installed,
        `undecodable` where it cannot open the file.

        The descriptor behind *stream* is shared: nobody may read it until the end was reached.
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
        """Let the process end; it does so at once, and its forks with their pipes."""
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
            except BrokenPipeError:  # it died, whatever of; one crash shall not refuse every call that follows
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
    """One sound on its way out of the decoder: its header first, then its samples, once."""

    def __init__(self, answer: int) -> None:
        self._answer = answer
        try:
            self.rate, self.channels, self.frames = self._head()
        except BaseException:
            self.close()
            raise

    def blocks(self) -> Iterator[bytes]:
        """16-bit PCM, block by block; raises SoundError where the end is not reached in good order."""
        total = 0
        while True:
            (length,) = LENGTH.unpack(self._exactly(LENGTH.size))
            if length == END:
                return
            if length == GAVE_UP or length > BLOCK_MOST:
                raise SoundError("undecodable")
            total += length
            if total > MAX_DATA:
                raise SoundError("too_large", found=total)
            yield self._exactly(length)

    def close(self) -> None:
        """Stop listening: a decoder that still writes ends."""
        if self._answer >= 0:
            os.close(self._answer)
            self._answer = -1

    def _head(self) -> tuple[int, int, int | None]:
        magic, rate, channels, frames = HEAD.unpack(self._exactly(HEAD.size))
        if magic == NO_LIBRARY:
            raise SoundError("needs_av")
        if magic != MAGIC:
            raise SoundError("undecodable")
        return int(rate), int(channels), int(frames) if frames != UNKNOWN else None

    def _exactly(self, length: int) -> bytes:
        found = bytearray()
        with selectors.DefaultSelector() as waiting:
            waiting.register(self._answer, selectors.EVENT_READ)
            while len(found) < length:
                if not waiting.select(SILENCE_S):
                    raise SoundError("decoder_hangs")
                piece = os.read(self._answer, length - len(found))
                if not piece:
                    raise SoundError("undecodable")
                found += piece
        return bytes(found)


@contextmanager
def decoding(decoder: Decoder, codec: str, stream: BinaryIO, size: int, *, samples: bool = True) -> Iterator[Decoding]:
    """A `Decoding` that is closed at the end, whatever happens."""
    opened = decoder.open(codec, stream, size, samples=samples)
    try:
        yield opened
    finally:
        opened.close()


def header_of(decoder: Decoder, codec: str, stream: BinaryIO, size: int) -> Header:
    """Form and length of a compressed sound; decodes it all where the file does not say how long it is.

    Raises SoundError where it cannot be opened, or where its form is none that we take.
    """
    with decoding(decoder, codec, stream, size, samples=False) as opened:
        frames = opened.frames
        for _ in opened.blocks():  # there are none, but the end says that nobody reads the file any more
            pass
    if frames is None:
        with decoding(decoder, codec, stream, size) as opened:
            frames = sum(len(block) for block in opened.blocks()) // max(1, 2 * opened.channels)
    return Header(Encoding.PCM16, opened.rate, opened.channels, frames)


@contextmanager
def decoder_process() -> Iterator[Decoder]:
    """A decoder for one run."""
    one = Decoder()
    try:
        yield one
    finally:
        with suppress(OSError):
            one.close()
