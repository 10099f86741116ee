"""Objections of employees to the use of their calls: received, pending, and decided by officers (GDPR 21).

An objection is what officers entered and decided, in log entries: the newest of each name and scope counts. The agent
of a call stands in its metadata. Names are compared as the telephone system's are: without regard to case, composed
letters and blanks (`model.names`). `policy` says what an objection closes.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import date, datetime
from typing import Final

from msgspec.structs import replace

from arlo_rec.law.log.events import ObjectionEnded, ObjectionReceived, ObjectionUpheld
from arlo_rec.law.model.documents import Record
from arlo_rec.law.model.errors import Integrity
from arlo_rec.law.model.names import agent_name
from arlo_rec.law.model.records import Recording, RecordingId
from arlo_rec.law.model.times import local_date
from arlo_rec.law.rights import Objections, ObjectionScope, ObjectionState, unless_objected
from arlo_rec.policy import Action
from arlo_rec.vault.access import metadata
from arlo_rec.vault.access.keyrings import Keyring, OfficerKeyring
from arlo_rec.vault.opened import Store

RULE: Final = "data.employee"
_AT_ONCE = 500  # recordings whose keys and metadata are read together


class Objection(Record, frozen=True):
    """An employee's objection to one use of their calls, as it stands."""

    person: str  # as the officer wrote the name
    scope: ObjectionScope
    state: ObjectionState
    received: date
    due: date | None  # the last day for the decision; None once it is made
    days_left: int | None  # until then, negative after it
    at: datetime  # when it was entered or decided
    by: str
    reason: str | None  # of the decision


def every(store: Store, now: datetime) -> list[Objection]:
    """Each objection as it stands, the newest change last."""
    today = local_date(store.clock.today(now))
    listed = _by_name(store).values()
    return [
        objection if objection.due is None else replace(objection, days_left=(objection.due - today).days)
        for objection in listed
    ]


def pending(store: Store, now: datetime) -> list[Objection]:
    """The objections without a decision, by deadline."""
    waiting = [each for each in every(store, now) if each.state is ObjectionState.PENDING]
    return sorted(waiting, key=lambda each: (each.received, each.at))


def listed(store: Store, now: datetime) -> list[Objection]:
    """Each objection as it stands, the newest change first; raises NotGranted."""
    store.demand(Action.AUDIT_SHOW, now)
    return every(store, now)[::-1]


def of_agent(store: Store, name: str) -> dict[ObjectionScope, Objection]:
    """The objections of one employee, as they stand."""
    wanted = agent_name(name)
    return {scope: each for (compared, scope), each in _by_name(store).items() if compared == wanted}


def in_force(store: Store) -> Mapping[str, Objections]:
    """The objections that close a use, pending or upheld, by compared name."""
    closing = dict[str, dict[ObjectionScope, ObjectionState]]()
    for (name, scope), objection in _by_name(store).items():
        if objection.state in {ObjectionState.PENDING, ObjectionState.UPHELD}:
            closing.setdefault(name, {})[scope] = objection.state
    return closing


def closed_names(store: Store, scopes: frozenset[ObjectionScope]) -> frozenset[str]:
    """The compared names of employees to whose calls an objection to one of *scopes* closes a use."""
    objected = in_force(store).items()
    return frozenset(name for name, theirs in objected if not unless_objected(theirs, scopes).allowed)


def agent_of(store: Store, recording: Recording, keyring: Keyring) -> str | None:
    """The name of the employee who answered a call.

    None if the keyring opens nothing, or the recording was erased meanwhile. Raises Integrity for damaged metadata.
    """
    keys = metadata.erasure_keys(store, [recording])
    opened = next(metadata.open_each(store, [recording], keyring, keys), None)
    if not keys or (opened is None and not isinstance(keyring, OfficerKeyring)):
        return None
    if opened is None or opened[1] is None:
        raise Integrity("metadata_damaged", id=recording.id.hex())
    return str(opened[1]["agent"])


def objected_to(
    store: Store, recordings: Sequence[Recording], keyring: Keyring, scopes: frozenset[ObjectionScope]
) -> set[RecordingId]:
    """The recordings that an objection closes; an unreadable one is left out, and opening it says why."""
    names, objected = closed_names(store, scopes), set[RecordingId]()
    for at in range(0, len(recordings) if names else 0, _AT_ONCE):
        batch = list(recordings[at : at + _AT_ONCE])
        for row, facts in metadata.open_each(store, batch, keyring, metadata.erasure_keys(store, batch)):
            if facts is not None and agent_name(str(facts["agent"])) in names:
                objected.add(row.id)
    return objected


def _by_name(store: Store) -> dict[tuple[str, ObjectionScope], Objection]:
    """The current state of each objection by compared name and scope, in order of its last change."""
    objections = dict[tuple[str, ObjectionScope], Objection]()
    for objection in _logged(store):
        key = agent_name(objection.person), objection.scope
        before = objections.pop(key, None)
        is_entered = objection.state is ObjectionState.PENDING
        if before is not None and (not is_entered or before.state is ObjectionState.PENDING):
            received = min(before.received, objection.received)  # entered twice, the first day counts
            objection = replace(objection, received=received)
        objections[key] = replace(objection, due=_due(objection.received) if is_entered else None)
    return objections


def _due(received: date) -> date:
    from arlo_rec.law.model.deadlines import answer_due  # here: most commands count no deadline

    return answer_due(received)


def _logged(store: Store) -> Iterator[Objection]:
    """The objection of each scope in each entry; a decision alone counts as received on its own day."""
    for entry in store.log.entries.of_requests(ObjectionReceived, ObjectionUpheld, ObjectionEnded):
        event = entry.event
        match event:
            case ObjectionReceived():
                state, received = ObjectionState.PENDING, date.fromisoformat(event.received)
            case ObjectionUpheld():
                state, received = ObjectionState.UPHELD, local_date(entry.at)
            case ObjectionEnded():
                state, received = event.decision, local_date(entry.at)
            case _:
                continue
        reason = None if isinstance(event, ObjectionReceived) else event.reason
        for scope in event.scopes:
            yield Objection(event.agent, scope, state, received, None, None, entry.at, entry.person, reason)
