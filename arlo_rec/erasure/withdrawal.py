"""Withdrawing consent, with the customer on the line: everything of that caller, at once and for good.

The plan is shown, then carried out as it stands at that moment: what arrived in between goes too. A
tombstone keeps late deliveries from before the withdrawal out.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from arlo_rec.crypto import primitives
from arlo_rec.erasure import protocol, receipts
from arlo_rec.model.errors import ArloError, NothingMatched, Usage
from arlo_rec.model.phone_numbers import parse_caller
from arlo_rec.model.records import Kind, Recording, RecordingId, to_micros
from arlo_rec.offsite import feed
from arlo_rec.policy import Action
from arlo_rec.store import INDEX_PART, Change, Store

_ID = re.compile(r"[0-9a-f]{32}")


@dataclass(frozen=True, slots=True)
class Whom:
    """Whose recordings, or which call: exactly one of the two."""

    caller: bytes | None = None
    source: bytes | None = None
    recording: RecordingId | None = None


@dataclass(frozen=True, slots=True)
class Plan:
    """What would be erased, and why."""

    whom: Whom
    recordings: tuple[Recording, ...]
    rule: str = "consent.withdraw"

    @property
    def calls(self) -> tuple[Recording, ...]:
        """The calls themselves, without what is derived from them."""
        return tuple(one for one in self.recordings if one.kind is Kind.ORIGINAL)


@dataclass(frozen=True, slots=True)
class Withdrawn:
    """A withdrawal that nobody can undo; without a receipt while sealed files could not be unlinked."""

    number: str
    recordings: tuple[Recording, ...]
    receipt: Path | None


def plan(store: Store, caller: str | None, call: str | None, now: datetime) -> Plan:
    """What a withdrawal would erase; raises Usage, NothingMatched (no number, no such call), NotGranted."""
    store.demand(Action.WITHDRAW, now)
    if (caller is None) == (call is None):
        raise Usage("caller_or_call")
    try:
        whom = _of_caller(store, caller) if caller is not None else _of_call(store, str(call))
    except ArloError as problem:
        with store.change(now) as change:
            change.log(store.entry(Action.WITHDRAW, "failed", "consent.withdraw", now, code=problem.code))
        raise
    planned = Plan(whom, tuple(_affected(store, whom)))
    protocol.with_ballast(store, lambda: _log_look(store, planned, now))
    return planned


def _log_look(store: Store, planned: Plan, now: datetime) -> None:
    """That somebody saw when a caller called is an entry, whether it comes to an erasure or not."""
    entry = store.entry(Action.WITHDRAW, "allowed", planned.rule, now, shown=len(planned.recordings))
    with store.change(now) as change:
        change.log(entry.naming(*(one.id for one in planned.recordings)))


def carry_out(store: Store, planned: Plan, now: datetime) -> Withdrawn:
    """Erase what the plan is about, as it stands now; returns when nothing of it can be opened any more."""
    affected: list[Recording] = []

    def order() -> protocol.Order:
        affected[:] = _affected(store, planned.whom)
        return protocol.Order("withdrawal", planned.rule, tuple(one.id for one in affected))

    def bury(change: Change, wanted: protocol.Order) -> None:
        whom = (("caller", planned.whom.caller), ("source", planned.whom.source))
        tags = [(kind, tag) for kind, tag in whom if tag is not None]
        for kind, tag in tags:
            store.catalogue.bury(kind, tag, now)
            store.catalogue.swear(store.book.tree().size, kind, tag, now)
        sworn = feed.digest_of((kind, tag, to_micros(now)) for kind, tag in tags)
        count = len(wanted.recordings)
        entry = store.entry(Action.WITHDRAW, "done", planned.rule, now, count=count, tombstones=sworn)
        change.log(entry.naming(*wanted.recordings))

    done = protocol.carry_out(store, order, now, bury)
    receipt = receipts.file_for(store, done.number) if done.complete else None
    return Withdrawn(done.number, tuple(affected), receipt)


def _affected(store: Store, whom: Whom) -> list[Recording]:
    if whom.caller is not None:
        return store.catalogue.of_caller(whom.caller)
    assert whom.source is not None
    return store.catalogue.of_call(whom.recording, whom.source)


def _of_caller(store: Store, text: str) -> Whom:
    number = parse_caller(text)
    return Whom(caller=primitives.caller_tag(store.part(INDEX_PART), number.reveal().encode("ascii")))


def _of_call(store: Store, text: str) -> Whom:
    """By our id or the exchange's; a call that was never here is nothing to withdraw."""
    source = primitives.tag(
        primitives.derive(store.part(INDEX_PART), "tags"), text.encode("utf-8", "surrogatepass"), kind="source"
    )
    ours = RecordingId(bytes.fromhex(text)) if _ID.fullmatch(text) else None
    found = store.catalogue.of_call(ours, source)
    if not found:
        raise NothingMatched("no_such_call", rule="consent.withdraw")
    originals = [one for one in found if one.kind is Kind.ORIGINAL]
    return Whom(source=originals[0].source if originals else source, recording=ours)
