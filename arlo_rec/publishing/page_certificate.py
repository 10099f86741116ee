"""The certificate of a published page: whoever has the page can check that we gave it out, and that it is whole.

It is made like that of an access answer (`dsar.certificate`): it says which store and version of the policy the page is
of, which page, in which language and form, when it was published, and the SHA-256 of everything in the file but itself;
it proves an entry of the log, and is signed by the officer who published, with the vouchers for her key. No personal
data but the names of officers, which stand in the page.

    HTML       content || the element of the certificate || the end of the document
    Markdown   content || a comment with the certificate

The entry `PolicyPublished` is one for all pages of a run and names the digest of each.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

from arlo_rec.dsar import certificate
from arlo_rec.dsar.certificate_check import Ending
from arlo_rec.model import json_forms
from arlo_rec.model.records import to_iso
from arlo_rec.store import Store

KIND: Final = "arlo-rec published page"
MARKDOWN_HEAD: Final = b"<!-- arlo-rec published page -->\n\n"  # by which a page is known, at its beginning
GENERATOR: Final = b'<meta name="generator" content="arlo-rec published page">'  # ... and near its beginning
ENDINGS: Final[Mapping[str, Ending]] = {
    "html": Ending(certificate.MARK, certificate.AFTER_MARK),
    "md": Ending(b"\n<!-- arlo-rec certificate: ", b" -->\n"),
}
ELEMENT_OF_KIND: Final = f'"kind":"{KIND}"'.encode()  # in every certificate of a page
NAME: Final = json_forms.text("[a-z][a-z-]{0,39}")
FORMS: Final[json_forms.Forms] = {
    "format": json_forms.is_format_1,
    "kind": json_forms.among(KIND),
    "policy": json_forms.POLICY,
    "store": json_forms.ID,
    "page": NAME,
    "lang": json_forms.among("nb", "en"),
    "form": json_forms.among("html", "md"),
    "published_at": json_forms.is_instant,
    "sha256": json_forms.SHA256,
    "bytes": json_forms.is_count,
    "entry": json_forms.object_of(**json_forms.ENTRY),
    **json_forms.OF_OFFICER,
}


def before_certificate(content: bytes, form: str) -> bytes:
    """What the certificate of a page is over: all but the end of an HTML document, which stands behind it."""
    if form == "md":
        return content
    if not content.endswith(certificate.PAGE_END):
        raise ValueError("not the end of a page")
    return content.removesuffix(certificate.PAGE_END)


def digest(content: bytes, form: str) -> str:
    """SHA-256, in hex, of a page without its certificate."""
    return hashlib.sha256(before_certificate(content, form)).hexdigest()


def signed(
    store: Store, content: bytes, page: tuple[str, str, str], published_at: datetime, proof: Mapping[str, Any]
) -> bytes:
    """A page with its certificate; *page* is its name, language and form, *proof* what `certificate.proof_of` says.

    Raises Integrity where nobody vouches for this officer's key.
    """
    name, lang, form = page
    over = before_certificate(content, form)
    document = {
        **proof,
        "kind": KIND,
        "page": name,
        "lang": lang,
        "form": form,
        "published_at": to_iso(published_at),
        "sha256": digest(content, form),
        "bytes": len(over),
    }
    ending = ENDINGS[form]
    return over + ending.mark + certificate.signed(store, document) + ending.after
