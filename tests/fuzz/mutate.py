"""Changes to true inputs: bits, stretches, lengths and numbers at their bounds; and JSON whose values are exchanged.

Chance is an argument: the same gives the same bytes on every machine.
"""

from __future__ import annotations

import json
import random
import struct
from collections.abc import Sequence
from copy import deepcopy
from typing import Any

BOUNDS = [0, 1, 2, 0x7F, 0x80, 0xFF, 0x7FFF, 0x8000, 0xFFFF, 2**31 - 1, 2**31, 2**32 - 1, 2**63 - 1, 2**63, 2**64 - 1]
WIDTHS = ("<B", ">H", "<H", ">I", "<I", ">Q", "<Q")
WORDS = [
    b"\0", b"\xff", b"\xef\xbb\xbf", b"\r\n", b"\n\n", b"\x1b[31m", b"\xc2\x9b", b"\xe2\x80\xae", b"\xed\xa0\x80",
    b'"', b"'", b"\\", b"\\u0000", b"\\ud800", b"[" * 2000, b'{"a":' * 1500, b"a.[" * 500, b"9" * 5000, b"1e999",
    b"-1e999", b"-0", b"NaN", b"Infinity", b"null", b"true", b"[]", b"{}", b"0001-01-01T00:00:00+14:00",
    b"9999-12-31T23:59:59-14:00", b"../", b"/dev/zero", b"=", b"+", b"\xe2\x80\x94 ", b"RIFF", b"RF64", b"ds64",
    b"fmt ", b"data", b"OggS", b"fLaC", b"ID3", "١".encode(), "é".encode(),
]  # fmt: skip
VALUES: list[Any] = [
    None, True, False, 0, -1, 1, 2**31, 2**63, -(2**63) - 1, 10**300, 10**4000, 0.5, -0.0, 1e308, "", " ", "0", "\0",
    "\n", "\x1b[31m", "\u202e", "é", "١", "x" * 201, "x" * 100_000, "2026-10-01", "0001-01-01T00:00:00+14:00",
    "9999-12-31T23:59:59.9999999-14:00", "+4790000001", "+47" + "0" * 500, "../../etc/passwd", "AAAA", "=",
    [], [[]], {}, {"": None}, ["a"] * 200, [None], [{}],
]  # fmt: skip


def changed(chance: random.Random, seeds: Sequence[bytes]) -> bytes:
    """One of *seeds* with changes; where it is JSON, its values are exchanged every second time."""
    raw = chance.choice(seeds)
    if raw[:1] in (b"{", b"[") and chance.random() < 0.5:
        raw = _exchanged(chance, raw)
        if chance.random() < 0.7:
            return raw
    found = bytearray(raw)
    for _ in range(chance.choice((1, 1, 2, 4))):
        _change(chance, found, seeds)
    return bytes(found)


def _change(chance: random.Random, found: bytearray, seeds: Sequence[bytes]) -> None:
    # half of the places lie near the beginning, where headers are
    place = int(len(found) * chance.random() ** chance.choice((1, 4)))
    kind = chance.randrange(9)
    if kind == 0 and found:
        found[min(place, len(found) - 1)] ^= 1 << chance.randrange(8)
    elif kind == 1:
        found[place : place + 1] = chance.randbytes(1)
    elif kind == 2:
        width = chance.choice(WIDTHS)
        bound = (chance.choice(BOUNDS) + chance.randrange(-1, 2)) % (1 << 8 * struct.calcsize(width))
        place -= place % chance.choice((1, 2, 4))
        found[place : place + struct.calcsize(width)] = struct.pack(width, bound)
    elif kind == 3:
        del found[place:]
    elif kind == 4:
        del found[place : place + chance.randint(1, 64)]
    elif kind == 5:
        found[place:place] = found[place : place + chance.randint(1, 64)] * chance.choice((1, 1, 2, 50))
    elif kind == 6:
        found[place:place] = chance.choice(WORDS)
    elif kind == 7:
        word = chance.choice(WORDS)
        found[place : place + len(word)] = word
    else:
        other = chance.choice(seeds)
        begin = chance.randrange(len(other) + 1)
        found[place : place + chance.randint(0, 64)] = other[begin : begin + chance.randint(1, 200)]


def _exchanged(chance: random.Random, raw: bytes) -> bytes:
    """JSON with one to three of its values exchanged, doubled or gone, at any depth; what is no JSON stays."""
    try:
        told = json.loads(raw)
    except ValueError:
        return raw
    for _ in range(chance.choice((1, 1, 2, 3))):
        holder = chance.choice(_holders(told))
        keys = list(range(len(holder))) if isinstance(holder, list) else list(holder)
        if not keys:
            continue
        key = chance.choice(keys)
        if chance.random() < 0.15:
            del holder[key]
        elif chance.random() < 0.2:
            holder[key] = deepcopy(chance.choice(_holders(told)))
        else:
            holder[key] = deepcopy(chance.choice(VALUES))  # which stay as they are
    return json.dumps(told, ensure_ascii=False).encode("utf-8", "surrogatepass")


def _holders(told: Any) -> list[Any]:
    """Every list and object, the document itself first."""
    found, waiting = [], [told]
    while waiting:
        one = waiting.pop()
        if isinstance(one, dict | list):
            found.append(one)
            waiting += one.values() if isinstance(one, dict) else one
    return found or [[]]
