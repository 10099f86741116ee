"""Objections of employees to training copies of their calls, and whether they were upheld (GDPR 21).

An objection is what officers decided, in log entries: the newest of each name counts. The agent of a call stands in
its metadata. Names are compared as the telephone system's are: without regard to case, composed letters and blanks
(`model.names`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

from arlo_rec.access import metadata
from arlo_rec.access.keyrings import Keyring, OfficerKeyring
from arlo_rec.log.events import ObjectionEnded, ObjectionUpheld
from arlo_rec.model.documents import Record
from arlo_rec.model.errors import Integrity, Refused
from arlo_rec.model.names import agent_name
from arlo_rec.model.records import Recording, RecordingId
from arlo_rec.policy import Action
from arlo_rec.store import Store

UPHELD, REJECTED, LIFTED = "upheld", "rejected", "lifted"
RULE = "data.employee"
CODE = "agent_objected"
_AT_ONCE = 500  # recordings whose keys and metadata are read together


class Objection(Record, frozen=True):
    """The newest decision on an employee's objection."""

    person: str  # as the deciding officer wrote the name
    state: str
    at: datetime
    by: str
    reason: str


def by_name(store: Store) -> Mapping[str, Objection]:
    """The current state of each objection by compared name, in order of decision."""
    objections = dict[str, Objection]()
    for entry in store.log.entries.of_requests():
        event = entry.event
        if isinstance(event, ObjectionUpheld | ObjectionEnded):
            state, name = UPHELD if isinstance(event, ObjectionUpheld) else event.decision, agent_name(event.agent)
            objections.pop(name, None)
            objections[name] = Objection(event.agent, state, entry.at, entry.person, event.reason)
    return objections


def listed(store: Store, now: datetime) -> list[Objection]:
    """Each objection as it stands, the newest decision first; raises NotGranted."""
    store.demand(Action.AUDIT_SHOW, now)
    return list(by_name(store).values())[::-1]


def upheld(store: Store) -> frozenset[str]:
    """The compared names of employees whose objection was upheld and not lifted since."""
    return frozenset(name for name, objection in by_name(store).items() if objection.state == UPHELD)


def has_objected(store: Store, recording: Recording, keyring: Keyring) -> bool | None:
    """Whether the agent of a call objected, by what the keyring opens.

    None if it opens nothing. Raises Integrity if the metadata is damaged.
    """
    names = upheld(store)
    keys = metadata.erasure_keys(store, [recording]) if names else {}
    if not keys:
        return False  # no objections; or erased meanwhile, and nothing opens it
    opened = next(metadata.open_each(store, [recording], keyring, keys), None)
    if opened is None and not isinstance(keyring, OfficerKeyring):
        return None
    if opened is None or opened[1] is None:
        raise Integrity("metadata_damaged", id=recording.id.hex())
    return agent_name(str(opened[1]["agent"])) in names


def objected_to(store: Store, recordings: Sequence[Recording], keyring: Keyring) -> set[RecordingId]:
    """The recordings whose agent objected; an unreadable one is left out, and opening it says why."""
    names, objected = upheld(store), set[RecordingId]()
    for at in range(0, len(recordings) if names else 0, _AT_ONCE):
        batch = list(recordings[at : at + _AT_ONCE])
        for row, facts in metadata.open_each(store, batch, keyring, metadata.erasure_keys(store, batch)):
            if facts is not None and agent_name(str(facts["agent"])) in names:
                objected.add(row.id)
    return objected


def demand_none(store: Store, agent: str) -> None:
    """Raise Refused if that employee objected; inside the change that makes a copy of their call held."""
    if agent_name(agent) in upheld(store):
        raise Refused(CODE, rule=RULE)
