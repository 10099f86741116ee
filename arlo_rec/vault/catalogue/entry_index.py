"""The columns beside the body of an entry, by which few entries are found without reading them all.

`kind` is a keyed tag of what the entry is of, so that the rows do not say what they are. `taken_in` is the id of the
recording that it takes in. Both follow from the body: `audit_log` writes them with it, and the check of the log
computes them again.
"""

from __future__ import annotations

from binascii import b2a_hex
from enum import StrEnum
from typing import Final

from arlo_rec.vault.crypto.primitives import ColumnKey

Columns = tuple[bytes | None, bytes | None]  # `kind` and `taken_in`
INGEST: Final = b'{"action":"ingest"'  # the first bytes of the canonical JSON of such an entry
_FORGETTING: Final = b'{"action":"forget"'
_DRILL: Final = b'{"action":"drill'
_CASE, _REQUEST, _SWORN = b'"case":"', b'"request":"', b'"sworn":"'
_NAMES: Final = b'"recordings":["'
_HEX: Final = 32  # digits of a recording's id


class EntryKind(StrEnum):
    """The kind of an entry; one of a call that was taken in, as most are, has none."""

    CASE = "case"  # of an access request
    REQUEST = "request"  # also a proposed policy, an objection, a notice to employees
    REQUEST_OF_CASE = "request of a case"
    FORGETTING = "forgetting"
    DRILL = "drill"
    COPY = "copy"  # takes a training copy in


def columns_of(body: bytes | None, key: ColumnKey) -> Columns:
    """The columns of an entry with that body (canonical JSON; None if it was deleted)."""
    if body is None:
        return None, None
    taken_in = _taken_in(body) if _SWORN in body else None
    kind = None if body.startswith(INGEST) else _kind(body, takes_in=taken_in is not None)
    return None if kind is None else tag_of(kind, key), taken_in


def follow_from(body: bytes | None, kind: bytes | None, taken_in: bytes | None, key: ColumnKey) -> bool:
    """Whether an entry with that body has these columns; for most, calls taken in, without computing them."""
    if body is not None and kind is None and taken_in is not None and body.startswith(INGEST) and _SWORN in body:
        at = body.find(_NAMES) + len(_NAMES)
        if body[at : at + _HEX] == b2a_hex(taken_in):
            return True
    return columns_of(body, key) == (kind, taken_in)


def tag_of(kind: EntryKind, key: ColumnKey) -> bytes:
    """The value of the column `kind`."""
    return key.tag("entry", kind.value)


def _kind(body: bytes, *, takes_in: bool) -> EntryKind | None:
    if body.startswith(_FORGETTING):
        return EntryKind.FORGETTING
    if body.startswith(_DRILL):
        return EntryKind.DRILL
    if _CASE in body:
        return EntryKind.REQUEST_OF_CASE if _REQUEST in body else EntryKind.CASE
    if _REQUEST in body:
        return EntryKind.REQUEST
    return EntryKind.COPY if takes_in else None


def _taken_in(body: bytes) -> bytes | None:
    """The first recording that an entry names."""
    at = body.find(_NAMES) + len(_NAMES)
    if at < len(_NAMES):
        return None
    try:
        taken_in = bytes.fromhex(body[at : at + _HEX].decode("ascii"))
    except ValueError:
        return None
    return taken_in if len(taken_in) == _HEX // 2 else None
