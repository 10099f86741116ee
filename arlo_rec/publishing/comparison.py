"""Published pages against the policy of today: what is missing, changed by hand, of another store, or out of date.

A page is made anew, with the time that it says it was published, and compared byte by byte. Files in the folder that
are no pages of ours are ignored.
"""

from __future__ import annotations

import io
from datetime import datetime
from enum import StrEnum
from typing import Final

from arlo_rec.admin.policy_drift import Drift
from arlo_rec.backends.named_files import NamedFile
from arlo_rec.certificates import check
from arlo_rec.certificates.check import Forged, Genuine, Unknown
from arlo_rec.log.events import PolicyPublished, read
from arlo_rec.model.errors import Unreachable
from arlo_rec.model.particulars import Particulars
from arlo_rec.model.records import from_iso
from arlo_rec.model.strict_json import from_base64
from arlo_rec.publishing import pages
from arlo_rec.publishing.pages import Page
from arlo_rec.publishing.publish import digest
from arlo_rec.store import Store

LONGEST: Final = 4 * 1024 * 1024  # bytes of a page; ours have some ten thousand


class What(StrEnum):
    """What is wrong with a published page."""

    MISSING = "missing"
    CHANGED = "changed"  # it is no page of that name, or its certificate does not fit
    OTHER_STORE = "other_store"  # signed, but no entry of this log tells of it
    OLDER_POLICY = "older_policy"  # of another version than the one in force
    OTHER_TEXT = "other_text"  # today's policy, particulars or program would give another


def drifts(folder: NamedFile, store: Store, company: Particulars, now: datetime) -> list[Drift]:
    """What differs between the pages in *folder* and what would be published at *now*, by file; empty if nothing.

    Raises Unreachable where a file is there and cannot be read.
    """
    found = ((page, _drift(page, folder.inside(page.file), store, company, now)) for page in pages.every())
    return [Drift(what, page.file) for page, what in found if what is not None]


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
    told = genuine.document
    if told["kind"] != check.PAGE or (told["page"], told["lang"], told["form"]) != tuple(page):
        return What.CHANGED
    if not _is_logged(store, page, genuine):
        return What.OTHER_STORE
    version = store.policy.at(now)
    if told["policy"] != version.version:
        return What.OLDER_POLICY
    today = pages.content(page, version, company, from_iso(told["published_at"]), now)
    return None if digest(page, today) == told["sha256"] else What.OTHER_TEXT


def _is_logged(store: Store, page: Page, genuine: Genuine) -> bool:
    """Whether an entry of this log, signed by somebody who may publish, names the digest of that page."""
    told, seq = genuine.document, genuine.document["entry"]["seq"]
    if told["store"] != store.layout.id.hex():
        return False
    if store.log.raw.leaves(seq, seq + 1).get(seq) != from_base64(told["entry"]["leaf"], 32):
        return False
    entry = store.log.entries.get(seq)
    event = read(entry.body) if entry is not None and entry.body is not None else None
    is_named = isinstance(event, PolicyPublished) and event.pages.get(page.file) == told["sha256"]
    return is_named
