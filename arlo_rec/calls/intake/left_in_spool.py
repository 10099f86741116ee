"""Calls of one person that still lie in a spool: refused, or not yet taken in.

The store remembers the folders from which calls were taken in. This module reads files there, and removes none: the
next run of `ingest` removes what may not stay (`policy.leaves_spool`), as its own account may.
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime, timedelta
from itertools import chain
from pathlib import Path
from typing import Final, NamedTuple

from arlo_rec.calls.intake import candidates
from arlo_rec.calls.intake.candidates import ConsentRules, Refusal, Tags
from arlo_rec.calls.intake.refusals import RefusalMemory
from arlo_rec.exchanges import known_spools, maps, spool
from arlo_rec.exchanges.deliveries import SpoolContents, scan
from arlo_rec.exchanges.known_spools import Known
from arlo_rec.exchanges.manifest import BadManifest, Delivery, Vanished, caller_of
from arlo_rec.law.model.consent import CLOCK_TOLERANCE, has_said_no
from arlo_rec.policy import RETENTION, SOUND_WAITS, State, due_at, leaves_spool
from arlo_rec.vault.catalogue.sealed_secrets import INDEX_SEED
from arlo_rec.vault.opened import Store

WAITS: Final = "waits"  # in place of a refusal's code: it was not read by a run yet, or its sound was refused


class LeftCall(NamedTuple):
    """A call in a spool that is no recording, and the code of its refusal."""

    source: str
    code: str
    began: datetime
    pressed: datetime  # the key of consent; else as `began`
    said_no: bool
    stopped: bool  # by a key, during the call
    since: datetime  # its first refusal; else now
    stays: timedelta  # from then on

    def leaves_at(self, now: datetime, withdrawn_at: datetime | None) -> datetime:
        """When an intake removes its files at the latest; not later than *now* for what the next one removes."""
        withdrawn = withdrawn_at is not None and self.pressed < withdrawn_at + CLOCK_TOLERANCE
        facts = {"said_no": self.said_no, "withdrawn": withdrawn}
        for at in (now, *sorted((self.began + SOUND_WAITS, self.since + self.stays))):
            past = at - self.began >= RETENTION  # `due_at` of a time at the end of the calendar is none
            decision = leaves_spool(
                self.code, began=self.began, now=at, since=self.since, stays=self.stays, is_past=past, **facts
            )
            if decision.allowed:
                return at
        return due_at(self.began)


class Search(NamedTuple):
    """The calls found; `is_whole` where every known spool, and every manifest in it, could be read."""

    calls: list[LeftCall]
    is_whole: bool


def of_callers(store: Store, numbers: Collection[str], now: datetime) -> Search:
    """The calls of these numbers that lie in a known spool, by what their manifests say."""
    known, tags = known_spools.every(store), Tags(store.secret(INDEX_SEED))
    search = Search([], is_whole=bool(known) and all(known_spools.is_readable(Path(each.folder)) for each in known))
    rules, memory = ConsentRules(store.policy, now), RefusalMemory(store, tags, now)
    spools = [_contents(each) for each in known]
    is_whole = search.is_whole and all(each is not None and not each.unavailable for each in spools)
    search = search._replace(is_whole=is_whole)
    for delivery in chain.from_iterable(each.deliveries() for each in spools if each is not None):
        try:
            code = _code(delivery, numbers, rules)
            code = None if _is_held(store, delivery, tags) else code
        except (spool.NotAFile, spool.Unavailable):
            search = search._replace(is_whole=False)
            continue
        if code is not None and delivery.source not in {call.source for call in search.calls}:  # read by two maps
            search.calls.append(_left(store, delivery, code, memory, now))
    return search._replace(calls=sorted(search.calls, key=lambda call: (call.began, call.source)))


def _code(delivery: Delivery, numbers: Collection[str], rules: ConsentRules) -> str | None:
    """Why a call of these numbers is no recording; None for another's. Raises NotAFile for an unreadable manifest."""
    try:
        delivery.read()
    except Vanished:
        return None
    except BadManifest as bad:
        if bad.code == "not_a_file":
            raise spool.NotAFile from None
        return None
    try:
        number = caller_of(delivery.json)
    except BadManifest:
        return None
    if delivery.is_notice or number is None or number.reveal() not in numbers:
        return None
    try:
        candidates.read_delivery(delivery, rules)  # a declined call waits, too, for the run that counts it
    except Refusal as refusal:
        return refusal.code
    except Vanished:
        return None
    return WAITS


def _left(store: Store, delivery: Delivery, code: str, memory: RefusalMemory, now: datetime) -> LeftCall:
    claim, began = candidates.claimed(delivery), candidates.began(delivery, now)
    said_no, stopped = claim is not None and has_said_no(claim), candidates.was_stopped(delivery)
    pressed, since = candidates.pressed(delivery, now), memory.since(code, delivery) or now
    stays = timedelta(days=store.policy.at(now).spool_days)
    return LeftCall(delivery.source, code, began, pressed, said_no, stopped, since, stays)


def _is_held(store: Store, delivery: Delivery, tags: Tags) -> bool:
    """Whether a call is a recording, whose source was kept, or is being removed."""
    if delivery.source_id is None:
        return False
    rows = store.catalogue.search.of_sources([tags.tag("source", delivery.source_id)])
    return any(row.state is State.HELD for row in rows)


def _contents(known: Known) -> SpoolContents | None:
    """The contents of a spool, read as it was last; None where this program reads that map no longer."""
    by = None
    if known.map is not None:
        from arlo_rec.exchanges.maps import read

        try:
            by = read.read(known.map.encode("utf-8"), known.folder)
        except read.BadMap:
            return None
    return scan([Path(known.folder)], mapped=maps.reading(by))
