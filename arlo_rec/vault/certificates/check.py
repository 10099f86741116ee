#!/usr/bin/env python3
"""Checks documents of arlo-rec. This file is enough: it needs Python 3.11 and the package `cryptography`, no arlo-rec.

    python3 check.py RECEIPT.json [VKEY ...]                            a deletion receipt
    python3 check.py ANSWER.html|ANSWER.zip [ACCESSES.json] [VKEY ...]  an answer to an access request
    python3 check.py ACCESSES.json [VKEY ...]                           the list of accesses from such an answer
    python3 check.py PAGE.html|PAGE.md [VKEY ...]                       a published page of the guidelines
    python3 check.py FILE PAGE.html|PAGE.md [VKEY ...]                  any of them, beside a page published later

VKEY is a verifier key as it was published: the log's, the first officer's, or both. The log gets a new key whenever a
person leaves: the newest published one excludes what they make afterwards, the officer's does not. A page names the
keys of the log that had ended, and when: beside it, a file that was made later with one is forged. Without a published
key or page the check shows that a file is whole, not where it is from. The exit status is 0 for a genuine file, 1 for a
forged one, 2 for another kind or an unreadable one. docs/format.md describes the documents.

Each step has its number in the code, and each failure its own sentence (REASONS):

     1  the file is of a kind that is given out: its content says it, not its name
     2  its certificate stands at its end, and once; a receipt and a list are the certificate themselves
     3  the certificate is canonical JSON with the keys of its kind and no others, each value in its one form
     4  the rest of the file has the digest and the length that the certificate says
     5  the log's keys are of that store, and each was signed by the one before it
     6  one of them signed the checkpoint, which is of that log
     7  the path of each entry leads to the checkpoint's root
     8  the entry is the last that the checkpoint closes, and the signer signed the checkpoint;
        the entries of a list stand in order, and each names recordings of the list or is of another request
     9  the officers vouch for the signer's key, up to the first officer, who vouches for her own
    10  the signer's role may sign this, and had been given before the entry
    11  the signer signed it, and so did the newest key of the log
    12  each VKEY is a key of the log or the first officer's
    13  beside a page: its newest key of the log is one of the page's, or newer, and had not ended when it was made

The file may be hostile: it is read in pieces, a bounded part is kept, and nothing is shown before it is genuine.
"""

from __future__ import annotations

import base64
import errno
import hashlib
import itertools
import json
import os
import re
import stat
import struct
import sys
import zlib
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any, BinaryIO, Final, NamedTuple

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

RECEIPT: Final = "arlo-rec deletion receipt"
ANSWER: Final = "arlo-rec access answer"
LIST: Final = "arlo-rec accesses"
PAGE: Final = "arlo-rec published page"
LONGEST: Final = 64 * 1024 * 1024  # bytes of a receipt or a list: a receipt of a million recordings has 35 MB
LONGEST_CERTIFICATE: Final = 1024 * 1024  # bytes: 4,000 keys of a log
REASONS: Final = {  # why a file is not genuine; the program says the same in both languages
    "cut_off": "it does not end with its certificate, so it was cut off or something was added",
    "two_certificates": "it holds more than one certificate",
    "archive_rewritten": "the end of the archive was changed after it was signed",
    "longer_than_ours": "it is longer than any that was given out",
    "not_canonical": "it is not written as it was given out, or is no JSON",
    "not_of_its_form": "it does not have the form of such a document",
    "counts_differ": "it counts otherwise than what it lists",
    "content_changed": "its content was changed after it was signed",
    "of_another_form": "its certificate is of a page in another form",
    "log_key_of_another_log": "it names a key of another log",
    "log_key_unsigned": "a key of the log was not signed by the one before it",
    "checkpoint_of_another_log": "its checkpoint is of another log",
    "checkpoint_unsigned": "no key of the log signed its checkpoint",
    "entry_not_in_log": "an entry is not in the log of the checkpoint",
    "entry_not_last": "its checkpoint is not that of its entry",
    "entry_of_another": "the signer did not write its entry",
    "entries_out_of_order": "an entry is listed twice or in another order",
    "recordings_differ": "an entry names other recordings than the list, or none",
    "signer_unvouched": "a signer's key is not vouched for by the next one",
    "signer_by_no_officer": "a signer's key is vouched for by somebody who was no officer then",
    "role_may_not": "the signer's role may not sign this",
    "signer_too_late": "the signer's key is newer than what it signed",
    "unsigned": "the signer did not sign it",
    "erasure_unsigned": "the signer did not sign for this erasure",
    "unsigned_by_log": "the newest key of the log did not sign it",
    "another_key": "it is of another log or officer, or was made before or without that key of the log",
    "key_ended": "the key of the log that signed it had ended by then: its maker may have left",
    "list_of_another": "the list of accesses is not that of this answer",
}
ERASURES: Final = {  # by a receipt's name of an erasure: its rule, and the roles that may carry it out
    "withdrawal": ("consent.withdraw", ("support", "officer", "ingest")),
    "expiry": ("retention.90d", ("retention", "officer")),
    "restore": ("consent.withdraw", ("officer",)),
    **dict.fromkeys(("review", "release", "reject"), ("data.pseudonymised", ("manager", "officer"))),
    "objection": ("data.employee", ("officer",)),
}
PLACES: Final = ("root", "catalogue", "objects", "journal")  # where something of a recording could be left
OF_ANOTHER: Final = "_other"  # in the code of an entry of another person's request


class Forged(Exception):
    """A file is not genuine: *reason* is one of REASONS, *kind* its apparent kind."""

    def __init__(self, reason: str, kind: str = "") -> None:
        super().__init__(REASONS[reason])
        self.reason = reason
        self.kind = kind


class Unknown(Exception):
    """A file is of no kind that is given out, or a text is no verifier key."""


class Genuine(NamedTuple):
    """A genuine document, the first officer's verifier key, and which keys were among the requested ones."""

    document: dict[str, Any]
    officer_vkey: str
    log_checked: bool
    officer_checked: bool
    newest_checked: bool  # the newest of the log's keys in it, which a person who left before that lacks


def demand(holds: bool, otherwise: str) -> None:  # noqa: FBT001 - it reads like an assertion
    """Raise Forged with the reason *otherwise* if a condition does not hold."""
    if not holds:
        raise Forged(otherwise)


def canonical(value: object) -> bytes:
    """The one form of JSON that is signed; raises ValueError."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False).encode()


# -- step 3: the one form of every value -----------------------------------------------------------------------


def has_form(value: Any, form: Any) -> bool:
    """Whether a value has a form.

    A text is a pattern, a list the form of each element, an object the form of each key, a tuple a choice.
    """
    if isinstance(form, str):
        return type(value) is str and re.fullmatch(form, value) is not None
    if isinstance(form, list):
        return type(value) is list and all(has_form(each, form[0]) for each in value)
    if isinstance(form, dict):
        is_object = type(value) is dict and value.keys() == form.keys()
        return is_object and all(has_form(value[key], form[key]) for key in form)
    if isinstance(form, tuple):
        return any(has_form(value, each) for each in form)
    return form(value) is True if callable(form) else value is form


def _by(key: str, form: Any) -> Callable[[Any], bool]:
    """An object with any keys of that form."""
    return lambda value: (
        type(value) is dict and all(has_form(name, key) and has_form(each, form) for name, each in value.items())
    )


def _is_count(value: Any) -> bool:
    return type(value) is int and 0 <= value < 2**63


def _is_instant(value: Any) -> bool:
    """Whether a text is an instant in UTC, with or without decimals, away from the ends of the calendar."""
    if not has_form(value, "[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}([.][0-9]{6})?Z"):
        return False
    try:
        at = datetime.fromisoformat(value)
    except ValueError:
        return False
    return 1 < at.year < 9999 and at.isoformat().replace("+00:00", "Z") == value


# Base64 of 32 and 64 bytes, and of 68 in a note: bits that no byte uses are zero.
_32, _64 = "[A-Za-z0-9+/]{42}[AEIMQUYcgkosw048]=", "[A-Za-z0-9+/]{85}[AQgw]=="
_NOTE: Final = (
    f"([!-~]{{1,200}})\n(0|[1-9][0-9]{{0,18}})\n({_32})\nfrom (0|[1-9][0-9]{{0,18}})\n"
    "\n((?:\u2014 [!-~]{1,300} [A-Za-z0-9+/]{90}[AEIMQUYcgkosw048]=\n){1,16})"
)
_NUMBER: Final = "[A-HJ-NP-Z2-9]{4}-[A-HJ-NP-Z2-9]{4}"
_ID, _SHA256, _DAY, _CASE = "[0-9a-f]{32}", "[0-9a-f]{64}", "[0-9]{4}-[0-9]{2}-[0-9]{2}", "[0-9A-Za-z-]{1,40}"
_WORD: Final = "[^\\x00-\\x1f\\x7f-\\x9f]{1,500}"
_ENTRY: Final = {"seq": _is_count, "leaf": _32, "path": [_32]}
_SHARED: Final = {
    "format": lambda value: type(value) is int and value == 1, "policy": "[0-9]{4}-[0-9]{2}([.][0-9]{1,3})?",
    "store": _ID, "checkpoint": _NOTE, "log_signature": _64,
    "log_keys": [{"vkey": "[!-~]{1,300}", "statement": (None, _64)}],
    "signers": [{"key": _32, "role": "[a-z]{1,20}", "since": _is_count, "signature": _64}],
}  # fmt: skip
_BY_OFFICER: Final = {**_SHARED, "signature": _64}
_OF_FILE: Final = {**_BY_OFFICER, "sha256": _SHA256, "bytes": _is_count, "entry": _ENTRY}
_LISTED: Final = {
    **_ENTRY, "recordings": [_ID], "access": (True, False), "what": "[a-z_]{1,40}",
    "role": (None, "[a-z]{1,40}"), "day": (None, _DAY),
}  # fmt: skip
_FORMS: Final[Mapping[str, Mapping[str, Any]]] = {
    RECEIPT: {
        **_SHARED, "number": _NUMBER, "event": "|".join(ERASURES), "rule": "[a-z.0-9]{1,40}", "erased_at": _is_instant,
        "count": _is_count, "days": _by(_DAY, _is_count), "recordings": [_ID],
        "places": lambda value: value in ([*PLACES], [*PLACES[:3]]),
        "ring_until": (None, _is_instant), "feed": (None, True, False), "entry": _ENTRY, "erased_by": _64,
    },
    ANSWER: {**_OF_FILE, "case": _CASE, "made_at": _is_instant, "accesses": (None, _SHA256)},
    LIST: {
        **_BY_OFFICER, "case": _CASE, "made_at": _is_instant, "recordings": [{"recording": _ID, "copies": [_ID]}],
        "count": _is_count, "entries": [_LISTED], "words": _by(_WORD, {"nb": _WORD, "en": _WORD}),
    },
    PAGE: {
        **_OF_FILE, "page": "[a-z][a-z-]{0,39}", "lang": "nb|en", "form": "html|md", "published_at": _is_instant,
    },
}  # fmt: skip
_ENDED: Final = {"ended": [{"vkey": "[!-~]{1,300}", "at": _is_instant}]}  # of a page; the first ones lack it


def is_number(value: object) -> bool:
    """Whether a text can be a receipt's number: no other names a file."""
    return has_form(value, _NUMBER)


def _read(raw: bytes, kind: str) -> dict[str, Any]:
    is_whole = kind in {RECEIPT, LIST}
    document: Any = None
    demand(len(raw) <= (LONGEST if is_whole else LONGEST_CERTIFICATE), "longer_than_ours")
    try:
        document = json.loads(raw)
        is_canonical = canonical(document) + b"\n" * is_whole == raw
    except (ValueError, RecursionError):
        is_canonical = False
    demand(is_canonical, "not_canonical")
    ended = _ENDED if kind == PAGE and isinstance(document, dict) and "ended" in document else {}
    demand(has_form(document, {**_FORMS[kind], **ended, "kind": kind}), "not_of_its_form")
    demand(bool(document["log_keys"]) and bool(document["signers"]), "not_of_its_form")
    if kind == RECEIPT:
        demand(document["rule"] == ERASURES[document["event"]][0], "not_of_its_form")
        demand(document["count"] == len(document["recordings"]) == len(set(document["recordings"])), "counts_differ")
    demand(kind != LIST or document["count"] == len(document["entries"]), "counts_differ")
    return dict(document)


# -- steps 1 and 2: what a file is, and where its certificate stands --------------------------------------------

GENERATOR: Final = b'<meta name="generator" content="arlo-rec">'  # in the first bytes of an answer
HEADS: Final = {  # in those of a published page, by its form
    "html": b'<meta name="generator" content="arlo-rec published page">',
    "md": b"<!-- arlo-rec published page -->\n\n",
}
PAGE_END: Final = b"</body>\n</html>\n"
ENDINGS: Final = {  # the bytes before a certificate, and those behind it to the end of the file
    "html": (b'<script type="application/json" id="certificate">', b"</script>\n" + PAGE_END),
    "md": (b"\n<!-- arlo-rec certificate: ", b" -->\n"),
}


def _kind_and_form(file: BinaryIO) -> tuple[str, str]:
    """The kind of a file and its format (json, html, md, zip); raises Unknown."""
    file.seek(0)
    head, (end, _) = file.read(4096), _end_of(file)
    is_html = head.startswith(b"<!doctype html>")
    if is_html and HEADS["html"] in head:
        return PAGE, "html"
    if head.startswith(HEADS["md"]) or f'"kind":"{PAGE}"'.encode() in end:  # also where its beginning was changed
        return PAGE, "html" if ENDINGS["html"][0] in end else "md"
    if head.startswith(b"{"):
        return LIST if b'"case"' in head[:40] else RECEIPT, "json"  # keys are sorted: a receipt has "checkpoint"
    if head.startswith(ZIP_BEGINS):
        return ANSWER, "zip"
    if is_html and GENERATOR in head:
        return ANSWER, "html"
    raise Unknown("none of the files that are checked here")


def _parts(file: BinaryIO, form: str) -> tuple[bytes, tuple[str, int] | None]:
    """A certificate, and digest and length of the rest of the file; None if the certificate is all of it."""
    file.seek(0)
    if form == "json":
        return file.read(LONGEST + 1), None
    end, size = _end_of(file)
    if form == "zip":
        certificate, length, records = archive_parts(end, size)
        return certificate, _content(itertools.chain(_pieces(file, length), records))
    mark, after = ENDINGS[form]
    at = end.rfind(mark)
    demand(at >= 0 and end.endswith(after), "cut_off")
    content = _content(_pieces(file, size - len(end) + at), mark)
    return end[at + len(mark) : -len(after)], content


def _end_of(file: BinaryIO) -> tuple[bytes, int]:
    """The end of a file, which holds its certificate, and the file's length."""
    size = file.seek(0, os.SEEK_END)
    file.seek(max(size - 2 * LONGEST_CERTIFICATE, 0))
    return file.read(2 * LONGEST_CERTIFICATE), size


def _pieces(file: BinaryIO, length: int) -> Iterator[bytes]:
    file.seek(0)
    while length > 0 and (piece := file.read(min(1024 * 1024, length))):
        yield piece
        length -= len(piece)


def _content(pieces: Iterable[bytes], mark: bytes | None = None) -> tuple[str, int]:
    """Digest and length; raises Forged if *mark* occurs in it: a second certificate would leave a choice."""
    digest, size, before = hashlib.sha256(), 0, b""
    for piece in pieces:
        if mark is not None:
            demand(mark not in before + piece, "two_certificates")
            before = piece[-len(mark) :]
        digest.update(piece)
        size += len(piece)
    return digest.hexdigest(), size


# -- an archive's end: a ZIP of stored members, the certificate last (APPNOTE.TXT 6.3.10) -------------------------

ZIP_BEGINS: Final = b"PK\x03\x04"
_FULL: Final = 0xFFFFFFFF
_NAME: Final = "certificate.json"


def zip_header(name: str, flags: int, crc: int, size: int) -> bytes:
    """The header of a member; its time is 1 January 1980, and its name is in UTF-8."""
    raw = name.encode()
    return struct.pack("<4sHHHHHIIIHH", ZIP_BEGINS, 20, flags | 0x800, 0, 0, 0x21, crc, size, size, len(raw), 0) + raw


def zip_record(name: str, flags: int, crc: int, size: int, offset: int) -> bytes:
    """The record of a member in the directory."""
    raw, far = name.encode(), struct.pack("<HHQ", 1, 8, offset) if offset >= _FULL else b""
    version = 45 if far else 20
    head = (b"PK\1\2", 768 | version, version, flags | 0x800, 0, 0, 0x21, crc, size, size, len(raw), len(far))
    place = (0, 0, 0, 0o100600 << 16, min(offset, _FULL))
    return struct.pack("<4sHHHHHHIIIHHHHHII", *head, *place) + raw + far


def archive_end(certificate: bytes, offset: int, records: Sequence[bytes]) -> bytes:
    """Everything behind the members: the certificate at *offset*, the directory, and the end.

    It follows from the certificate and the *records* of the members before it, which the certificate covers. The writer
    makes it, and step 2 makes it again: no byte can be changed, and the directory can name no other members.
    """
    crc, size = zlib.crc32(certificate), len(certificate)
    member = zip_header(_NAME, 0, crc, size) + certificate
    directory = b"".join(records) + zip_record(_NAME, 0, crc, size, offset)
    begin, length, count, far = offset + len(member), len(directory), len(records) + 1, b""
    if begin >= _FULL:
        far = struct.pack("<4sQHHIIQQQQ", b"PK\6\6", 44, 45, 45, 0, 0, count, count, length, begin)
        far += struct.pack("<4sIQI", b"PK\6\7", 0, begin + length, 1)
    last = struct.pack("<4sHHHHIIH", b"PK\5\6", 0, 0, count, count, length, min(begin, _FULL), 0)
    return member + directory + far + last


def archive_parts(end: bytes, size: int) -> tuple[bytes, int, list[bytes]]:
    """The arguments from which `archive_end` made the end of an archive of that size; raises Forged."""
    header = zip_header(_NAME, 0, 0, 0)
    at = end.rfind(header[:14])  # no certificate has control characters
    demand(at >= 0 and end[at + 26 : at + 46] == header[26:], "cut_off")
    (length,) = struct.unpack("<I", end[at + 22 : at + 26])
    certificate, offset = end[at + 46 :][:length], size - len(end) + at
    begin, records = at + 46 + length, list[bytes]()
    while end[begin : begin + 4] == b"PK\1\2" and begin + 46 < len(end):
        records.append(end[begin : begin + 46 + sum(struct.unpack("<HHH", end[begin + 28 : begin + 34]))])
        begin += len(records[-1])
    demand(archive_end(certificate, offset, records[:-1]) == end[at:], "archive_rewritten")
    return certificate, offset, records[:-1]


# -- all steps, in order ---------------------------------------------------------------------------------------------


def check(file: BinaryIO, vkeys: Collection[str] = ()) -> Genuine:
    """The document in a seekable file, compared with verifier keys; raises Forged or Unknown."""
    wanted = set(vkeys)
    if not all(map(is_vkey, wanted)):
        raise Unknown("that is no verifier key")
    # (1) The file is of a kind that is given out.
    kind, form = _kind_and_form(file)
    try:
        document, first = _checked(file, kind, form)
        # (12) Each VKEY is a key of the log or the first officer's.
        of_log = {log_key["vkey"] for log_key in document["log_keys"]}
        demand(wanted <= {*of_log, first}, "another_key")
    except Forged as forged:
        raise Forged(forged.reason, kind) from None
    return Genuine(document, first, bool(of_log & wanted), first in wanted, document["log_keys"][-1]["vkey"] in wanted)


def demand_in_time(genuine: Genuine, page: Genuine) -> None:
    """Raise Forged for a document that was made with a key of the log after that had ended, as *page* knows."""
    # (13) Its newest key is one of the page's, or newer, and had not ended when it was made.
    ended = {each["vkey"]: datetime.fromisoformat(each["at"]) for each in page.document.get("ended", ())}
    keys, theirs = ([each["vkey"] for each in told["log_keys"]] for told in (genuine.document, page.document))
    demand(keys[-1] in {*theirs, *ended} or theirs[-1] in keys, "another_key")
    made_at = next(genuine.document[key] for key in ("erased_at", "made_at", "published_at") if key in genuine.document)
    demand(keys[-1] not in ended or datetime.fromisoformat(made_at) <= ended[keys[-1]], "key_ended")


def check_list(file: BinaryIO, answer: Genuine, vkeys: Collection[str] = ()) -> Genuine:
    """The list of accesses that was inside *answer*; raises Forged or Unknown."""
    digest, _ = _content(_pieces(file, LONGEST + 1))
    if digest != answer.document.get("accesses"):
        raise Forged("list_of_another", LIST)
    return check(file, vkeys)


def _checked(file: BinaryIO, kind: str, form: str) -> tuple[dict[str, Any], str]:
    """A document and its first officer's verifier key, after steps 2 to 11; raises Forged."""
    # (2) The certificate stands at the end of the file, and once.
    certificate, content = _parts(file, form)
    # (3) It has the one form of its kind.
    document = _read(certificate, kind)
    # (4) It is over the rest of the file.
    if content is not None:
        demand((document["sha256"], document["bytes"]) == content, "content_changed")
        demand(document.get("form", form) == form, "of_another_form")
    # (5) Each key of the log was signed by the one before it.
    origin, signer = f"arlo-rec/{document['store']}", document["signers"][0]
    log_keys, key = _log_keys(document, origin), _bytes(signer["key"])
    # (6) One of them signed the checkpoint.
    checkpoint = _checkpoint(document["checkpoint"], origin)
    demand(any(checkpoint.signed_by(origin, log_key) for log_key in log_keys), "checkpoint_unsigned")
    # (7) Each entry is in the log of that checkpoint.
    for entry in document["entries"] if kind == LIST else [document["entry"]]:
        demand(root_of(entry, checkpoint.size) == checkpoint.root, "entry_not_in_log")
    # (8) It is the signer's, the last that the checkpoint closes; those of a list are in order and of its recordings.
    if kind == LIST:
        _check_entries(document)
    else:
        demand(checkpoint.size == document["entry"]["seq"] + 1, "entry_not_last")
        demand(checkpoint.signed_by(signer_name(origin, key), key), "entry_of_another")
    # (9) The officers vouch for the signer's key, up to the first officer.
    officer = _first_officer(document)
    # (10) The signer's role may sign this, and had been given before the entry.
    roles = ERASURES[document["event"]][1] if kind == RECEIPT else ("officer",)
    demand(signer["role"] in roles, "role_may_not")
    demand(signer["since"] <= (checkpoint.size if kind == LIST else document["entry"]["seq"]), "signer_too_late")
    # (11) The signer signed it, and so did the newest key of the log.
    if kind == RECEIPT:
        erasure = erasure_message(document, document["entry"]["seq"])
        demand(_signed(key, _bytes(document["erased_by"]), erasure), "erasure_unsigned")
    else:
        demand(_signed(key, _bytes(document["signature"]), signer_message(document)), "unsigned")
    demand(_signed(log_keys[-1], _bytes(document["log_signature"]), log_message(document)), "unsigned_by_log")
    return document, vkey_of(signer_name(origin, officer), officer)


def _log_keys(document: Mapping[str, Any], origin: str) -> list[bytes]:
    keys, old = list[bytes](), None
    for log_key in document["log_keys"]:
        demand(is_vkey(log_key["vkey"]) and log_key["vkey"].startswith(origin + "+"), "log_key_of_another_log")
        new, statement = _bytes(log_key["vkey"][-44:])[1:], log_key["statement"]
        message = f"{origin}\nhands the log over to\n".encode() + new
        is_signed = statement is None if old is None else bool(statement) and _signed(old, _bytes(statement), message)
        demand(is_signed, "log_key_unsigned")
        keys.append(old := new)
    return keys


class _Checkpoint(NamedTuple):
    """A log's size and root; *text* is signed under each name."""

    size: int
    root: bytes
    text: bytes
    signatures: dict[str, bytes]

    def signed_by(self, name: str, public: bytes) -> bool:
        """Whether it has a valid signature of that key under that name."""
        raw = self.signatures.get(name, b"")
        return raw[:4] == _key_id(name, public) and _signed(public, raw[4:], self.text)


def _checkpoint(note: str, origin: str) -> _Checkpoint:
    text, _, signed = note.partition("\n\n")
    of, size, root, begin = text.split("\n")
    demand(of == origin, "checkpoint_of_another_log")
    lines = [line.split(" ")[1:] for line in signed.splitlines()]
    signatures = {name: _bytes(encoded) for name, encoded in lines}
    demand(len(signatures) == len(lines) and int(begin[5:]) < int(size), "not_of_its_form")
    return _Checkpoint(int(size), _bytes(root), text.encode() + b"\n", signatures)


def root_of(entry: Mapping[str, Any], size: int) -> bytes | None:
    """The root that an entry's path leads to in a log of *size*; None for a path of another length (RFC 9162)."""
    at, last, node = entry["seq"], size - 1, _bytes(entry["leaf"])
    if at > last:
        return None
    for sibling in map(_bytes, entry["path"]):
        if last == 0:
            return None
        if at & 1 or at == last:
            node = hashlib.sha256(b"\x01" + sibling + node).digest()
            while not at & 1 and at:
                at, last = at >> 1, last >> 1
        else:
            node = hashlib.sha256(b"\x01" + node + sibling).digest()
        at, last = at >> 1, last >> 1
    return node if last == 0 else None


def _check_entries(document: Mapping[str, Any]) -> None:
    ids = {name for listed in document["recordings"] for name in (listed["recording"], *listed["copies"])}
    numbers = [entry["seq"] for entry in document["entries"]]
    demand(numbers == sorted(set(numbers)), "entries_out_of_order")
    for entry in document["entries"]:
        named = entry["recordings"]
        demand(ids.issuperset(named) and bool(named) is not (OF_ANOTHER in entry["what"]), "recordings_differ")


def _first_officer(document: Mapping[str, Any]) -> bytes:
    signers, key, store = document["signers"], b"", bytes.fromhex(document["store"])
    for signer, officer in zip(signers, [*signers[1:], signers[-1]], strict=True):
        key, since = _bytes(signer["key"]), signer["since"]
        said = b"arlo-rec/1/voucher\0" + store + key + since.to_bytes(8) + signer["role"].encode()
        demand(_signed(_bytes(officer["key"]), _bytes(signer["signature"]), said), "signer_unvouched")
        demand(officer["role"] == "officer" and officer["since"] <= since, "signer_by_no_officer")
    return key


# -- what is signed, by which key, under which name ---------------------------------------------------------------


def erasure_message(document: Mapping[str, Any], seq: int) -> bytes:
    """The message that the erasing person signs during the erasure: the document, and its entry's place."""
    keys = ("store", "number", "event", "rule", "erased_at", "count", "recordings")
    return b"arlo-rec/1/erased\0" + canonical({**{key: document[key] for key in keys}, "seq": seq})


def signer_message(document: Mapping[str, Any]) -> bytes:
    """The message that the officer signs: the document without her signature."""
    return b"arlo-rec/1/certificate\0" + canonical({key: document[key] for key in document if key != "signature"})


def log_message(document: Mapping[str, Any]) -> bytes:
    """The message that the log's newest key, which a removed person lacks, signs: the document without signatures."""
    unsigned = {key: document[key] for key in document if key not in ("signature", "log_signature")}
    return b"arlo-rec/1/certificate of the log\0" + canonical(unsigned)


def signer_name(origin: str, public: bytes) -> str:
    """The name under which a person's key signs a checkpoint."""
    return f"{origin}/{hashlib.sha256(b'arlo-rec/1/fingerprint' + bytes(1) + public).digest()[:16].hex()}"


def vkey_of(name: str, public: bytes) -> str:
    """A C2SP verifier key: name, key id and base64 of 0x01 and the Ed25519 key, with plus signs between."""
    return f"{name}+{_key_id(name, public).hex()}+{base64.b64encode(bytes([1]) + public).decode()}"


def is_vkey(text: str) -> bool:
    """Whether a text is a verifier key in its one form."""
    match = re.fullmatch(r"([!-*,-~]{1,200})\+[0-9a-f]{8}\+([A-Za-z0-9+/]{44})", text)
    return match is not None and vkey_of(match[1], _bytes(match[2])[1:]) == text


def _key_id(name: str, public: bytes) -> bytes:
    return hashlib.sha256(name.encode() + b"\n\x01" + public).digest()[:4]


def _signed(public: bytes, signature: bytes, message: bytes) -> bool:
    try:
        Ed25519PublicKey.from_public_bytes(public).verify(signature, message)
    except InvalidSignature:
        return False
    return True


_bytes = base64.b64decode  # of a text in the form of base64


# -- the script ------------------------------------------------------------------------------------------------


def main(words: Sequence[str]) -> int:
    """Check the files that *words* name, print the result, and return the exit status."""
    if not words or words[0].startswith("-"):
        print(__doc__.partition("\n\nEach step")[0], file=sys.stderr)
        return 2
    names = words[:2] if len(words) > 1 and "+" not in words[1] else words[:1]
    vkeys = [word.strip() for word in words[len(names) :]]
    try:
        with _opened(names[0]) as file:
            documents = [genuine := check(file, vkeys)]
        for name in names[1:]:
            with _opened(name) as file:
                if _kind_and_form(file)[0] == PAGE:
                    documents.append(page := check(file, vkeys))
                    demand_in_time(genuine, page)
                else:
                    documents.append(check_list(file, genuine, vkeys))
    except OSError as error:
        print(f"not checked: {error.filename or names[0]!a}: {error.strerror}", file=sys.stderr)
        return 2
    except Unknown as unknown:
        print(f"not checked: {unknown}", file=sys.stderr)
        return 2
    except Forged as forged:
        print(f"NOT genuine: {forged}", file=sys.stderr)
        return 1
    for document in documents:
        print(f"genuine: {_sentence(document.document)}")
    if not genuine.officer_checked:
        print(f"compare the first officer's key with the published one: {genuine.officer_vkey}")
    if not genuine.newest_checked and [each.document["kind"] for each in documents[1:]] != [PAGE]:
        print("its maker may have left since: give the newest key of the log that was published, or a page that was")
        print(f"compare the log's key with the newest published one: {genuine.document['log_keys'][-1]['vkey']}")
    return 0


def _opened(path: str) -> BinaryIO:
    """An open file, for reading; raises OSError, also for a pipe or a device."""
    handle = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0))
    if not stat.S_ISREG(os.fstat(handle).st_mode):
        os.close(handle)
        raise OSError(errno.EINVAL, "not a file")
    return os.fdopen(handle, "rb")


def _sentence(doc: Mapping[str, Any]) -> str:
    """The statement of a genuine file, as a sentence."""
    if doc["kind"] == ANSWER:
        return f"the answer of case {doc['case']}, made at {doc['made_at']}, is unchanged"
    if doc["kind"] == PAGE:
        what = f"the page {doc['page']} ({doc['lang']}) of version {doc['policy']} of the guidelines"
        return f"{what}, published at {doc['published_at']}, is unchanged"
    if doc["kind"] == LIST:
        read, size = sum(entry["access"] for entry in doc["entries"]), doc["checkpoint"].split("\n")[1]
        what = f"{doc['count']} entries name the recordings, {read} of them accesses"
        return f"the list of case {doc['case']}: {what}; all are in the log of {size} entries, others are denied"
    ring = f"; a backup may hold the key until {doc['ring_until']}" if doc["ring_until"] else ""
    return f"{doc['number']}, {doc['count']} recordings erased at {doc['erased_at']} by {doc['rule']}{ring}"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
