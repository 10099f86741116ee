"""What is held when a grant is given: its audience keys, wrapped for the grant by an officer, in parts.

    1  the grant is in the roster: from now on an intake seals what comes to it by itself
    2  up to PART keys from before are opened by the subject-access key, outside every lock, and wrapped for the grant
    3  one transaction: the grant looked up again, these wrapped keys, and up to where they reach      then 2 again

A crash anywhere leaves a history that the next command of any officer goes on with. Of a grant that is over, what was
wrapped is deleted in parts, by whoever ended it or by that next command: without the seed nobody can use it.

Keys are wrapped under one that comes from the seed of the grant's newest pair (`grant_keys.history_key`): nobody can
have them wrapped for somebody else by writing into the catalogue.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from datetime import datetime
from typing import NamedTuple

from arlo_rec.access import grant_keys
from arlo_rec.access.audience_keys import history_place
from arlo_rec.access.keyrings import OfficerKeyring
from arlo_rec.catalogue.audience_keys import AudienceKeyRow
from arlo_rec.catalogue.grant_keys import WrappedKey
from arlo_rec.crypto import primitives
from arlo_rec.log.events import GrantApproved, GrantDenied, GrantGiven, GrantRevoked
from arlo_rec.model.audiences import audiences_for
from arlo_rec.model.errors import Integrity, InUse, Unreachable
from arlo_rec.model.progress import Observer, Phase, Progress, unobserved
from arlo_rec.model.records import Grant
from arlo_rec.store import Store

PART = 1000  # keys that are wrapped in one transaction: 30 ms with the lock, and before it some 200 ms without
SWEPT = 25_000  # wrapped keys that are deleted in one transaction: 0.3 s


class _Tally:
    """How many keys are wrapped of those of all grants that are unfinished, so that there is one total."""

    def __init__(self, total: int, observer: Observer) -> None:
        self._done, self._total, self._observer = 0, total, observer
        self.add(0)

    def add(self, count: int) -> None:
        """Tell the observer that so many more are done."""
        self._done = min(self._done + count, self._total)
        self._observer(Progress(Phase.GRANT, self._done, self._total))


def finish(store: Store, now: datetime, observer: Observer = unobserved) -> None:
    """Wrap what is left of every grant's history, for an officer; *observer* is told how many keys are done.

    Raises Integrity, after the others are finished, where the seed of a grant was changed; InUse or Unreachable, and
    then the next run goes on.
    """
    forged: Integrity | None = None
    sweep(store, now)
    unfinished = store.catalogue.grant_keys.unfinished()
    tally = _Tally(sum(_count(store, grant_id, now) for grant_id in unfinished), observer)
    for grant_id in unfinished:
        try:
            _finish_grant(store, grant_id, now, tally)
        except Integrity as problem:
            forged = problem
    if forged is not None:
        raise forged


def sweep(store: Store, now: datetime) -> None:
    """Delete what was wrapped for grants that are not live any more; the next run does what cannot be done now."""
    table = store.catalogue.grant_keys
    with suppress(InUse, Unreachable):
        for grant_id in table.unfinished():
            is_swept = _live(store, grant_id, now) is not None
            while not is_swept:
                with store.change(now):
                    is_swept = _live(store, grant_id, now) is not None or table.sweep(grant_id, SWEPT)


def _count(store: Store, grant_id: str, now: datetime) -> int:
    """How many keys of before a grant are still to be wrapped."""
    grant, behind = _live(store, grant_id, now), store.catalogue.grant_keys.reached(grant_id)
    if grant is None or behind is None:
        return 0
    return store.catalogue.audience_keys.count_for(audiences_for(grant.purpose), grant.teams, behind=behind)


def _finish_grant(store: Store, grant_id: str, now: datetime, tally: _Tally) -> None:
    while (grant := _live(store, grant_id, now)) is not None:
        behind = store.catalogue.grant_keys.reached(grant_id)
        if behind is None:
            return
        keys, audiences = store.catalogue.audience_keys, audiences_for(grant.purpose)
        part = keys.page_for(audiences, grant.teams, behind=behind, at_most=PART)
        wrapped = _wrapped(store, grant, [row for _, row in part]) if part else []
        with store.change(now):
            if _live(store, grant_id, now) != grant or store.catalogue.grant_keys.reached(grant_id) != behind:
                continue  # another pair by now, or another run did this part
            store.catalogue.grant_keys.add_wrapped(wrapped)
            store.catalogue.grant_keys.reach(grant_id, part[-1][0] if part else None)
        tally.add(len(part))


def _live(store: Store, grant_id: str, now: datetime) -> Grant | None:
    """The grant as the newest roster has it; None where it is not live any more."""
    if store.has_newer_documents():
        store.load_documents()
    at = store.clock.today(now)
    return next((grant for grant in store.roster.grants if grant.id == grant_id and grant.live(at)), None)


def _wrapped(store: Store, grant: Grant, rows: list[AudienceKeyRow]) -> list[WrappedKey]:
    """The keys that were not sealed to the grant when they were made, wrapped for it."""
    sealed = {seal.audience_key for seal in store.catalogue.audience_keys.seals([row.id for row in rows], [grant.id])}
    missing = [row for row in rows if row.id not in sealed]
    if not missing:
        return []
    seed = grant_keys.newest_seed(store, grant)
    history, pair = grant_keys.history_key(grant, seed), primitives.fingerprint(grant.public)
    keyring = OfficerKeyring(store)
    keyring.load_audience_keys(missing)
    wrapped = []
    for row in missing:
        with suppress(Integrity):  # a key that somebody damaged or made opens nothing; it keeps no other from the grant
            key = keyring.audience_key(row.id)
            if key is None:
                continue
            secret = primitives.wrap(history, key.key.secret, history_place(store, grant, key))
            wrapped.append(WrappedKey(grant.id, row.id, pair, secret))
    return wrapped


# -- grant times -------------------------------------------------------------------------------------
# When each grant was live, by the log: the roster keeps only how a grant stands now.
#
# A grant that was live can wait again for a second officer, where its person got new keys from somebody who may hold
# them; whether it is approved again or not, it opened recordings before.


class Span(NamedTuple):
    """A time in which a grant was live."""

    begin: datetime
    end: datetime


def spans(store: Store) -> dict[str, list[Span]]:
    """The times in which each grant of the roster was live, in order; until its end where it is live now.

    A grant of which the log says nothing is told as the roster has it. A million entries take some seconds.
    """
    changes: dict[str, list[tuple[datetime, bool]]] = {}
    for entry in store.log.entries.holding(['"grant":"']):
        event = entry.event
        if isinstance(event, GrantGiven | GrantApproved | GrantDenied | GrantRevoked):
            goes_on = isinstance(event, GrantGiven | GrantApproved) and event.state == "live"
            changes.setdefault(event.grant, []).append((entry.at, goes_on))
    return {grant.id: list(_of(grant, changes)) for grant in store.roster.grants}


def _of(grant: Grant, changes: Mapping[str, Sequence[tuple[datetime, bool]]]) -> Iterator[Span]:
    until = min(grant.ended_at or grant.until, grant.until)
    begin: datetime | None = None
    for at, goes_on in changes.get(grant.id, [(grant.starts_at, grant.was_live)]):
        if goes_on:
            begin = at if begin is None else begin
        elif begin is not None:
            if begin < min(at, until):
                yield Span(begin, min(at, until))
            begin = None
    if begin is not None and begin < until:
        yield Span(begin, until)
