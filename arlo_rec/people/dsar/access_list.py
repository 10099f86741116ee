"""The list of accesses as a file of its own (`accesses.json`), complete up to a checkpoint of the log.

It lists every entry that names a recording of an answer or a copy of one: the entry's number, its leaf with the
inclusion path, and a code for its kind; for an access also role and day, as in the letter. Bodies of entries hold names
of staff and are left out; a leaf does not reveal them. The officer signs the list with `count`, the number of all
mentions, so that there are no others. SECURITY.md says what that proves, and what rests on the officer's word.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final

from arlo_rec.law.log.entries import LogEntry
from arlo_rec.law.log.event import AuditEvent
from arlo_rec.law.log.events import CallTakenIn, CaseHolds, CopyMade, Denied, Erases, Failed
from arlo_rec.law.messages import group
from arlo_rec.law.model.errors import Integrity
from arlo_rec.law.model.records import to_iso
from arlo_rec.law.model.times import local_date
from arlo_rec.people.dsar import accesses
from arlo_rec.people.dsar.accesses import LogMentions
from arlo_rec.vault.catalogue.audit_log import RawEntry
from arlo_rec.vault.certificates import check, seal
from arlo_rec.vault.crypto import merkle
from arlo_rec.vault.opened import Store

NAME: Final = "accesses.json"
POSSIBLE: Final = "possible"  # an access in an entry that its person did not sign
_KINDS: Final[Sequence[tuple[type[AuditEvent], str]]] = (
    (Denied, "refused"),
    (CallTakenIn, "taken_in"),
    (CopyMade, "copy_made"),
    (CaseHolds, "in_case"),
    (Erases, "erased"),
    (Failed, "failed"),
)


def document(store: Store, mentions: LogMentions, case: str, now: datetime) -> bytes:
    """The list of accesses of an answer, signed by this officer, as canonical JSON and a line end.

    Raises Integrity if the log lacks leaves, or no officer vouches for this officer's key.
    """
    numbers = [entry.seq for entry in mentions.entries]
    try:
        paths = merkle.paths_in(store.log.raw.leaves_in_order(mentions.size), mentions.size, numbers)
    except ValueError:
        raise Integrity("log_damaged") from None
    entries = [_entry(store, mentions, entry, paths[entry.seq], now) for entry in mentions.entries]
    listed = seal.by_officer(
        store,
        check.LIST,
        store.policy.at(now).version,
        case=case,
        made_at=to_iso(now),
        recordings=[
            {"recording": original.hex(), "copies": sorted(copy.hex() for copy in ids if copy != original)}
            for original, ids in mentions.named.items()
        ],
        count=len(entries),
        entries=entries,
        words={**group("letter.action"), **group("accesses")},
        checkpoint=mentions.checkpoint,
    )
    return listed + b"\n"


def _raw(store: Store, seq: int) -> RawEntry:
    for raw in store.log.raw.entries(seq, seq + 1):
        return raw
    raise Integrity("log_damaged")


def _entry(
    store: Store, mentions: LogMentions, entry: LogEntry, path: Sequence[bytes], now: datetime
) -> dict[str, Any]:
    """An entry as it is listed; one of another person's request names no recording: it would reveal whose they are."""
    raw, ids, body = _raw(store, entry.seq), mentions.ids(), entry.body or {}
    of_another = accesses.is_of_another(body, mentions.case)
    access = accesses.access_in(store, mentions, entry, ids, now)
    kind = _kind(entry.event) + check.OF_ANOTHER * of_another
    if access is not None:
        kind = access.action if access.certain else POSSIBLE
    return {
        **seal.entry_to_json(raw.seq, raw.leaf, path),
        "recordings": []
        if of_another
        else sorted(recording.hex() for recording in ids if recording.hex().encode() in (raw.body or b"")),
        "access": access is not None,
        "what": kind,
        "role": access.role if access is not None else None,
        "day": local_date(min(entry.at, now)).isoformat() if entry.body is not None else None,
    }


def _kind(event: AuditEvent | None) -> str:
    """The kind of an entry that is no access."""
    return next((kind for base, kind in _KINDS if isinstance(event, base)), "other")
