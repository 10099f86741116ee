"""The register of access requests: a case is opened when a request arrives, and runs until its deadline."""

from __future__ import annotations

from datetime import datetime

from arlo_rec.access import audience_keys
from arlo_rec.catalogue.cases import CaseRow
from arlo_rec.catalogue.sealed_secrets import access_seed
from arlo_rec.crypto import primitives
from arlo_rec.dsar.answer import Case, CaseState
from arlo_rec.model import audit_events
from arlo_rec.model.audit_events import CaseOpened, Denied
from arlo_rec.model.deadlines import answer_due
from arlo_rec.model.errors import Integrity, Refused, Usage
from arlo_rec.model.times import local_date
from arlo_rec.policy import Action, identity_stated
from arlo_rec.store import Store


def case_of(store: Store, tag: bytes, identity: str | None, received_at: datetime | None, now: datetime) -> Case:
    """The caller's open case, or a new case, which needs a checked identity (access.subject)."""
    running = _running_case(store, tag, now)
    if running is not None:
        return running
    statement = identity or ""
    decision = identity_stated(statement)
    if not decision.allowed:
        store.note(Denied(action=Action.DSAR, rule=decision.rule, code=decision.code), now)
        raise Refused(decision.code, rule=decision.rule)
    received = received_at or now
    if received > now:
        raise Usage("received_in_future")
    case = Case(primitives.fresh(6).hex(), CaseState.OPEN, received, answer_due(local_date(received)), statement)
    access = audience_keys.access_key(store)
    sealed = access.id + primitives.seal(access.public, statement.encode("utf-8"), _identity_info(store, case.id))
    with store.change(now) as change:
        row = CaseRow(case.id, received, case.due_on, sealed, tag)
        store.catalogue.cases.add(row)
        change.log(CaseOpened(case=case.id, sworn=row.digest()))
    return case


def _running_case(store: Store, tag: bytes, now: datetime) -> Case | None:
    """The caller's case that is not past its deadline: within it an answer needs no new identity check."""
    row = store.catalogue.cases.newest_due_from(tag, local_date(now))
    if row is None:
        return None
    _demand_opened(store, row)
    key_id, sealed = row.sealed_identity[:16], row.sealed_identity[16:]
    key = primitives.SealingKey.from_seed(store.secret(access_seed(key_id)))
    try:
        statement = key.open(sealed, _identity_info(store, row.id)).decode("utf-8")
    except primitives.Sealed:
        raise Integrity("case_changed", rule="access.subject", case=row.id) from None
    return Case(row.id, CaseState.OPEN, row.received_at, row.due_on, statement)


def _demand_opened(store: Store, row: CaseRow) -> None:
    """Raise Integrity unless an officer's entry of the log commits to a case, and so to how identity was checked."""
    for entry in store.log.holding([f'"case":"{row.id}"']):
        event = audit_events.read(entry.body or {})
        is_this = isinstance(event, CaseOpened) and event.sworn == row.digest()
        if is_this and store.entry_counts(entry.seq, Action.DSAR):
            return
    raise Integrity("case_changed", rule="access.subject", case=row.id)


def _identity_info(store: Store, case: str) -> bytes:
    """The HPKE info that a sealed identity statement is bound to."""
    return b"arlo-rec/1/identity\0" + store.layout.id + case.encode("ascii")
