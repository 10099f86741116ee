"""Checking what we gave out, with no store: a deletion receipt, an access answer (page or archive), a list of accesses.

What a file is, its content says and not its name. It comes from anybody: it is read in pieces, never more of it kept
than a certificate or a list can be long, and nothing in it is shown before it has its one form and is signed.

    page      content || the element of the certificate || the end of the document: once in the file, and at its end
    archive   members || the certificate || the directory: the last two are made again and compared
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator, Sequence
from typing import BinaryIO, Final, NamedTuple

from arlo_rec.catalogue import log_proof
from arlo_rec.catalogue.log_proof import Genuine
from arlo_rec.dsar import access_list, certificate, stored_zip
from arlo_rec.erasure import receipts
from arlo_rec.keys import vouching
from arlo_rec.model import json_forms
from arlo_rec.model.errors import Integrity, Usage
from arlo_rec.model.strict_json import canonical, parse_object

LONGEST = 1024 * 1024  # bytes of a certificate, or of the end of an archive: 4,000 keys of a log, 15,000 members
_PIECE: Final = 1024 * 1024
_HEAD: Final = 4096  # bytes in which a page says that it is ours
_PAGE: Final = b"<!doctype html>"
_FORMS: Final[json_forms.Forms] = {
    "format": json_forms.is_format_1,
    "kind": json_forms.among(certificate.KIND),
    "policy": json_forms.POLICY,
    "store": json_forms.ID,
    "case": certificate.CASE,
    "made_at": json_forms.is_instant,
    "sha256": json_forms.SHA256,
    "bytes": json_forms.is_count,
    "accesses": json_forms.or_none(json_forms.SHA256),
    "entry": json_forms.object_of(**json_forms.ENTRY),
    **json_forms.OF_OFFICER,
}


class EmbeddedCertificate(NamedTuple):
    """A certificate as it lies in a file, and the digest and length of everything but it."""

    raw: bytes
    sha256: str
    size: int


class Ending(NamedTuple):
    """How a file ends with its certificate: what stands before it, and what stands behind it to the end."""

    mark: bytes
    after: bytes


class Problems(NamedTuple):
    """By which codes a kind of file is refused."""

    cut_off: str
    invalid: str
    changed: str


OF_ANSWERS: Final = Problems(cut_off="answer_cut_off", invalid="answer_invalid", changed="answer_changed")
_OF_PAGES: Final = Ending(certificate.MARK, certificate.AFTER_MARK)


def verify(file: BinaryIO, vkeys: Sequence[str] = ()) -> Genuine:
    """What a file that can be sought in holds, if it is genuine; its `kind` says what it is.

    Raises Integrity, or Usage where it is none of ours or one of *vkeys* is no verifier key.
    """
    file.seek(0)
    head = file.read(_HEAD)
    if head.startswith(b"{"):
        return _document(head + _rest(file), vkeys)
    if head.startswith(stored_zip.BEGINS):
        return checked(_in_archive(file), _FORMS, OF_ANSWERS, vkeys)
    if head.startswith(_PAGE) and certificate.GENERATOR in head:
        return checked(at_end(file, _OF_PAGES, OF_ANSWERS), _FORMS, OF_ANSWERS, vkeys)
    raise Usage("not_a_certificate")


def verify_accesses(raw: bytes, answer: Genuine, vkeys: Sequence[str] = ()) -> Genuine:
    """The list of accesses that was inside *answer*; raises Integrity where it is no such list, or another's."""
    if hashlib.sha256(raw).hexdigest() != answer.document["accesses"]:
        raise Integrity("accesses_of_another")
    return access_list.verify(raw, vkeys)


def _document(raw: bytes, vkeys: Sequence[str]) -> Genuine:
    """A receipt or a list of accesses."""
    return access_list.verify(raw, vkeys) if access_list.MARK in raw else receipts.verify(raw, vkeys)


def _rest(file: BinaryIO) -> bytes:
    """The rest of a document, which no longer one is kept of than there can be."""
    rest = file.read(access_list.LONGEST + 1)
    if len(rest) > access_list.LONGEST:
        raise Integrity("certificate_invalid")
    return rest


def checked(
    embedded: EmbeddedCertificate, forms: json_forms.Forms, problems: Problems, vkeys: Sequence[str]
) -> Genuine:
    """A certificate of these forms, if it is genuine and of the file in which it lies.

    1. it has its one form   2. what it is over is what stands in the file   3. each log key was signed by the key
    before it, one of them signed the checkpoint   4. whose last entry is the file's, written by whoever signed it
    5. the last log key signed it, and an officer, by officers' word up to the first
    6. each of *vkeys* is a key of the log, or that first officer's
    """
    wanted = log_proof.parsed_wanted(vkeys)
    try:
        told = parse_object(embedded.raw, max_bytes=LONGEST)
        if canonical(told) != embedded.raw or not json_forms.has_forms(told, forms):
            raise Integrity(problems.invalid)
        if (told["sha256"], told["bytes"]) != (embedded.sha256, embedded.size):
            raise Integrity(problems.changed)
        keys, vouchers = log_proof.log_keys(told), vouching.from_json(told["signers"])
        right = log_proof.is_of_log(told, keys) and log_proof.wrote_last_entry(told, vouchers[0].key)
        right = right and access_list.is_signed(told, keys, vouchers, told["entry"]["seq"])
    except (KeyError, TypeError, ValueError, AttributeError):
        raise Integrity(problems.invalid) from None
    if not right:
        raise Integrity(problems.invalid)
    return log_proof.compared(told, keys, vouchers[-1], wanted)


# -- where a certificate lies --------------------------------------------------------------------------


def at_end(file: BinaryIO, ending: Ending, problems: Problems) -> EmbeddedCertificate:
    """The certificate at the end of a file; raises Integrity where there is none, or one more before it."""
    size = file.seek(0, os.SEEK_END)
    end = end_of(file, size)
    at = end.rfind(ending.mark)
    if at < 0 or not end.endswith(ending.after):
        raise Integrity(problems.cut_off)
    raw = end[at + len(ending.mark) : -len(ending.after)]
    length = size - len(end) + at
    digest, before = hashlib.sha256(), b""
    for piece in _pieces(file, length):
        digest.update(piece)
        if ending.mark in before + piece:
            raise Integrity(problems.invalid)  # two of them: which one is read would be anybody's choice
        before = piece[-len(ending.mark) :]
    return EmbeddedCertificate(raw, digest.hexdigest(), length)


def _in_archive(file: BinaryIO) -> EmbeddedCertificate:
    size = file.seek(0, os.SEEK_END)
    end = end_of(file, size)
    try:
        last = stored_zip.read_last(end, size)
    except ValueError:
        raise Integrity("answer_cut_off") from None
    if end[last.offset - size + len(end) :] != stored_zip.tail(*last):
        raise Integrity("answer_changed")
    digest = hashlib.sha256()
    for piece in _pieces(file, last.offset):
        digest.update(piece)
    digest.update(last.records)
    return EmbeddedCertificate(last.certificate, digest.hexdigest(), last.offset + len(last.records))


def end_of(file: BinaryIO, size: int) -> bytes:
    """The end of a file of that size, in which its certificate lies."""
    begin = max(size - 2 * LONGEST, 0)
    file.seek(begin)
    return file.read(size - begin)


def _pieces(file: BinaryIO, length: int) -> Iterator[bytes]:
    file.seek(0)
    while length > 0 and (piece := file.read(min(_PIECE, length))):
        yield piece
        length -= len(piece)
