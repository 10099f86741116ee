"""What a backup's own log says: nothing else in the backup may be older than it.

A catalogue whose rows are older than its log would bring back what was erased in between, and let in who had left,
though the feed has nothing to add: a restore goes by what came after the log.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from arlo_rec.catalogue import audit_log
from arlo_rec.model import audit_events
from arlo_rec.model.audit_events import AuthorityChanged
from arlo_rec.model.errors import Integrity
from arlo_rec.model.records import RecordingId
from arlo_rec.model.rights import may_say
from arlo_rec.store import Store


def demand_current(store: Store) -> frozenset[RecordingId]:
    """Everything that the log says is erased; raises Integrity where the chain of authority ends before the log says.

    The chain holds roster, policy and settings. Entries count where whoever signed them could say them then.
    """
    erasing, authority = audit_events.erasing(), (AuthorityChanged.ACTION, AuthorityChanged.OUTCOME)
    erased, newest = set[RecordingId](), 0
    for seq, body in store.log.bodies():
        try:
            entry = audit_log.read_body(body or b"")
            happened = entry["action"], entry["outcome"]
            if happened in erasing and _is_theirs(store, seq, entry):
                erased |= {RecordingId(bytes.fromhex(name)) for name in entry.get("recordings", ())}
            elif happened == authority and _is_theirs(store, seq, entry):
                newest = max(newest, int(entry["detail"]["link"]))
        except (KeyError, TypeError, ValueError):
            continue  # not an entry of this program
    if store.authority.pin().number < newest:
        raise Integrity("backup_damaged", path=str(store.layout.catalogue))
    return frozenset(erased)


def _is_theirs(store: Store, seq: int, entry: Mapping[str, Any]) -> bool:
    signer = store.signer_of(seq)
    return signer is not None and may_say(signer.role, str(entry["action"]))
