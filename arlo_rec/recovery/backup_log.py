"""What a backup's own log says: nothing else in the backup may be older than it.

A catalogue whose rows are older than its log would bring back what was erased in between, and let in who had left,
though the feed has nothing to add: a restore goes by what came after the log.
"""

from __future__ import annotations

from arlo_rec.catalogue import audit_log
from arlo_rec.model import audit_events
from arlo_rec.model.audit_events import AuthorityChanged
from arlo_rec.model.errors import Integrity
from arlo_rec.model.records import RecordingId
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
            counts = happened in {*erasing, authority} and store.entry_counts(seq, str(entry["action"]))
            if counts and happened in erasing:
                erased |= {RecordingId(bytes.fromhex(name)) for name in entry.get("recordings", ())}
            elif counts and entry["detail"]["link"] == newest + 1:
                newest += 1
        except (KeyError, TypeError, ValueError):
            continue  # not an entry of this program
    if store.authority.pin().number < newest:
        raise Integrity("backup_damaged", path=str(store.layout.catalogue))
    return frozenset(erased)
