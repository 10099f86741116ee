"""Which employees objected to training copies of the calls that they answered, and whether that was upheld (GDPR 21).

An objection is what officers decided of it, in entries of the log: the newest of each name counts. Who answered a call
stands in its metadata, and counts as far as a key opens that. Names are compared as the telephone system's are: without
regard to case, to composed letters and to blanks (`model.names`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import NamedTuple

from arlo_rec.access import metadata
from arlo_rec.access.keyrings import Keyring, OfficerKeyring
from arlo_rec.log.events import ObjectionEnded, ObjectionUpheld
from arlo_rec.model.errors import Integrity, Refused
from arlo_rec.model.names import agent_name
from arlo_rec.model.records import Recording, RecordingId
from arlo_rec.store import Store

UPHELD, REJECTED, LIFTED = "upheld", "rejected", "lifted"
RULE = "data.employee"
CODE = "agent_objected"
_AT_ONCE = 500  # recordings whose keys and metadata are read together


class Objection(NamedTuple):
    """What was decided last of an employee's objection."""

    person: str  # as whoever decided wrote the name
    state: str
    at: datetime
    by: str
    reason: str


def by_name(store: Store) -> Mapping[str, Objection]:
    """Each objection as it stands, by the name as it is compared; those that were decided first before the others."""
    objections = dict[str, Objection]()
    for entry in store.log.entries.of_requests():
        event = entry.event
        if isinstance(event, ObjectionUpheld | ObjectionEnded):
            state, name = UPHELD if isinstance(event, ObjectionUpheld) else event.decision, agent_name(event.agent)
            objections.pop(name, None)
            objections[name] = Objection(event.agent, state, entry.at, entry.person, event.reason)
    return objections


def upheld(store: Store) -> frozenset[str]:
    """The names, as they are compared, of those whose objection was upheld and not lifted since."""
    return frozenset(name for name, each in by_name(store).items() if each.state == UPHELD)


def has_objected(store: Store, recording: Recording, keyring: Keyring) -> bool | None:
    """Whether who answered a call objected, by what the keyring opens of it.

    None where it opens nothing, so that nobody can tell. Raises Integrity where what says it is damaged.
    """
    names = upheld(store)
    keys = metadata.erasure_keys(store, [recording]) if names else {}
    if not keys:
        return False  # nobody objected; or it was erased meanwhile, and nothing opens it
    opened = next(metadata.open_each(store, [recording], keyring, keys), None)
    if opened is None and not isinstance(keyring, OfficerKeyring):
        return None
    if opened is None or opened[1] is None:
        raise Integrity("metadata_damaged", id=recording.id.hex())
    return agent_name(str(opened[1]["agent"])) in names


def objected_to(store: Store, recordings: Sequence[Recording], keyring: Keyring) -> set[RecordingId]:
    """Those whose employee objected, of many; where nobody can tell it of one, opening it will say why."""
    names, objected = upheld(store), set[RecordingId]()
    for at in range(0, len(recordings) if names else 0, _AT_ONCE):
        some = list(recordings[at : at + _AT_ONCE])
        for row, facts in metadata.open_each(store, some, keyring, metadata.erasure_keys(store, some)):
            if facts is not None and agent_name(str(facts["agent"])) in names:
                objected.add(row.id)
    return objected


def demand_none(store: Store, agent: str) -> None:
    """Raise Refused where that employee objected; inside the change that holds a copy of their call."""
    if agent_name(agent) in upheld(store):
        raise Refused(CODE, rule=RULE)
