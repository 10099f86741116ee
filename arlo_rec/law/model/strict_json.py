"""JSON: written in a canonical form, so that it can be signed, and read strictly, with limits.

Refused: duplicate keys, NaN and infinities, whole numbers of more than 63 bits, depth and size beyond the limits,
anything that is not UTF-8, lone surrogates. This module does not know the documents' meaning.
"""

from __future__ import annotations

import base64
import binascii
import json
import math
from typing import Any

MAX_BYTES = 4 * 1024 * 1024  # a manifest has about 1 kB; a roster of 500 people about 2 MB
LARGEST = 2**63  # bound of whole numbers
DEEPEST = 100  # nesting of lists and objects; documents of this program have 4, Python fails at several hundred


def canonical(value: object) -> bytes:
    """*value* in canonical form: sorted keys, no white space, UTF-8."""
    return _ENCODER.encode(value).encode("utf-8")


def parse(text: bytes, *, max_bytes: int = MAX_BYTES, is_bounded: bool = True) -> Any:
    """Parse a strict JSON document; raises ValueError with a reason of a few words.

    *is_bounded* is False for documents of other programs, whose unknown keys may have whole numbers of any size.
    """
    if len(text) > max_bytes:
        raise ValueError(f"larger than {max_bytes} bytes")
    try:
        decoded = text.decode("utf-8").removeprefix("\ufeff")  # the codec that does both is eight times slower
        value = (_DECODER if is_bounded else _UNBOUNDED).decode(decoded)
        if decoded.count("[") + decoded.count("{") > DEEPEST:
            _check_depth(value)
        if "\\u" in decoded:
            canonical(value)  # a lone surrogate parses but cannot be written
    except UnicodeDecodeError:
        raise ValueError("not UTF-8") from None
    except UnicodeEncodeError:
        raise ValueError("a lone surrogate") from None
    except RecursionError:
        raise ValueError("nested too deeply") from None
    return value


def parse_object(text: bytes, *, max_bytes: int = MAX_BYTES, is_bounded: bool = True) -> dict[str, Any]:
    """Parse a strict JSON object; raises ValueError for anything else."""
    value = parse(text, max_bytes=max_bytes, is_bounded=is_bounded)
    if not isinstance(value, dict):
        raise ValueError("not a JSON object")  # noqa: TRY004 - callers turn ValueError into a refusal
    return value


def to_base64(raw: bytes) -> str:
    """Standard base64 with padding (RFC 4648, section 4)."""
    return base64.b64encode(raw).decode("ascii")


def from_base64(text: object, length: int | None = None) -> bytes:
    """The bytes of canonical base64, *length* of them if given; raises ValueError.

    Only the output of `to_base64` is accepted: otherwise the unused bits of the last character would give one value
    several spellings.
    """
    if not isinstance(text, str):
        raise ValueError("base64 is a string")  # noqa: TRY004 - one kind of error for all bad text
    try:
        raw = base64.b64decode(text.encode("ascii"), validate=True)
    except (binascii.Error, UnicodeEncodeError):
        raise ValueError("not base64") from None
    if to_base64(raw) != text:
        raise ValueError("not canonical base64")
    if length is not None and len(raw) != length:
        raise ValueError(f"{len(raw)} bytes where {length} belong")
    return raw


def _without_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    document = dict(pairs)
    if len(document) != len(pairs):
        raise ValueError("a key stands twice")
    return document


def _no_constant(name: str) -> Any:
    raise ValueError(f"{name} is not JSON")


def _finite(digits: str) -> float:
    """A finite number; raises ValueError for `1e999`, which would become an infinity that JSON cannot write."""
    number = float(digits)
    if math.isinf(number):
        raise ValueError("a number beyond all bounds")
    return number


def _whole(digits: str) -> int:
    """A whole number that the catalogue holds; raises ValueError."""
    number = int(digits)
    if abs(number) >= LARGEST:
        raise ValueError("a number beyond all bounds")
    return number


def _check_depth(value: Any) -> None:
    level = [value]
    for _ in range(DEEPEST):
        below = (nested.values() if isinstance(nested, dict) else nested for nested in level)
        level = [value for values in below for value in values if isinstance(value, dict | list)]
        if not level:
            return
    raise ValueError("nested too deeply")


_ENCODER = json.JSONEncoder(sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
_DECODER = json.JSONDecoder(
    object_pairs_hook=_without_duplicates, parse_constant=_no_constant, parse_float=_finite, parse_int=_whole
)
_UNBOUNDED = json.JSONDecoder(object_pairs_hook=_without_duplicates, parse_constant=_no_constant, parse_float=_finite)
