"""Publishing the guidelines: every page, in both languages, as HTML and as Markdown, into a folder of its own.

    1  all pages are written in memory
    2  the entry `PolicyPublished`, with the digest of each, is durable
    3  each page gets its certificate, which proves that entry
    4  the files are written into a folder beside the named one, and synced
    5  that folder gets its name

The certificate of a page states its store, policy version, name, language, form and time of publication. It has the
SHA-256 of the rest of the file. Neither it nor the page names a person of the store. It proves the entry, which is one
for all pages of a run.

An interrupted run leaves the entry in the log, and no folder of that name, or the whole one.
"""

from __future__ import annotations

import hashlib
import io
from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum
from typing import Any, Final

from arlo_rec.law.log.events import PolicyPublished
from arlo_rec.law.model.documents import Record
from arlo_rec.law.model.errors import InUse, Unreachable
from arlo_rec.law.model.particulars import KEYS, Particulars
from arlo_rec.law.model.records import from_iso, to_iso
from arlo_rec.law.model.strict_json import from_base64
from arlo_rec.office.policy_drift import Drift
from arlo_rec.people.publishing import pages
from arlo_rec.people.publishing.pages import Page
from arlo_rec.policy import Action
from arlo_rec.vault.backends.named_files import NamedFile
from arlo_rec.vault.certificates import check, seal
from arlo_rec.vault.certificates.check import Forged, Genuine, Unknown
from arlo_rec.vault.crypto import merkle
from arlo_rec.vault.opened import Store


class PublishedPage(Record, frozen=True):
    """A page that was written; SHA-256, in hex, and length of the whole file."""

    name: str
    lang: str
    form: str
    file: str
    sha256: str
    bytes: int


class Published(Record, frozen=True):
    """The published version of the policy, and its pages."""

    version: str
    out: str
    pages: list[PublishedPage]


def publish(store: Store, company: Particulars, folder: NamedFile, now: datetime) -> Published:
    """Write every page of the policy in force into *folder*, which must be missing or empty.

    Raises NotGranted for anyone but an officer, Usage if the folder is taken by then, and Unreachable. Raises Integrity
    if no officer vouches for this officer's key.
    """
    store.demand(Action.POLICY, now)
    store.demand_clock(Action.POLICY, now)
    store.demand_approved(Action.POLICY, now)
    company.demand(KEYS, "info.published")
    version = store.policy.at(now)
    contents = {page: pages.content(page, version, company, now, now) for page in pages.every()}
    digests = {page.file: digest(page, content) for page, content in contents.items()}
    with store.change(now) as change:
        if store.policy.at(now) != version:  # another officer's command was through meanwhile
            raise InUse("policy_changed_meanwhile")
        path = merkle.path_of_last(store.log.tree())
        seq = change.log(PolicyPublished(version=version.version, pages=digests))
    proof = seal.proof_of(store, seq, path)
    files = {page: signed(store, page, content, version.version, now, proof) for page, content in contents.items()}
    folder.write_folder({page.file: content for page, content in files.items()})
    written = [
        PublishedPage.of(page, sha256=hashlib.sha256(raw).hexdigest(), bytes=len(raw)) for page, raw in files.items()
    ]
    return Published(version.version, str(folder), written)


def digest(page: Page, content: bytes) -> str:
    """SHA-256, in hex, of a page without its certificate."""
    return hashlib.sha256(seal.before_certificate(content, page.form)).hexdigest()


def signed(
    store: Store, page: Page, content: bytes, version: str, published_at: datetime, proof: Mapping[str, Any]
) -> bytes:
    """A page of that version with its certificate; raises Integrity if this officer's key is not vouched for."""
    over = seal.before_certificate(content, page.form)
    certificate = seal.by_officer(
        store,
        check.PAGE,
        version,
        **proof,
        page=page.name,
        lang=page.lang,
        form=page.form,
        published_at=to_iso(published_at),
        ended=seal.ended_keys(store.log),
        sha256=digest(page, content),
        bytes=len(over),
    )
    return over + seal.behind_content(certificate, page.form)


# -- comparison --------------------------------------------------------------------------------------
# Published pages against the policy of today: missing, changed by hand, of another store, or out of date.
#
# A page is made anew, with its stated time of publication, and compared byte by byte. Files in the folder that
# are no pages of ours are ignored.


LONGEST: Final = 4 * 1024 * 1024  # bytes of a page; ours have some ten thousand


class What(StrEnum):
    """A kind of difference in a published page."""

    MISSING = "missing"
    CHANGED = "changed"  # it is no page of that name, or its certificate does not fit
    OTHER_STORE = "other_store"  # signed, but no entry of this log tells of it
    OLDER_POLICY = "older_policy"  # of another version than the one in force
    OTHER_TEXT = "other_text"  # today's policy, particulars or program would give another


def drifts(folder: NamedFile, store: Store, company: Particulars, now: datetime) -> list[Drift]:
    """The differences between the pages in *folder* and the pages of *now*, by file; empty without any.

    Raises Unreachable if a file exists and cannot be read, and Refused for particulars of which no page can be made.
    """
    company.demand(KEYS, "info.published")
    checked = ((page, _drift(page, folder.inside(page.file), store, company, now)) for page in pages.every())
    return [Drift(drift, page.file) for page, drift in checked if drift is not None]


def _drift(page: Page, file: NamedFile, store: Store, company: Particulars, now: datetime) -> What | None:
    try:
        raw = file.read(LONGEST)
    except FileNotFoundError:
        return What.MISSING
    except OSError as problem:
        raise Unreachable("disk_failed", path=str(file), reason=problem.strerror or "") from None
    try:
        genuine = check.check(io.BytesIO(raw))
    except (Forged, Unknown):
        return What.CHANGED
    document = genuine.document
    if document["kind"] != check.PAGE or (document["page"], document["lang"], document["form"]) != tuple(page):
        return What.CHANGED
    if not _is_logged(store, page, genuine):
        return What.OTHER_STORE
    version = store.policy.at(now)
    if document["policy"] != version.version:
        return What.OLDER_POLICY
    today = pages.content(page, version, company, from_iso(document["published_at"]), now)
    return None if digest(page, today) == document["sha256"] else What.OTHER_TEXT


def _is_logged(store: Store, page: Page, genuine: Genuine) -> bool:
    """Whether an entry of this log, signed by a person who may publish, names the digest of that page."""
    told, seq = genuine.document, genuine.document["entry"]["seq"]
    if told["store"] != store.layout.id.hex():
        return False
    if store.log.raw.leaves(seq, seq + 1).get(seq) != from_base64(told["entry"]["leaf"], 32):
        return False
    entry = store.log.entries.get(seq)
    event = entry.event if entry is not None else None
    return isinstance(event, PolicyPublished) and event.pages.get(page.file) == told["sha256"]
