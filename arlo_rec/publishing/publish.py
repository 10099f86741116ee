"""Publishing the guidelines: every page, in both languages, as HTML and as Markdown, into a folder of its own.

    1  all pages are written in memory
    2  the entry `PolicyPublished`, with the digest of each, is durable
    3  each page gets its certificate, which proves that entry
    4  the files are written into a folder beside the one that was named, and synced     5  that gets its name

The certificate of a page says which store and version of the policy the page is of, which page, in which language and
form, when it was published, and the SHA-256 of everything in the file but itself. No personal data but the names of
officers, which stand in the page. It proves the entry, which is one for all pages of a run.

A run that is cut off leaves a log that says that the pages were signed, and no folder of that name, or the whole one.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from datetime import datetime
from typing import Any, NamedTuple

from arlo_rec.backends.named_files import NamedFile
from arlo_rec.certificates import check, seal
from arlo_rec.crypto import merkle
from arlo_rec.log.events import PolicyPublished
from arlo_rec.model.errors import InUse
from arlo_rec.model.particulars import Particulars
from arlo_rec.model.records import to_iso
from arlo_rec.policy import Action
from arlo_rec.publishing import pages
from arlo_rec.publishing.pages import Page
from arlo_rec.store import Store


class PublishedPage(NamedTuple):
    """A page that was written; SHA-256, in hex, and length of the whole file."""

    page: Page
    sha256: str
    size: int


class Published(NamedTuple):
    """What was published: the version of the policy, and the pages."""

    version: str
    pages: list[PublishedPage]


def publish(store: Store, company: Particulars, folder: NamedFile, now: datetime) -> Published:
    """Write every page of the policy in force into *folder*, which must not be there, or be empty.

    Raises NotGranted where somebody is no officer, Usage where something else lies there by then, Integrity where
    nobody vouches for this officer's key, and Unreachable.
    """
    store.demand(Action.POLICY, now)
    store.demand_clock(Action.POLICY, now)
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
    written = [PublishedPage(page, hashlib.sha256(raw).hexdigest(), len(raw)) for page, raw in files.items()]
    return Published(version.version, written)


def digest(page: Page, content: bytes) -> str:
    """SHA-256, in hex, of a page without its certificate."""
    return hashlib.sha256(seal.before_certificate(content, page.form)).hexdigest()


def signed(
    store: Store, page: Page, content: bytes, version: str, published_at: datetime, proof: Mapping[str, Any]
) -> bytes:
    """A page of that version with its certificate; raises Integrity where this officer's key is not vouched for."""
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
        sha256=digest(page, content),
        bytes=len(over),
    )
    return over + seal.behind_content(certificate, page.form)
