"""The history of a grant: the audience keys of recordings from before it, wrapped for it by an officer, in parts.

    1  the grant is in the roster: from now on each intake seals its keys to it
    2  up to PART earlier keys are opened by the subject-access key, outside every lock, and wrapped for the grant
    3  one transaction: the grant looked up again, these wrapped keys, and how far they reach      then 2 again

After a crash, the next command of any officer goes on. For an ended grant, the wrapped keys are deleted in parts, by
the command that ended it or by that next one: without the seed they open nothing.
The wrapping key comes from the seed of the grant's newest pair (`grant_keys.history_key`): a changed row makes no
officer wrap keys for another person.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from datetime import datetime
from typing import NamedTuple

from arlo_rec.law.log.events import GrantApproved, GrantDenied, GrantGiven, GrantRevoked
from arlo_rec.law.model.errors import Integrity, InUse, Unreachable
from arlo_rec.law.model.progress import Observer, Phase, Progress, unobserved
from arlo_rec.law.model.records import Grant, audiences_for
from arlo_rec.vault.access import grant_keys
from arlo_rec.vault.access.audience_keys import history_place
from arlo_rec.vault.access.keyrings import OfficerKeyring
from arlo_rec.vault.catalogue.audience_keys import AudienceKeyRow
from arlo_rec.vault.catalogue.grant_keys import WrappedKey
from arlo_rec.vault.crypto import primitives
from arlo_rec.vault.opened import Store

PART = 1000  # keys wrapped in one transaction: 30 ms with the lock, and before it some 200 ms without
SWEPT = 25_000  # wrapped keys deleted in one transaction: 0.3 s


class _Tally:
    """Progress over the keys of all unfinished grants, with one total."""

    def __init__(self, total: int, observer: Observer) -> None:
        self._done, self._total, self._observer = 0, total, observer
        self.add(0)

    def add(self, count: int) -> None:
        """Report so many more keys as done."""
        self._done = min(self._done + count, self._total)
        self._observer(Progress(Phase.GRANT, self._done, self._total))


def finish(store: Store, now: datetime, observer: Observer = unobserved) -> None:
    """Wrap the rest of every grant's history, as an officer; *observer* gets the number of keys done.

    Raises Integrity for a changed seed, after the other grants are finished; InUse or Unreachable, after which the
    next run goes on.
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
    """Delete the wrapped keys of grants that are no longer live; what fails now is left to the next run."""
    table = store.catalogue.grant_keys
    with suppress(InUse, Unreachable):
        for grant_id in table.unfinished():
            is_swept = _live(store, grant_id, now) is not None
            while not is_swept:
                with store.change(now):
                    is_swept = _live(store, grant_id, now) is not None or table.sweep(grant_id, SWEPT)


def _count(store: Store, grant_id: str, now: datetime) -> int:
    """The number of earlier keys still to be wrapped for a grant."""
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
                continue  # new pair meanwhile, or another run did this part
            store.catalogue.grant_keys.add_wrapped(wrapped)
            store.catalogue.grant_keys.reach(grant_id, part[-1][0] if part else None)
        tally.add(len(part))


def _live(store: Store, grant_id: str, now: datetime) -> Grant | None:
    """The grant in the newest roster; None if it is not live."""
    if store.has_newer_documents():
        store.load_documents()
    at = store.clock.today(now)
    return next((grant for grant in store.roster.grants if grant.id == grant_id and grant.live(at)), None)


def _wrapped(store: Store, grant: Grant, rows: list[AudienceKeyRow]) -> list[WrappedKey]:
    """The keys not sealed to the grant when they were made, wrapped for it."""
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
        with suppress(Integrity):  # a damaged or planted key opens nothing, and keeps no other from the grant
            key = keyring.audience_key(row.id)
            if key is None:
                continue
            secret = primitives.wrap(history, key.key.secret, history_place(store, grant, key))
            wrapped.append(WrappedKey(grant.id, row.id, pair, secret))
    return wrapped


# -- times of grants ----------------------------------------------------------------------------------


class Span(NamedTuple):
    """A time in which a grant was live."""

    begin: datetime
    end: datetime


def spans(store: Store) -> dict[str, list[Span]]:
    """The times in which each grant of the roster was live, in order, by the log: the roster has only the present
    state.

    The last one reaches to the grant's end if it is live. A live grant can become pending again, when its person
    gets new keys. A grant without entries is taken from the roster. A million entries take some seconds.
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
