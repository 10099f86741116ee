"""A ZIP archive of members that are stored as they are, written in one pass and ended by the answer's certificate.

    members      local header, content, and behind it checksum and length, because they are known only then
    last member  `certificate.json`, whose length and checksum its header has
    directory    the record of each member, then that of the certificate, then the end of the archive

What a certificate is over is everything but itself: all bytes before its own header, and then the directory's records
of the members before it. The rest follows from the certificate alone (`tail`), so that a checker makes it again and
compares: no byte of the archive can be changed, added or left out, nor can the directory name other members. Written
by APPNOTE.TXT 6.3.10 (PKWARE), with ZIP64 where an archive is longer than 4 GiB.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterable, Iterator
from typing import Final, NamedTuple

from arlo_rec.model.errors import Usage

CERTIFICATE: Final = "certificate.json"
BEGINS: Final = b"PK\x03\x04"
_RECORD: Final = b"PK\x01\x02"
_DESCRIPTOR: Final = b"PK\x07\x08"
_END, _END_64, _LOCATOR = b"PK\x05\x06", b"PK\x06\x06", b"PK\x06\x07"
_FULL_32, _FULL_16 = 0xFFFFFFFF, 0xFFFF
_UTF8, _LATER = 0x800, 0x8  # flags: the name is UTF-8; checksum and length stand behind the content
_DATE: Final = 0x21  # 1 January 1980, the earliest there is: times would say nothing that the answer does not
_PLAIN_FILE: Final = 0o100600 << 16
_END_BYTES, _END_64_BYTES, _LOCATOR_BYTES = 22, 56, 20


class Last(NamedTuple):
    """The end of an archive as it was found: its certificate, where that begins, and the records before its own."""

    certificate: bytes
    offset: int
    records: bytes


class Archive:
    """An archive that is being written: its members in order, then `tail`.

    A member is written whole by `member`, or piece by piece between `begin` and `finish`.
    """

    def __init__(self) -> None:
        self.offset = 0
        self.records = b""
        self._name, self._begin, self._crc, self._size = "", 0, 0, 0  # of the member that is being written

    def member(self, name: str, pieces: Iterable[bytes]) -> Iterator[bytes]:
        """The bytes of the next member; raises Usage where it is longer than 4 GiB."""
        yield self.begin(name)
        yield from map(self.write, pieces)
        yield self.finish()

    def begin(self, name: str) -> bytes:
        """What stands before the content of the next member."""
        self._name, self._begin, self._crc, self._size = name, self.offset, 0, 0
        return self._counted(_local(name, _LATER, 0, 0))

    def write(self, piece: bytes) -> bytes:
        """The next bytes of its content, as they are."""
        self._crc, self._size = zlib.crc32(piece, self._crc), self._size + len(piece)
        return self._counted(piece)

    def finish(self) -> bytes:
        """What stands behind its content; raises Usage where that is longer than 4 GiB."""
        if self._size >= _FULL_32:
            raise Usage("sound_too_large", megabytes=self._size // 1_000_000)
        self.records += _record(self._name, _LATER, self._crc, self._size, self._begin)
        return self._counted(struct.pack("<4sIII", _DESCRIPTOR, self._crc, self._size, self._size))

    def _counted(self, piece: bytes) -> bytes:
        self.offset += len(piece)
        return piece


def tail(certificate: bytes, offset: int, records: bytes) -> bytes:
    """Everything behind the members: the certificate at *offset*, the directory, the end of the archive."""
    crc, size = zlib.crc32(certificate), len(certificate)
    local = _local(CERTIFICATE, 0, crc, size) + certificate
    directory = records + _record(CERTIFICATE, 0, crc, size, offset)
    begin, count = offset + len(local), sum(1 for _ in _split(directory))
    end = struct.pack(
        *("<4sHHHHIIH", _END, 0, 0, min(count, _FULL_16), min(count, _FULL_16)),
        *(min(len(directory), _FULL_32), min(begin, _FULL_32), 0),
    )
    if begin < _FULL_32 and count < _FULL_16:
        return local + directory + end
    end_64 = struct.pack("<4sQHHIIQQQQ", _END_64, 44, 45, 45, 0, 0, count, count, len(directory), begin)
    locator = struct.pack("<4sIQI", _LOCATOR, 0, begin + len(directory), 1)
    return local + directory + end_64 + locator + end


def read_last(end: bytes, size: int) -> Last:
    """The certificate of an archive of *size* bytes that ends with *end*; raises ValueError where *end* has none.

    Nothing is verified, but that the directory lies in *end*: whoever reads on makes `tail` again and compares.
    """
    first = size - len(end)
    signature, *_, length, begin, _ = struct.unpack("<4sHHHHIIH", end[-_END_BYTES:].rjust(_END_BYTES, b"\0"))
    if signature != _END:
        raise ValueError("no archive")
    if begin == _FULL_32 or struct.unpack("<H", end[-12:-10])[0] == _FULL_16:
        far = end[-_END_BYTES - _LOCATOR_BYTES - _END_64_BYTES :][:_END_64_BYTES]
        length, begin = struct.unpack("<QQ", far[40:56]) if far.startswith(_END_64) else (0, 0)
    directory = end[max(begin - first, 0) :][:length]
    if begin < first or len(directory) != length:
        raise ValueError("no directory in these bytes")
    own = list(_split(directory))[-1:]
    if not own:
        raise ValueError("an archive of nothing")
    name, offset = _read_record(own[0])
    local = end[max(offset - first, 0) : begin - first]
    if name != CERTIFICATE.encode("ascii") or offset < first or len(local) < 30 + len(name):
        raise ValueError("no certificate")
    return Last(local[30 + len(name) :], offset, directory[: -len(own[0])])


def _local(name: str, flags: int, crc: int, size: int) -> bytes:
    raw = name.encode("utf-8")
    header = (BEGINS, 20, flags | _UTF8, 0, 0, _DATE, crc, size, size, len(raw), 0)
    return struct.pack("<4sHHHHHIIIHH", *header) + raw


def _record(name: str, flags: int, crc: int, size: int, offset: int) -> bytes:
    raw = name.encode("utf-8")
    extra = struct.pack("<HHQ", 1, 8, offset) if offset >= _FULL_32 else b""
    version = 45 if extra else 20
    header = (_RECORD, 3 << 8 | version, version, flags | _UTF8, 0, 0, _DATE, crc, size, size, len(raw), len(extra))
    return struct.pack("<4sHHHHHHIIIHHHHHII", *header, 0, 0, 0, _PLAIN_FILE, min(offset, _FULL_32)) + raw + extra


def _read_record(record: bytes) -> tuple[bytes, int]:
    """Name and offset that a record says; raises ValueError where it is too short for its ZIP64 part."""
    length = struct.unpack("<H", record[28:30])[0]
    (offset,) = struct.unpack("<I", record[42:46])
    if offset == _FULL_32:
        far = record[46 + length + 4 : 46 + length + 12]
        if len(far) != 8:
            raise ValueError("no offset")
        (offset,) = struct.unpack("<Q", far)
    return record[46 : 46 + length], offset


def _split(directory: bytes) -> Iterator[bytes]:
    """The records of a directory; raises ValueError where it is none."""
    at = 0
    while at < len(directory):
        head = directory[at : at + 46]
        if len(head) < 46 or not head.startswith(_RECORD):
            raise ValueError("no directory")
        end = at + 46 + sum(struct.unpack("<HHH", head[28:34]))
        if end > len(directory):
            raise ValueError("no directory")
        yield directory[at:end]
        at = end
