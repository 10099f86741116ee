"""Setting and lifting a hold: one call or a person's calls, on a ground of the law, with an end (GDPR 18).

A hold needs two officers, where there are two, and ends by itself after 90 days at most; the officers may set another.
An officer alone may lift one: then retention and withdrawal apply again.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime

from msgspec import UNSET, UnsetType

from arlo_rec.law.log.events import Denied, HoldDenied, HoldLifted, HoldProposed, HoldSet
from arlo_rec.law.log.registers import HoldState, LoggedHold
from arlo_rec.law.model.documents import Record
from arlo_rec.law.model.errors import NotGranted, NothingMatched, Refused, Usage
from arlo_rec.law.model.phone_numbers import one_number
from arlo_rec.law.model.policy_versions import demanded_reason
from arlo_rec.law.model.records import Kind, Recording, RecordingId, Subject, to_iso
from arlo_rec.law.rights import HoldGround, may_hold, outlives_withdrawal
from arlo_rec.policy import Action
from arlo_rec.vault.access import holds
from arlo_rec.vault.access.short_ids import matching, named
from arlo_rec.vault.catalogue.sealed_secrets import INDEX_SEED
from arlo_rec.vault.crypto import primitives
from arlo_rec.vault.keys import four_eyes
from arlo_rec.vault.opened import Store

_RULE = "access.subject"


class HoldShown(Record, frozen=True):
    """A hold as answers show it."""

    id: str
    ground: HoldGround
    until: datetime
    by: str
    approved_by: str | None  # the second officer; None where there was none
    at: datetime
    state: HoldState
    calls: list[RecordingId]
    reason: str

    @classmethod
    def at_time(cls, hold: LoggedHold, now: datetime) -> HoldShown:
        """A hold as it stands at *now*."""
        facts = (hold.ground, hold.until, hold.by, hold.approved_by, hold.at, hold.state(now))
        return cls(hold.id, *facts, sorted(hold.calls), hold.reason)


class HoldAnswer(Record, frozen=True, kw_only=True):
    """A hold that was set, proposed or lifted; or every hold in force or waiting."""

    hold: HoldShown | UnsetType = UNSET
    holds: list[HoldShown] | UnsetType = UNSET


def propose(
    store: Store, call: str | None, caller: str | None, ground: str, until: datetime, reason: str | None, now: datetime
) -> LoggedHold:
    """Hold a call, or all held calls of a number, until an instant; where there is a second officer, propose it.

    Raises NotGranted, NothingMatched without such a call, Usage for a ground or reason, Refused for too late an end.
    """
    store.demand(Action.HOLD, now)
    store.demand_clock(Action.HOLD, now)
    if (call is None) == (caller is None):
        raise Usage("caller_or_call")
    if ground not in set(HoldGround):
        raise Usage("hold_ground_unknown", grounds=", ".join(HoldGround), rule=_RULE)
    why, at = demanded_reason(reason), store.clock.today(now)
    decision = may_hold(until, now=at)
    if not decision.allowed:
        raise Refused(decision.code, rule=decision.rule)
    rows = _of_caller(store, caller) if caller is not None else _named(store, str(call))
    withdrawn = holds.at(store, now).withdrawn
    calls = [row for row in rows if row.id not in withdrawn or outlives_withdrawal(HoldGround(ground))]
    if not calls:
        raise Refused("hold_after_withdrawal", rule="consent.withdraw")
    me, salt = store.person.name, primitives.fresh(8).hex()
    ids = tuple(row.id for row in calls)
    asked = HoldProposed(recordings=ids, ground=ground, until=to_iso(until), reason=why, request=salt)
    with store.change(now) as change:
        change.log(asked)
        if not four_eyes.needs_second(store.roster, me, me, now):
            change.log(HoldSet(request=asked.id))
    return holds.logged(store)[asked.id]


def _of_caller(store: Store, caller: str) -> Sequence[Recording]:
    number = one_number(caller).reveal().encode("ascii")
    rows = store.catalogue.search.of_subject(Subject(caller=primitives.caller_tag(store.secret(INDEX_SEED), number)))
    calls = [row for row in rows if row.kind is Kind.ORIGINAL]
    if not calls:
        raise NothingMatched("hold_of_nothing", rule=_RULE)
    return calls


def _named(store: Store, text: str) -> Sequence[Recording]:
    """The call with that id of ours or of the exchange; a copy's id means its call."""
    ids = matching(store, lambda _team: True, text)
    row = store.catalogue.recordings.held(ids[0]) if len(ids) == 1 else None
    if row is not None and row.parent is not None:
        row = store.catalogue.recordings.held(row.parent)
    tags = primitives.derive(store.secret(INDEX_SEED), "tags")
    source = primitives.tag(tags, text.encode("utf-8", "surrogatepass"), kind="source")
    by_source = [each for each in store.catalogue.search.of_subject(Subject(source=source)) if each.parent is None]
    calls = [row] if row is not None else by_source
    if len(calls) != 1:
        raise NothingMatched("hold_of_nothing", rule=_RULE)
    return calls


def lift(store: Store, text: str, reason: str | None, now: datetime) -> LoggedHold:
    """Lift a hold that is set; raises NotGranted, Usage, NothingMatched."""
    store.demand(Action.HOLD, now)
    why = demanded_reason(reason)
    with store.change(now) as change:
        hold = _of_id(store, text, now)
        change.log(HoldLifted(request=hold.id, reason=why))
    return holds.logged(store)[hold.id]


def _of_id(store: Store, text: str, now: datetime) -> LoggedHold:
    at = store.clock.today(now)
    live = {hold.id: hold for hold in holds.logged(store).values() if hold.state(at) is HoldState.SET}
    ids = named(text, live)
    if len(ids) != 1:
        raise NothingMatched("no_such_hold", id=text[:40])
    return live[ids[0]]


def listed(store: Store, now: datetime) -> list[LoggedHold]:
    """The holds that are set or wait, with the calls that are held, the next to end first; raises NotGranted."""
    store.demand(Action.HOLD, now)
    at = store.clock.today(now)
    live = [hold for hold in holds.logged(store).values() if hold.state(at) in {HoldState.SET, HoldState.WAITS}]
    return sorted(_with_held(store, live), key=lambda hold: (hold.until, hold.id))


def _with_held(store: Store, every: Sequence[LoggedHold]) -> list[LoggedHold]:
    """The holds without the calls that are erased."""
    named = frozenset[RecordingId]().union(*(hold.calls for hold in every))
    held = {row.id for _, row in store.catalogue.search.held_among(named)}
    return [hold._replace(calls=hold.calls & held) for hold in every]


# -- the second officer -----------------------------------------------------------------------------------


def waiting(store: Store, now: datetime) -> Iterator[LoggedHold]:
    """The holds that wait for a second officer, with the calls that are held."""
    at = store.clock.today(now)
    yield from _with_held(store, [hold for hold in holds.logged(store).values() if hold.state(at) is HoldState.WAITS])


def may_decide(store: Store, hold: LoggedHold, now: datetime) -> bool:
    """Whether this officer may be the second one."""
    return four_eyes.may_decide(store.roster, hold.by, store.person.name, now)


def approve(store: Store, hold: LoggedHold, now: datetime) -> LoggedHold:
    """Approve a hold as the second officer; raises NotGranted to any other, NothingMatched if it waits no more."""
    store.demand(Action.HOLD, now)
    store.demand_clock(Action.HOLD, now)
    if not may_decide(store, hold, now):
        store.note(Denied(action=Action.HOLD, rule=_RULE, code="not_second", to=hold.by), now)
        raise NotGranted("not_second", rule="access.officer")
    with store.change(now) as change:
        _demand_waits(store, hold, now)
        change.log(HoldSet(request=hold.id))
    return holds.logged(store)[hold.id]


def deny(store: Store, hold: LoggedHold, reason: str | None, now: datetime) -> LoggedHold:
    """Deny a hold, or take back one's own, with a reason; raises Usage, NotGranted, NothingMatched."""
    store.demand(Action.HOLD, now)
    why = demanded_reason(reason)
    with store.change(now) as change:
        _demand_waits(store, hold, now)
        change.log(HoldDenied(request=hold.id, why=why))
    return holds.logged(store)[hold.id]


def _demand_waits(store: Store, hold: LoggedHold, now: datetime) -> None:
    if hold.id not in {each.id for each in waiting(store, now)}:
        raise NothingMatched("no_pending_grant", id=hold.id)
