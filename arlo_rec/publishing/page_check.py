"""Checking a published page with no store; what is none is left to `dsar.certificate_check`.

A page is known by its beginning or by the certificate at its end: one whose beginning was changed is a changed page.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import BinaryIO, Final

from arlo_rec.catalogue.log_proof import Genuine
from arlo_rec.dsar import certificate_check
from arlo_rec.dsar.certificate_check import Problems
from arlo_rec.model.errors import Integrity
from arlo_rec.publishing import page_certificate

PROBLEMS: Final = Problems(cut_off="page_cut_off", invalid="page_invalid", changed="page_changed")
_HEAD: Final = 4096  # bytes in which a page says that it is one
_BEGIN: Final = b"<!doctype html>"


def verify(file: BinaryIO, vkeys: Sequence[str] = ()) -> Genuine:
    """What a file that can be sought in holds, if it is genuine: a page, or anything else that is given out.

    Raises Integrity, or Usage where it is none of ours or one of *vkeys* is no verifier key.
    """
    form = form_of(file)
    if form is None:
        return certificate_check.verify(file, vkeys)
    lying = certificate_check.at_end(file, page_certificate.ENDINGS[form], PROBLEMS)
    genuine = certificate_check.checked(lying, page_certificate.FORMS, PROBLEMS, vkeys)
    if genuine.document["form"] != form:
        raise Integrity(PROBLEMS.invalid)
    return genuine


def form_of(file: BinaryIO) -> str | None:
    """The form of a page, `html` or `md`; None where the file is none."""
    file.seek(0)
    head = file.read(_HEAD)
    size = file.seek(0, os.SEEK_END)
    end = certificate_check.end_of(file, size)
    is_html = head.startswith(_BEGIN) and page_certificate.GENERATOR in head
    is_page = is_html or head.startswith(page_certificate.MARKDOWN_HEAD) or page_certificate.ELEMENT_OF_KIND in end
    if not is_page:
        return None
    return "html" if is_html or page_certificate.ENDINGS["html"].mark in end else "md"
