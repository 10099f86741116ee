"""Recognise a delivered sound file by its first bytes and read its samples block by block, however long it is.

Encodings that are stored as they are (PCM, floating point, G.711 in WAV or RF64) are read here, bytes unchanged. All
others become 16-bit PCM in the decoder process, whose answers are checked. No tag, name or picture of a file is read:
only samples come out. The process is started at the first compressed sound of a run and ends with the run. It gets no
secret, no environment and no terminal, and its resources are limited per file; `decoder` has its side and the protocol.

Sources: RFC 3533 (Ogg); RFC 7845 (Opus); the Vorbis I specification 4.2; RFC 9639 (FLAC); id3.org's ID3v2.4; RFC 4867
(AMR); ISO/IEC 13818-7 (ADTS), 11172-3 (MPEG audio), 14496-12 (the `ftyp` box).
"""

from __future__ import annotations

import os
import selectors
import socket
import subprocess
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import PurePath
from typing import BinaryIO, Final, Protocol

from arlo_rec.law.model.errors import SoundError
from arlo_rec.sound.audio.decoder import END, GAVE_UP, HEAD, LENGTH, MAGIC, NO_LIBRARY, NO_PROCESS, REQUEST, UNKNOWN
from arlo_rec.sound.audio.formats import MAX_DATA, Encoding, Header
from arlo_rec.sound.audio.riff import Compressed, Located, WavCodec, locate, read_at
from arlo_rec.sound.processes.hardening import Limits, start_child

MEMORY = 256 * 1024 * 1024  # bytes that one decoding may add; the libraries need about 20
CPU_FLOOR_S = 10
CPU_PER_BYTE = 1 / 50_000  # seconds: Opus at 16 kbit/s, the dearest, needs a third of it
SILENCE_S = 60.0  # seconds without a byte from the decoder, which then counts as hanging
BLOCK_MOST = 1 << 20  # bytes; the decoder sends at most 64 kB
_START: Final = "from arlo_rec.sound.audio import decoder; decoder.main()"
_ENVIRONMENT: Final = {"LC_ALL": "C.UTF-8", "OPENBLAS_NUM_THREADS": "1"}  # one thread: the process forks


class Decoder:
    """The decoder process of one run; it ends when its socket is closed."""

    def __init__(self) -> None:
        self._asking = threading.Lock()
        self._socket: socket.socket | None = None
        self._process: subprocess.Popen[bytes] | None = None

    def open(self, codec: str, stream: BinaryIO, size: int, *, samples: bool) -> Decoding:
        """Begin to decode a plain file of *size* bytes; without *samples*, only its header.

        The decoder shares *stream*'s descriptor, so callers may not read it before the end of the answer. Raises
        SoundError `decoder_missing` where no process can be started, `needs_av` where its library is not installed, and
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
            except BrokenPipeError:  # it died; one crash must not refuse all later calls
                self.close()
                socket.send_fds(self._start(), [request], handles)

    def _start(self) -> socket.socket:
        self._process, self._socket = start_child(_START, _ENVIRONMENT)
        return self._socket


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
        if magic == NO_PROCESS:
            raise SoundError("decoder_missing")
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
        for _ in opened.blocks():  # no blocks, but the end mark frees the file
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


BLOCK = 96 * 1024  # bytes read at once: from 128 KiB on, malloc takes fresh pages from the kernel each time
_FIRST = 64  # bytes by which a file is recognised

_HEADERLESS: Final = {  # raw codec data without a magic number, recognised by the file's ending
    ".g722": "g722",
    ".g726": "g726_32",
    ".g726-16": "g726_16",
    ".g726-24": "g726_24",
    ".g726-32": "g726_32",
    ".g726-40": "g726_40",
    ".g729": "g729",
}
ENDINGS: Final = (
    *(".wav", ".flac", ".mp3", ".opus", ".ogg", ".oga"),
    *(".amr", ".awb", ".aac", ".m4a"),
    *_HEADERLESS,
)
_OF_AV: Final = frozenset({WavCodec.G722, WavCodec.G726, WavCodec.G729})


class Fed(Protocol):
    """A hash that takes bytes in pieces."""

    def update(self, piece: bytes, /) -> object:
        """Add a piece."""


class SoundFile(Protocol):
    """A recognised sound file whose header was accepted."""

    @property
    def header(self) -> Header:
        """The format and length of the sound as it will be stored."""

    def frames(self, identity: Fed) -> Iterator[bytes]:
        """Yield all frames in blocks; raises SoundError where there are fewer or more than the header says.

        *identity* is fed bytes that are equal for two deliveries of one sound in one format, complete at the end.
        """

    def identify(self, identity: Fed) -> None:
        """Feed the same bytes to *identity* without decoding; raises SoundError if the file is too short."""


def recognise(stream: BinaryIO, size: int, name: str, decoder: Decoder) -> SoundFile:
    """Recognise a sound file of *size* bytes by its first bytes, or by the ending of *name* if it has no magic number.

    *stream* is a plain file. Raises SoundError with the reason for a refusal.
    """
    first = read_at(stream, 0, min(_FIRST, size))
    codec = _recognise_codec(first, stream, size, name)
    if codec is None:
        located = locate(stream, size)
        if not isinstance(located.form, Compressed):
            return _StoredAsIs(located.header(), stream, located)
        codec = "wav" if located.form.codec in _OF_AV else str(located.form.codec)
        header = read_header(decoder, codec, stream, size)
        if (header.rate, header.channels) != (located.form.rate, located.form.channels):
            raise SoundError("undecodable")
    elif size > MAX_DATA:  # larger than its samples may be
        raise SoundError("too_large", found=size)
    else:
        header = read_header(decoder, codec, stream, size)
    return _Decoded(header, stream, size, codec, decoder)


@dataclass(frozen=True, slots=True)
class _StoredAsIs:
    """A WAV file whose samples are stored as they are."""

    header: Header
    stream: BinaryIO
    where: Located

    def frames(self, identity: Fed) -> Iterator[bytes]:
        """Yield all frames and feed every sample to *identity*, but no tag of the file; see `SoundFile`."""
        end = self.where.start + self.where.length
        for start in range(self.where.start, end, BLOCK):
            block = read_at(self.stream, start, min(BLOCK, end - start))
            identity.update(block)
            yield block

    def identify(self, identity: Fed) -> None:
        """See `SoundFile`."""
        for _ in self.frames(identity):
            pass


@dataclass(frozen=True, slots=True)
class _Decoded:
    """A compressed file, whose samples come from the decoder process."""

    header: Header
    stream: BinaryIO
    size: int
    codec: str
    decoder: Decoder

    def frames(self, identity: Fed) -> Iterator[bytes]:
        """Yield all frames; see `SoundFile`."""
        self.identify(identity)
        left = self.header.data_bytes
        with open_decoding(self.decoder, self.codec, self.stream, self.size) as opened:
            for block in opened.blocks():
                left -= len(block)
                if left < 0:
                    break
                yield block
        if left:
            raise SoundError("length_differs")

    def identify(self, identity: Fed) -> None:
        """Feed every byte of the file to *identity*: samples of a lossy codec differ between decoders."""
        identity.update(b"file\0")
        for start in range(0, self.size, BLOCK):
            identity.update(read_at(self.stream, start, min(BLOCK, self.size - start)))


def _recognise_codec(first: bytes, stream: BinaryIO, size: int, name: str) -> str | None:
    """The codec that decodes a file; None for a RIFF file. Raises SoundError `not_sound` for an unknown file."""
    if first[:4] in (b"RIFF", b"RIFX", b"RF64", b"BW64"):
        return None
    if first[:4] == b"OggS":
        return _recognise_ogg_codec(first, stream, size)
    if first[:5] == b"#!AMR":
        return "amr"
    if first[4:8] == b"ftyp":
        return "mp4"
    start = _skip_id3(first)
    mark = read_at(stream, start, min(4, max(0, size - start))) if start < size else b""
    if mark == b"fLaC":
        return "flac"
    if len(mark) == 4 and mark[0] == 0xFF and mark[1] & 0xE0 == 0xE0:  # MPEG audio's sync word; then its layer
        return "aac" if mark[1] & 0xF6 == 0xF0 else "mp3"
    codec = _HEADERLESS.get(PurePath(name).suffix.lower())
    if codec is None:
        raise SoundError("not_sound")
    return codec


def skip_first(length: int, pieces: Iterable[bytes]) -> Iterator[bytes]:
    """Yield *pieces* without their first *length* bytes; no piece is empty."""
    for piece in pieces:
        if length < len(piece):
            yield piece[length:] if length else piece
        length = max(0, length - len(piece))


def _recognise_ogg_codec(first: bytes, stream: BinaryIO, size: int) -> str:
    """The codec of an Ogg file, by the first packet, which follows the segment table of the first page."""
    if len(first) < 28:
        raise SoundError("truncated")
    start = 27 + first[26]
    packet = read_at(stream, start, min(8, max(0, size - start)))
    for mark, codec in ((b"OpusHead", "opus"), (b"\x01vorbis", "vorbis"), (b"\x7fFLAC", "ogg_flac")):
        if packet.startswith(mark):
            return codec
    raise SoundError("format")


def _skip_id3(first: bytes) -> int:
    """Offset of the sound after an ID3v2 tag, whose size is four bytes of seven bits; 0 where there is no tag."""
    if first[:3] != b"ID3" or len(first) < 10 or any(byte & 0x80 for byte in first[6:10]):
        return 0
    length = first[6] << 21 | first[7] << 14 | first[8] << 7 | first[9]
    return 10 + length + (10 if first[5] & 0x10 else 0)
